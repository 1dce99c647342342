//! The log of a hook's deliveries, and asking for one again: the App's own hook, or a repository's.
//! <https://docs.github.com/en/rest/apps/webhooks>, <https://docs.github.com/en/rest/repos/webhooks>

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::ids::InstallationId;
use crate::domain::names::RepositoryName;
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::github::needs::Purpose;
use crate::github::page::{News, Speaker};
use crate::github::send::Request;

const PAGE: usize = 100;

/// Whose log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookLog {
    /// The App's hook.
    App,
    /// A hook of a repository.
    Repository {
        /// Its present name.
        name: RepositoryName,
        /// GitHub's number of the hook.
        hook: u64,
        /// Whose token.
        installation: Option<InstallationId>,
    },
}

impl HookLog {
    fn path(&self) -> String {
        match self {
            Self::App => "/app/hook/deliveries".to_owned(),
            Self::Repository { name, hook, .. } => format!("/repos/{name}/hooks/{hook}/deliveries"),
        }
    }

    fn speaker(&self) -> Speaker {
        match self {
            Self::App => Speaker::App,
            Self::Repository { installation, .. } => Speaker::Installation(*installation),
        }
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    /// GitHub's number.
    pub id: u64,
    /// Of the event; all its attempts share it.
    pub guid: String,
    /// When it was sent.
    pub delivered_at: Timestamp,
    /// `OK`, or what went wrong; nothing while it is under way.
    #[serde(default)]
    pub status: Option<String>,
    /// The receiver's answer; 0 where there was none.
    #[serde(default)]
    pub status_code: Option<u64>,
    /// Name of the event.
    pub event: String,
    /// The event's action.
    #[serde(default)]
    pub action: Option<String>,
    /// Whose event.
    #[serde(default)]
    pub repository_id: Option<u64>,
    /// GitHub sends it later: too much was sent to this receiver.
    #[serde(default)]
    pub throttled_at: Option<Timestamp>,
}

impl Attempt {
    /// Whether it came to an end that GitHub counts as a failure.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let waits = ["", "pending", "queued"];
        self.status
            .as_deref()
            .is_some_and(|status| status != "OK" && !waits.contains(&status))
    }
}

#[derive(Debug, Deserialize)]
struct Hook {
    id: u64,
    active: bool,
    config: HookConfig,
}

#[derive(Debug, Deserialize)]
struct HookConfig {
    #[serde(default)]
    url: Option<String>,
}

impl GitHub {
    /// A page of a log, the newest first, and where the next begins. Without a cursor it is the first.
    ///
    /// # Errors
    ///
    /// When GitHub does not say; 422 where the cursor is too old.
    pub async fn attempts(
        &self,
        log: &HookLog,
        cursor: Option<&str>,
    ) -> Result<(Vec<Attempt>, Option<String>), CallError> {
        let cursor = cursor
            .map(|cursor| format!("&cursor={}", encoded(cursor)))
            .unwrap_or_default();
        let path = format!("{}?per_page={PAGE}{cursor}", log.path());
        match self.news(log.speaker(), &path, None).await? {
            News::Unchanged => Ok((Vec::new(), None)),
            News::Changed { value, next, .. } => Ok((value, next.as_deref().and_then(cursor_of))),
        }
    }

    /// Asks GitHub to deliver something again.
    ///
    /// # Errors
    ///
    /// When GitHub refused, or could not be asked.
    pub async fn deliver_again(&self, log: &HookLog, attempt: u64) -> Result<(), CallError> {
        let path = format!("{}/{attempt}/attempts", log.path());
        let answer = match log {
            HookLog::App => self.send_as_app(&Request::post(&path, "{}".to_owned())).await?,
            HookLog::Repository { installation, .. } => {
                self.whole_post(*installation, Purpose::Work, &path, &json!({})).await?
            }
        };
        // accepted; what comes with it says nothing
        if answer.status == 202 {
            return Ok(());
        }
        answer.read::<Value>().map(drop)
    }

    /// The hooks of a repository that post to Chima: those that name its address, or else its path. Needs the right to
    /// administer hooks (404 or 403 without it).
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn hooks_to(
        &self,
        installation: Option<InstallationId>,
        repository: &RepositoryName,
        address: &str,
        path: &str,
    ) -> Result<Vec<u64>, CallError> {
        let hooks: Vec<Hook> = self
            .get(installation, &format!("/repos/{repository}/hooks?per_page={PAGE}"))
            .await?;
        let posting = |end: &str| -> Vec<u64> {
            let to = |hook: &&Hook| hook.config.url.as_deref().is_some_and(|url| url.ends_with(end));
            hooks
                .iter()
                .filter(|hook| hook.active)
                .filter(to)
                .map(|hook| hook.id)
                .collect()
        };
        let exact = posting(address);
        Ok(if exact.is_empty() { posting(path) } else { exact })
    }
}

/// The cursor in the address of a page.
fn cursor_of(address: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "cursor")
        .map(|(_, value)| value.into_owned())
}
