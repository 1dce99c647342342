//! What `/readyz` tells people to look at, though deliveries are stored.

use chrono::TimeDelta;

use crate::report::duration::span;

/// A disk that is nearly full.
#[must_use]
pub fn little_room(of: &str, free: u64) -> String {
    let place = match of {
        "ledger" => "the ledger",
        _ => "`data_dir`",
    };
    format!(
        "the disk of {place} has {} MiB free: make room there; deliveries are refused when it is full",
        free >> 20
    )
}

/// No checkout can begin.
#[must_use]
pub fn no_room_for_checkouts(free: u64, needed: u64) -> String {
    format!(
        "{} MiB are free where checkouts are, and {} MiB are needed (`disk.free_mib`): make room there; deployments that need a \
         checkout end in `error`",
        free >> 20,
        needed >> 20
    )
}

/// The clock says less than the newest delivery.
#[must_use]
pub fn clock_behind(by: TimeDelta) -> String {
    format!(
        "this machine's clock is {} behind the newest delivery of the ledger: set it; what is held, locked or waits its turn goes by it",
        span(by)
    )
}

/// The clock says what it cannot say.
#[must_use]
pub fn clock_before_us() -> String {
    "this machine's clock is from before this Chima was made: set it; GitHub takes no token of that time".to_owned()
}

/// The audit log is not as it was.
#[must_use]
pub fn audit_changed() -> String {
    "the audit log does not end where it did: `chima audit verify` says what is missing or changed".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_says_what_to_do() {
        assert_eq!(
            little_room("ledger", 300 << 20),
            "the disk of the ledger has 300 MiB free: make room there; deliveries are refused when it is full"
        );
        assert!(
            no_room_for_checkouts(300 << 20, 512 << 20)
                .starts_with("300 MiB are free where checkouts are, and 512 MiB are needed")
        );
        assert!(
            clock_behind(TimeDelta::hours(2)).starts_with("this machine's clock is 2 h behind the newest delivery")
        );
    }
}
