//! Who holds claims, of whatever kind, so that what a dead process held is anybody's at once and not only when its claim lapses.

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::Reader;

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// Commands in comments, until they are answered.
    Asks,
    /// Looks at environments that are deployed by themselves.
    AutoDeploys,
    /// Looks for what was missed.
    CatchUps,
    /// Looks at default branches.
    Drifts,
    /// Statuses and messages on their way.
    Outgoing,
    /// What was said in Slack, until it is answered.
    SlackAsks,
}

impl Claims {
    /// Finds who holds some, and makes what somebody holds anybody's.
    const fn queries(self) -> (&'static str, &'static str) {
        match self {
            Self::Asks => (
                "SELECT DISTINCT claimed_by FROM asks WHERE claimed_by IS NOT NULL AND answer IS NULL AND open = 1",
                "UPDATE asks SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = ? AND answer IS NULL",
            ),
            Self::AutoDeploys => (
                "SELECT DISTINCT claimed_by FROM auto_deploys WHERE claimed_by IS NOT NULL",
                "UPDATE auto_deploys SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = ?",
            ),
            Self::CatchUps => (
                "SELECT DISTINCT claimed_by FROM catch_ups WHERE claimed_by IS NOT NULL",
                "UPDATE catch_ups SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = ?",
            ),
            // the claim has put it off: it is due again
            Self::Drifts => (
                "SELECT DISTINCT claimed_by FROM drifts WHERE claimed_by IS NOT NULL",
                "UPDATE drifts SET claimed_by = NULL, claimed_until = NULL, due_at = 0 WHERE claimed_by = ?",
            ),
            // each still counts as a try
            Self::Outgoing => (
                "SELECT DISTINCT claimed_by FROM outbox WHERE state = 'sending' AND claimed_by IS NOT NULL \
                 AND claimed_until > 0",
                "UPDATE outbox SET claimed_until = 0 WHERE state = 'sending' AND claimed_by = ?",
            ),
            Self::SlackAsks => (
                "SELECT DISTINCT claimed_by FROM slack_asks WHERE claimed_by IS NOT NULL AND open = 1",
                "UPDATE slack_asks SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = ? AND open = 1",
            ),
        }
    }
}

impl Store {
    /// Who holds some.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn claimants(&self, of: Claims) -> Result<Vec<String>, StoreError> {
        let doing = "list who holds claims";
        let (held, _) = of.queries();
        let rows = sqlx::query(held)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| Reader::new(row, doing).text("claimed_by"))
            .collect()
    }

    /// Makes what somebody holds anybody's.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn release(&self, of: Claims, worker: &str) -> Result<(), StoreError> {
        let (_, released) = of.queries();
        sqlx::query(released)
            .bind(worker)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("release what a dead process held"))?;
        Ok(())
    }
}
