//! What is offered beside an answer: the commands that clear what stands in the way.

use crate::chat::command::{Command, Deploy, Lock};
use crate::chat::offers::{At, again, builds, cancel, careful, log, offer};
use crate::chat::target::Target;
use crate::domain::conversation::{Offer, Reply};
use crate::domain::lock::{Cause, Lock as Held, Otherwise, Place};
use crate::domain::person::Person;
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::flow::chat::{Conversation, Spot};
use crate::report::lock::who;

/// Of more tasks none is likelier than another.
const TASKS: usize = 3;

impl Conversation<'_> {
    /// What clears what the policy would refuse.
    pub(super) fn ways_out(&self, reason: &Reason, command: &Command) -> Vec<Offer> {
        if let Reason::Locked { lock } = reason {
            return around(lock);
        }
        if let Reason::TaskNotAllowed { allowed, .. } = reason {
            return with_tasks(command, allowed);
        }
        if let Reason::HostsNotAllowed { .. } | Reason::HostsMalformed { .. } = reason {
            let named = named(command).and_then(|target| self.place(target).ok());
            let whole = named.and_then(|(spot, _)| command.about(None, Some(spot.environment.name.as_str())));
            return whole.map(|whole| offer("All hosts", &whole)).into_iter().collect();
        }
        if let Reason::RequiredContextFailed { .. } | Reason::RequiredContextPending { .. } = reason {
            return on_contexts(command);
        }
        // by other words, or by somebody who may change the configuration
        Vec::new()
    }

    /// A refusal of GitHub's, with what may help.
    pub(super) fn offering(&self, reply: Reply, command: &Command) -> Reply {
        if reply.ok || !reply.offers.is_empty() {
            return reply;
        }
        match reply.reason {
            Some("required_context_failed") => reply.offering(on_contexts(command)),
            Some("branch_moves" | "nothing_made" | "merge_conflict") => reply.offering(vec![again(command)]),
            _ => reply,
        }
    }

    /// What one may want to do about a run. `before`: another commit that its environment ran last.
    pub(super) fn next_steps(&self, run: &Run, before: Option<&str>) -> Vec<Offer> {
        let id = run.id.to_string();
        let place = run.order.as_ref().map(|order| order.place());
        let at = place.as_ref().map(of_place);
        match (run.state, &run.reason) {
            (RunState::Failed | RunState::Errored | RunState::Interrupted, _) => {
                at.map(|at| at.after_failure(before)).unwrap_or_default()
            }
            (RunState::Cancelled, _) => at.map(|at| retry(&at)).into_iter().collect(),
            (RunState::Running, _) => vec![log(&id), cancel(&id)],
            (RunState::Queued, _) => vec![cancel(&id)],
            (RunState::Rejected, Some(Reason::Locked { lock })) => around(lock),
            (RunState::Rejected, Some(Reason::RequiredContextFailed { .. })) => {
                let green = at.map(|at| [builds(at.app, Some(&run.git_ref)), retry(&at)]);
                green.map(Vec::from).unwrap_or_default()
            }
            (RunState::Held, Some(Reason::Locked { lock })) => {
                let mut offers = around(lock);
                offers.push(cancel(&id));
                offers
            }
            (RunState::Held, Some(Reason::RequiredContextPending { .. })) => {
                let mut offers: Vec<Offer> = at.map(|at| builds(at.app, Some(&run.git_ref))).into_iter().collect();
                offers.push(cancel(&id));
                offers
            }
            (RunState::Held, _) => vec![cancel(&id)],
            (RunState::Rejected | RunState::Succeeded | RunState::Superseded, _) => Vec::new(),
        }
    }
}

/// An app's environment, as offers name it.
pub(super) fn offer_at(spot: Spot<'_>) -> At<'_> {
    At {
        app: spot.app.name.as_str(),
        environment: spot.environment.name.as_str(),
    }
}

/// Ways around locks that are in the way of another: the same command, in other ways.
pub(super) fn around_locks(by: &Person, locks: &[Held], asked: &Lock) -> Vec<Offer> {
    let same = |otherwise: Otherwise| {
        Command::Lock(Lock {
            otherwise,
            ..asked.clone()
        })
    };
    let others: Vec<String> = locks
        .iter()
        .filter(|lock| !lock.owner.is_called(&by.name))
        .map(|lock| who(&lock.owner))
        .collect();
    match (locks, others.as_slice()) {
        ([lock], []) if lock.lets_its_owner_pass() => {
            let mut offers = of_place(&lock.place).locked_by_self();
            offers.push(offer("Lock it anew", &same(Otherwise::Steal)));
            offers
        }
        ([lock], _) if lock.cause != Cause::Person => around(lock),
        (_, []) => vec![offer("Lock them anew", &same(Otherwise::Steal))],
        (_, [owner, ..]) => {
            let whom = match others.len() {
                1 => owner.clone(),
                more => format!("{more} people"),
            };
            let mut offers = Vec::new();
            if let [_] = locks {
                offers.push(offer("Wait for it", &same(Otherwise::Wait)));
            }
            let caution = format!("this takes a lock from {whom}, who is told");
            offers.push(careful("Take it over", &same(Otherwise::Steal), caution));
            offers
        }
    }
}

/// Ways around a lock that is in the way of a deployment.
fn around(lock: &Held) -> Vec<Offer> {
    let at = of_place(&lock.place);
    let owner = who(&lock.owner);
    match lock.cause {
        Cause::Person => at.locked_by_other(&owner),
        Cause::AfterCancel { .. } => {
            let caution = "unlock it once somebody has looked that nothing runs there any more".to_owned();
            vec![Offer {
                caution: Some(caution),
                ..at.unlock_of(&owner)
            }]
        }
    }
}

fn of_place(place: &Place) -> At<'_> {
    At {
        app: place.app.as_str(),
        environment: place.environment.as_str(),
    }
}

fn retry(at: &At<'_>) -> Offer {
    offer("Retry", &Command::Retry { target: at.target() })
}

fn on_contexts(command: &Command) -> Vec<Offer> {
    let look = named(command).map(|target| builds(&target.app, target.git_ref.as_deref()));
    look.into_iter().chain([again(command)]).collect()
}

fn with_tasks(command: &Command, allowed: &[String]) -> Vec<Offer> {
    let (Command::Deploy(deploy) | Command::Plan(deploy)) = command else {
        return Vec::new();
    };
    let all = allowed.iter().take(TASKS).map(|task| {
        let with = Deploy {
            task: task.clone(),
            ..deploy.clone()
        };
        let command = if matches!(command, Command::Plan(_)) {
            Command::Plan(with)
        } else {
            Command::Deploy(with)
        };
        offer(task, &command)
    });
    all.collect()
}

/// What a command that asks for a deployment is about.
fn named(command: &Command) -> Option<&Target> {
    if let Command::Deploy(deploy) | Command::Plan(deploy) = command {
        return Some(&deploy.target);
    }
    if let Command::Rollback { target, .. } | Command::Retry { target } = command {
        return Some(target);
    }
    None
}
