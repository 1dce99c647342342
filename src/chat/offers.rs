//! What may be said next, as buttons where there are any. Each is a [`Command`], so that each is understood.

use crate::chat::command::{Command, Deploy, Lock};
use crate::chat::target::Target;
use crate::chat::vocabulary::Unknown;
use crate::domain::conversation::Offer;
use crate::domain::lock::Otherwise;
use crate::domain::names::shown;

/// More buttons are a page.
const MOST: usize = 5;

/// A command to say next.
#[must_use]
pub fn offer(label: &str, command: &Command) -> Offer {
    Offer {
        label: label.to_owned(),
        says: command.to_string(),
        caution: None,
    }
}

/// The same, with what is asked before.
#[must_use]
pub fn careful(label: &str, command: &Command, caution: String) -> Offer {
    Offer {
        caution: Some(caution),
        ..offer(label, command)
    }
}

/// An environment of an app, as offers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<'a> {
    /// The app.
    pub app: &'a str,
    /// Its environment.
    pub environment: &'a str,
}

impl At<'_> {
    /// The target of commands about it.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            app: self.app.to_owned(),
            git_ref: None,
            environment: Some(self.environment.to_owned()),
        }
    }

    /// Deploys its default branch.
    #[must_use]
    pub fn deploy(&self) -> Offer {
        let deploy = Command::Deploy(Deploy {
            task: "deploy".to_owned(),
            force: false,
            target: self.target(),
            code: None,
            seen: None,
            called: None,
        });
        offer(&format!("Deploy to {}", self.environment), &deploy)
    }

    /// What did not work is tried once more, or undone.
    #[must_use]
    pub fn after_failure(&self, before: Option<&str>) -> Vec<Offer> {
        let target = self.target();
        let mut offers = vec![offer("Retry", &Command::Retry { target: target.clone() })];
        if let Some(sha) = before {
            offers.push(self.roll_back(sha));
        }
        offers.push(offer("Show the log", &Command::Log { target }));
        offers
    }

    /// Goes back to a commit that it ran.
    #[must_use]
    pub fn roll_back(&self, sha: &str) -> Offer {
        let short: String = sha.chars().take(8).collect();
        let caution = format!("this deploys {} to {} again", shown(&short), self.environment);
        let back = Command::Rollback {
            target: self.target(),
            to: Some(short.clone()),
        };
        careful(&format!("Roll back to {}", shown(&short)), &back, caution)
    }

    /// Somebody else has locked it. `owner` as people read it.
    #[must_use]
    pub fn locked_by_other(&self, owner: &str) -> Vec<Offer> {
        let steal = format!("this takes the lock of {} from {owner}, who is told", self.environment);
        vec![
            offer("Wait for it", &self.lock(Otherwise::Wait)),
            careful("Take it over", &self.lock(Otherwise::Steal), steal),
            self.unlock_of(owner),
        ]
    }

    /// The person who asks has locked it.
    #[must_use]
    pub fn locked_by_self(&self) -> Vec<Offer> {
        vec![offer("Unlock", &self.unlock())]
    }

    /// Gives it free, whoever holds it.
    #[must_use]
    pub fn unlock_of(&self, owner: &str) -> Offer {
        let caution = format!("this unlocks {}, which {owner} has locked", self.environment);
        careful("Unlock", &self.unlock(), caution)
    }

    /// Keeps others out while a ref is tried there.
    #[must_use]
    pub fn keep_for(&self, git_ref: &str) -> Offer {
        let lock = Command::Lock(Lock {
            app: self.app.to_owned(),
            environments: vec![self.environment.to_owned()],
            length: None,
            reason: Some(format!("trying {}", shown(git_ref))),
            otherwise: Otherwise::Refuse,
        });
        offer(&format!("Lock {}", self.environment), &lock)
    }

    fn lock(&self, otherwise: Otherwise) -> Command {
        Command::Lock(Lock {
            app: self.app.to_owned(),
            environments: vec![self.environment.to_owned()],
            length: None,
            reason: None,
            otherwise,
        })
    }

    fn unlock(&self) -> Command {
        Command::Unlock {
            app: self.app.to_owned(),
            environments: vec![self.environment.to_owned()],
        }
    }
}

/// How the contexts of a ref stand.
#[must_use]
pub fn builds(app: &str, git_ref: Option<&str>) -> Offer {
    let target = Target {
        app: app.to_owned(),
        git_ref: git_ref.map(str::to_owned),
        environment: None,
    };
    offer("Show the builds", &Command::Builds { target })
}

/// Stops one run.
#[must_use]
pub fn cancel(run: &str) -> Offer {
    let command = Command::Cancel {
        target: of_run(run),
        reason: None,
    };
    careful("Cancel", &command, format!("this stops run {run}"))
}

/// The log of one run.
#[must_use]
pub fn log(run: &str) -> Offer {
    offer("Show the log", &Command::Log { target: of_run(run) })
}

fn of_run(run: &str) -> Target {
    Target {
        app: run.to_owned(),
        git_ref: None,
        environment: None,
    }
}

/// The same, once more: whatever stood in the way may be gone.
#[must_use]
pub fn again(command: &Command) -> Offer {
    offer("Try again", command)
}

/// What may have been meant by a name that means nothing.
#[must_use]
pub fn meant(unknown: &Unknown, command: &Command) -> Vec<Offer> {
    let said = |app: Option<&str>, environment: Option<&str>| {
        let command = command.about(app, environment)?;
        Some(offer(app.or(environment).unwrap_or_default(), &command))
    };
    match unknown {
        Unknown::App { nearest, .. } => nearest
            .as_deref()
            .and_then(|name| said(Some(name), None))
            .into_iter()
            .collect(),
        Unknown::Environment {
            nearest: Some(name), ..
        } => said(None, Some(name)).into_iter().collect(),
        Unknown::Environment { known, .. } | Unknown::NoEnvironment { known, .. } => {
            let all = known.iter().filter_map(|name| said(None, Some(name)));
            all.take(MOST).collect()
        }
    }
}
