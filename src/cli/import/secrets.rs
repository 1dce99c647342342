//! What is taken for a secret. A wrong guess costs a value that could have been copied, nothing else.

use crate::domain::names::shown;

/// Words in the name of a key whose value is not copied.
const WORDS: [&str; 14] = [
    "token",
    "secret",
    "passw",
    "pwd",
    "credential",
    "private",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "auth",
    "webhook",
    "signature",
    "cookie",
];

/// How well-known tokens begin.
const BEGINNINGS: [&str; 11] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "glpat-",
    "AKIA",
    "sk_live_",
    "-----BEGIN",
];

/// Whether a key of this name holds one.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word)) || name == "key" || name.ends_with("_key") || name.ends_with("-key")
}

/// Whether a text is one beyond doubt, or holds one.
pub(super) fn is_known_secret(text: &str) -> bool {
    let with_password = |rest: &str| {
        rest.split(['/', '?', '#', ' '])
            .next()
            .is_some_and(|authority| authority.contains('@'))
    };
    text.split("://").skip(1).any(with_password)
        || BEGINNINGS.iter().any(|beginning| text.contains(beginning))
        || text.contains("hooks.slack.com/")
}

/// Whether a text looks like one, or holds one.
pub(super) fn is_secret_text(text: &str) -> bool {
    is_known_secret(text)
        || text
            .split_once(['=', ':'])
            .is_some_and(|(name, value)| is_secret_name(name) && !value.is_empty())
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_random)
}

/// A text of the foreign file in a sentence or a comment.
pub(super) fn told(text: &str) -> String {
    if is_secret_text(text) {
        "(not shown)".to_owned()
    } else {
        shown(text)
    }
}

/// Long, with letters and digits mixed: no word, no path, most likely a key. A commit id is one too, which does no harm.
fn is_random(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    word.len() >= 20 && digits >= 3 && digits < word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "github_token",
            "API_KEY",
            "dbPassword",
            "webhookUrl",
            "BUNDLER_PRIVATE_CREDENTIALS",
            "key",
            "deploy-key",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["repository", "heroku_name", "monkey", "ref", "keyboard"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_look() {
        for text in [
            "ghp_abc",
            "https://hooks.slack.com/services/T0/B0/x",
            "https://user:pass@example.com/x",
            "--token=abc",
            "Authorization: Bearer",
            "4f9c2d7e8a1b4c6d9e0f1a2b",
            "-----BEGIN PRIVATE KEY-----",
        ] {
            assert!(is_secret_text(text), "{text}");
        }
        for text in [
            "--verbose",
            "/srv/site/deploy.sh",
            "refs/heads/main",
            "a-long-name-of-many-words-1",
            "https://example.com/x",
        ] {
            assert!(!is_secret_text(text), "{text}");
        }
    }
}
