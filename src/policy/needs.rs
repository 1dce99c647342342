//! What must be gathered before a deployment can be decided on: nothing, where its own words already settle it.

use crate::domain::actor::Named;
use crate::domain::deployment::{Deployment, Order};
use crate::domain::lock::LockTask;
use crate::domain::reason::Reason;
use crate::policy::checks::environment::Target;
use crate::policy::checks::{Finding, environment, foreign, hosts, repository, required_contexts, room, source, task};
use crate::policy::decision::{Check, CheckVerdict};
use crate::policy::facts::{Own, WhoFacts};
use crate::policy::rules::{EnvironmentRules, Rules};
use crate::policy::who::{self, Asked};

/// What the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// What would be done: it names the lane and the commit to ask about.
    pub order: Option<Order>,
    /// Commit statuses and check runs.
    pub contexts: bool,
    /// The runs of the lane, and the lock of its environment.
    pub lane: bool,
    /// What happened before, where the deployment came late: it is ours.
    pub history: bool,
    /// What the ledger knows of who asked.
    pub warrant: bool,
}

/// What must be asked of GitHub about people before a deployment can be decided on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeopleNeeds {
    /// As whom we make deployments.
    pub own: bool,
    /// Who is in which team: those that could decide it.
    pub teams: Vec<(Named, String)>,
}

/// What must be asked about people, in the light of what is known of them already: without a warrant, or before we know who we
/// are, less is asked.
#[must_use]
pub fn people(deployment: &Deployment, rules: &Rules, who: &WhoFacts) -> PeopleNeeds {
    let first = Examined::of(deployment, rules);
    let (Some(environment), Some(order)) = (first.open_question(), &first.order) else {
        return PeopleNeeds::default();
    };
    let warrant = who.warrant.as_ref();
    if !who::matters(environment, warrant) {
        return PeopleNeeds::default();
    }
    if warrant.is_some() && who.own == Own::NotNeeded {
        return PeopleNeeds {
            own: true,
            teams: Vec::new(),
        };
    }
    let asked = who::asked(deployment, order, who);
    let force = matches!(asked, Asked::For(warrant) if warrant.force);
    PeopleNeeds {
        own: false,
        teams: asked
            .actor()
            .map(|actor| who::to_ask(environment, actor, force))
            .unwrap_or_default(),
    }
}

/// What must be gathered for this deployment.
#[must_use]
pub fn needs(deployment: &Deployment, rules: &Rules) -> Needs {
    let first = Examined::of(deployment, rules);
    let ignored = |check: &Check| check.verdict == CheckVerdict::Ignored;
    let history = !first.checks.iter().any(ignored);
    match first.open_question() {
        Some(environment) => Needs {
            history,
            contexts: first.command.is_none() && required_contexts::matter(environment.required_contexts.as_deref()),
            lane: true,
            warrant: deployment.nonce().is_some(),
            order: first.order,
        },
        None => Needs {
            history,
            order: first.order,
            contexts: false,
            lane: false,
            warrant: false,
        },
    }
}

/// The checks that need nothing but the deployment and the rules.
#[derive(Debug)]
pub(crate) struct Examined<'r> {
    pub(crate) checks: Vec<Check>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) order: Option<Order>,
    pub(crate) command: Option<LockTask>,
    environment: Option<&'r EnvironmentRules>,
}

impl<'r> Examined<'r> {
    pub(crate) fn of(deployment: &Deployment, rules: &'r Rules) -> Self {
        let mut examined = Self {
            checks: Vec::new(),
            reasons: Vec::new(),
            order: None,
            command: None,
            environment: None,
        };
        let ours = examined.take(foreign::check(deployment, rules));
        let apps = examined.take(repository::check(deployment, rules));
        let (Some(()), Some(apps)) = (ours, apps) else {
            return examined;
        };
        let target = examined.take(environment::check(deployment, &apps));
        let task = examined.take(task::check(deployment, target));
        let git_ref = examined.take(source::git_ref(deployment));
        let sha = examined.take(source::sha(deployment));
        let hosts = examined.take(hosts::check(deployment, target));
        examined.take(room::check(deployment, target));
        examined.environment = target.map(|target| target.environment);
        if let (Some(Target { app, environment }), Some(task), Some(git_ref), Some(sha), Some(hosts)) =
            (target, task, git_ref, sha, hosts)
        {
            examined.command = task.command;
            let app = app.app.clone();
            let environment = environment.name.clone();
            examined.order = Some(Order {
                app,
                environment,
                sha,
                git_ref,
                task: task.task,
                hosts,
                noop: task.noop,
            });
        }
        examined
    }

    /// The environment, unless the answer is known already.
    pub(crate) fn open_question(&self) -> Option<&'r EnvironmentRules> {
        let settled = self
            .checks
            .iter()
            .any(|check| matches!(check.verdict, CheckVerdict::Ignored | CheckVerdict::Rejected));
        self.environment.filter(|_| !settled)
    }

    fn take<T>(&mut self, finding: Finding<T>) -> Option<T> {
        self.checks.push(finding.check);
        self.reasons.extend(finding.reasons);
        finding.value
    }
}
