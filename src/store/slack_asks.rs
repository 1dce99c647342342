//! What people said in Slack, each with its one answer.

use std::time::Duration;

use crate::chat::slack::heard::Heard;
use crate::domain::clock::Timestamp;
use crate::domain::creation::Sought;
use crate::domain::ids::DeploymentId;
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, commit};

/// Something that somebody said, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackAsk {
    /// Ours.
    pub id: String,
    /// As it came.
    pub heard: Heard,
    /// What GitHub is, or was, being asked to deploy.
    pub wished: Option<Sought>,
    /// Tries so far.
    pub attempts: u32,
    /// When it was said.
    pub at: Timestamp,
}

impl Store {
    /// Takes in what somebody said, once. `false` where it is known already. With a worker, it is claimed at once.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn take_slack_ask(
        &self,
        id: &str,
        heard: &Heard,
        claimed: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (worker, until) = claimed.unzip();
        let taken = sqlx::query(
            "INSERT INTO slack_asks (id, slack_key, heard, claimed_by, claimed_until, attempts, created_at, next_attempt_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slack_key) DO NOTHING",
        )
        .bind(id)
        .bind(&heard.key)
        .bind(json(heard))
        .bind(worker)
        .bind(until.map(millis))
        .bind(i64::from(claimed.is_some()))
        .bind(millis(now))
        .bind(millis(now))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down what somebody said in Slack"))?;
        Ok(taken.rows_affected() == 1)
    }

    /// Claims one that nobody has answered and nobody works on.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used.
    pub async fn claim_slack_ask(
        &self,
        worker: &str,
        now: Timestamp,
        claim: Duration,
    ) -> Result<Option<SlackAsk>, StoreError> {
        let doing = "claim what somebody said in Slack";
        let any = sqlx::query(
            "SELECT 1 FROM slack_asks WHERE open = 1 AND next_attempt_at <= ?1 \
             AND (claimed_until IS NULL OR claimed_until <= ?1) AND NOT EXISTS (SELECT 1 FROM copied) LIMIT 1",
        )
        .bind(millis(now))
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if any.is_none() {
            return Ok(None);
        }
        let row = sqlx::query(
            "UPDATE slack_asks SET claimed_by = ?2, claimed_until = ?3, attempts = attempts + 1 WHERE id = \
             (SELECT id FROM slack_asks WHERE open = 1 AND next_attempt_at <= ?1 \
              AND (claimed_until IS NULL OR claimed_until <= ?1) ORDER BY id LIMIT 1) RETURNING *",
        )
        .bind(millis(now))
        .bind(worker)
        .bind(millis(now + claim))
        .fetch_optional(&self.write)
        .await
        .map_err(StoreError::while_doing(doing))?;
        row.map(|row| read(&Reader::new(&row, doing))).transpose()
    }

    /// Puts one off.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn put_off_slack_ask(&self, id: &str, next: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE slack_asks SET claimed_by = NULL, claimed_until = NULL, next_attempt_at = ? WHERE id = ?")
            .bind(millis(next))
            .bind(id)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("put off what somebody said in Slack"))?;
        Ok(())
    }

    /// Writes down that GitHub is about to be asked for a deployment.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn begin_slack_wish(&self, id: &str, wished: &Sought) -> Result<(), StoreError> {
        sqlx::query("UPDATE slack_asks SET wished = ? WHERE id = ?")
            .bind(json(wished))
            .bind(id)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("write down what GitHub is asked for"))?;
        Ok(())
    }

    /// Writes down the answer, and puts it into the outbox, in one. It leaves at `not_before`: whoever still holds Slack's own
    /// request may take it back until then and give it there. `false` where somebody else has answered.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn answer_slack_ask(
        &self,
        id: &str,
        (answer, deployment): (&str, Option<DeploymentId>),
        outgoing: &[Outgoing],
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "write down an answer for Slack";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        let changed =
            sqlx::query("UPDATE slack_asks SET answer = ?, deployment_id = ?, open = 0 WHERE id = ? AND open = 1")
                .bind(answer)
                .bind(deployment.map(|id| number(id.0)))
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
        if changed.rows_affected() == 1 {
            outbox::put(&mut tx, outgoing, now).await?;
            for one in outgoing {
                sqlx::query("UPDATE outbox SET next_attempt_at = ? WHERE id = ?")
                    .bind(millis(not_before))
                    .bind(&one.id)
                    .execute(&mut *tx)
                    .await
                    .map_err(&failed)?;
            }
        }
        commit(tx, doing).await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Takes a message out of the outbox that nobody has tried to send, to tell it in another way. `false`: it is too late.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn take_back(&self, outgoing: &str, now: Timestamp) -> Result<bool, StoreError> {
        let taken = sqlx::query(
            "UPDATE outbox SET state = 'sent', sent_at = ? WHERE id = ? AND state = 'pending' AND attempts = 0",
        )
        .bind(millis(now))
        .bind(outgoing)
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("take a message out of the outbox"))?;
        Ok(taken.rows_affected() == 1)
    }
}

fn read(row: &Reader<'_>) -> Result<SlackAsk, StoreError> {
    Ok(SlackAsk {
        id: row.text("id")?,
        heard: row.json("heard")?,
        wished: row.maybe_json("wished")?,
        attempts: row.count("attempts")?,
        at: row.time("created_at")?,
    })
}
