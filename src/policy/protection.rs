//! The decision about a job of GitHub Actions that waits for our word: the same checks as for a deployment, as far as they make
//! sense where somebody else does the work.
//!
//! `run` means that the job may go on. What is not configured is rejected: somebody switched the rule on for this environment,
//! and a job that waits for ever, or passes because of a typing error, is not what they wanted.

use crate::domain::deployment::{Deployment, Order};
use crate::domain::reason::Reason;
use crate::policy::checks::{Finding, environment, lock, repository, required_contexts, source};
use crate::policy::decide::verdict;
use crate::policy::decision::{Check, CheckName, CheckVerdict, Decision};
use crate::policy::facts::{Facts, LaneFacts};
use crate::policy::needs::Needs;
use crate::policy::rules::{EnvironmentRules, OnLock, Rules};

/// What must be gathered for the decision.
#[must_use]
pub fn needs(deployment: &Deployment, rules: &Rules) -> Needs {
    let examined = Examined::of(deployment, rules);
    Needs {
        contexts: examined.environment.is_some_and(required_by),
        lane: examined.order.is_some(),
        order: examined.order,
        history: false,
        warrant: false,
    }
}

/// Whether every context that has reported must be green, because none are named.
#[must_use]
pub fn all_contexts_count(deployment: &Deployment, rules: &Rules) -> bool {
    let environment = Examined::of(deployment, rules).environment;
    environment.is_some_and(|environment| environment.required_contexts.is_none())
}

/// Decides.
#[must_use]
pub fn decide(deployment: &Deployment, facts: &Facts, rules: &Rules) -> Decision {
    let Examined {
        mut checks,
        mut reasons,
        order,
        environment,
    } = Examined::of(deployment, rules);
    if let (Some(order), Some(environment)) = (&order, environment) {
        // nobody would ask again for a job: it waits
        let patient = EnvironmentRules {
            on_lock: OnLock::Wait,
            ..environment.clone()
        };
        let lane = lane(&facts.lane);
        let lock = lock::check(deployment, order, facts, (&patient, &rules.known_apps));
        let contexts = required_contexts::check(environment.required_contexts.as_deref(), &facts.contexts);
        // a red context ends it, so it comes first
        let mut against = vec![
            (contexts.check.verdict, contexts.reasons),
            (lock.check.verdict, lock.reasons),
            (lane.check.verdict, lane.reasons),
        ];
        against.sort_by_key(|(verdict, _)| *verdict != CheckVerdict::Rejected);
        reasons.extend(against.into_iter().flat_map(|(_, reasons)| reasons));
        checks.extend([lane.check, lock.check, contexts.check]);
    }
    Decision {
        verdict: verdict(&checks),
        reasons,
        checks,
        order,
        position: 0,
        supersedes: Vec::new(),
        superseded_by: None,
        passes_lock: None,
        warrant: None,
        forced: None,
        command: None,
    }
}

fn required_by(environment: &EnvironmentRules) -> bool {
    required_contexts::matter(environment.required_contexts.as_deref())
}

#[derive(Debug)]
struct Examined<'r> {
    checks: Vec<Check>,
    reasons: Vec<Reason>,
    order: Option<Order>,
    environment: Option<&'r EnvironmentRules>,
}

impl<'r> Examined<'r> {
    fn of(deployment: &Deployment, rules: &'r Rules) -> Self {
        let mut examined = Self {
            checks: Vec::new(),
            reasons: Vec::new(),
            order: None,
            environment: None,
        };
        let mut repository = repository::check(deployment, rules);
        if repository.value.is_none() {
            repository.check.verdict = CheckVerdict::Rejected;
        }
        let Some(apps) = examined.take(repository) else {
            return examined;
        };
        let target = examined.take(environment::check(deployment, &apps));
        let sha = examined.take(source::sha(deployment));
        if let (Some(target), Some(sha)) = (target, sha) {
            examined.environment = Some(target.environment);
            // no command gets these two: a form that we would refuse is no reason against a job
            let git_ref = deployment.git_ref.parse().or_else(|_| sha.as_str().parse());
            let task = deployment.task.parse().or_else(|_| "deploy".parse());
            if let (Ok(git_ref), Ok(task)) = (git_ref, task) {
                examined.order = Some(Order {
                    app: target.app.app.clone(),
                    environment: target.environment.name.clone(),
                    sha,
                    git_ref,
                    task,
                    hosts: Vec::new(),
                    noop: false,
                });
            }
        }
        examined
    }

    fn take<T>(&mut self, finding: Finding<T>) -> Option<T> {
        self.checks.push(finding.check);
        self.reasons.extend(finding.reasons);
        finding.value
    }
}

/// A job waits for every run of ours that is in the lane; it takes no place there itself.
fn lane(facts: &LaneFacts) -> Finding<()> {
    let wanted = "no run of Chima's own".to_owned();
    let ahead = facts.waiting.len() + facts.further as usize + usize::from(facts.active.is_some());
    let last = facts.waiting.last().map(|waiting| waiting.run).or(facts.active);
    let Some(behind) = last else {
        return Finding::passed(CheckName::Lane, "none".to_owned(), wanted, ());
    };
    let reason = Reason::LaneBusy {
        position: u32::try_from(ahead + 1).unwrap_or(u32::MAX),
        behind,
    };
    Finding::against(
        CheckName::Lane,
        CheckVerdict::Held,
        format!("{ahead} under way or waiting"),
        wanted,
        vec![reason],
    )
}

#[cfg(test)]
mod tests;
