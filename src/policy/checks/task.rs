//! Whether the task may be asked for: its form first, because tools read options and settings in its place.
//!
//! `deploy:lock` and `deploy:unlock` are commands of Chima, whatever the app's list says.
//! `<task>:plan` asks what `<task>` would do. Where the app itself has a task of that name, it means that one.

use crate::domain::deployment::Deployment;
use crate::domain::lock::LockTask;
use crate::domain::names::{TaskName, shown};
use crate::domain::reason::Reason;
use crate::policy::checks::environment::Target;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::CheckName;

/// Ends a task that is only to be planned.
const PLAN: &str = ":plan";

/// A task that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) task: TaskName,
    /// Whether it is only to be planned.
    pub(crate) noop: bool,
    /// The command on our own ledger that it is.
    pub(crate) command: Option<LockTask>,
}

impl Asked {
    fn new(task: TaskName, noop: bool) -> Self {
        Self {
            task,
            noop,
            command: None,
        }
    }
}

/// Without a target only the form is judged: there is no list to compare with.
pub(crate) fn check(deployment: &Deployment, target: Option<Target<'_>>) -> Finding<Asked> {
    let found = shown(&deployment.task);
    let task: TaskName = match deployment.task.parse() {
        Ok(task) => task,
        Err(invalid) => {
            let reason = Reason::TaskMalformed {
                found: kept(&deployment.task),
                expected: invalid.expected.to_owned(),
            };
            return Finding::rejected(CheckName::Task, found, invalid.expected.to_owned(), reason);
        }
    };
    let Some(Target { environment, .. }) = target else {
        return Finding::passed(
            CheckName::Task,
            found,
            "a task name".to_owned(),
            Asked::new(task, false),
        );
    };
    let wanted = format!("one of {}", listed(environment.tasks.iter().map(TaskName::as_str)));
    if let Some(command) = LockTask::from_name(task.as_str()) {
        let asked = Asked {
            command: Some(command),
            ..Asked::new(task, false)
        };
        return Finding::passed(CheckName::Task, found, "a command of Chima".to_owned(), asked);
    }
    if environment.tasks.contains(&task) {
        return Finding::passed(CheckName::Task, found, wanted, Asked::new(task, false));
    }
    let planned = task.as_str().strip_suffix(PLAN);
    if let Some(task) = environment.tasks.iter().find(|task| Some(task.as_str()) == planned) {
        let task = task.clone();
        return Finding::passed(CheckName::Task, found, wanted, Asked::new(task, true));
    }
    let reason = Reason::TaskNotAllowed {
        found: task.to_string(),
        allowed: environment.tasks.iter().map(TaskName::to_string).collect(),
    };
    Finding::rejected(CheckName::Task, found, wanted, reason)
}
