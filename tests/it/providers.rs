//! Shipped manifests without their tools: what would be run exactly, with which variables, and how each end is read.
//!
//! A probe program stands in `PATH` under the tool's name. Plans and runs are the real ones.
#![expect(clippy::panic, reason = "a test says no more than where it stopped")]

mod desk;
mod docker_compose;
mod helm;
mod heroku;
mod http_api;
mod http_faults;
mod kamal;
mod kubectl;
mod make;
pub mod server;
mod terraform;
