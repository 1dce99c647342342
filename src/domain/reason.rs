//! Why something was refused, held, ignored or ended as it did: data with a stable code, worded in `report`.
//!
//! The codes are part of the outside surface (API, chat bridge, statuses): add, never rename.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DeploymentId, RunId};
use crate::domain::lock::{Lock, Place};

/// One finding about one required context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFinding {
    /// The context of a commit status, or the name of a check run.
    pub name: String,
    /// What GitHub said of it, in GitHub's word, or `missing`.
    pub state: String,
}

/// One host that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFinding {
    /// As the tool calls it.
    pub host: String,
    /// Whether it could not be reached at all.
    pub unreachable: bool,
    /// The first thing that went wrong there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Why. The serialised form carries the code as `code` beside the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// A job of GitHub Actions made the deployment for itself.
    ForeignWorkflow,
    /// An App we were not told about made it.
    ForeignApp { app: String },
    /// No app of the configuration names this repository.
    RepositoryNotConfigured { repository: String },
    /// The repository is ours, the environment is not.
    EnvironmentUnknown { found: String, configured: Vec<String> },
    /// Not a name an environment can have.
    EnvironmentMalformed { found: String, expected: String },
    /// Not a task's form.
    TaskMalformed { found: String, expected: String },
    /// Well formed, but not among the app's `tasks`.
    TaskNotAllowed { found: String, allowed: Vec<String> },
    /// Not a ref's form.
    RefMalformed { found: String, expected: String },
    /// Not a full commit id.
    ShaMalformed { found: String, expected: String },
    /// A host in the payload is not a host's form.
    HostsMalformed { found: String, expected: String },
    /// The payload names hosts the environment does not declare.
    HostsNotAllowed { found: Vec<String>, allowed: Vec<String> },
    /// The payload names a room that may not deploy this.
    RoomNotAllowed { found: String, allowed: Vec<String> },
    /// Whoever asks is none of those who may deploy there.
    DeployerNotAllowed {
        /// Who asks, for people.
        found: String,
        /// What would name them in the configuration.
        entry: String,
        /// Who may.
        allowed: Vec<String>,
    },
    /// Whoever asks may not make it pass what others have to wait for.
    ForceNotAllowed {
        /// Who asks, for people.
        found: String,
        /// What would name them in the configuration.
        entry: String,
        /// Who may.
        admins: Vec<String>,
    },
    /// A required context is red.
    RequiredContextFailed { contexts: Vec<ContextFinding> },
    /// A required context is not green yet.
    RequiredContextPending { contexts: Vec<ContextFinding> },
    /// GitHub could not tell what the decision needs to know.
    FactsUnavailable { detail: String },
    /// A newer deployment of the same environment took its place.
    Superseded { by: DeploymentId },
    /// GitHub shows a status of it already, and this ledger knows nothing of it.
    AlreadyReported { state: String },
    /// GitHub shows a status of ours that is not the last, and this ledger knows nothing of it.
    OutcomeUnknown { state: String },
    /// It was found too long after it had been asked for.
    AskedTooLongAgo { age_seconds: u64 },
    /// Somebody else has locked the environment.
    Locked { lock: Box<Lock> },
    /// It was to lock an environment that is locked already.
    AlreadyLocked {
        lock: Box<Lock>,
        /// Whether by the same person.
        own: bool,
    },
    /// It was to unlock an environment that is not locked.
    NotLocked { place: Place },
    /// Other runs of the same environment come first.
    LaneBusy { position: u32, behind: RunId },
    /// A command ended with a code other than 0.
    ExitCode {
        step: String,
        exit_code: i32,
        /// What its output says about why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// Hosts failed or could not be reached.
    HostsFailed {
        hosts: Vec<HostFinding>,
        /// How many there were in all.
        of: u32,
        exit_code: i32,
    },
    /// The tool found nothing to deploy to.
    NoHosts {
        step: String,
        /// The play that matched none, where it is one of several.
        play: Option<String>,
    },
    /// Hosts were asked for that the tool does not know; it did the rest.
    HostsUnmatched { step: String, pattern: String },
    /// The tool did not say how it went on its hosts.
    ResultsMissing { step: String },
    /// Something that an input names is not in the commit.
    FileMissing { input: String, path: String },
    /// A person says that it could not be done.
    NotDone { by: String, note: String },
    /// A command was ended by a signal that was not ours.
    Signalled { step: String, signal: i32 },
    /// A command ran longer than the environment allows.
    TimedOut {
        step: String,
        limit_seconds: u64,
        /// Whether what it began elsewhere may go on.
        #[serde(default)]
        remote: bool,
    },
    /// A command was silent longer than its provider allows.
    Inactive {
        step: String,
        limit_seconds: u64,
        /// Whether what it began elsewhere may go on.
        #[serde(default)]
        remote: bool,
    },
    /// A command could not be started.
    CommandNotStarted { program: String, detail: String },
    /// The commit could not be brought here.
    CheckoutFailed { detail: String },
    /// The disk has too little room for a checkout.
    NoRoom { free_mib: u64, needed_mib: u64 },
    /// What was checked out is not what was asked for.
    ShaMismatch { found: String },
    /// The process that carried out the run is gone without a result.
    Interrupted { detail: String },
    /// The ledger is a backup's copy, and nobody can tell what became of the run since.
    Restored {
        /// What GitHub shows, which is no end.
        state: Option<String>,
    },
    /// A person stopped it.
    Cancelled {
        by: String,
        /// Whether what it began elsewhere may go on.
        #[serde(default)]
        remote: bool,
    },
    /// It was held until its time was up.
    HoldExpired { limit_seconds: u64, waited_for: String },
    /// The configuration changed under a waiting run.
    ConfigurationChanged { detail: String },
    /// What the configuration says about the environment cannot be carried out.
    ConfigurationUnusable { detail: String },
    /// The run took its worker down again and again.
    AttemptsExhausted { attempts: u32 },
}

