//! The small files that stand for large ones in a repository that uses Git LFS.
//!
//! <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>

/// A longer file is no pointer.
pub(super) const MOST_BYTES: u64 = 1023;

/// Names of the format, the present one first.
const VERSIONS: [&str; 3] = [
    "https://git-lfs.github.com/spec/v1",
    "https://hawser.github.com/spec/v1",
    "http://git-media.io/v/2",
];

/// What a pointer points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    /// SHA-256 of the large file, in hexadecimal digits.
    pub(super) oid: String,
    /// Its length.
    pub(super) size: u64,
    /// Whether a program of the repository's choice would have to make it from what is stored.
    pub(super) is_extended: bool,
}

/// Reads a pointer; `None` where it is an ordinary file.
pub(super) fn parse(text: &[u8]) -> Option<Pointer> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version ")?;
    if !VERSIONS.contains(&version) {
        return None;
    }
    let (mut oid, mut size, mut is_extended) = (None, None, false);
    for line in lines {
        let (key, value) = line.split_once(' ')?;
        match key {
            "oid" => oid = Some(value.strip_prefix("sha256:")?),
            "size" => size = value.parse().ok(),
            _ => is_extended |= key.starts_with("ext-"),
        }
    }
    let oid = oid.filter(|oid| oid.len() == 64 && oid.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))?;
    Some(Pointer {
        oid: oid.to_owned(),
        size: size?,
        is_extended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_pointer_names_digest_and_size() {
        let text = format!("version {}\noid sha256:{OID}\nsize 12\n", VERSIONS[0]);
        let expected = Pointer {
            oid: OID.to_owned(),
            size: 12,
            is_extended: false,
        };
        assert_eq!(parse(text.as_bytes()), Some(expected.clone()));
        assert_eq!(parse(text.replace('\n', "\r\n").as_bytes()), Some(expected));
        let extended = text.replace("\noid", &format!("\next-0-x sha256:{OID}\noid"));
        assert!(parse(extended.as_bytes()).unwrap().is_extended);
    }

    #[test]
    fn anything_else_is_an_ordinary_file() {
        for text in [
            String::new(),
            "version 1\n".to_owned(),
            format!("version {}\nsize 12\n", VERSIONS[0]),
            format!("version {}\noid sha256:../../{}\nsize 12\n", VERSIONS[0], &OID[6..]),
            format!("version {}\noid sha256:{OID}\nsize -1\n", VERSIONS[0]),
            format!("version {}\noid sha1:{OID}\nsize 1\n", VERSIONS[0]),
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
