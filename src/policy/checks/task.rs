//! Whether the task may be asked for: its form first, because tools read options and settings in its place.

use crate::domain::deployment::Deployment;
use crate::domain::names::{TaskName, shown};
use crate::domain::reason::Reason;
use crate::policy::checks::environment::Target;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::CheckName;

/// Without a target only the form is judged: there is no list to compare with.
pub(crate) fn check(deployment: &Deployment, target: Option<Target<'_>>) -> Finding<TaskName> {
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
        return Finding::passed(CheckName::Task, found, "a task name".to_owned(), task);
    };
    let wanted = format!("one of {}", listed(environment.tasks.iter().map(TaskName::as_str)));
    if environment.tasks.contains(&task) {
        return Finding::passed(CheckName::Task, found, wanted, task);
    }
    let reason = Reason::TaskNotAllowed {
        found: task.to_string(),
        allowed: environment.tasks.iter().map(TaskName::to_string).collect(),
    };
    Finding::rejected(CheckName::Task, found, wanted, reason)
}
