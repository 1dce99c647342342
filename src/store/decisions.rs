//! Decisions and what they cause, written in one transaction: the run, its evidence, the statuses to send.

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::domain::timeline::RunEvent;
use crate::store::error::StoreError;
use crate::store::locks;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis, number};
use crate::store::runs::{SeenLane, append_event};
use crate::store::{Store, audit, commit, warrants};

/// Rows of one statement: few enough that a write of somebody else never waits long.
const CHUNK: usize = 64;

/// What a decision was made from, so that it can be made again later and compared.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Ours, fresh; sorts by time.
    pub id: String,
    /// `run`, `hold`, `reject` or `ignore`.
    pub verdict: String,
    /// The facts, as JSON.
    pub facts: String,
    /// The rules that applied, as JSON.
    pub rules: String,
    /// The decision, as JSON.
    pub decision: String,
    /// Digest of the configuration.
    pub config_digest: String,
    /// When.
    pub at: Timestamp,
    /// The record that proved who asked, by its nonce: it is written with the decision that it proves this deployment alone.
    pub warrant: Option<String>,
}

/// A stored decision.
#[derive(Debug, Clone)]
pub struct StoredDecision {
    /// Whose.
    pub delivery: DeliveryId,
    /// What run it made or moved.
    pub run: Option<RunId>,
    /// What it was made from and came to.
    pub evidence: Evidence,
}

/// A run that gives way, and what is said about it.
#[derive(Debug, Clone)]
pub struct Displaced {
    /// Which.
    pub run: RunId,
    /// Why.
    pub reason: Reason,
    /// What is sent.
    pub outgoing: Vec<Outgoing>,
}

/// What recording a decision came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// Written.
    Written,
    /// The deployment has a run already, or had one that was so old that it was removed; nothing was written but that the delivery
    /// said so again.
    AlreadyRun(Option<RunId>),
    /// The lane has changed since it was looked at; nothing was written. Look again and decide anew.
    LaneMoved,
}

/// What recording another look at a held run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rechecked {
    /// Written.
    Written,
    /// Somebody else has moved the run; nothing was written.
    NotHeld,
    /// As [`Recorded::LaneMoved`].
    LaneMoved,
}

