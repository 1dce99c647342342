//! What each reason means, who can clear it, and what to do next: the part of a sentence that does not depend on the case.

use chrono::TimeDelta;
use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, LockId, RunId};
use crate::domain::lock::{Cause, Lock, Place};
use crate::domain::person::{Person, Source};
use crate::domain::reason::{ContextFinding, HostFinding, Reason};

/// The entry of one reason code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it means, for the reference.
    pub meaning: &'static str,
    /// Who can clear it.
    pub who: &'static str,
    /// What that person can do. It ends every sentence about the reason.
    pub advice: &'static str,
}

const fn entry(meaning: &'static str, who: &'static str, advice: &'static str) -> Entry {
    Entry { meaning, who, advice }
}

/// The entry of a reason. A new reason does not compile until it has one.
#[must_use]
pub fn entry_of(reason: &Reason) -> Entry {
    match reason {
        Reason::ForeignWorkflow => entry(
            "a job of GitHub Actions made the deployment for itself",
            "nobody",
            "nothing to do, such deployments are left alone",
        ),
        Reason::ForeignApp { .. } => entry(
            "a GitHub App that Chima was not told about made the deployment",
            "an operator",
            "an operator can name the App in the configuration if its deployments are meant for Chima",
        ),
        Reason::RepositoryNotConfigured { .. } => entry(
            "no app of the configuration names the repository",
            "an operator",
            "an operator can add an app for it under `apps`",
        ),
        Reason::EnvironmentUnknown { .. } => entry(
            "the repository is configured, the environment is not",
            "the requester, or an operator",
            "ask again with a configured one, or have an operator add it under `environments`",
        ),
        Reason::EnvironmentMalformed { .. } => entry(
            "the text is not a name that an environment can have",
            "the requester",
            "ask again with a configured environment",
        ),
        Reason::TaskMalformed { .. } => entry(
            "the text is not a name that a task can have",
            "the requester",
            "ask again with a task of that form",
        ),
        Reason::TaskNotAllowed { .. } => entry(
            "the task is not among the app's `tasks`",
            "the requester, or an operator",
            "ask again with an allowed one, or have an operator add it to `tasks`",
        ),
        Reason::RefMalformed { .. } => entry(
            "the ref is not of a form that is safe to hand to a command",
            "the requester",
            "rename the branch or tag, or ask again with the full SHA as the ref",
        ),
        Reason::ShaMalformed { .. } => entry(
            "the deployment does not name a full commit id",
            "the requester",
            "ask again with a branch, a tag or a full SHA as the ref",
        ),
        Reason::HostsMalformed { .. } => entry(
            "a host in the payload is not of a host's form",
            "the requester",
            "ask again with host names, or without hosts for all of them",
        ),
        Reason::HostsNotAllowed { .. } => entry(
            "the payload names hosts that the environment does not declare",
            "the requester, or an operator",
            "ask again without hosts or with declared ones, or have an operator declare them",
        ),
        Reason::RoomNotAllowed { .. } => entry(
            "the request came from a chat room that may not deploy this",
            "the requester, or an operator",
            "ask again from an allowed room, or have an operator add this one to `allowed_rooms`",
        ),
        Reason::DeployerNotAllowed { .. } => entry(
            "whoever asked is none of those who may deploy this",
            "one of those, or an operator",
            "ask one of them; an operator can add somebody to `deployers`, or link a chat user to a GitHub login under `people`",
        ),
        Reason::ForceNotAllowed { .. } => entry(
            "whoever asked may not make it pass what others have to wait for",
            "an admin, or an operator",
            "ask without `!`, or ask an admin; an operator names those who may force with `admins`",
        ),
        Reason::RequiredContextFailed { .. } => entry(
            "a required commit status or check run is red",
            "whoever can make it green",
            "whoever can make it green does so, then deploy again",
        ),
        Reason::RequiredContextPending { .. } => entry(
            "a required commit status or check run is not green yet, or was never reported",
            "nobody, or whoever runs the checks",
            "it goes on by itself once they are green; if one never starts, whoever runs the checks can look",
        ),
        Reason::FactsUnavailable { .. } => entry(
            "GitHub could not tell what the decision needs to know",
            "nobody, or an operator",
            "it is tried again by itself; if it stays, an operator can check GitHub's status and the permissions",
        ),
        Reason::Superseded { .. } => entry(
            "a newer deployment of the same environment took its place",
            "the requester",
            "nothing to do; to go back to this commit, deploy it again",
        ),
        Reason::AlreadyReported { .. } => entry(
            "it came late, and GitHub shows already how it ended, or that somebody else is at work on it",
            "nobody",
            "nothing to do, it is left alone; to deploy the commit, deploy it again",
        ),
        Reason::OutcomeUnknown { .. } => entry(
            "it came late, GitHub shows a status of ours that is not the last, and the ledger knows nothing of it: it may have run",
            "the requester",
            "look at what runs in the environment, then deploy again",
        ),
        Reason::AskedTooLongAgo { .. } => entry(
            "it was missed, and found only when it was more than a day old",
            "the requester",
            "deploy again if it is still wanted",
        ),
        Reason::Locked { .. } => entry(
            "somebody else has locked the environment",
            "the owner of the lock; or anybody, with `chima unlock`, and the owner is told",
            "ask the owner, or unlock it (`chima unlock`); what is held then goes on by itself, else deploy again",
        ),
        Reason::AlreadyLocked { .. } => entry(
            "a deployment was to lock an environment that is locked already",
            "the owner of the lock; or anybody, with `chima unlock`, and the owner is told",
            "ask the owner; whoever must can take it over with `chima lock --steal`, or wait for it with `--wait`",
        ),
        Reason::NotLocked { .. } => entry(
            "a deployment was to unlock an environment that is not locked",
            "nobody",
            "nothing to do; `chima locks` lists what is locked",
        ),
        Reason::LaneBusy { .. } => entry(
            "other runs of the same environment come first",
            "nobody",
            "it starts by itself when its turn comes",
        ),
        Reason::ExitCode { .. } => entry(
            "a command ended with a code other than 0",
            "whoever maintains the deployment's commands",
            "read the log, fix the cause, then deploy again",
        ),
        Reason::HostsFailed { .. } => entry(
            "hosts failed, or could not be reached",
            "whoever maintains the deployment's commands, or an operator",
            "read the log, fix what failed on those hosts or how they are reached, then deploy again",
        ),
        Reason::NoHosts { .. } => entry(
            "the tool did nothing on any host: none matched, or nothing was to be done there",
            "whoever maintains the inventory",
            "look at the inventory and at what narrows it (hosts, limit, tags), then deploy again",
        ),
        Reason::HostsUnmatched { .. } => entry(
            "hosts were asked for that the tool does not know; the rest was deployed to",
            "the requester, or whoever maintains the inventory",
            "correct the hosts or the inventory, then deploy again",
        ),
        Reason::ResultsMissing { .. } => entry(
            "the tool ended with code 0, but did not say how it went on its hosts",
            "an operator",
            "read the log and look at the hosts before anyone deploys again",
        ),
        Reason::FileMissing { .. } => entry(
            "something that the configuration names is not in the commit",
            "whoever maintains the repository, or an operator",
            "add it to the repository, or have an operator correct `with`, then deploy again",
        ),
        Reason::NotDone { .. } => entry(
            "a person was to do it, and says that it could not be done",
            "the requester",
            "deploy again when what stood in the way is gone",
        ),
        Reason::Signalled { .. } => entry(
            "a command was ended by a signal that Chima did not send",
            "an operator",
            "read the log; an operator can look for who sent it or for a lack of memory, then deploy again",
        ),
        Reason::TimedOut { .. } => entry(
            "a command ran longer than the environment allows",
            "whoever maintains the deployment's commands, or an operator",
            "read the log, then deploy again, or have an operator raise `timeout_seconds`",
        ),
        Reason::Inactive { .. } => entry(
            "a command printed nothing for longer than its provider allows",
            "whoever maintains the deployment's commands, or an operator",
            "read the log for what it waits for, or have an operator raise `inactivity_seconds` of the provider",
        ),
        Reason::CommandNotStarted { .. } => entry(
            "a command could not be started",
            "an operator",
            "an operator can install the program where the worker runs, or correct the provider, then deploy again",
        ),
        Reason::CheckoutFailed { .. } => entry(
            "the commit could not be fetched or checked out",
            "an operator",
            "an operator can check the remote and its credentials, then deploy again",
        ),
        Reason::NoRoom { .. } => entry(
            "the disk has too little room for a checkout",
            "an operator",
            "an operator can make room below `data_dir`, or change `disk` in the configuration, then deploy again",
        ),
        Reason::ShaMismatch { .. } => entry(
            "what was checked out is not the deployment's commit",
            "an operator",
            "an operator can look at the checkout before anyone deploys again",
        ),
        Reason::Interrupted { .. } => entry(
            "the process that carried out the run is gone without a result",
            "the requester",
            "look at what it left on the target, then deploy again",
        ),
        Reason::Restored { .. } => entry(
            "the ledger was restored from a backup in which the run had not ended, and GitHub shows no end of it: it may have run since",
            "the requester",
            "look at what runs in the environment, then deploy again",
        ),
        Reason::Cancelled { .. } => entry("a person stopped it", "the requester", "deploy again when it is wanted"),
        Reason::HoldExpired { .. } => entry(
            "it was held until its time was up",
            "whoever can clear what it waited for",
            "clear what it waited for, then deploy again",
        ),
        Reason::ConfigurationChanged { .. } => entry(
            "the configuration changed under a waiting run",
            "the requester",
            "deploy again under the present configuration",
        ),
        Reason::ConfigurationUnusable { .. } => entry(
            "what the configuration says about the environment cannot be carried out",
            "an operator",
            "an operator can correct the configuration and start Chima again, then deploy again",
        ),
        Reason::AttemptsExhausted { .. } => entry(
            "the run took its worker down again and again",
            "an operator",
            "an operator can read the worker's log, then deploy again",
        ),
    }
}

