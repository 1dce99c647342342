//! The real tools that tests run: servers of the test's own, and programs that `script/test` installs.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set itself up fails with the reason"
)]

pub mod ansible;
pub mod sshd;
