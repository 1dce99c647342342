//! The simulator judged from outside, over HTTP: what it answers, what it tells, what it refuses.
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy exempts test functions, not the helpers they share"
)]

mod apps;
mod client;
mod commits;
mod deployments;
mod faults;
mod hooks;
mod jobs;
mod limits;
mod manifests;
mod octocrab_reads;
mod pulls;
mod receiver;
mod serving;
mod slack;
mod statuses;
