//! Makes Chima's GitHub App with a click: hands out the form, takes the browser back with a code, exchanges it for the App and
//! keeps its secrets as files.
//!
//! Whoever completes this decides whose deployments are executed. So it is offered only while there are no credentials, only to
//! whoever has the word that was printed where the server was started, and each form can come back once.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::Notify;
use url::{Host, Url};

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::names::shown;
use crate::flow::random;
use crate::flow::set_up::files::{CLIENT_SECRET, PRIVATE_KEY, WEBHOOK_SECRET, WriteError};
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::github::manifest::{Made, Manifest, form_address};
use crate::webhook::same::same;

pub mod files;

/// GitHub's code is good for so long, and a form for no longer.
const GOOD_FOR: TimeDelta = TimeDelta::hours(1);
/// Each look at the page makes a form; the oldest are forgotten.
const FORMS: usize = 16;

/// What the App is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// GitHub's pages, without a slash at the end.
    pub github_url: String,
    /// The organization that is to own the App; `None` for the person's own account.
    pub organization: Option<String>,
    /// What the App is called.
    pub name: String,
    /// Where GitHub reaches Chima, without a slash at the end.
    pub public_url: String,
    /// Whether some app lets GitHub merge before it deploys.
    pub merges: bool,
    /// Where the secrets end up.
    pub folder: PathBuf,
    /// Whether secrets that are there already may be replaced.
    pub force: bool,
}

/// One set-up, from its offer to its end.
#[derive(Debug)]
pub struct SetUp {
    wanted: Wanted,
    github: GitHub,
    clock: Arc<dyn Clock>,
    /// Who knows it may begin.
    word: String,
    forms: Mutex<VecDeque<(String, Timestamp)>>,
    made: Mutex<Option<Outcome>>,
    bell: Notify,
}

/// What the browser is to send to GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where to.
    pub action: String,
    /// The field `manifest`.
    pub manifest: String,
}

/// An App that is made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its name in addresses.
    pub slug: String,
    /// Where it is installed on repositories.
    pub install_url: String,
    /// What was written.
    pub files: Vec<PathBuf>,
    /// What to write into the configuration.
    pub config: String,
}

/// Why there is no App.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// GitHub could not deliver.
    #[error("GitHub cannot deliver to `{0}`, which leads nowhere but to this machine")]
    NotPublic(String),
    /// Secrets of another App would be lost.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// The secrets could not be kept.
    #[error(transparent)]
    Folder(WriteError),
    /// The system gives no random bytes.
    #[error("cannot read `/dev/urandom`")]
    NoRandomness(#[source] io::Error),
    /// The browser came back with something else than it was sent with.
    #[error("this answer belongs to no form that was handed out here, or to one that has come back already")]
    ForeignState,
    /// The browser came back without a code.
    #[error("GitHub sent no code")]
    NoCode,
    /// GitHub does not take the code.
    #[error("GitHub does not take the code ({status}: {message}); a code is good once, and for an hour")]
    Refused {
        /// 404 or 422.
        status: u16,
        /// Its words.
        message: String,
    },
    /// GitHub could not be asked.
    #[error(transparent)]
    Unavailable(CallError),
    /// The App exists and its secrets are lost.
    #[error("the App `{slug}` was made, but its secrets could not be kept: {source}")]
    Lost {
        /// Its name.
        slug: String,
        /// Its page.
        html_url: String,
        /// What went wrong.
        source: WriteError,
    },
    /// An App without a secret for its webhook could not be believed.
    #[error("GitHub made the App `{slug}` without a webhook secret")]
    NoWebhookSecret {
        /// Its name.
        slug: String,
        /// Its page.
        html_url: String,
    },
}

