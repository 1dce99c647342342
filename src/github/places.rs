//! Places in the pace of writes for deployments that a person asks for. Statuses wait for theirs in the outbox; a person waits here,
//! and not for long.
//!
//! The pace itself is a row of the ledger, which is none of this room's business.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::github::GitHub;
use crate::github::call::CallError;

/// A person is told rather than kept waiting for longer.
const TRIES: u32 = 12;
const BETWEEN: Duration = Duration::from_millis(250);
/// Then there is room again, unless many ask.
const LATER: Duration = Duration::from_secs(10);

/// Whether a place could be taken.
pub type Taken = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Takes one place for one write.
#[derive(Clone)]
pub struct Places(pub Arc<dyn Fn() -> Taken + Send + Sync>);

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Places")
    }
}

impl GitHub {
    /// The same client, whose deployments keep a pace.
    #[must_use]
    pub fn paced(self, places: Places) -> Self {
        Self {
            places: Some(places),
            ..self
        }
    }

    /// The same client, for whoever has taken a place already.
    #[must_use]
    pub fn unpaced(&self) -> Self {
        Self {
            places: None,
            ..self.clone()
        }
    }

    /// Waits a moment for a place.
    pub(crate) async fn place(&self) -> Result<(), CallError> {
        let Some(Places(take)) = &self.places else {
            return Ok(());
        };
        for tried in 0..TRIES {
            if tried > 0 {
                tokio::time::sleep(BETWEEN).await;
            }
            if take().await {
                return Ok(());
            }
        }
        Err(CallError::RateLimited { wait: LATER })
    }
}
