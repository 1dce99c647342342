//! Jobs of GitHub Actions that wait for our word.
//!
//! A look takes a claim with a fence, and whoever was overtaken writes nothing: so a job gets one answer, which goes into the
//! outbox in the transaction that settles it.

use crate::domain::audit::{Deed, Entry, Subject};
use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeliveryId, Fence};
use crate::domain::protection::{ProtectionRequest, ProtectionState};
use crate::domain::reason::Reason;
use crate::store::decisions::Evidence;
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, audit, commit};

/// A request as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRequest {
    /// Ours.
    pub id: String,
    /// What brought it.
    pub delivery: DeliveryId,
    /// What is asked.
    pub request: ProtectionRequest,
    /// Where it stands.
    pub state: ProtectionState,
    /// Why.
    pub reason: Option<Reason>,
    /// Interim reports so far.
    pub reports: u32,
    /// How many events there were.
    pub marks: u64,
    /// Of the claim.
    pub fence: Fence,
    /// When it came.
    pub created_at: Timestamp,
}

/// What a look came to.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Where the request stands now.
    pub state: ProtectionState,
    /// Why.
    pub reason: Option<Reason>,
    /// What it was made from; absent where nothing was decided.
    pub evidence: Option<Evidence>,
    /// What is said.
    pub outgoing: Vec<Outgoing>,
    /// When to look next, where it waits.
    pub next: Timestamp,
}

impl Store {
    /// Writes down that a job waits. `false`: it is known already.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn record_request(
        &self,
        id: &str,
        delivery: DeliveryId,
        request: &ProtectionRequest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let deployment = &request.deployment;
        let changed = sqlx::query(
            "INSERT INTO protection_requests (id, delivery_id, host, repository_id, deployment_id, workflow_run_id, environment, \
             sha, request, state, due_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(delivery.to_string())
        .bind(&deployment.host)
        .bind(number(deployment.repository_id.0))
        .bind(number(deployment.id.0))
        .bind(number(request.workflow_run))
        .bind(&deployment.environment)
        .bind(&deployment.sha)
        .bind(json(request))
        .bind(millis(now))
        .bind(millis(now))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("record a job that waits"))?;
        Ok(changed.rows_affected() > 0)
    }

    /// Takes the request that is longest due and that nobody looks at.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn claim_request(
        &self,
        worker: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<StoredRequest>, StoreError> {
        let doing = "claim a job that waits";
        // most of the time there is none, and then nothing is written
        let any = sqlx::query("SELECT 1 FROM protection_requests WHERE state = 'waiting' AND due_at <= ? LIMIT 1")
            .bind(millis(now))
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        if any.is_none() {
            return Ok(None);
        }
        let row = sqlx::query(
            "UPDATE protection_requests SET claimed_by = ?2, claimed_until = ?3, fence = fence + 1 WHERE id = \
             (SELECT id FROM protection_requests WHERE state = 'waiting' AND due_at <= ?1 \
              AND (claimed_until IS NULL OR claimed_until <= ?1) ORDER BY due_at, id LIMIT 1) RETURNING *",
        )
        .bind(millis(now))
        .bind(worker)
        .bind(millis(until))
        .fetch_optional(&self.write)
        .await
        .map_err(StoreError::while_doing(doing))?;
        row.as_ref().map(|row| Reader::new(row, doing).request()).transpose()
    }

    /// Writes down what a look came to. `false`, and nothing was written: somebody else has taken it over.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn settle_request(
        &self,
        claimed: &StoredRequest,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "settle a job that waits";
        let failed = StoreError::while_doing(doing);
        let evidence = settled.evidence.as_ref();
        let final_word = settled.state != ProtectionState::Waiting;
        let interim = i64::from(!final_word && !settled.outgoing.is_empty());
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query(
            "UPDATE protection_requests SET state = ?1, reason = ?2, reports = reports + ?3, \
             due_at = CASE WHEN marks = ?4 THEN ?5 ELSE due_at END, claimed_by = NULL, claimed_until = NULL, \
             facts = COALESCE(?6, facts), rules = COALESCE(?7, rules), decision = COALESCE(?8, decision), \
             config_digest = COALESCE(?9, config_digest), decided_at = COALESCE(?10, decided_at), answered_at = ?11 \
             WHERE id = ?12 AND fence = ?13 AND state = 'waiting'",
        )
        .bind(settled.state.as_str())
        .bind(settled.reason.as_ref().map(json))
        .bind(interim)
        .bind(number(claimed.marks))
        .bind(millis(settled.next))
        .bind(evidence.map(|evidence| &evidence.facts))
        .bind(evidence.map(|evidence| &evidence.rules))
        .bind(evidence.map(|evidence| &evidence.decision))
        .bind(evidence.map(|evidence| &evidence.config_digest))
        .bind(evidence.map(|evidence| millis(evidence.at)))
        .bind(final_word.then(|| millis(now)))
        .bind(&claimed.id)
        .bind(number(claimed.fence.0))
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(evidence) = evidence.filter(|_| final_word) {
            let deed = Deed::Answered {
                state: settled.state.as_str().to_owned(),
                reason: settled.reason.clone().map(Box::new),
                request: claimed.id.clone(),
                evidence: audit::digest(evidence),
            };
            let subject = Subject {
                delivery: Some(claimed.delivery),
                config: Some(evidence.config_digest.clone()),
                ..Subject::deployment(&claimed.request.deployment)
            };
            audit::append(&mut tx, &Entry::new(now, deed).about(subject)).await?;
        }
        outbox::put(&mut tx, &settled.outgoing, now).await?;
        commit(tx, doing).await?;
        Ok(true)
    }

    /// Makes every job that waits for a commit due now. Returns how many there are.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn mark_requests(&self, repository_id: u64, sha: &str, now: Timestamp) -> Result<u64, StoreError> {
        let changed = sqlx::query(
            "UPDATE protection_requests SET due_at = ?, marks = marks + 1 \
             WHERE state = 'waiting' AND repository_id = ? AND sha = ?",
        )
        .bind(millis(now))
        .bind(number(repository_id))
        .bind(sha)
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("mark jobs that wait"))?;
        Ok(changed.rows_affected())
    }

    /// The newest requests.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn protection_requests(&self, limit: u32) -> Result<Vec<StoredRequest>, StoreError> {
        let doing = "list jobs that wait";
        let rows = sqlx::query("SELECT * FROM protection_requests ORDER BY id DESC LIMIT ?")
            .bind(limit)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).request()).collect()
    }
}

impl Reader<'_> {
    fn request(&self) -> Result<StoredRequest, StoreError> {
        Ok(StoredRequest {
            id: self.text("id")?,
            delivery: self.parsed("delivery_id")?,
            request: self.json("request")?,
            state: self.word("state", ProtectionState::from_name)?,
            reason: self.maybe_json("reason")?,
            reports: self.count("reports")?,
            marks: self.number("marks")?,
            fence: Fence(self.number("fence")?),
            created_at: self.time("created_at")?,
        })
    }
}
