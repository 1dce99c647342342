//! The words of Chima as types: GitHub's own nouns, parsed once at the edge.
//!
//! Nothing here does I/O, reads a clock or knows a library of the outer rooms. Every other module may import this one;
//! this one imports none of them.

pub mod access;
pub mod actor;
pub mod audit;
pub mod auto_deploy;
pub mod clock;
pub mod command;
pub mod conversation;
pub mod creation;
pub mod delivery;
pub mod deployment;
pub mod drift;
pub mod estimate;
pub mod event;
pub mod foreign;
pub mod glob;
pub mod histogram;
pub mod ids;
pub mod length;
pub mod lock;
pub mod names;
pub mod nearest;
pub mod pace;
pub mod person;
pub mod protection;
pub mod reason;
pub mod role;
pub mod run;
pub mod session;
pub mod timeline;
pub mod token;
pub mod viewer;
pub mod warrant;
pub mod watch;
