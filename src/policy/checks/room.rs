//! Whether the chat room named in the payload may ask for this.
//!
//! A convenience for people, not a border: whoever may create deployments may write any room into the payload, or none.

use crate::domain::deployment::Deployment;
use crate::domain::names::shown;
use crate::domain::reason::Reason;
use crate::policy::checks::environment::Target;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::CheckName;

pub(crate) fn check(deployment: &Deployment, target: Option<Target<'_>>) -> Finding<()> {
    let Some(Target { environment, .. }) = target else {
        return Finding::skipped(CheckName::Room);
    };
    let wanted = match &environment.allowed_rooms {
        None => "any room".to_owned(),
        Some(rooms) => format!("one of {}", listed(rooms)),
    };
    let Some(room) = deployment.room() else {
        return Finding::passed(CheckName::Room, "no room".to_owned(), wanted, ());
    };
    match &environment.allowed_rooms {
        Some(rooms) if !allows(rooms, known(deployment)) => Finding::rejected(
            CheckName::Room,
            shown(room),
            wanted,
            Reason::RoomNotAllowed {
                found: kept(room),
                allowed: rooms.clone(),
            },
        ),
        Some(_) | None => Finding::passed(CheckName::Room, shown(room), wanted, ()),
    }
}

/// By its name and its id.
fn known(deployment: &Deployment) -> impl Iterator<Item = &str> {
    [deployment.room(), deployment.room_id()].into_iter().flatten()
}

/// Whether one of a room's names is allowed.
pub(crate) fn allows<'a, S: AsRef<str>>(allowed: &[S], known: impl Iterator<Item = &'a str>) -> bool {
    let known: Vec<&str> = known.filter(|room| !room.is_empty()).collect();
    let named = |allowed: &S| known.iter().any(|room| same(allowed.as_ref(), room));
    allowed.iter().any(named)
}

/// Adapters disagree on the `#` and on the case of a room's name; its id has neither.
fn same(one: &str, other: &str) -> bool {
    let plain = |room: &str| room.strip_prefix('#').unwrap_or(room).to_lowercase();
    plain(one) == plain(other)
}
