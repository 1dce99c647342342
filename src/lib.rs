//! Chima executes GitHub Deployments: a delivery is stored, read, decided on, queued, executed and reported.
//!
//! The modules are the rooms of `ARCHITECTURE.md`; imports go down only, and a test enforces it.

pub mod app;
pub mod chat;
pub mod cli;
pub mod config;
pub mod domain;
pub mod flow;
pub mod github;
pub mod http;
pub mod notify;
pub mod policy;
pub mod provider;
pub mod queue;
pub mod report;
pub mod store;
pub mod webhook;
