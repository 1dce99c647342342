//! The decision: a pure function of a deployment, the facts gathered for it, and the rules.

use crate::domain::deployment::{Deployment, Order};
use crate::domain::lock::LockTask;
use crate::domain::reason::Reason;
use crate::domain::warrant::Forced;
use crate::policy::checks::{Finding, deployer, force, history, lane, lock, required_contexts};
use crate::policy::decision::{Check, CheckName, CheckVerdict, Decision, Verdict};
use crate::policy::facts::Facts;
use crate::policy::needs::Examined;
use crate::policy::rules::{EnvironmentRules, LaneOrder, Rules};
use crate::policy::who::{self, Asked};

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
        warrant: None,
        forced: None,
        command: None,
    };
    if let (Some(environment), Some(order)) = (open, decision.order.clone()) {
        let place = Open {
            deployment,
            order: &order,
            facts,
            environment,
            known_apps: &rules.known_apps,
        };
        match first.command {
            Some(task) => decide_command(&mut decision, &place, task),
            None => decide_open(&mut decision, &place),
        }
    } else {
        decision.verdict = verdict(&decision.checks);
        skip_the_rest(&mut decision.checks);
    }
    if decision.verdict != Verdict::Ignore {
        look_back(&mut decision, deployment, facts);
    }
    decision
}

/// A deployment whose own words settle nothing, with everything that does.
struct Open<'a> {
    deployment: &'a Deployment,
    order: &'a Order,
    facts: &'a Facts,
    environment: &'a EnvironmentRules,
    known_apps: &'a [String],
}

impl Open<'_> {
    /// Who asks, and whether they may what they ask for.
    fn people(&self) -> People {
        let who = &self.facts.who;
        let asked = who::asked(self.deployment, self.order, who);
        let deployer = deployer::deployer(&asked, self.environment, &who.memberships);
        let force = deployer::force(&asked, self.environment, &who.memberships);
        let force_unsaid = force
            .as_ref()
            .is_some_and(|force| force.check.verdict == CheckVerdict::Held);
        let may_force = force.as_ref().is_some_and(|force| force.value.is_some());
        People {
            findings: [deployer, force].into_iter().flatten().collect(),
            warrant: match &asked {
                Asked::For(warrant) => Some(warrant.nonce.clone()),
                Asked::By(_) | Asked::Unknown { .. } => None,
            },
            force_unsaid,
            forced_by: may_force
                .then(|| asked.actor().map(|actor| actor.answers_as().to_owned()))
                .flatten(),
        }
    }
}

/// What is to be said of who asks.
struct People {
    findings: Vec<Finding<()>>,
    /// What proves it.
    warrant: Option<String>,
    /// Whether somebody wants it to pass what others have to wait for, and GitHub does not say now whether they may.
    force_unsaid: bool,
    /// Who makes it pass what others have to wait for, where somebody does who may.
    forced_by: Option<String>,
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
    decision.forced = None;
    decision.command = None;
}

/// A command on our own ledger: it needs no place in the lane, and no commit of it is deployed.
fn decide_command(decision: &mut Decision, open: &Open<'_>, task: LockTask) {
    let lock = lock::command(open.deployment, open.order, task, open.facts);
    let lane = Finding::<()>::skipped(CheckName::Lane).check;
    let contexts = Finding::<()>::skipped(CheckName::RequiredContexts).check;
    decision.checks.extend([lane, lock.check, contexts]);
    let people = open.people();
    decision.warrant = people.warrant;
    for mut finding in people.findings {
        // it is done at once or not at all
        if finding.check.verdict == CheckVerdict::Held {
            finding.check.verdict = CheckVerdict::Rejected;
        }
        decision.checks.push(finding.check);
        decision.reasons.extend(finding.reasons);
    }
    decision.reasons.extend(lock.reasons);
    decision.verdict = verdict(&decision.checks);
    decision.command = lock.value.filter(|_| decision.verdict == Verdict::Run);
}

/// What depends on the facts: the lane, the lock, the contexts, who asks.
fn decide_open(decision: &mut Decision, open: &Open<'_>) {
    let Open {
        deployment,
        order,
        facts,
        environment,
        known_apps,
    } = *open;
    let people = open.people();
    decision.warrant = people.warrant;
    // Each plan is a question of its own: a newer one does not answer it.
    let lane = if order.noop { LaneOrder::Fifo } else { environment.lane };
    let lane = lane::check(deployment, &facts.lane, lane);
    let mut lock = lock::check(deployment, order, facts, (environment, known_apps));
    let mut contexts = required_contexts::check(environment.required_contexts.as_deref(), &facts.contexts);
    if let Some(by) = people.forced_by {
        let mut past = force::past_contexts(&mut contexts);
        past.extend(force::past_lock(&mut lock, deployment));
        decision.forced = Some(Forced { by, past });
    } else if people.force_unsaid {
        force::wait_contexts(&mut contexts);
        force::wait_lock(&mut lock, deployment);
    }
    if let Some(Reason::Superseded { by }) = lane.reasons.first() {
        decision.superseded_by = Some(*by);
    }
    decision.passes_lock = lock.value.flatten();
    let mut against: Vec<(CheckVerdict, Vec<Reason>)> = Vec::new();
    let mut made: Vec<Check> = Vec::new();
    for finding in people.findings {
        against.push((finding.check.verdict, finding.reasons));
        made.push(finding.check);
    }
    against.extend([
        (lane.check.verdict, lane.reasons),
        (lock.check.verdict, lock.reasons),
        (contexts.check.verdict, contexts.reasons),
    ]);
    decision.checks.extend([lane.check, lock.check, contexts.check]);
    decision.checks.extend(made);
    // What rejects comes before what holds; a check lists its own reasons in that order already.
    against.sort_by_key(|(verdict, _)| *verdict != CheckVerdict::Rejected);
    decision
        .reasons
        .extend(against.into_iter().flat_map(|(_, reasons)| reasons));
    decision.verdict = verdict(&decision.checks);
    // what does not go on passes nothing
    decision.forced = decision.forced.take().filter(|_| decision.verdict == Verdict::Run);
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
