//! Signs people in to the pages: sends a browser to GitHub, takes it back with a code, finds out who it is and opens a session.
//!
//! Nothing is kept of a browser that is on its way: its cookie holds where it wanted to go and until when it may come back, and the
//! `state` that GitHub brings back is made from that cookie with a key that only we have. So a browser can come back only with what it
//! was sent with. The same key and cookie make the proof (PKCE) that whoever brings the code is who asked for it.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use url::Url;

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::session::{self, Session, SignedIn};
use crate::flow::engine::Engine;
use crate::flow::random;
use crate::flow::roles::{Heard, roles};
use crate::github::sign_in::{Client, Code, ExchangeError, authorize_address};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::webhook::same::same;

/// GitHub's code is good for so long.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(10);
/// A word to get in with without GitHub is typed at once.
pub const WORD_GOOD_FOR: TimeDelta = TimeDelta::minutes(10);
/// What it opens is for one trouble.
const EMERGENCY: TimeDelta = TimeDelta::hours(1);
/// Longer addresses of ours there are none.
const LONGEST_PATH: usize = 1000;
/// Far more than come back within ten minutes.
const MOST_BACK: usize = 10_000;

/// How people sign in.
#[derive(Debug, Clone)]
pub struct Door {
    /// What GitHub knows us by.
    pub client: Client,
    /// How long a session is good.
    pub session: TimeDelta,
}

/// A browser that is sent to GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What it keeps until it comes back.
    pub cookie: String,
    /// Where it goes.
    pub address: String,
}

/// What a browser came back with.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// What it was sent with.
    pub cookie: &'a str,
    /// What GitHub brought back.
    pub state: &'a str,
    /// GitHub's code; none where the person did not agree.
    pub code: Option<&'a str>,
    /// Digest of the session that the browser had before.
    pub before: Option<&'a str>,
    /// What it says that it is.
    pub user_agent: &'a str,
}

/// A session that is open now.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What the browser keeps.
    pub text: String,
    /// What the ledger keeps.
    pub session: Session,
    /// Where the person wanted to go.
    pub return_to: String,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The browser was not sent from here, has come back before, or took too long.
    #[error("this browser was not sent to GitHub from here, or took too long, or has come back before")]
    NotSent,
    /// The person, or their organization, did not agree.
    #[error("GitHub says that it was not agreed to")]
    Declined,
    /// GitHub does not take what we say.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// They may see nothing.
    #[error("@{login} may see nothing here")]
    NothingToSee {
        /// Who.
        login: String,
    },
    /// GitHub does not say whether they may.
    #[error("GitHub does not say now what @{login} may see here")]
    Untold {
        /// Who.
        login: String,
    },
    /// It could not be kept.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// The system gives no random bytes.
    #[error("cannot read `/dev/urandom`")]
    NoRandomness(#[from] io::Error),
}

/// Who has come back, so that nobody comes back twice.
#[derive(Debug, Default)]
pub struct CameBack(Mutex<HashMap<String, Timestamp>>);

/// Sends a browser to GitHub.
///
/// # Errors
///
/// When the system gives no random bytes.
pub fn send(engine: &Engine, door: &Door, return_to: &str) -> io::Result<Sent> {
    let until = engine.now() + ON_THE_WAY;
    let cookie = format!(
        "{}.{}.{}",
        hex::encode(random::bytes()?),
        until.timestamp(),
        URL_SAFE_NO_PAD.encode(return_to)
    );
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(made(door, "verifier", &cookie)));
    let address = authorize_address(
        &engine.config.github.url,
        &door.client.id,
        &callback(&engine.config.public_url),
        (&made(door, "state", &cookie), &challenge),
    );
    Ok(Sent { cookie, address })
}

/// Takes a browser back, and opens a session for whoever sits at it.
///
/// # Errors
///
/// When it was not sent from here, GitHub does not say who it is, or they may see nothing.
pub async fn take_back(
    engine: &Engine,
    door: &Door,
    (heard, came_back): (&Heard, &CameBack),
    back: Back<'_>,
) -> Result<Opened, SignInError> {
    let now = engine.now();
    let (until, return_to) = read(back.cookie).ok_or(SignInError::NotSent)?;
    let sent = same(made(door, "state", back.cookie).as_bytes(), back.state.as_bytes());
    if !sent || until <= now || !came_back.first(back.state, until, now) {
        return Err(SignInError::NotSent);
    }
    let code = back.code.filter(|code| !code.is_empty()).ok_or(SignInError::Declined)?;
    let code = Code {
        code,
        verifier: &made(door, "verifier", back.cookie),
        redirect_uri: &callback(&engine.config.public_url),
    };
    let somebody = engine
        .github
        .whose_code(&engine.config.github.url, &door.client, code)
        .await?;
    let login = somebody.login;
    heard.note_number(&login, somebody.id, now);
    let found = roles(engine, heard, &login).await;
    if found.roles.is_empty() {
        return Err(if found.untold {
            SignInError::Untold { login }
        } else {
            SignInError::NothingToSee { login }
        });
    }
    let text = session::text_of(&random::bytes()?);
    let session = Session {
        id: engine.fresh_id(),
        of: SignedIn::Person {
            login,
            user: somebody.id,
        },
        browser: Some(session::browser_of(back.user_agent)),
        created_at: now,
        expires_at: now + door.session,
        last_seen_at: now,
        ended_at: None,
    };
    let digest = session::digest_of(&text).unwrap_or_default();
    engine.store.keep_session(&session, &digest, back.before).await?;
    Ok(Opened {
        text,
        session,
        return_to,
    })
}

