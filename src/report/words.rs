//! The small forms that every text is made of.

use crate::domain::names::{is_its_sha, shown};

/// How many names a sentence lists before it says how many more there are.
const LISTED: usize = 5;

/// Untrusted text in backticks. Cut once more, because what is escaped grows.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", fitted(&shown(text), 80))
}

/// Our own longer texts and error details: nothing unprintable, at most 200 characters, backticks kept.
pub(crate) fn plain(text: &str) -> String {
    fitted(&with_backticks(text), 200)
}

/// What the configuration says to people, on one line, cut to so many characters.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    fitted(&with_backticks(&words.join(" ")), limit)
}

fn with_backticks(text: &str) -> String {
    let pieces: Vec<String> = text.split('`').map(printable).collect();
    pieces.join("`")
}

/// Nothing that is not seen, or that would end what stands in backticks.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| shown(c.encode_utf8(&mut [0; 4]))).collect()
}

/// What a person said, in quotation marks, cut to so many characters between them.
pub(crate) fn said(text: &str, limit: usize) -> String {
    format!("\"{}\"", fitted(&printable(text), limit))
}

/// A person: `@login` where it can be one, else the text in backticks.
pub(crate) fn person(name: &str) -> String {
    let login = name.strip_prefix('@').unwrap_or(name);
    let bare = login.strip_suffix("[bot]").unwrap_or(login);
    let is_login = matches!(bare.len(), 1..=39) && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_login { format!("@{login}") } else { quoted(name) }
}

/// `` `a`, `b` and 3 more ``.
pub(crate) fn names<S: AsRef<str>>(items: &[S]) -> String {
    let parts: Vec<String> = items.iter().take(LISTED).map(|item| quoted(item.as_ref())).collect();
    match items.len().saturating_sub(LISTED) {
        0 => parts.join(", "),
        more => format!("{} and {more} more", parts.join(", ")),
    }
}

/// `a`, `a and b`, `a, b and c`, `a, b and 3 more`.
pub(crate) fn enumeration(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] if parts.len() <= LISTED => format!("{} and {last}", first.join(", ")),
        _ => format!(
            "{} and {} more",
            parts[..LISTED - 1].join(", "),
            parts.len() + 1 - LISTED
        ),
    }
}

/// The first eight characters of a SHA.
pub(crate) fn sha8(sha: &str) -> String {
    shown(&sha.chars().take(8).collect::<String>())
}

/// `4f3c2b1a (main)`, or the SHA alone where the ref says the same.
pub(crate) fn commit(sha: &str, git_ref: &str) -> String {
    let short = sha8(sha);
    if git_ref.is_empty() || is_its_sha(git_ref, sha) {
        short
    } else {
        format!("{short} ({})", brief(git_ref))
    }
}

/// Untrusted text that shares a line with others.
pub(crate) fn brief(text: &str) -> String {
    fitted(&shown(text), 40)
}

/// Cut to so many characters, the last of which is then `…`.
pub(crate) fn fitted(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// An address that GitHub and Slack accept as a link: http or https, nothing that could end it early.
pub(crate) fn web(address: &str) -> Option<&str> {
    let scheme = address.starts_with("https://") || address.starts_with("http://");
    let clean = address
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"<>|\"`\\".contains(&b));
    (scheme && clean && address.len() <= 2_000).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_speech_and_end() {
        let many = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&many(2)), "`0`, `1`");
        assert_eq!(names(&many(7)), "`0`, `1`, `2`, `3`, `4` and 2 more");
        assert_eq!(enumeration(&many(1)), "0");
        assert_eq!(enumeration(&many(3)), "0, 1 and 2");
        assert_eq!(enumeration(&many(5)), "0, 1, 2, 3 and 4");
        assert_eq!(enumeration(&many(8)), "0, 1, 2, 3 and 4 more");
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(
            web("https://x.example/runs/1?a=b&c"),
            Some("https://x.example/runs/1?a=b&c")
        );
        for bad in [
            "",
            "javascript:alert(1)",
            "ftp://x",
            "//x",
            "https://x|y>",
            "https://x y",
            "https://x\ny",
        ] {
            assert_eq!(web(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_person_is_a_login_or_a_quotation() {
        assert_eq!(person("mona"), "@mona");
        assert_eq!(person("@mona"), "@mona");
        assert_eq!(person("chima[bot]"), "@chima[bot]");
        assert_eq!(person("Mona Lisa"), "`Mona Lisa`");
        assert_eq!(person("<!channel>"), "`<!channel>`");
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(fitted("äöü", 3), "äöü");
        assert_eq!(fitted("äöüß", 3), "äö…");
    }

    #[test]
    fn details_keep_their_backticks_and_lose_their_teeth() {
        assert_eq!(plain("no `cap`\u{1b}[2J\n"), "no `cap`\\u{1b}[2J\\u{a}");
        assert_eq!(one_line("press\n\tthe `button`\u{7}\n", 17), "press the `butto…");
    }
}
