//! Why an environment is, or is not, deployed by itself now: one sentence, with what to do where a person can do something.

use crate::domain::auto_deploy::{AutoReason, Outcome};
use crate::report::lock::held;
use crate::report::sentence::states;
use crate::report::words::{plain, quoted, sha8};

/// The sentence. Lower case and without a full stop, as the reasons of runs are.
#[must_use]
pub fn sentence(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Asked { deployment } => format!("deployment {deployment} was asked for"),
        Outcome::Waits { reason } => format!("waiting: {}", why(reason)),
        Outcome::Nothing { reason } => why(reason),
        Outcome::Unavailable { detail } => format!("cannot tell now, and looking again soon: {}", plain(detail)),
    }
}

fn why(reason: &AutoReason) -> String {
    match reason {
        AutoReason::ContextsPending { contexts } => format!("{} must be green first", states(contexts)),
        AutoReason::NoContexts => {
            "nothing has been reported about the commit yet; where nothing ever is, set `required_contexts: []`"
                .to_owned()
        }
        AutoReason::UnderWay { deployment, sha } => {
            format!("deployment {deployment} of {} must end first", sha8(sha.as_str()))
        }
        AutoReason::Locked { lock } => format!(
            "{} is {}; nothing goes there by itself until it is unlocked",
            quoted(lock.place.environment.as_str()),
            held(lock)
        ),
        AutoReason::BranchGone { branch } => format!(
            "there is no branch {}; push it, or name another under `auto_deploy`",
            quoted(branch)
        ),
        AutoReason::NothingMerged { branch } => format!("no pull request was merged into {} yet", quoted(branch)),
        AutoReason::MergeUndone { pull_request } => {
            format!("what pull request {pull_request} brought is not on the branch any more; deploy by hand")
        }
        AutoReason::Deployed { deployment } => {
            format!("it is what the environment runs, since deployment {deployment}")
        }
        AutoReason::AskedBefore { deployment, state } => format!(
            "deployment {deployment} was of it already ({}); a commit is deployed once by itself, so deploy it again by hand, or \
             push another",
            plain(state)
        ),
        AutoReason::Behind { deployed } => format!(
            "the environment runs {}, which is ahead of it; nothing goes back by itself",
            sha8(deployed.as_str())
        ),
        AutoReason::Diverged { deployed } => format!(
            "the environment runs {}, which is no part of the branch; deploy by hand once, then it goes on by itself",
            sha8(deployed.as_str())
        ),
        AutoReason::NeverDeployed => {
            "nothing was deployed there yet; deploy by hand once, or wait for the next push or merge".to_owned()
        }
        AutoReason::NoPathChanged { deployed } => {
            format!("no file of `paths` has changed since {}", sha8(deployed.as_str()))
        }
        AutoReason::ContextsFailed { contexts } => {
            format!("{} failed; make it green, or push another commit", states(contexts))
        }
        AutoReason::Refused { detail } => format!("GitHub made no deployment: {}", plain(detail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::ids::{DeploymentId, LockId};
    use crate::domain::lock::{Cause, Lock, Place};
    use crate::domain::person::{Person, Source};
    use crate::domain::reason::ContextFinding;

    fn lock() -> Lock {
        Lock {
            id: LockId::new(ulid::Ulid::from_parts(0, 1)),
            place: Place {
                app: "site".parse().unwrap(),
                environment: "live".parse().unwrap(),
            },
            owner: Person::new(Source::Chat, "mona"),
            reason: None,
            cause: Cause::Person,
            since: Timestamp::UNIX_EPOCH,
            until: None,
        }
    }

    #[test]
    fn every_outcome_is_a_sentence() {
        let contexts = vec![ContextFinding {
            name: "ci".to_owned(),
            state: "pending".to_owned(),
        }];
        let deployment = DeploymentId(7);
        let sha: crate::domain::names::Sha = "a".repeat(40).parse().unwrap();
        let branch = "edge".to_owned();
        let reasons = [
            AutoReason::ContextsPending {
                contexts: contexts.clone(),
            },
            AutoReason::NoContexts,
            AutoReason::UnderWay {
                deployment,
                sha: sha.clone(),
            },
            AutoReason::Locked { lock: Box::new(lock()) },
            AutoReason::BranchGone { branch: branch.clone() },
            AutoReason::NothingMerged { branch },
            AutoReason::MergeUndone { pull_request: 3 },
            AutoReason::Deployed { deployment },
            AutoReason::AskedBefore {
                deployment,
                state: "failure".to_owned(),
            },
            AutoReason::Behind { deployed: sha.clone() },
            AutoReason::Diverged { deployed: sha.clone() },
            AutoReason::NeverDeployed,
            AutoReason::NoPathChanged { deployed: sha },
            AutoReason::ContextsFailed { contexts },
            AutoReason::Refused {
                detail: "Validation Failed".to_owned(),
            },
        ];
        let mut outcomes: Vec<Outcome> = reasons.into_iter().map(Outcome::from).collect();
        outcomes.push(Outcome::Asked { deployment });
        outcomes.push(Outcome::Unavailable {
            detail: "GitHub did not answer".to_owned(),
        });
        let lines: Vec<String> = outcomes
            .iter()
            .map(|outcome| format!("{}: {}", outcome.code(), sentence(outcome)))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        contexts_pending: waiting: `ci` (pending) must be green first
        no_contexts: waiting: nothing has been reported about the commit yet; where nothing ever is, set `required_contexts: []`
        under_way: waiting: deployment 7 of aaaaaaaa must end first
        locked: waiting: `live` is locked by @mona since 1970-01-01 00:00 UTC; nothing goes there by itself until it is unlocked
        branch_gone: there is no branch `edge`; push it, or name another under `auto_deploy`
        nothing_merged: no pull request was merged into `edge` yet
        merge_undone: what pull request 3 brought is not on the branch any more; deploy by hand
        deployed: it is what the environment runs, since deployment 7
        asked_before: deployment 7 was of it already (failure); a commit is deployed once by itself, so deploy it again by hand, or push another
        behind: the environment runs aaaaaaaa, which is ahead of it; nothing goes back by itself
        diverged: the environment runs aaaaaaaa, which is no part of the branch; deploy by hand once, then it goes on by itself
        never_deployed: nothing was deployed there yet; deploy by hand once, or wait for the next push or merge
        no_path_changed: no file of `paths` has changed since aaaaaaaa
        contexts_failed: `ci` (pending) failed; make it green, or push another commit
        refused: GitHub made no deployment: Validation Failed
        asked: deployment 7 was asked for
        unavailable: cannot tell now, and looking again soon: GitHub did not answer
        ");
    }
}
