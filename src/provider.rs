//! The only room that spawns: manifests, plans, checkouts and the runner.
//!
//! What can be run is data (`providers/*/provider.yaml`); how it is run is the runner, a process of its own that outlives
//! the server; where it runs is a fresh worktree of one commit. Nothing here decides whether something may run.

pub mod attempt;
pub mod browser;
pub mod checkout;
pub mod environment;
pub mod exit;
pub mod git;
pub mod git_version;
pub mod launch;
pub mod lock;
pub mod log;
pub mod manifest;
pub mod marker;
pub mod mask;
pub mod plan;
pub mod probe;
pub mod processes;
pub mod reading;
pub mod request;
pub mod results;
pub mod runner;
pub mod secret_command;
pub mod spec;
pub mod template;
pub mod versions;
pub mod watch;
pub mod worker;
