//! Stand-ins for GitHub and Slack over real HTTP, for Chima's tests and `chima demo`. What follows is `README.md`.
//!
#![doc = include_str!("../README.md")]

pub mod clock;
pub mod fault;
pub mod git;
pub mod github;
pub mod hostile;
pub mod journal;
pub mod keys;
pub mod limits;
pub mod message;
pub mod post;
pub mod rooms;
pub mod server;
pub mod sign;
pub mod slack;
pub mod smtp;
pub mod watched;
