//! Why something that was asked for in chat, or in a comment, is not done.

use crate::domain::clock::Timestamp;
use crate::domain::conversation::Reply;
use crate::domain::names::shown;
use crate::domain::run::Run;
use crate::report::outlook::{Outlook, waiting};
use crate::report::words::{commit, person, plain, quoted, sha8};

/// Whoever may not push to a repository may not deploy it from a pull request either.
#[must_use]
pub fn may_not_write(login: &str) -> String {
    format!(
        "{} may not: commands here are for people with write permission on the repository",
        person(login)
    )
}

/// Whoever is signed in to the pages may look at an app, and no more.
#[must_use]
pub fn may_only_look(app: &str) -> String {
    format!(
        "you may look at {}, and no more: `deployers` of the configuration names who may deploy it, or whoever may push to its \
         repository may",
        quoted(app)
    )
}

/// What a closed pull request is asked for, it is asked for in vain.
#[must_use]
pub fn pull_request_closed() -> String {
    "this pull request is closed; `chima deploy` in chat or at the terminal deploys any ref".to_owned()
}

/// A fork's branch is anybody's.
#[must_use]
pub fn from_a_fork() -> String {
    "the branch is in another repository, and whoever owns that decides what it is; push it to a branch here, and ask there".to_owned()
}

/// Nobody can tell what was meant.
#[must_use]
pub fn head_unknown() -> String {
    "somebody pushed while this was written, and nobody can tell which commit is meant; look at it, then ask again"
        .to_owned()
}

/// It took too long to get there.
#[must_use]
pub fn too_late() -> Reply {
    let text = "this could not be looked at when it was written, and may not be wanted any more; ask again";
    Reply::refused("too_late", text.to_owned())
}

/// The ledger was put in the place of a newer one since, which may have done it.
#[must_use]
pub fn restored() -> Reply {
    let text =
        "Chima was restored from a backup after this was written, and may have done it before; look, then ask again";
    Reply::refused("restored", text.to_owned())
}

/// GitHub did not answer or refused, and nothing was changed. `status`: of its answer.
#[must_use]
pub fn nothing_done(error: &str, status: Option<u16>) -> String {
    let who = match status {
        Some(401) => "; GitHub does not accept Chima's login: an operator can run `chima doctor`",
        Some(403) => "; an operator can run `chima doctor`",
        Some(404) => {
            "; Chima may not see the repository: an operator can look whether its App is installed there (`chima doctor`)"
        }
        Some(_) | None => "",
    };
    format!("{}; nothing was done{who}", plain(error))
}

/// GitHub did not answer, and may have made a deployment.
#[must_use]
pub fn unsettled(error: &str) -> String {
    format!(
        "{}; it may have made the deployment all the same: if it did, `queue` lists it within a minute; if not, ask again",
        plain(error)
    )
}

/// What has not ended is not repeated.
#[must_use]
pub fn not_over(run: &Run, now: Timestamp) -> String {
    format!(
        "the last one has not ended: {}; `cancel {}` stops it",
        waiting(&Outlook::of(run.clone()), now),
        run.id
    )
}

/// There is nothing that could be undone.
#[must_use]
pub fn nothing_to_roll_back(app: &str, environment: &str) -> String {
    format!(
        "nothing was ever deployed to {} of {}",
        quoted(environment),
        quoted(app)
    )
}

/// There is nothing to go back to.
#[must_use]
pub fn nothing_before((app, environment): (&str, &str), current: &Run) -> String {
    format!(
        "{} of {} never ran anything but {}, as far as is remembered",
        quoted(environment),
        quoted(app),
        commit(&current.sha, &current.git_ref)
    )
}

/// What is to be gone back to was never there.
#[must_use]
pub fn never_ran((app, environment): (&str, &str), to: &str) -> String {
    format!(
        "{} of {} never ran {}, as far as is remembered; `deploys {app} in {environment}` lists what it ran, and `deploy {app}/{}` \
         deploys anything",
        quoted(environment),
        quoted(app),
        quoted(to),
        shown(to)
    )
}

/// There is no such ref.
#[must_use]
pub fn no_ref(git_ref: &str) -> String {
    format!(
        "there is no branch, tag or commit {}; push it, or name another",
        quoted(git_ref)
    )
}

/// A ref is not what it was when somebody looked at it.
#[must_use]
pub fn ref_moved(git_ref: &str, from: &str, to: &str) -> String {
    format!(
        "{} moved from {} to {} meanwhile, and nothing was asked for; look at what would happen now, then ask again",
        quoted(git_ref),
        quoted(&sha8(from)),
        quoted(&sha8(to))
    )
}

/// No repository has the commit.
#[must_use]
pub fn no_commit(sha: &str) -> String {
    format!("no configured repository has a commit {}", quoted(sha))
}