impl Store {
    /// Writes a decision about a deployment that is ours: the run in its first state, the evidence, the runs that give
    /// way, what is to be sent, and that the delivery is done. All of it, or nothing where `seen` is not true any more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn record_run(
        &self,
        deployment: &Deployment,
        run: &Run,
        evidence: &Evidence,
        seen: Option<&SeenLane>,
        displaced: &[Displaced],
        outgoing: &[Outgoing],
    ) -> Result<Recorded, StoreError> {
        let doing = "record a decision";
        let failed = StoreError::while_doing(doing);
        let _turn = self.deciding.lock().await;
        let mut tx = self.begin(doing).await?;
        let fresh = sqlx::query(
            "INSERT INTO deployments (host, repository_id, deployment_id, delivery_id, record, created_at) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&deployment.host)
        .bind(number(deployment.repository_id.0))
        .bind(number(deployment.id.0))
        .bind(run.delivery.to_string())
        .bind(json(deployment))
        .bind(millis(evidence.at))
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if fresh.rows_affected() == 0 {
            let row = sqlx::query("SELECT id FROM runs WHERE host = ? AND repository_id = ? AND deployment_id = ?")
                .bind(&deployment.host)
                .bind(number(deployment.repository_id.0))
                .bind(number(deployment.id.0))
                .fetch_optional(&mut *tx)
                .await
                .map_err(&failed)?;
            let earlier: Option<RunId> = row.map(|row| Reader::new(&row, doing).parsed("id")).transpose()?;
            settle(&mut tx, run.delivery, Disposition::Duplicate, evidence.at).await?;
            commit(tx, doing).await?;
            return Ok(Recorded::AlreadyRun(earlier));
        }
        if let Some(seen) = seen
            && seen.has_moved(&mut tx).await?
        {
            tx.rollback().await.map_err(&failed)?;
            return Ok(Recorded::LaneMoved);
        }
        if let Some(nonce) = &evidence.warrant
            && !warrants::bind(&mut tx, nonce, deployment.id).await?
        {
            tx.rollback().await.map_err(&failed)?;
            return Ok(Recorded::LaneMoved);
        }
        if let Some(command) = &run.command
            && !locks::carry_out(&mut tx, command, evidence.at).await?
        {
            tx.rollback().await.map_err(&failed)?;
            return Ok(Recorded::LaneMoved);
        }
        insert_run(&mut tx, run).await?;
        let came = came_as(&mut tx, run.delivery).await?;
        append_event(&mut tx, run.id, run.created_at, &came).await?;
        let reasons = run.reason.iter().cloned().collect();
        append_event(
            &mut tx,
            run.id,
            evidence.at,
            &RunEvent::Decided {
                state: run.state,
                reasons,
            },
        )
        .await?;
        tell_of_force(&mut tx, run, evidence.at).await?;
        insert_decision(&mut tx, run, evidence).await?;
        for one in displaced {
            displace(&mut tx, one, evidence.at).await?;
        }
        outbox::put(&mut tx, outgoing, evidence.at).await?;
        settle(&mut tx, run.delivery, Disposition::Processed, evidence.at).await?;
        commit(tx, doing).await?;
        Ok(Recorded::Written)
    }

    /// Writes that deployments are not ours: all of them in one transaction, because what GitHub sends on behalf of others
    /// comes in crowds.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn record_ignored(&self, ignored: &[(DeliveryId, Evidence)]) -> Result<(), StoreError> {
        let Some(at) = ignored.iter().map(|(_, evidence)| evidence.at).max() else {
            return Ok(());
        };
        let doing = "record a decision";
        let failed = StoreError::while_doing(doing);
        let _turn = self.deciding.lock().await;
        let mut tx = self.begin(doing).await?;
        for some in ignored.chunks(CHUNK) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO decisions (id, delivery_id, decided_at, verdict, facts, rules, decision, config_digest) ",
            );
            query.push_values(some, |mut row, (delivery, evidence)| {
                row.push_bind(evidence.id.as_str())
                    .push_bind(delivery.to_string())
                    .push_bind(millis(evidence.at))
                    .push_bind(evidence.verdict.as_str())
                    .push_bind(evidence.facts.as_str())
                    .push_bind(evidence.rules.as_str())
                    .push_bind(evidence.decision.as_str())
                    .push_bind(evidence.config_digest.as_str());
            });
            query.build().execute(&mut *tx).await.map_err(&failed)?;
            let mut query = QueryBuilder::<Sqlite>::new("UPDATE deliveries SET disposition = ");
            query
                .push_bind(Disposition::Ignored.as_str())
                .push(", processed_at = ")
                .push_bind(millis(at))
                .push(", next_attempt_at = NULL, detail = NULL WHERE id IN (");
            let mut list = query.separated(", ");
            for (delivery, _) in some {
                list.push_bind(delivery.to_string());
            }
            query.push(")");
            query.build().execute(&mut *tx).await.map_err(&failed)?;
        }
        commit(tx, doing).await
    }

    /// Lets further runs give way: more than one decision lists.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn record_displaced(&self, displaced: &[Displaced], at: Timestamp) -> Result<(), StoreError> {
        let doing = "let runs give way";
        let _turn = self.deciding.lock().await;
        let mut tx = self.begin(doing).await?;
        for one in displaced {
            displace(&mut tx, one, at).await?;
        }
        commit(tx, doing).await
    }

    /// Moves a held run to what a new look at it came to.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn record_recheck(
        &self,
        run: &Run,
        evidence: &Evidence,
        check_after: Option<Timestamp>,
        seen: Option<&SeenLane>,
        displaced: &[Displaced],
        outgoing: &[Outgoing],
    ) -> Result<Rechecked, StoreError> {
        let doing = "record a decision";
        let mut tx = self.begin(doing).await?;
        if let Some(seen) = seen
            && seen.has_moved(&mut tx).await?
        {
            return Ok(Rechecked::LaneMoved);
        }
        if let Some(nonce) = &evidence.warrant
            && !warrants::bind(&mut tx, nonce, run.deployment).await?
        {
            return Ok(Rechecked::LaneMoved);
        }
        let changed = sqlx::query(
            "UPDATE runs SET state = ?1, reason = ?2, finished_at = ?4, rung_at = ?5, config_digest = ?6, \
             check_after = CASE WHEN ?3 IS NULL OR check_after < ?8 THEN ?3 ELSE check_after END, \
             hold_until = ?9, passes_lock = ?10, forced = ?11 \
             WHERE id = ?7 AND state = 'held'",
        )
        .bind(run.state.as_str())
        .bind(run.reason.as_ref().map(json))
        .bind(check_after.map(millis))
        .bind(run.state.is_terminal().then(|| millis(evidence.at)))
        .bind((run.state == RunState::Queued).then(|| millis(evidence.at)))
        .bind(&evidence.config_digest)
        .bind(run.id.to_string())
        .bind(millis(evidence.at))
        .bind(run.hold_until.map(millis))
        .bind(run.passes_lock.map(|lock| lock.to_string()))
        .bind(run.forced.as_ref().map(json))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() == 0 {
            return Ok(Rechecked::NotHeld);
        }
        insert_decision(&mut tx, run, evidence).await?;
        let reasons = run.reason.iter().cloned().collect();
        append_event(
            &mut tx,
            run.id,
            evidence.at,
            &RunEvent::Decided {
                state: run.state,
                reasons,
            },
        )
        .await?;
        tell_of_force(&mut tx, run, evidence.at).await?;
        for one in displaced {
            displace(&mut tx, one, evidence.at).await?;
        }
        outbox::put(&mut tx, outgoing, evidence.at).await?;
        commit(tx, doing).await?;
        Ok(Rechecked::Written)
    }

    /// Looks at a held run again later, though nothing about it has changed. Where a webhook has made it due since
    /// `looked_at`, it stays due: what was seen then may be old.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn postpone_recheck(
        &self,
        run: RunId,
        check_after: Timestamp,
        looked_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE runs SET check_after = ? WHERE id = ? AND state = 'held' AND check_after < ?")
            .bind(millis(check_after))
            .bind(run.to_string())
            .bind(millis(looked_at))
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("postpone a check"))?;
        Ok(())
    }

    /// The decisions made about a delivery, or about a run, oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn decisions(&self, id: &str) -> Result<Vec<StoredDecision>, StoreError> {
        let doing = "read decisions";
        let rows = sqlx::query("SELECT * FROM decisions WHERE delivery_id = ? OR run_id = ? ORDER BY id")
            .bind(id)
            .bind(id)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                let run = row.maybe_text("run_id")?;
                Ok(StoredDecision {
                    delivery: row.parsed("delivery_id")?,
                    run: run.as_deref().and_then(|run| run.parse().ok()),
                    evidence: Evidence {
                        id: row.text("id")?,
                        verdict: row.text("verdict")?,
                        facts: row.text("facts")?,
                        rules: row.text("rules")?,
                        decision: row.text("decision")?,
                        config_digest: row.text("config_digest")?,
                        at: row.time("decided_at")?,
                        warrant: None,
                    },
                })
            })
            .collect()
    }
}