impl SetUpError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotPublic(_) => {
                "name the address at which GitHub reaches Chima: `server.public_url` in the configuration, or \
                 `chima setup --public-url https://…`"
                    .to_owned()
            }
            Self::Exists(_) => {
                "an App was made already: name its files in the configuration, or move them away, or use `--force`"
                    .to_owned()
            }
            Self::Folder(_) => "name another folder with `--dir`, or let this account write there".to_owned(),
            Self::NoRandomness(_) => "see that `/dev` is there".to_owned(),
            Self::ForeignState | Self::NoCode | Self::Refused { .. } => {
                "begin again at the address that was printed; an App that GitHub made meanwhile can be deleted there"
                    .to_owned()
            }
            Self::Unavailable(_) => "load this page again in a moment".to_owned(),
            Self::Lost { html_url, .. } => {
                format!("delete the App at {html_url}, or make a private key and a webhook secret there by hand")
            }
            Self::NoWebhookSecret { html_url, .. } => {
                format!("set a webhook secret at {html_url} and put it into `github.webhook_secrets`")
            }
        }
    }
}

impl SetUp {
    /// Offers a set-up.
    ///
    /// # Errors
    ///
    /// When the system gives no random bytes.
    pub fn new(wanted: Wanted, github: GitHub, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        Ok(Self {
            wanted,
            github,
            clock,
            word: random()?,
            forms: Mutex::default(),
            made: Mutex::default(),
            bell: Notify::new(),
        })
    }

