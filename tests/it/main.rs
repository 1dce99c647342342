//! One test binary: the world tests, the contract tests and the tests against real tools.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test binary has no outside, and a test that fails says so by a panic"
)]

mod ansible;
mod architecture;
mod bots;
mod browser;
mod canaries;
mod capistrano;
mod checkout;
mod collector;
mod config_files;
mod dice;
mod docs;
mod fabric;
mod fabric_and_capistrano;
mod ledger;
mod licenses;
mod log_view;
mod openapi;
mod own_provider;
mod packaging;
mod process;
mod protocol;
mod providers;
mod queue_conformance;
mod routes;
mod runner;
mod schemathesis;
mod slack_kit;
mod tools;
mod torture;

mod world;
