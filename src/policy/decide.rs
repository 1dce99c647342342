//! The decision: a pure function of a deployment, the facts gathered for it, and the rules.

use crate::domain::deployment::{Deployment, Order};
use crate::domain::lock::LockTask;
use crate::domain::reason::Reason;
use crate::policy::checks::{Finding, history, lane, lock, required_contexts};
use crate::policy::decision::{Check, CheckName, CheckVerdict, Decision, Verdict};
use crate::policy::facts::Facts;
use crate::policy::needs::Examined;
use crate::policy::rules::{EnvironmentRules, LaneOrder, Rules};

/// Decides. Every check that can be made is made, so that everything against a deployment is said at once; an ignored one
/// is not judged further.
#[must_use]
pub fn decide(deployment: &Deployment, facts: &Facts, rules: &Rules) -> Decision {
    let first = Examined::of(deployment, rules);
    let open = first.open_question();
    let mut decision = Decision {
        verdict: Verdict::Run,
        reasons: first.reasons,
        checks: first.checks,
        order: first.order,
        position: 0,
        supersedes: Vec::new(),
        superseded_by: None,
        passes_lock: None,
        command: None,
    };
    if let (Some(_), Some(order), Some(task)) = (open, decision.order.clone(), first.command) {
        decide_command(&mut decision, deployment, &order, task, facts);
    } else if let (Some(environment), Some(order)) = (open, decision.order.clone()) {
        decide_open(
            &mut decision,
            deployment,
            &order,
            facts,
            (environment, &rules.known_apps),
        );
    } else {
        decision.verdict = verdict(&decision.checks);
        skip_the_rest(&mut decision.checks);
    }
    if decision.verdict != Verdict::Ignore {
        look_back(&mut decision, deployment, facts);
    }
    decision
}

/// What became of a deployment that came late. It has the last word: what GitHub shows already is never said again.
fn look_back(decision: &mut Decision, deployment: &Deployment, facts: &Facts) {
    let replaceable = decision.order.as_ref().is_some_and(|order| !order.noop);
    let Some(history) = history::check(deployment, &facts.history, replaceable) else {
        return;
    };
    let before = decision.verdict;
    decision.checks.push(history.check);
    decision.verdict = verdict(&decision.checks);
    if decision.verdict == before {
        return;
    }
    if let [Reason::Superseded { by }] = history.reasons[..] {
        decision.superseded_by = Some(by);
    }
    decision.reasons = history.reasons;
    decision.position = 0;
    decision.supersedes.clear();
    decision.command = None;
}

/// A command on our own ledger: it needs no place in the lane, and no commit of it is deployed.
fn decide_command(decision: &mut Decision, deployment: &Deployment, order: &Order, task: LockTask, facts: &Facts) {
    let lock = lock::command(deployment, order, task, facts);
    let lane = Finding::<()>::skipped(CheckName::Lane).check;
    let contexts = Finding::<()>::skipped(CheckName::RequiredContexts).check;
    decision.checks.extend([lane, lock.check, contexts]);
    decision.reasons.extend(lock.reasons);
    decision.command = lock.value;
    decision.verdict = verdict(&decision.checks);
}

/// What depends on the facts: the lane, the lock, the contexts.
fn decide_open(
    decision: &mut Decision,
    deployment: &Deployment,
    order: &Order,
    facts: &Facts,
    (environment, known_apps): (&EnvironmentRules, &[String]),
) {
    // Each plan is a question of its own: a newer one does not answer it.
    let lane = if order.noop { LaneOrder::Fifo } else { environment.lane };
    let lane = lane::check(deployment, &facts.lane, lane);
    let lock = lock::check(deployment, order, facts, (environment, known_apps));
    let contexts = required_contexts::check(environment.required_contexts.as_deref(), &facts.contexts);
    if let Some(Reason::Superseded { by }) = lane.reasons.first() {
        decision.superseded_by = Some(*by);
    }
    decision.passes_lock = lock.value.flatten();
    let mut against = vec![
        (lane.check.verdict, lane.reasons),
        (lock.check.verdict, lock.reasons),
        (contexts.check.verdict, contexts.reasons),
    ];
    decision.checks.extend([lane.check, lock.check, contexts.check]);
    // What rejects comes before what holds; a check lists its own reasons in that order already.
    against.sort_by_key(|(verdict, _)| *verdict != CheckVerdict::Rejected);
    decision
        .reasons
        .extend(against.into_iter().flat_map(|(_, reasons)| reasons));
    decision.verdict = verdict(&decision.checks);
    if let (Verdict::Run, Some(place)) = (decision.verdict, lane.value) {
        decision.position = place.position;
        decision.supersedes = place.supersedes;
        if let Some(behind) = place.behind {
            decision.reasons.push(Reason::LaneBusy {
                position: place.position,
                behind,
            });
        }
    }
}

/// Ignoring is stronger than rejecting, and that than holding.
pub(crate) fn verdict(checks: &[Check]) -> Verdict {
    let any = |wanted| checks.iter().any(|check| check.verdict == wanted);
    if any(CheckVerdict::Ignored) {
        Verdict::Ignore
    } else if any(CheckVerdict::Rejected) {
        Verdict::Reject
    } else if any(CheckVerdict::Held) {
        Verdict::Hold
    } else {
        Verdict::Run
    }
}

fn skip_the_rest(checks: &mut Vec<Check>) {
    let made = checks.len();
    checks.extend(
        CheckName::ALL
            .iter()
            .skip(made)
            .map(|name| Finding::<()>::skipped(*name).check),
    );
}
