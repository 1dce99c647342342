//! Who is in a team. <https://docs.github.com/en/rest/teams/members#get-team-membership-for-a-user>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use serde::Deserialize;

use crate::domain::clock::Timestamp;
use crate::domain::ids::InstallationId;
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::github::needs::Purpose;
use crate::github::send::Request;

/// So long an answer is good: people ask twice, and whoever has left a team should hear so soon.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(1);

/// More answers than this are not kept.
const KEPT: usize = 1000;

/// Answers that are still good, by path.
#[derive(Debug, Default)]
pub(crate) struct Memberships(Mutex<HashMap<String, (bool, Timestamp)>>);

#[derive(Debug, Deserialize)]
struct Membership {
    state: String,
}

impl GitHub {
    /// Whether somebody is in a team, by the organization's login and the team's name in addresses. Also those who are in a team
    /// below it, as GitHub counts; not those who have only been invited. Nobody is in a team that does not exist.
    ///
    /// # Errors
    ///
    /// When GitHub does not say: the App needs the permission `Members: read` for it.
    pub async fn is_member(
        &self,
        installation: Option<InstallationId>,
        (organization, team): (&str, &str),
        login: &str,
    ) -> Result<bool, CallError> {
        let path = format!(
            "/orgs/{}/teams/{}/memberships/{}",
            encoded(organization),
            encoded(team),
            encoded(login)
        );
        let (key, now) = (path.to_ascii_lowercase(), self.clock.now());
        if let Some(known) = self.memberships.find(&key, now) {
            return Ok(known);
        }
        let answer = self.send(installation, &Request::get(&path), Purpose::People).await?;
        let is_member = match answer.read::<Membership>() {
            Ok(found) => found.state == "active",
            Err(CallError::Refused { status: 404, .. }) => false,
            Err(error) => return Err(error),
        };
        self.memberships.keep(key, is_member, now);
        Ok(is_member)
    }
}

impl Memberships {
    fn find(&self, key: &str, now: Timestamp) -> Option<bool> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (is_member, at) = kept.get(key)?;
        (now - *at < GOOD_FOR).then_some(*is_member)
    }

    fn keep(&self, key: String, is_member: bool, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (_, at)| now - *at < GOOD_FOR);
        if kept.len() < KEPT {
            kept.insert(key, (is_member, now));
        }
    }
}
