//! An App's tokens: one for each repository and purpose, with no more permissions than the purpose needs, kept until shortly
//! before they expire.
//! <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use crate::domain::clock::Timestamp;
use crate::domain::ids::InstallationId;
use crate::github::GitHub;
use crate::github::call::CallError;
use crate::github::needs::{Level, Purpose};
use crate::github::send::Request;

/// A token is replaced so long before it expires: what begins with it must also end with it.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// So old a token must be before it counts as one for another repository of the same name.
const RENAMED: TimeDelta = TimeDelta::minutes(1);

/// Which repositories a token opens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// All of the installation.
    All,
    /// One, by its name in lower case, with its owner.
    Name(String),
    /// One, by number.
    Id(u64),
}

impl Reach {
    /// The repository that a call is about is in its path.
    pub(crate) fn of_path(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let mut parts = path.trim_start_matches('/').split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("repos"), Some(owner), Some(name)) => Self::Name(format!("{owner}/{name}").to_ascii_lowercase()),
            (Some("repositories"), Some(id), _) => id.parse().map_or(Self::All, Self::Id),
            _ => Self::All,
        }
    }
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) installation: InstallationId,
    pub(crate) reach: Reach,
    pub(crate) purpose: Purpose,
}

/// A token that GitHub gave out.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) value: SecretString,
    /// Tells it from the one that replaced it.
    number: u64,
    given_at: Timestamp,
    expires_at: Timestamp,
    /// The installation had not been granted everything: what is missing may be granted at any time.
    lacks: bool,
}

#[derive(Debug, Default)]
struct Slot {
    token: Option<Token>,
    given: u64,
}

/// All tokens of an App that are good now.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    // the inner lock is held while GitHub is asked, so that many calls at once ask for one token
    slots: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<Slot>>>>,
}

#[derive(Debug, Deserialize)]
struct Minted {
    #[serde(deserialize_with = "secret")]
    token: SecretString,
    expires_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Installed {
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    id: u64,
}

/// Reads a text that is nobody's business.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

impl Tokens {
    fn slot(&self, key: &Key) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key.clone()).or_default())
    }

    /// Lets go of every token of an installation.
    pub(crate) fn forget_installation(&self, installation: InstallationId) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|key, _| key.installation != installation);
    }

    /// Lets go of every token that was asked for by a repository's name.
    pub(crate) fn forget_names(&self) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|key, _| !matches!(key.reach, Reach::Name(_)));
    }

    /// Lets go of a token, unless somebody has replaced it already.
    pub(crate) async fn forget(&self, key: &Key, refused: &Token) {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        if slot.token.as_ref().is_some_and(|kept| kept.number == refused.number) {
            slot.token = None;
        }
    }

    /// Whether a repository that is not found may be there for a fresh token: a name can be another repository's since. Not asked
    /// more often than once a minute, because most of what is not found is not there.
    pub(crate) fn may_be_out_of_date(key: &Key, token: &Token, now: Timestamp) -> bool {
        matches!(key.reach, Reach::Name(_)) && now - token.given_at >= RENAMED
    }

    /// Lets go of a token that could not do something because of what the installation had not been granted.
    pub(crate) async fn forget_if_lacking(&self, key: &Key, refused: &Token) {
        if refused.lacks {
            self.forget(key, refused).await;
        }
    }
}

