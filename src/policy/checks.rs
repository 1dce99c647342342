//! One file per check; here is the form they share.
//!
//! A check looks at its own question only and always answers, so that a requester hears everything that is wrong at once.

pub(crate) mod deployer;
pub(crate) mod environment;
pub(crate) mod force;
pub(crate) mod foreign;
pub(crate) mod history;
pub(crate) mod hosts;
pub(crate) mod lane;
pub(crate) mod lock;
pub(crate) mod repository;
pub(crate) mod required_contexts;
pub(crate) mod room;
pub(crate) mod source;
pub(crate) mod task;

use crate::domain::names::shown;
use crate::domain::reason::Reason;
use crate::policy::decision::{Check, CheckName, CheckVerdict};

/// A check's answer: what to show, why (where it is against), and what it read (where it is not).
#[derive(Debug, Clone)]
pub(crate) struct Finding<T> {
    pub(crate) check: Check,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) value: Option<T>,
}

impl<T> Finding<T> {
    pub(crate) fn passed(name: CheckName, found: String, wanted: String, value: T) -> Self {
        Self {
            check: Check {
                name,
                verdict: CheckVerdict::Passed,
                found,
                wanted,
            },
            reasons: Vec::new(),
            value: Some(value),
        }
    }

    pub(crate) fn against(
        name: CheckName,
        verdict: CheckVerdict,
        found: String,
        wanted: String,
        reasons: Vec<Reason>,
    ) -> Self {
        Self {
            check: Check {
                name,
                verdict,
                found,
                wanted,
            },
            reasons,
            value: None,
        }
    }

    pub(crate) fn rejected(name: CheckName, found: String, wanted: String, reason: Reason) -> Self {
        Self::against(name, CheckVerdict::Rejected, found, wanted, vec![reason])
    }

    pub(crate) fn skipped(name: CheckName) -> Self {
        Self::against(name, CheckVerdict::Skipped, String::new(), String::new(), Vec::new())
    }
}

/// Untrusted text as a reason keeps it: whole enough to recognise, never as large as a payload may be.
pub(crate) fn kept(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Names for a check's `found` and `wanted`.
pub(crate) fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let mut names = names.into_iter();
    let mut out = String::new();
    for name in names.by_ref().take(10) {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&shown(name.as_ref()));
    }
    match names.count() {
        0 => out,
        more => format!("{out} and {more} more"),
    }
}
