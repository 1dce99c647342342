//! The decision: a pure function of a deployment, the facts gathered for it, and the rules.

use crate::domain::deployment::Deployment;
use crate::domain::reason::Reason;
use crate::policy::checks::{Finding, history, lane, required_contexts};
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
    };
    if let Some(environment) = open {
        decide_open(&mut decision, deployment, facts, environment);
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
}

/// What depends on the facts: the lane, then the contexts.
fn decide_open(decision: &mut Decision, deployment: &Deployment, facts: &Facts, environment: &EnvironmentRules) {
    // Each plan is a question of its own: a newer one does not answer it.
    let plan = decision.order.as_ref().is_some_and(|order| order.noop);
    let lane = if plan { LaneOrder::Fifo } else { environment.lane };
    let lane = lane::check(deployment, &facts.lane, lane);
    let contexts = required_contexts::check(environment.required_contexts.as_deref(), &facts.contexts);
    if let Some(Reason::Superseded { by }) = lane.reasons.first() {
        decision.superseded_by = Some(*by);
    }
    decision.checks.extend([lane.check, contexts.check]);
    // A check lists what rejects before what holds, and only the contexts can do both.
    decision
        .reasons
        .extend(lane.reasons.into_iter().chain(contexts.reasons));
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
fn verdict(checks: &[Check]) -> Verdict {
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