/// Makes a word to get in with once, without GitHub. It is told once, here.
///
/// # Errors
///
/// When there is no randomness, or the ledger cannot be written.
pub async fn make_word(store: &Store, clock: &dyn Clock, account: &str) -> Result<(String, Timestamp), SignInError> {
    let word = session::word_of(&random::bytes()?);
    let digest = session::digest_of_word(&word).unwrap_or_default();
    let now = clock.now();
    let until = now + WORD_GOOD_FOR;
    store.keep_break_glass(&digest, account, (now, until)).await?;
    Ok((word, until))
}

/// Opens a session for whoever has such a word; none where it is not good, or not any more.
///
/// # Errors
///
/// When there is no randomness, or the ledger cannot be written.
pub async fn use_word(
    engine: &Engine,
    word: &str,
    before: Option<&str>,
    user_agent: &str,
) -> Result<Option<Opened>, SignInError> {
    let Some(digest) = session::digest_of_word(word) else {
        return Ok(None);
    };
    let now = engine.now();
    let Some(account) = engine.store.break_glass(&digest, now).await? else {
        return Ok(None);
    };
    let text = session::text_of(&random::bytes()?);
    let session = Session {
        id: engine.fresh_id(),
        of: SignedIn::Emergency { account },
        browser: Some(session::browser_of(user_agent)),
        created_at: now,
        expires_at: now + EMERGENCY,
        last_seen_at: now,
        ended_at: None,
    };
    let own = session::digest_of(&text).unwrap_or_default();
    let used = engine.store.use_break_glass(&digest, &session, &own, before).await?;
    Ok(used.then(|| Opened {
        text,
        session,
        return_to: "/".to_owned(),
    }))
}

/// Where GitHub sends browsers back to.
#[must_use]
pub fn callback(public_url: &str) -> String {
    format!("{public_url}/sign-in/callback")
}

/// An address of ours, as a path; none where it could lead elsewhere.
#[must_use]
pub fn local_path(wanted: &str) -> Option<String> {
    let plain = wanted.len() <= LONGEST_PATH
        && wanted.starts_with('/')
        && !wanted.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace());
    if !plain || wanted.starts_with("//") {
        return None;
    }
    // as a browser would read it
    let base = Url::parse("http://chima.invalid").ok()?;
    let url = base.join(wanted).ok()?;
    let at_home = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    let path = url.path();
    let leads_back = path == "/sign-in" || path.starts_with("/sign-in/") || path == "/sign-out";
    if !at_home || path.starts_with("//") || leads_back {
        return None;
    }
    Some(match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
}

/// What only we can make of a cookie.
fn made(door: &Door, what: &str, cookie: &str) -> String {
    let key = door.client.secret.expose_secret().trim();
    match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        Ok(mut mac) => {
            mac.update(format!("chima {what} {cookie}").as_bytes());
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        }
        // keys of every length are taken; without one nothing matches
        Err(_) => String::new(),
    }
}

/// Until when it is good, and where it leads.
fn read(cookie: &str) -> Option<(Timestamp, String)> {
    let mut parts = cookie.split('.');
    let (Some(_), Some(until), Some(path), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let until = DateTime::from_timestamp(until.parse().ok()?, 0)?;
    let path = String::from_utf8(URL_SAFE_NO_PAD.decode(path).ok()?).ok()?;
    Some((until, local_path(&path).unwrap_or_else(|| "/".to_owned())))
}

impl CameBack {
    /// Whether this is the first time.
    fn first(&self, state: &str, until: Timestamp, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, until| *until > now);
        known.len() < MOST_BACK && known.insert(state.to_owned(), until).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (wanted, expected) in [
            ("/", Some("/")),
            ("/runs/01JD?from=1", Some("/runs/01JD?from=1")),
            ("/runs/../history", Some("/history")),
            (
                "/history?app=a%2Fb&x=http://evil.example",
                Some("/history?app=a%2Fb&x=http://evil.example"),
            ),
            ("", None),
            ("//evil.example", None),
            ("///evil.example", None),
            ("/\\evil.example", None),
            ("\\\\evil.example", None),
            ("https://evil.example", None),
            ("javascript:alert(1)", None),
            ("evil.example", None),
            ("/\t/evil.example", None),
            ("/\n/evil.example", None),
            (" //evil.example", None),
            ("/..//evil.example", None),
            ("/./\\evil.example", None),
            ("/x/..//evil.example", None),
            ("/sign-in", None),
            ("/sign-in/github", None),
            ("/x/../sign-out", None),
            ("/a\u{202e}b", Some("/a%E2%80%AEb")),
        ] {
            assert_eq!(local_path(wanted).as_deref(), expected, "{wanted:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(LONGEST_PATH))), None);
    }

    #[test]
    fn nobody_comes_back_twice() {
        let came_back = CameBack::default();
        let now = DateTime::UNIX_EPOCH;
        let until = now + ON_THE_WAY;
        assert!(came_back.first("a", until, now) && came_back.first("b", until, now));
        assert!(!came_back.first("a", until, now + TimeDelta::minutes(9)));
        // its time is over by then, and it is looked at before
        assert!(came_back.first("a", until, until));
    }

    #[test]
    fn a_cookie_that_is_not_ours_is_read_as_nothing() {
        for cookie in ["", "a", "a.b.c", "a.1.!!", "a.1.Lw.x", "a.99999999999999999999.Lw"] {
            assert!(read(cookie).is_none(), "{cookie}");
        }
        let (until, path) = read("a.60.Ly9ldmlsLmV4YW1wbGU").unwrap();
        assert_eq!(
            (until, path.as_str()),
            (DateTime::UNIX_EPOCH + TimeDelta::seconds(60), "/")
        );
    }
}
