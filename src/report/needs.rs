//! What needs a person, where it is about no run.

/// Statuses or messages that were given up.
#[must_use]
pub fn undelivered(count: u64) -> String {
    format!(
        "{} could not be delivered; `chima outbox --dead` says why, `chima outbox --retry` sends again",
        counted(count, "status or message", "statuses and messages")
    )
}

/// Deliveries that could not be worked on.
#[must_use]
pub fn parked(count: u64) -> String {
    format!(
        "{} could not be worked on, time and again; once that is mended, `chima replay` starts over",
        counted(count, "delivery", "deliveries")
    )
}

/// Deliveries that are not what their headers say.
#[must_use]
pub fn malformed(count: u64) -> String {
    format!(
        "{} could not be read in the last week; each says what is wrong with it",
        counted(count, "delivery", "deliveries")
    )
}

/// `1 commit`, `12 commits`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
