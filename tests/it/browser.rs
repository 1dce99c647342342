//! The pages in a real browser: Debian's Chromium, spoken to over its debugging pipe.
//!
//! One Chromium serves all tests that run at a time, and each test has a context of its own there: cookies, storage, windows. Clicks
//! and keys are those of a person, as far as the page can tell. A test fails on whatever a page of ours should never do: a line in
//! the console, an exception, something that the policy of the page forbids, a dialog, a request to others.
//!
//! The axe engine, which `script/tools` puts into `target/tools/axe`, looks for what shuts people out. Pictures of every page are
//! written to `target/screenshots`; `CHIMA_PICTURES=1` makes those of the documents anew.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set itself up fails with the reason"
)]

mod acts;
mod axe;
pub mod chromium;
mod input;
mod keyboard;
mod live;
mod looks;
mod million;
mod page;
mod reading;
mod sign_in;
mod stage;

pub use crate::browser::page::Page;
