//! `chima locks`: who holds what, for a person or for a script.

use std::fmt::Write as _;

use serde_json::json;

use crate::domain::clock::Timestamp;
use crate::domain::lock::Lock;
use crate::report::lock;
use crate::store::locks::Held;

/// A table of the locks that hold, or one JSON object a line. `is_configured` says whether an environment is still there.
#[must_use]
pub fn list(held: &[Held], as_json: bool, now: Timestamp, is_configured: impl Fn(&Lock) -> bool) -> String {
    let mut text = String::new();
    // writing to a `String` cannot go wrong
    if as_json {
        for one in held {
            let _ = writeln!(text, "{}", as_value(one));
        }
        return text;
    }
    if held.is_empty() {
        return "nothing is locked\n".to_owned();
    }
    for Held { lock, waiting } in held {
        let gone = if is_configured(lock) {
            ""
        } else {
            " (not configured any more)"
        };
        let _ = writeln!(
            text,
            "{}{gone} is {}",
            lock::place(&lock.place),
            lock::held_now(lock, now)
        );
        let _ = writeln!(text, "  {}", lock::way_out(lock));
        for (place, person) in waiting.iter().enumerate() {
            let _ = writeln!(text, "  {} waits for it, at position {}", lock::who(person), place + 1);
        }
    }
    text
}

fn as_value(held: &Held) -> serde_json::Value {
    let Held { lock, waiting } = held;
    json!({
        "id": lock.id,
        "app": lock.place.app,
        "environment": lock.place.environment,
        "owner": lock.owner,
        "reason": lock.reason,
        "cause": lock.cause,
        "since": lock.since,
        "until": lock.until,
        "waiting": waiting,
    })
}