    /// The page's path with the word in it: for whoever starts the server, and nobody else.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/setup?token={}", self.word)
    }

    /// What the App is made for.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Whether somebody knows the word.
    #[must_use]
    pub fn admits(&self, word: &str) -> bool {
        same(word.as_bytes(), self.word.as_bytes())
    }

    /// Sees that GitHub could deliver and that the secrets can be kept, before there are any.
    ///
    /// # Errors
    ///
    /// When the address is this machine's alone, there are secrets already, or the folder cannot be written.
    pub fn prepare(&self) -> Result<(), SetUpError> {
        if is_local(&self.wanted.public_url) && !is_local(&self.wanted.github_url) {
            return Err(SetUpError::NotPublic(self.wanted.public_url.clone()));
        }
        if let Some(path) = files::existing(&self.wanted.folder).filter(|_| !self.wanted.force) {
            return Err(SetUpError::Exists(path));
        }
        files::prepare(&self.wanted.folder).map_err(SetUpError::Folder)
    }

    /// A fresh form, for a browser that reaches us at `origin`.
    ///
    /// # Errors
    ///
    /// As [`SetUp::prepare`].
    pub fn form(&self, origin: &str) -> Result<Form, SetUpError> {
        self.prepare()?;
        let state = random()?;
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        forms.push_back((state.clone(), self.clock.now() + GOOD_FOR));
        if forms.len() > FORMS {
            forms.pop_front();
        }
        let redirect_url = format!("{origin}/setup/callback");
        let manifest = Manifest {
            name: &self.wanted.name,
            public_url: &self.wanted.public_url,
            redirect_url: &redirect_url,
            merges: self.wanted.merges,
        };
        Ok(Form {
            action: form_address(&self.wanted.github_url, self.wanted.organization.as_deref(), &state),
            manifest: manifest.to_json().to_string(),
        })
    }

    /// Takes a browser back: makes the App and keeps its secrets.
    ///
    /// # Errors
    ///
    /// When the answer is not to one of our forms, GitHub does not take the code, or the secrets cannot be kept.
    pub async fn finish(&self, code: Option<&str>, state: &str) -> Result<Outcome, SetUpError> {
        let until = self.redeem(state).ok_or(SetUpError::ForeignState)?;
        let code = code.filter(|code| !code.is_empty()).ok_or(SetUpError::NoCode)?;
        let made = match self.github.convert_manifest(code).await {
            Ok(made) => made,
            Err(CallError::Refused { status, message }) => return Err(SetUpError::Refused { status, message }),
            Err(error) => {
                // the code may still be good: the same page can be loaded again
                let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
                forms.push_back((state.to_owned(), until));
                return Err(SetUpError::Unavailable(error));
            }
        };
        let outcome = self.keep(&made)?;
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome.clone());
        self.bell.notify_waiters();
        Ok(outcome)
    }

    /// What was made here; `None` as long as nothing was.
    #[must_use]
    pub fn made(&self) -> Option<Outcome> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until an App is made.
    pub async fn finished(&self) -> Outcome {
        loop {
            let rung = self.bell.notified();
            if let Some(made) = self.made() {
                return made;
            }
            rung.await;
        }
    }

    /// Until when the form would have been good. It is taken: no other answer may name it.
    fn redeem(&self, state: &str) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        forms.retain(|(_, until)| *until > now);
        let place = forms
            .iter()
            .position(|(known, _)| same(known.as_bytes(), state.as_bytes()))?;
        forms.remove(place).map(|(_, until)| until)
    }

    fn keep(&self, made: &Made) -> Result<Outcome, SetUpError> {
        let (slug, html_url) = (shown(&made.slug), made.html_url.clone());
        let mut secrets = vec![(PRIVATE_KEY, &made.pem)];
        secrets.extend(made.webhook_secret.as_ref().map(|secret| (WEBHOOK_SECRET, secret)));
        secrets.extend(made.client_secret.as_ref().map(|secret| (CLIENT_SECRET, secret)));
        let mut written = Vec::new();
        for (name, content) in secrets {
            let path = files::write(&self.wanted.folder, name, content, self.wanted.force).map_err(|source| {
                SetUpError::Lost {
                    slug: slug.clone(),
                    html_url: html_url.clone(),
                    source,
                }
            })?;
            written.push(path);
        }
        if made.webhook_secret.is_none() {
            return Err(SetUpError::NoWebhookSecret { slug, html_url });
        }
        Ok(Outcome {
            install_url: format!("{html_url}/installations/new"),
            config: self.config(made),
            files: written,
            slug,
        })
    }

    fn config(&self, made: &Made) -> String {
        let file = |name: &str| quoted(&self.wanted.folder.join(name));
        let sign_in = match (&made.client_id, &made.client_secret) {
            (Some(client), Some(_)) => format!(
                "sign_in:\n  client_id: {}\n  client_secret: {{ file: {} }}\n",
                quoted(Path::new(client)),
                file(CLIENT_SECRET)
            ),
            (Some(_) | None, Some(_) | None) => String::new(),
        };
        format!(
            "github:\n  app_id: {}\n  private_key: {{ file: {} }}\n  webhook_secrets: [{{ file: {} }}]\n{sign_in}",
            made.id,
            file(PRIVATE_KEY),
            file(WEBHOOK_SECRET),
        )
    }
}

/// Whether an address leads nowhere but to this machine.
fn is_local(address: &str) -> bool {
    match Url::parse(address).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

/// A path as YAML takes it between braces.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |one: char| one.is_ascii_alphanumeric() || "/._-".contains(one);
    if text.chars().all(plain) {
        text.into_owned()
    } else {
        Value::from(text.as_ref()).to_string()
    }
}

/// 256 bits that nobody can guess.
fn random() -> Result<String, SetUpError> {
    random::bytes().map(hex::encode).map_err(SetUpError::NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_guesses_a_word() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert!(one.len() == 64 && one != other);
    }

    #[test]
    fn github_reaches_no_address_of_this_machine() {
        for (address, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://0.0.0.0:8080", true),
            ("http://localhost", true),
            ("https://deploy.example.com", false),
            ("https://localhost.example.com", false),
        ] {
            assert_eq!(is_local(address), expected, "{address}");
        }
    }

    #[test]
    fn a_path_is_read_back_as_it_is() {
        for (path, expected) in [
            ("/etc/chima/private-key.pem", "/etc/chima/private-key.pem"),
            ("/a b/}\"", "\"/a b/}\\\"\""),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }
}
