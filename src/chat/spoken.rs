//! A command as one would type it: what [`crate::chat::grammar::parse`] reads back.

use std::fmt;

use crate::chat::command::{Command, Deploy, Lock};
use crate::chat::target::Target;
use crate::domain::lock::Otherwise;

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy(deploy) => deployment(f, &deploy.task, deploy),
            Self::Plan(deploy) if deploy.task == "deploy" => deployment(f, "plan", deploy),
            Self::Plan(deploy) => deployment(f, &format!("{}:plan", deploy.task), deploy),
            Self::Rollback { target, to } => {
                f.write_str("rollback")?;
                place(f, target)?;
                to.as_ref().map_or(Ok(()), |to| write!(f, " to {}", word(to)))
            }
            Self::Retry { target } => about(f, "retry", Some(target)),
            Self::Cancel { target, reason } => {
                about(f, "cancel", Some(target))?;
                because(f, reason.as_deref())
            }
            Self::Status { target } => about(f, "status", target.as_ref()),
            Self::Queue { target } => about(f, "queue", target.as_ref()),
            Self::Why { target } => about(f, "why", Some(target)),
            Self::Log { target } => about(f, "log", Some(target)),
            Self::Diff { target } => about(f, "diff", Some(target)),
            Self::Deploys { target } => about(f, "deploys", Some(target)),
            Self::Where { app } => write!(f, "where can i deploy {}", word(app)),
            Self::Builds { target } => about(f, "builds", Some(target)),
            Self::Contains { sha } => write!(f, "contains {sha}"),
            Self::Lock(asked) => lock(f, asked),
            Self::Unlock { app, environments } => {
                write!(f, "unlock {}", word(app))?;
                list(f, environments)
            }
            Self::UnlockAll => f.write_str("unlock all"),
            Self::Locks { app: None } => f.write_str("locks"),
            Self::Locks { app: Some(app) } => write!(f, "locks {}", word(app)),
            Self::Help { about: None } => f.write_str("help"),
            Self::Help { about: Some(about) } => write!(f, "help {}", word(about)),
            Self::Version => f.write_str("version"),
        }
    }
}

fn deployment(f: &mut fmt::Formatter<'_>, verb: &str, deploy: &Deploy) -> fmt::Result {
    let force = if deploy.force { "!" } else { "" };
    write!(f, "{verb}{force} {}", subject(&deploy.target))?;
    if let Some(environment) = &deploy.target.environment {
        write!(f, " to {}", word(environment))?;
    }
    deploy.code.as_ref().map_or(Ok(()), |code| write!(f, " {code}"))
}

fn about(f: &mut fmt::Formatter<'_>, verb: &str, target: Option<&Target>) -> fmt::Result {
    f.write_str(verb)?;
    target.map_or(Ok(()), |target| place(f, target))
}

fn place(f: &mut fmt::Formatter<'_>, target: &Target) -> fmt::Result {
    write!(f, " {}", subject(target))?;
    let environment = target.environment.as_ref();
    environment.map_or(Ok(()), |environment| write!(f, " {}", word(environment)))
}

fn lock(f: &mut fmt::Formatter<'_>, asked: &Lock) -> fmt::Result {
    let verb = match asked.otherwise {
        Otherwise::Refuse => "lock",
        Otherwise::Steal => "lock!",
        Otherwise::Wait => "wait for",
    };
    write!(f, "{verb} {}", word(&asked.app))?;
    list(f, &asked.environments)?;
    if let Some(length) = asked.length {
        write!(f, " for {length}")?;
    }
    because(f, asked.reason.as_deref())
}

fn list(f: &mut fmt::Formatter<'_>, environments: &[String]) -> fmt::Result {
    let mut all = environments.iter();
    all.try_for_each(|environment| write!(f, " {}", word(environment)))
}

fn because(f: &mut fmt::Formatter<'_>, reason: Option<&str>) -> fmt::Result {
    reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))
}

fn subject(target: &Target) -> String {
    match &target.git_ref {
        Some(git_ref) => word(&format!("{}/{git_ref}", target.app)),
        None => word(&target.app),
    }
}

/// A name with spaces goes into quotation marks, which work at a terminal too.
fn word(name: &str) -> String {
    if name.chars().any(char::is_whitespace) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

impl Command {
    /// The same command about another app, or another environment; none where it names none.
    #[must_use]
    pub fn about(&self, app: Option<&str>, environment: Option<&str>) -> Option<Self> {
        let mut command = self.clone();
        match &mut command {
            Self::Deploy(Deploy { target, .. })
            | Self::Plan(Deploy { target, .. })
            | Self::Rollback { target, .. }
            | Self::Retry { target }
            | Self::Cancel { target, .. }
            | Self::Why { target }
            | Self::Log { target }
            | Self::Diff { target }
            | Self::Deploys { target }
            | Self::Builds { target }
            | Self::Status { target: Some(target) }
            | Self::Queue { target: Some(target) } => {
                if let Some(app) = app {
                    app.clone_into(&mut target.app);
                }
                if let Some(environment) = environment {
                    target.environment = Some(environment.to_owned());
                }
            }
            Self::Lock(Lock {
                app: named,
                environments,
                ..
            })
            | Self::Unlock {
                app: named,
                environments,
            } => {
                if let Some(app) = app {
                    app.clone_into(named);
                }
                match (environment, environments.as_slice()) {
                    (Some(environment), [] | [_]) => *environments = vec![environment.to_owned()],
                    // which of them is not known
                    (Some(_), _) => return None,
                    (None, _) => {}
                }
            }
            Self::Where { app: named } | Self::Locks { app: Some(named) } => {
                app?.clone_into(named);
            }
            Self::Status { target: None }
            | Self::Queue { target: None }
            | Self::Locks { app: None }
            | Self::Contains { .. }
            | Self::UnlockAll
            | Self::Help { .. }
            | Self::Version => return None,
        }
        Some(command)
    }
}

#[cfg(test)]
mod tests;
