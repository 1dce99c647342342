//! What the API keeps in memory, all requests together.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::http::api::events::Feed;
use crate::http::api::limit::Limits;

/// More cannot follow along at once. They share all looks.
const STREAMS: usize = 2048;

/// Shared by all handlers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Standing {
    /// How much each may still ask.
    pub(super) limits: Arc<Limits>,
    /// What has happened of late.
    pub(super) feed: Arc<Feed>,
    /// Places for those who follow along.
    pub(super) streams: Arc<Semaphore>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            limits: Arc::default(),
            feed: Arc::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
        }
    }
}
