//! Structured logs: JSON for machines, one readable line each at a terminal.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error. `filter` is in the syntax of `RUST_LOG`.
pub fn start(filter: Option<&str>) {
    let filter = filter
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        // what octocrab cannot do it returns, and is told once, by whoever asked
        .unwrap_or_else(|| {
            EnvFilter::new("info,apalis=warn,apalis_core=warn,sqlx=warn,hyper=warn,tower=warn,octocrab=off")
        });
    let registry = tracing_subscriber::registry().with(filter);
    // a second start, in a test binary, keeps the first
    let _ = if std::io::stderr().is_terminal() {
        registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_target(false),
            )
            .try_init()
    } else {
        registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
}
