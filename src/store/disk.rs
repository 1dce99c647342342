//! What kind of disk the ledger lies on: one that keeps what was synced, or one that cannot.

use std::fs;
use std::io;
use std::path::Path;

use crate::store::error::StoreError;

/// By the number that `statfs` tells. <https://man7.org/linux/man-pages/man2/statfs.2.html>
const MEMORY: [(u32, &str); 3] = [
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x9584_58f6, "hugetlbfs"),
];

/// Those over which SQLite's write-ahead log cannot be shared. <https://sqlite.org/wal.html#noshm>
const NETWORK: [(u32, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x564c, "NCP"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
];

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// A disk, as far as one can tell.
    Disk,
    Memory(&'static str),
    Network(&'static str),
}

/// Refuses a place that would not keep the ledger. One in memory is taken where the configuration says so.
///
/// # Errors
///
/// When the place cannot be looked at, or is not fit.
pub fn check(ledger: &Path, ephemeral: bool) -> Result<(), StoreError> {
    let refuse = |found: String, remedy: &str| {
        Err(StoreError::Unsafe {
            path: ledger.to_owned(),
            found,
            remedy: remedy.to_owned(),
        })
    };
    let kind = kind_under(ledger).map_err(|source| StoreError::File {
        path: ledger.to_owned(),
        source,
    })?;
    match kind {
        Kind::Memory(name) if !ephemeral => refuse(
            format!("it lies in memory ({name}), which a restart of the machine empties"),
            "set `store` to a place on a disk, or, for trying out, `ephemeral: true`",
        ),
        Kind::Network(name) => refuse(
            format!("it lies on a network file system ({name}), over which processes cannot share it"),
            "set `store` to a place on a local disk",
        ),
        Kind::Disk | Kind::Memory(_) => Ok(()),
    }
}

/// What is not there yet is looked for above.
fn kind_under(ledger: &Path) -> io::Result<Kind> {
    let ledger = std::path::absolute(ledger)?;
    let place = ledger.ancestors().find(|path| fs::exists(path).unwrap_or(false));
    let found = rustix::fs::statfs(place.unwrap_or(Path::new("/")))?;
    // a type of its own size on every architecture; the numbers have four bytes
    let number = u32::try_from(found.f_type as u64 & 0xffff_ffff).unwrap_or_default();
    Ok(kind(number))
}

fn kind(number: u32) -> Kind {
    let named = |list: &[(u32, &'static str)]| list.iter().find(|(of, _)| *of == number).map(|(_, name)| *name);
    match (named(&MEMORY), named(&NETWORK)) {
        (Some(name), _) => Kind::Memory(name),
        (None, Some(name)) => Kind::Network(name),
        (None, None) => Kind::Disk,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_networks_are_told_from_disks() {
        assert_eq!(kind(0x0102_1994), Kind::Memory("tmpfs"));
        assert_eq!(kind(0x6969), Kind::Network("NFS"));
        for disk in [0xef53, 0x9123_683e, 0x5846_5342, 0x794c_7630, 0x2fc1_2fc1, 0x6573_5546] {
            assert_eq!(kind(disk), Kind::Disk, "{disk:x}");
        }
    }
}
