//! World tests: the whole app in process, with stand-ins for GitHub and Slack over real HTTP, the real client library, the
//! real git and real runner processes.
//!
//! A verb changes the world and sends the signed webhook to the app's own router. Nothing happens by itself after that:
//! tests step the stages one by one and never sleep. Every test ends with [`stage::World::end`], which finds whatever was
//! left unsent, unfinished or alive; a world that is dropped without it fails the test.
#![expect(clippy::panic, reason = "a test says no more than where it stopped")]

mod clock;
pub mod ending;
mod reading;
pub mod setup;
pub mod stage;
pub mod steps;
mod tools;
mod watchdog;

mod api;
mod audit;
mod auth;
mod auto;
mod board;
mod bodies;
mod burst;
mod cancel;
mod catch_up;
mod chat;
mod checkout;
mod comments;
mod contexts;
mod crash;
mod creations;
mod deliveries;
mod deliveries_page;
mod deploy_page;
mod environment;
mod example;
mod followers;
mod foreign;
pub mod github_failures;
mod happy;
mod headers;
mod health;
mod hostile;
mod lane;
mod latest;
mod locks;
mod log_page;
mod manual;
mod metrics;
mod notices;
mod outbox;
mod plan;
mod policy;
mod polling;
mod protection;
mod receiver;
mod renames;
mod replay;
mod restore;
mod retention;
mod run_page;
mod set_up;
mod sha;
mod shell;
pub mod sign_in;
mod slack;
mod slack_chat;
mod traces;
mod who;