impl Reason {
    /// The stable code, as GitHub, chat and the API show it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ForeignWorkflow => "foreign_workflow",
            Self::ForeignApp { .. } => "foreign_app",
            Self::RepositoryNotConfigured { .. } => "repository_not_configured",
            Self::EnvironmentUnknown { .. } => "environment_unknown",
            Self::EnvironmentMalformed { .. } => "environment_malformed",
            Self::TaskMalformed { .. } => "task_malformed",
            Self::TaskNotAllowed { .. } => "task_not_allowed",
            Self::RefMalformed { .. } => "ref_malformed",
            Self::ShaMalformed { .. } => "sha_malformed",
            Self::HostsMalformed { .. } => "hosts_malformed",
            Self::HostsNotAllowed { .. } => "hosts_not_allowed",
            Self::RoomNotAllowed { .. } => "room_not_allowed",
            Self::DeployerNotAllowed { .. } => "deployer_not_allowed",
            Self::ForceNotAllowed { .. } => "force_not_allowed",
            Self::RequiredContextFailed { .. } => "required_context_failed",
            Self::RequiredContextPending { .. } => "required_context_pending",
            Self::FactsUnavailable { .. } => "facts_unavailable",
            Self::Superseded { .. } => "superseded",
            Self::AlreadyReported { .. } => "already_reported",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::AskedTooLongAgo { .. } => "asked_too_long_ago",
            Self::Locked { .. } => "locked",
            Self::AlreadyLocked { .. } => "already_locked",
            Self::NotLocked { .. } => "not_locked",
            Self::LaneBusy { .. } => "lane_busy",
            Self::ExitCode { .. } => "exit_code",
            Self::Signalled { .. } => "signalled",
            Self::HostsFailed { .. } => "hosts_failed",
            Self::NoHosts { .. } => "no_hosts",
            Self::HostsUnmatched { .. } => "hosts_unmatched",
            Self::ResultsMissing { .. } => "results_missing",
            Self::FileMissing { .. } => "file_missing",
            Self::NotDone { .. } => "not_done",
            Self::TimedOut { .. } => "timed_out",
            Self::Inactive { .. } => "inactive",
            Self::CommandNotStarted { .. } => "command_not_started",
            Self::CheckoutFailed { .. } => "checkout_failed",
            Self::NoRoom { .. } => "no_room",
            Self::ShaMismatch { .. } => "sha_mismatch",
            Self::Interrupted { .. } => "interrupted",
            Self::Restored { .. } => "restored",
            Self::Cancelled { .. } => "cancelled",
            Self::HoldExpired { .. } => "hold_expired",
            Self::ConfigurationChanged { .. } => "configuration_changed",
            Self::ConfigurationUnusable { .. } => "configuration_unusable",
            Self::AttemptsExhausted { .. } => "attempts_exhausted",
        }
    }
}
