//! Arguments and the commands that need no server.

pub mod args;
pub mod audit;
pub mod check;
pub mod decide;
pub mod finish;
pub mod import;
pub mod lock;
pub mod outbox;
pub mod providers;
pub mod runs;
pub mod schema;
