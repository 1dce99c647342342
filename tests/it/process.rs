//! The program itself: real processes, real git, real Redis, killed at bad moments.
//!
//! The judges are what GitHub was told and a journal that the deployed script writes; our own tables are never asked.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set itself up fails with the reason"
)]

mod asking;
mod audit;
mod auto;
mod backup;
mod cancel;
pub mod child;
mod commands;
mod crashes;
mod disk_full;
mod duplicates;
mod edge;
mod finish;
mod full;
mod handover;
mod hostile;
mod import;
pub mod installation;
mod journal;
mod locks;
mod missed;
mod once;
mod outages;
mod over_https;
mod paused;
mod power;
mod providers;
mod receiver;
mod refusals;
mod reload;
mod remote;
mod restarts;
mod runner_death;
mod serving;
mod set_up;
mod sign_in;
mod slack;
mod socket;
mod storm;
mod sync;
mod traces;
mod trickle;
mod wire;
