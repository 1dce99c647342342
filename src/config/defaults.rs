//! What a key means when it is absent. Both the schema and the meaning read these, so that they cannot disagree.

pub(super) const LISTEN: &str = "127.0.0.1:8080";
pub(super) const DATA_DIR: &str = "data";
pub(super) const STORE_FILE: &str = "chima.db";
pub(super) const WORKERS: u32 = 4;
pub(super) const GITHUB_URL: &str = "https://github.com";
pub(super) const GITHUB_API_URL: &str = "https://api.github.com";
/// Below GitHub's 80 content-generating requests a minute.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
pub(super) const WRITES_PER_MINUTE: u32 = 60;
pub(super) const WRITES_PER_HOUR: u32 = 480;
pub(super) const POLLING_SECONDS: u64 = 15;
pub(super) const SLACK_API_URL: &str = "https://slack.com/api";
pub(super) const TASK: &str = "deploy";
pub(super) const TIMEOUT_SECONDS: u64 = 1800;
/// Three hours: long enough for what a lock is usually for.
pub(super) const NAG_AFTER_SECONDS: u64 = 10_800;
/// Ten times as long as GitHub delivers again.
pub(super) const DELIVERIES_DAYS: u64 = 30;
pub(super) const RUNS_DAYS: u64 = 365;
pub(super) const LOGS_DAYS: u64 = 90;
pub(super) const MIRRORS_MIB: u64 = 20_480;
/// Half of what `/readyz` warns at.
pub(super) const FREE_MIB: u64 = 512;
/// A working day and what is left of it.
pub(super) const SESSION_HOURS: u64 = 12;
pub(super) const SERVICE_NAME: &str = "chima";
pub(super) const SAMPLE_PERCENT: u8 = 100;
pub(super) const HOLD_TIMEOUT_SECONDS: u64 = 86_400;