/// One of each reason, in the order of their declaration: for the reference and for tests.
#[must_use]
pub fn examples() -> Vec<Reason> {
    let text = str::to_owned;
    let texts = |items: &[&str]| items.iter().copied().map(str::to_owned).collect::<Vec<_>>();
    let context = |name: &str, state: &str| ContextFinding {
        name: text(name),
        state: text(state),
    };
    let mut all = vec![
        Reason::ForeignWorkflow,
        Reason::ForeignApp {
            app: text("github-pages"),
        },
        Reason::RepositoryNotConfigured {
            repository: text("octo/hello"),
        },
        Reason::EnvironmentUnknown {
            found: text("prod"),
            configured: texts(&["production", "staging"]),
        },
        Reason::EnvironmentMalformed {
            found: text("prod!"),
            expected: text("one of production, staging"),
        },
        Reason::TaskMalformed {
            found: text("deploy now"),
            expected: text("1 to 100 letters, digits, `_`, `:` and `-`, starting with a letter"),
        },
        Reason::TaskNotAllowed {
            found: text("deploy:seed"),
            allowed: texts(&["deploy", "deploy:migrate"]),
        },
        Reason::RefMalformed {
            found: text("my branch"),
            expected: text("1 to 255 letters, digits and `. _ / + # @ = , -`, starting with a letter, digit or `_`"),
        },
        Reason::ShaMalformed {
            found: text("4f3c2b1a"),
            expected: text("40 or 64 lower-case hexadecimal digits"),
        },
        Reason::HostsMalformed {
            found: text("web 1"),
            expected: text("1 to 253 letters, digits, `.`, `_` and `-`, starting with a letter or digit"),
        },
        Reason::HostsNotAllowed {
            found: texts(&["web9"]),
            allowed: texts(&["web1", "web2"]),
        },
        Reason::RoomNotAllowed {
            found: text("random"),
            allowed: texts(&["deployment"]),
        },
        Reason::DeployerNotAllowed {
            found: text("Lisa"),
            entry: text("slack:U024BE7LH"),
            allowed: texts(&["mona", "octo/web"]),
        },
        Reason::ForceNotAllowed {
            found: text("lisa"),
            entry: text("lisa"),
            admins: texts(&["mona"]),
        },
        Reason::RequiredContextFailed {
            contexts: vec![context("ci/build", "failure")],
        },
        Reason::RequiredContextPending {
            contexts: vec![context("ci/build", "pending"), context("security", "missing")],
        },
        Reason::FactsUnavailable {
            detail: text("GitHub answered 502"),
        },
        Reason::Superseded { by: DeploymentId(1235) },
        Reason::AlreadyReported { state: text("success") },
        Reason::OutcomeUnknown {
            state: text("in_progress"),
        },
        Reason::AskedTooLongAgo { age_seconds: 180_000 },
    ];
    all.extend(about_locks());
    all.extend([
        Reason::LaneBusy {
            position: 2,
            behind: RunId::new(Ulid::from_parts(0, 1)),
        },
        Reason::ExitCode {
            step: text("deploy"),
            exit_code: 2,
            cause: Some(text("there is no task `migrate`")),
        },
        Reason::Signalled {
            step: text("deploy"),
            signal: 9,
        },
        Reason::HostsFailed {
            hosts: vec![HostFinding {
                host: text("web1"),
                unreachable: true,
                message: Some(text("Connection refused")),
            }],
            of: 3,
            exit_code: 4,
        },
        Reason::NoHosts {
            step: text("ansible-playbook"),
            play: Some(text("web servers")),
        },
        Reason::HostsUnmatched {
            step: text("ansible-playbook"),
            pattern: text("web9"),
        },
        Reason::ResultsMissing {
            step: text("ansible-playbook"),
        },
        Reason::FileMissing {
            input: text("inventory"),
            path: text("hosts/production"),
        },
        Reason::NotDone {
            by: text("mona"),
            note: text("the store refused the build"),
        },
        Reason::TimedOut {
            step: text("deploy"),
            limit_seconds: 1800,
            remote: true,
        },
        Reason::Inactive {
            step: text("deploy"),
            limit_seconds: 900,
            remote: false,
        },
        Reason::CommandNotStarted {
            program: text("cap"),
            detail: text("no such file or directory"),
        },
        Reason::CheckoutFailed {
            detail: text("git exited with code 128"),
        },
        Reason::NoRoom {
            free_mib: 300,
            needed_mib: 512,
        },
        Reason::ShaMismatch {
            found: text("0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4f3c2b1a"),
        },
        Reason::Interrupted {
            detail: text("its runner is gone and left no result"),
        },
        Reason::Restored {
            state: Some(text("queued")),
        },
        Reason::Cancelled {
            by: text("mona"),
            remote: false,
        },
        Reason::HoldExpired {
            limit_seconds: 86_400,
            waited_for: text("`ci/build` (pending)"),
        },
        Reason::ConfigurationChanged {
            detail: text("environment `live` was removed"),
        },
        Reason::ConfigurationUnusable {
            detail: text("provider `shell` has no input `comand`"),
        },
        Reason::AttemptsExhausted { attempts: 3 },
    ]);
    all
}

fn about_locks() -> Vec<Reason> {
    let (Ok(app), Ok(environment)) = ("hello".parse(), "production".parse()) else {
        return Vec::new();
    };
    let since = Timestamp::UNIX_EPOCH + TimeDelta::seconds(1_795_528_920);
    let lock = Box::new(Lock {
        id: LockId::new(Ulid::from_parts(0, 2)),
        place: Place { app, environment },
        owner: Person::new(Source::Chat, "mona"),
        reason: Some("db migration".to_owned()),
        cause: Cause::Person,
        since,
        until: Some(since + TimeDelta::hours(2)),
    });
    let place = lock.place.clone();
    vec![
        Reason::Locked { lock: lock.clone() },
        Reason::AlreadyLocked { lock, own: false },
        Reason::NotLocked { place },
    ]
}

/// Every reason code, in the order of declaration.
#[must_use]
pub fn codes() -> Vec<&'static str> {
    examples().iter().map(Reason::code).collect()
}
