//! The program itself: real processes, real git, real Redis, killed at bad moments.
//!
//! The judges are what GitHub was told and a journal that the deployed script writes; our own tables are never asked.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set itself up fails with the reason"
)]

mod asking;
mod auto;
mod backup;
mod cancel;
pub mod child;
mod commands;
mod crashes;
mod finish;
mod hostile;
mod import;
mod installation;
mod journal;
mod locks;
mod missed;
mod outages;
mod over_https;
mod paused;
mod providers;
mod receiver;
mod runner_death;
mod serving;
mod set_up;
mod slack;
mod storm;
mod wire;