impl GitHub {
    /// The token for this purpose: the one that is kept, or a fresh one. One that is good for a few more minutes serves when
    /// GitHub gives out no other now.
    pub(crate) async fn token(&self, key: &Key) -> Result<Token, CallError> {
        let slot = self.tokens.slot(key);
        let mut slot = slot.lock().await;
        let now = self.githubs_now();
        let kept = slot.token.clone().filter(|token| token.expires_at > now);
        if let Some(token) = &kept
            && token.expires_at - now > AHEAD
        {
            return Ok(token.clone());
        }
        match self.mint(key).await {
            Ok((minted, lacks)) => {
                slot.given += 1;
                let token = Token {
                    value: minted.token,
                    number: slot.given,
                    given_at: now,
                    expires_at: minted.expires_at,
                    lacks,
                };
                slot.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => match kept {
                Some(token) => Ok(token),
                None => Err(error),
            },
        }
    }

    /// Asks for a token, and where that is refused, for as much of it as there is: with the permissions that were granted, and
    /// for the repository by its number where its name is an old one.
    async fn mint(&self, key: &Key) -> Result<(Minted, bool), CallError> {
        let mut wanted = key.purpose.permissions();
        let asked = self.ask_for_token(key.installation, &key.reach, &wanted).await;
        let refused = match asked {
            Err(error @ CallError::Refused { status: 422, .. }) => error,
            other => return other.map(|minted| (minted, false)),
        };
        let path = format!("/app/installations/{}", key.installation.0);
        let installed: Installed = self.get_as_app(&path).await?;
        let granted = |name: &str| installed.permissions.get(name).and_then(|word| Level::read(word));
        let all = wanted.len();
        wanted.retain(|name, level| granted(name).is_some_and(|granted| granted >= *level));
        let lacks = wanted.len() < all;
        if lacks {
            let asked = self.ask_for_token(key.installation, &key.reach, &wanted).await;
            if !matches!(asked, Err(CallError::Refused { status: 422, .. })) {
                return asked.map(|minted| (minted, true));
            }
        }
        let Reach::Name(name) = &key.reach else {
            return Err(refused);
        };
        let number = self.number_of(key.installation, name).await?;
        let minted = self
            .ask_for_token(key.installation, &Reach::Id(number), &wanted)
            .await?;
        Ok((minted, lacks))
    }

    /// Which repository a name is now, found out with a token that can do nothing else.
    async fn number_of(&self, installation: InstallationId, name: &str) -> Result<u64, CallError> {
        let permissions = Purpose::Identify.permissions();
        let minted = self.ask_for_token(installation, &Reach::All, &permissions).await?;
        let path = format!("/repos/{name}");
        let answer = self
            .once(Some(installation), &Request::get(&path), Some(&minted.token))
            .await?;
        let found: Numbered = answer.read()?;
        Ok(found.id)
    }

    async fn ask_for_token(
        &self,
        installation: InstallationId,
        reach: &Reach,
        permissions: &BTreeMap<&'static str, Level>,
    ) -> Result<Minted, CallError> {
        let permissions: BTreeMap<&str, &str> = permissions
            .iter()
            .map(|(name, level)| (*name, level.as_str()))
            .collect();
        let mut body = json!({ "permissions": permissions });
        match reach {
            Reach::All => {}
            Reach::Name(name) => {
                let short = name.rsplit('/').next().unwrap_or_default();
                body["repositories"] = json!([short]);
            }
            Reach::Id(id) => body["repository_ids"] = json!([id]),
        }
        let path = format!("/app/installations/{}/access_tokens", installation.0);
        let answer = self.send_as_app(&Request::post(&path, body.to_string())).await?;
        answer.read().map_err(|error| {
            let CallError::Refused { status: 404, message } = error else {
                return error;
            };
            let message = format!("{message}; the App is not installed there any more");
            CallError::Refused { status: 404, message }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_repository() {
        for (path, expected) in [
            ("/repos/Octo/Site/deployments", Reach::Name("octo/site".to_owned())),
            ("/repos/octo/site", Reach::Name("octo/site".to_owned())),
            ("/repos/octo/site?per_page=1", Reach::Name("octo/site".to_owned())),
            ("/repositories/7/statuses/a", Reach::Id(7)),
            ("/repositories/x", Reach::All),
            ("/orgs/octo/teams/web/memberships/mona", Reach::All),
            ("/repos/octo", Reach::All),
            ("", Reach::All),
        ] {
            assert_eq!(Reach::of_path(path), expected, "{path}");
        }
    }
}
