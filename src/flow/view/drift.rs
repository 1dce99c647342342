//! How what runs stands to the default branch, as it was last known.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::App;
use crate::domain::clock::Timestamp;
use crate::domain::drift::Standing;
use crate::flow::view::Look;
use crate::report::drift as words;
use crate::store::drifts::Drift;
use crate::store::error::StoreError;

/// The default branch of an app's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeadView {
    /// Its name.
    pub branch: String,
    /// Its newest commit, in full.
    pub sha: String,
    /// The first line of that commit's message.
    pub title: String,
    /// What is reported about it: `none`, `pending`, `green` or `red`.
    pub ci: String,
    /// The same in words.
    pub ci_text: String,
    /// Where people see the commit.
    pub url: String,
    /// When this was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Timestamp>,
}

/// How what runs in an environment stands to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftView {
    /// Commits that only the default branch has; absent where both have nothing in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u64>,
    /// Commits that only the environment has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// In words.
    pub text: String,
    /// Where people see which commits these are.
    pub url: String,
}

/// What is known of every repository, by its configured name in lower case.
#[derive(Debug)]
pub(super) struct Drifts(HashMap<String, Drift>);

impl Drifts {
    pub(super) async fn read(look: &Look<'_>) -> Result<Self, StoreError> {
        let all = look.store.drifts(&look.config.github.host).await?;
        let named = all.into_iter().map(|one| (one.repository.to_ascii_lowercase(), one));
        Ok(Self(named.collect()))
    }

    fn of(&self, app: &App) -> Option<&Drift> {
        self.0.get(&app.repository.as_str().to_ascii_lowercase())
    }

    pub(super) fn head(&self, look: &Look<'_>, app: &App) -> Option<HeadView> {
        let found = &self.of(app)?.found;
        let head = found.head.as_ref()?;
        let name = found.full_name.as_deref().unwrap_or(app.repository.as_str());
        Some(HeadView {
            branch: found.branch.clone().unwrap_or_default(),
            sha: head.sha.clone(),
            title: head.title.clone(),
            ci: head.ci.as_str().to_owned(),
            ci_text: words::ci(head.ci).to_owned(),
            url: format!("{}/{name}/commit/{}", look.config.github.url, head.sha),
            known_at: found.at,
        })
    }

    /// Why nothing newer is known.
    pub(super) fn trouble(&self, app: &App) -> Option<String> {
        self.of(app)?.trouble.clone()
    }

    pub(super) fn drift(&self, look: &Look<'_>, app: &App, sha: &str) -> Option<DriftView> {
        let found = &self.of(app)?.found;
        let (branch, head) = (found.branch.as_deref()?, found.head.as_ref()?);
        let standing = if head.sha == sha {
            Standing::Compared { behind: 0, ahead: 0 }
        } else {
            *found.standings.get(sha)?
        };
        let (behind, ahead) = match standing {
            Standing::Compared { behind, ahead } => (Some(behind), Some(ahead)),
            Standing::Apart => (None, None),
        };
        let name = found.full_name.as_deref().unwrap_or(app.repository.as_str());
        Some(DriftView {
            behind,
            ahead,
            text: words::drift(branch, standing),
            url: format!("{}/{name}/compare/{sha}...{}", look.config.github.url, head.sha),
        })
    }
}
