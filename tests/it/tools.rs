//! The real tools that tests run: servers of the test's own, and programs that `script/test` installs.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set itself up fails with the reason"
)]

pub mod ansible;
pub mod example;
pub mod folder;
pub mod matrix;
pub mod requirements;
pub mod sshd;
pub mod stage;
pub mod target;
pub mod tool;