/// How a delivery came, for the timeline.
async fn came_as(connection: &mut SqliteConnection, delivery: DeliveryId) -> Result<RunEvent, StoreError> {
    let doing = "tell where a delivery came from";
    let row = sqlx::query("SELECT source FROM deliveries WHERE id = ?")
        .bind(delivery.to_string())
        .fetch_one(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    let source = Reader::new(&row, doing).text("source")?;
    Ok(match Source::from_name(&source) {
        Some(Source::Listing) => RunEvent::Listed { delivery },
        Some(Source::Webhook) | None => RunEvent::Delivered { delivery },
    })
}

/// Once it is on its way: before, nothing has been passed.
async fn tell_of_force(connection: &mut SqliteConnection, run: &Run, at: Timestamp) -> Result<(), StoreError> {
    match &run.forced {
        Some(forced) if run.state == RunState::Queued => {
            append_event(connection, run.id, at, &RunEvent::Forced(forced.clone())).await
        }
        Some(_) | None => Ok(()),
    }
}

async fn displace(connection: &mut SqliteConnection, one: &Displaced, at: Timestamp) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE runs SET state = 'superseded', reason = ?, finished_at = ? \
         WHERE id = ? AND state IN ('held', 'queued')",
    )
    .bind(json(&one.reason))
    .bind(millis(at))
    .bind(one.run.to_string())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::while_doing("supersede a run"))?;
    // one that was claimed in the meantime runs to its end
    if changed.rows_affected() == 1 {
        let event = RunEvent::Finished {
            state: RunState::Superseded,
            reason: Some(one.reason.clone()),
        };
        append_event(connection, one.run, at, &event).await?;
        outbox::put(connection, &one.outgoing, at).await?;
    }
    Ok(())
}

