//! Sessions of the pages: what the cookie of one holds, and what the ledger keeps of it.
//!
//! The ledger keeps a digest. The text itself is in the browser's cookie and nowhere else; what forms of its pages send along is made
//! from it, so that nobody who does not have the cookie can know it.

use sha2::{Digest, Sha256};

use crate::domain::clock::Timestamp;

/// Digits of a text.
const DIGITS: usize = 64;
/// What a word that is typed once to get in begins with, so that those who scan for leaked secrets recognise one.
pub const BREAK_GLASS: &str = "chima_break_glass_";

/// A session as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Ours.
    pub id: String,
    /// Whose it is.
    pub of: SignedIn,
    /// In what, as [`browser_of`] calls it; none where that was not written down.
    pub browser: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// From then on it opens nothing.
    pub expires_at: Timestamp,
    /// When it was last used, to within some minutes.
    pub last_seen_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedIn {
    /// Somebody whom GitHub vouches for.
    Person {
        /// Their login there, as it was then.
        login: String,
        /// Their number there, which stays with them.
        user: u64,
    },
    /// Whoever may write the ledger, and had a word made for getting in without GitHub.
    Emergency {
        /// The account of this machine that made the word.
        account: String,
    },
}

impl Session {
    /// Whether it opens anything at a moment.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

/// A browser, in words by which people tell their own apart. What it says of itself has more in it, which is nobody's business, and may
/// say anything: none of its letters is kept.
#[must_use]
pub fn browser_of(user_agent: &str) -> String {
    let among = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(mark, _)| user_agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    // each says that it is the ones below it, too
    let browser = among(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = among(&[
        ("Android", "Android"),
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "a Mac"),
        ("Linux", "Linux"),
    ]);
    let browser = browser.unwrap_or("another browser");
    system.map_or_else(|| browser.to_owned(), |system| format!("{browser} on {system}"))
}

/// What a cookie holds.
#[must_use]
pub fn text_of(random: &[u8; 32]) -> String {
    hex::encode(random)
}

/// What the ledger knows a session by; none where the text cannot be that of one.
#[must_use]
pub fn digest_of(text: &str) -> Option<String> {
    is_text(text).then(|| digest("session", text))
}

/// What forms of a session's pages send along.
#[must_use]
pub fn proof_of(text: &str) -> String {
    digest("proof", text)
}

/// A word to get in with, once.
#[must_use]
pub fn word_of(random: &[u8; 32]) -> String {
    format!("{BREAK_GLASS}{}", hex::encode(random))
}

/// What the ledger knows such a word by; none where the text cannot be one.
#[must_use]
pub fn digest_of_word(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix(BREAK_GLASS)?;
    is_text(digits).then(|| digest("word", digits))
}

fn is_text(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// 256 random bits need no slow digest; what it is for stands before them, so that one digest tells nothing of another.
fn digest(purpose: &str, text: &str) -> String {
    hex::encode(Sha256::digest(format!("chima {purpose} {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_neither_the_text_nor_the_proof() {
        let text = text_of(&[7; 32]);
        let (digest, proof) = (digest_of(&text).unwrap(), proof_of(&text));
        assert_eq!((digest.len(), proof.len()), (64, 64));
        assert!(digest != text && proof != text && digest != proof);
        assert_ne!(proof_of(&digest), proof);
        assert_ne!(proof, proof_of(&text_of(&[8; 32])));
    }

    #[test]
    fn of_a_browser_only_known_words_are_kept() {
        for (says, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari on an iPhone",
            ),
            ("curl/8.5.0", "another browser"),
            ("<script>alert(1)</script>", "another browser"),
            ("", "another browser"),
        ] {
            assert_eq!(browser_of(says), expected, "{says}");
        }
    }

    #[test]
    fn only_whole_texts_have_a_digest() {
        let (text, word) = (text_of(&[7; 32]), word_of(&[7; 32]));
        assert_eq!(digest_of_word(&format!(" {word}\n")), digest_of_word(&word));
        assert_ne!(digest_of_word(&word), digest_of(&text));
        let upper = text_of(&[0xab; 32]).to_uppercase();
        for wrong in ["", &text[1..], &format!("{text}0"), &format!(" {text}"), &upper, &word] {
            assert_eq!(digest_of(wrong), None, "{wrong}");
        }
        for wrong in ["", BREAK_GLASS, &word[1..], &word[..70], &text] {
            assert_eq!(digest_of_word(wrong), None, "{wrong}");
        }
    }
}
