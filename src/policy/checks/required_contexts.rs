//! Whether the commit's statuses and check runs are green.
//!
//! A red one rejects, because it stays red until somebody acts, and then asks again. A pending or missing one holds,
//! because it goes on by itself.

use std::collections::BTreeMap;

use crate::domain::reason::{ContextFinding, Reason};
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::{CheckName, CheckVerdict};
use crate::policy::facts::{ContextState, ContextVerdict, Contexts};

/// Whether the answer depends on what GitHub reports.
pub(crate) fn matter(required: Option<&[String]>) -> bool {
    required != Some(&[])
}

pub(crate) fn check(required: Option<&[String]>, contexts: &Contexts) -> Finding<()> {
    let wanted = match required {
        None => "everything that was reported is green".to_owned(),
        Some([]) => "nothing".to_owned(),
        Some(names) => format!("green: {}", listed(names)),
    };
    if !matter(required) {
        return Finding::passed(CheckName::RequiredContexts, "not asked".to_owned(), wanted, ());
    }
    match contexts {
        Contexts::Gathered(reported) => judge(required, reported, wanted),
        Contexts::Unavailable { detail } => unavailable(kept(detail), wanted),
        // Never green by omission: whoever gathered did not ask `needs`.
        Contexts::NotNeeded => unavailable("nobody asked GitHub for the contexts".to_owned(), wanted),
    }
}

fn unavailable(detail: String, wanted: String) -> Finding<()> {
    Finding::against(
        CheckName::RequiredContexts,
        CheckVerdict::Held,
        "unavailable".to_owned(),
        wanted,
        vec![Reason::FactsUnavailable { detail }],
    )
}

fn judge(required: Option<&[String]>, reported: &[ContextState], wanted: String) -> Finding<()> {
    let worst = worst_by_name(reported);
    let missing = |name: &String| (ContextVerdict::Pending, finding(name, "missing"));
    let judged: Vec<(ContextVerdict, ContextFinding)> = match required {
        None => worst
            .values()
            .map(|context| (context.verdict, finding(&context.name, &context.state)))
            .collect(),
        Some(names) => distinct(names)
            .map(|name| match worst.get(&name.to_lowercase()) {
                Some(context) => (context.verdict, finding(name, &context.state)),
                None => missing(name),
            })
            .collect(),
    };
    let of = |verdict| -> Vec<ContextFinding> {
        judged
            .iter()
            .filter(|(found, _)| *found == verdict)
            .map(|(_, context)| context.clone())
            .collect()
    };
    let (failed, pending) = (of(ContextVerdict::Failed), of(ContextVerdict::Pending));
    let found = format!(
        "{} green, {} pending, {} failed",
        of(ContextVerdict::Green).len(),
        pending.len(),
        failed.len()
    );
    let verdict = match (failed.is_empty(), pending.is_empty()) {
        (true, true) => return Finding::passed(CheckName::RequiredContexts, found, wanted, ()),
        (true, false) => CheckVerdict::Held,
        (false, _) => CheckVerdict::Rejected,
    };
    let mut reasons = Vec::new();
    if !failed.is_empty() {
        reasons.push(Reason::RequiredContextFailed { contexts: failed });
    }
    if !pending.is_empty() {
        reasons.push(Reason::RequiredContextPending { contexts: pending });
    }
    Finding::against(CheckName::RequiredContexts, verdict, found, wanted, reasons)
}

/// A name may be reported by several: all must be green, so the worst one counts. GitHub ignores the case of contexts.
fn worst_by_name(reported: &[ContextState]) -> BTreeMap<String, &ContextState> {
    let mut worst: BTreeMap<String, &ContextState> = BTreeMap::new();
    for context in reported {
        let entry = worst.entry(context.name.to_lowercase()).or_insert(context);
        if context.verdict > entry.verdict {
            *entry = context;
        }
    }
    worst
}

fn distinct(names: &[String]) -> impl Iterator<Item = &String> {
    names
        .iter()
        .enumerate()
        .filter(|(index, name)| {
            !names[..*index]
                .iter()
                .any(|earlier| earlier.to_lowercase() == name.to_lowercase())
        })
        .map(|(_, name)| name)
}

fn finding(name: &str, state: &str) -> ContextFinding {
    ContextFinding {
        name: kept(name),
        state: kept(state),
    }
}