async fn settle(
    connection: &mut SqliteConnection,
    delivery: DeliveryId,
    disposition: Disposition,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deliveries SET disposition = ?, processed_at = ?, next_attempt_at = NULL, detail = NULL WHERE id = ?",
    )
    .bind(disposition.as_str())
    .bind(millis(at))
    .bind(delivery.to_string())
    .execute(connection)
    .await
    .map_err(StoreError::while_doing("settle a delivery"))?;
    Ok(())
}

/// With the row of the audit log that tells of it.
async fn insert_decision(connection: &mut SqliteConnection, run: &Run, evidence: &Evidence) -> Result<(), StoreError> {
    let position = audit::decided(connection, run, evidence).await?;
    sqlx::query(
        "INSERT INTO decisions (id, delivery_id, run_id, decided_at, verdict, facts, rules, decision, config_digest, \
         audit_position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&evidence.id)
    .bind(run.delivery.to_string())
    .bind(run.id.to_string())
    .bind(millis(evidence.at))
    .bind(&evidence.verdict)
    .bind(&evidence.facts)
    .bind(&evidence.rules)
    .bind(&evidence.decision)
    .bind(&evidence.config_digest)
    .bind(number(position))
    .execute(connection)
    .await
    .map_err(StoreError::while_doing("record a decision"))?;
    Ok(())
}

async fn insert_run(connection: &mut SqliteConnection, run: &Run) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO runs (id, host, repository_id, deployment_id, delivery_id, repository, installation_id, environment, \
         git_ref, sha, task, creator, requester, room, order_json, lane, state, reason, requested_at, created_at, \
         finished_at, hold_until, check_after, rung_at, config_digest, passes_lock, command, forced, listener) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(run.id.to_string())
    .bind(&run.host)
    .bind(number(run.repository_id.0))
    .bind(number(run.deployment.0))
    .bind(run.delivery.to_string())
    .bind(run.repository.as_str())
    .bind(run.installation.map(|installation| number(installation.0)))
    .bind(&run.environment)
    .bind(&run.git_ref)
    .bind(&run.sha)
    .bind(&run.task)
    .bind(&run.creator)
    .bind(&run.requester)
    .bind(&run.room)
    .bind(run.order.as_ref().map(json))
    .bind(run.lane.as_ref().map(|lane| lane.as_str()))
    .bind(run.state.as_str())
    .bind(run.reason.as_ref().map(json))
    .bind(millis(run.requested_at))
    .bind(millis(run.created_at))
    .bind(run.finished_at.map(millis))
    .bind(run.hold_until.map(millis))
    // a held run is looked at again soon; the sweep decides the pace from there
    .bind((run.state == RunState::Held).then(|| millis(run.created_at)))
    // the caller rings right after the commit; a write of its own would only delay the claim
    .bind((run.state == RunState::Queued).then(|| millis(run.created_at)))
    .bind(&run.config_digest)
    .bind(run.passes_lock.map(|lock| lock.to_string()))
    .bind(run.command.as_ref().map(json))
    .bind(run.forced.as_ref().map(json))
    .bind(run.listener.as_ref().map(json))
    .execute(connection)
    .await
    .map_err(StoreError::while_doing("record a run"))?;
    Ok(())
}
