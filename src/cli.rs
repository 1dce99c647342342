//! Arguments and the commands that need no server.

pub mod args;
pub mod audit;
pub mod check;
pub mod client;
pub mod commits;
pub mod decide;
pub mod follow;
pub mod import;
pub mod lock;
pub mod numbers;
pub mod outbox;
pub mod preview;
pub mod providers;
pub mod runs;
pub mod schema;
pub mod shells;
pub mod show;
pub mod tokens;
