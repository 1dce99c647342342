//! Keeps where the audit log ends outside of the ledger as well: in a file, and from time to time in the log of the process, which
//! usually leaves the machine.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::audit::Head;
use crate::flow::engine::Engine;
use crate::store::audit::Standing;
use crate::store::error::StoreError;

const SAY_AGAIN: Duration = Duration::from_secs(3600);

/// What this process has said about the log.
#[derive(Debug, Default)]
pub struct Told {
    alarmed: AtomicBool,
    at: AtomicI64,
}

/// Tells with which configuration this process works from now on.
///
/// # Errors
///
/// When the ledger cannot be used.
pub async fn configured(engine: &Engine) -> Result<(), StoreError> {
    let (digest, version) = (&engine.config.digest, env!("CARGO_PKG_VERSION"));
    engine
        .store
        .audit_configuration(digest, version, &engine.worker, engine.now())
        .await?;
    step(engine).await;
    Ok(())
}

/// Writes down where the log ends, if it has grown. Nothing here may hold up anything else.
pub async fn step(engine: &Engine) {
    publish(engine, false).await;
}

/// As [`step`], and says it: this process is about to end.
pub async fn end(engine: &Engine) {
    publish(engine, true).await;
}

async fn publish(engine: &Engine, say: bool) {
    let now = engine.now();
    match engine.store.publish_audit_head(now).await {
        Ok((head, Standing::Agrees)) => tell(engine, &head, say),
        Ok((head, Standing::Missing)) => {
            tracing::error!(
                position = head.position,
                "the file that says where the audit log ends was not there; rows may be missing, and the log tells so now"
            );
        }
        Ok((head, Standing::Unreadable | Standing::Contradicts(_))) => {
            if !engine.audit_told.alarmed.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    position = head.position,
                    "the end of the audit log is not where the file beside the ledger says: somebody has changed one of them; \
                     `chima audit verify` says what"
                );
            }
        }
        Err(error) => tracing::warn!(error = %error, "cannot keep where the audit log ends; trying again"),
    }
}

fn tell(engine: &Engine, head: &Head, say: bool) {
    let (told, now) = (&engine.audit_told.at, engine.now());
    let due = now.timestamp_millis() - told.load(Ordering::Relaxed) >= SAY_AGAIN.as_secs().cast_signed() * 1000;
    if head.position > 0 && (due || say) {
        told.store(now.timestamp_millis(), Ordering::Relaxed);
        tracing::info!(position = head.position, hash = head.hash, "the audit log ends here");
    }
}
