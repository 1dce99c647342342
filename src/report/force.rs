//! What is said where somebody makes a deployment pass what others have to wait for.

use crate::domain::names::shown;
use crate::domain::reason::{ContextFinding, Reason};
use crate::domain::warrant::Forced;
use crate::report::lock::who;
use crate::report::sentence::why;
use crate::report::words::{brief, enumeration, person, quoted};

/// What stands on the button.
pub const LABEL: &str = "Deploy anyway";

/// ``forced by @mona past: `ci` failed, the lock of @lisa``; nothing where nothing stood in the way.
#[must_use]
pub fn forced(forced: &Forced) -> Option<String> {
    if forced.past.is_empty() {
        return None;
    }
    let past: Vec<String> = forced.past.iter().flat_map(passed).collect();
    Some(format!("forced by {} past: {}", person(&forced.by), past.join(", ")))
}

/// The line of a run's timeline.
#[must_use]
pub fn told(one: &Forced) -> String {
    forced(one).unwrap_or_else(|| format!("{} asked to force it; nothing stood in the way", person(&one.by)))
}

fn passed(reason: &Reason) -> Vec<String> {
    let contexts = |contexts: &[ContextFinding], word: &dyn Fn(&ContextFinding) -> String| -> Vec<String> {
        let all = contexts.iter();
        all.map(|one| format!("{} {}", quoted(&one.name), word(one))).collect()
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else can be passed; what could would be told in its own words"
    )]
    match reason {
        Reason::RequiredContextFailed { contexts: failed } => contexts(failed, &|_| "failed".to_owned()),
        Reason::RequiredContextPending { contexts: pending } => contexts(pending, &|one| brief(&one.state)),
        Reason::Locked { lock } => vec![format!("the lock of {}", who(&lock.owner))],
        other => vec![why(other)],
    }
}

/// Whether this is something that force passes.
#[must_use]
pub fn passes(reason: &Reason) -> bool {
    if let Reason::Locked { lock } = reason {
        return lock.lets_its_owner_pass();
    }
    matches!(
        reason,
        Reason::RequiredContextFailed { .. } | Reason::RequiredContextPending { .. }
    )
}

/// Who could force what was refused.
#[must_use]
pub fn who_may(admins: &[String]) -> String {
    let listed: Vec<String> = admins.iter().take(5).map(|name| quoted(name)).collect();
    format!("{} may deploy all the same, with `deploy!`", enumeration(&listed))
}

/// What is asked before it is forced.
#[must_use]
pub fn caution(environment: &str) -> String {
    format!("This deploys to {} past what stands in the way.", shown(environment))
}
