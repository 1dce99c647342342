//! The outbox: what is to be sent, written in the transaction that caused it, and who sends it.
//!
//! Rows of one key leave one after the other. A status that was not sent yet gives way to a newer one of its
//! deployment, so that GitHub hears at most what still matters, and no word twice; the last word is sent before everything
//! else.

use std::time::Duration;

use sqlx::sqlite::SqliteConnection;

use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::pace::Pace;
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis};
use crate::store::{Store, commit, paces};

/// The pace of everything that creates something on GitHub.
pub const GITHUB_PACE: &str = "github";

/// In `terminal`, beside 0 and 1: a last word that was given up and is sent again.
pub(super) const AGAIN: u64 = 2;

/// What kind of thing leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A deployment status for GitHub.
    DeploymentStatus,
    /// A message for Slack's incoming webhook.
    SlackWebhook,
    /// A word to a job of GitHub Actions that waits for ours.
    ProtectionReport,
    /// A comment on a pull request.
    Comment,
    /// Something for a recipient of the configuration, who is named in its body as `to`.
    Notice,
    /// A message of Slack's bot.
    SlackApi,
}

impl Kind {
    /// The stored name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeploymentStatus => "deployment_status",
            Self::SlackWebhook => "slack_webhook",
            Self::ProtectionReport => "protection_report",
            Self::Comment => "comment",
            Self::Notice => "notice",
            Self::SlackApi => "slack_api",
        }
    }

    /// Whose pace it keeps; each recipient of notices has one of their own beginning with it.
    #[must_use]
    pub fn pace(self) -> &'static str {
        match self {
            Self::DeploymentStatus | Self::ProtectionReport | Self::Comment => GITHUB_PACE,
            Self::SlackWebhook => "slack",
            Self::Notice => "notices",
            Self::SlackApi => "slack_api",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [
            Self::DeploymentStatus,
            Self::SlackWebhook,
            Self::ProtectionReport,
            Self::Comment,
            Self::Notice,
            Self::SlackApi,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }
}

/// What leaves one after the other, at one pace: all of a kind, or all that is for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What leaves.
    pub kind: Kind,
    /// For whom, where there are several.
    pub recipient: Option<String>,
}

impl Line {
    /// Whose pace it keeps.
    #[must_use]
    pub fn pace(&self) -> String {
        match &self.recipient {
            Some(recipient) => format!("{}/{recipient}", self.kind.pace()),
            None => self.kind.pace().to_owned(),
        }
    }
}

impl From<Kind> for Line {
    fn from(kind: Kind) -> Self {
        Self { kind, recipient: None }
    }
}

/// Something to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Ours, fresh; sorts by time.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Rows of one key leave in order.
    pub key: String,
    /// About which run; none where it is about something else.
    pub run: Option<RunId>,
    /// Whether nothing follows under this key.
    pub terminal: bool,
    /// The word it tells. One that has been told under this key, or may have been, is not told again.
    pub says: String,
    /// What is sent, as the sender of this kind understands it.
    pub body: serde_json::Value,
}

impl Outgoing {
    /// In which line it stands.
    #[must_use]
    pub fn line(&self) -> Line {
        let named = self.body.get("to").and_then(serde_json::Value::as_str);
        Line {
            kind: self.kind,
            recipient: named.filter(|_| self.kind == Kind::Notice).map(str::to_owned),
        }
    }
}

/// A row that a sender has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The row.
    pub outgoing: Outgoing,
    /// How often it was tried before. Above 0, an earlier try may have worked without our knowing.
    pub attempts: u32,
    /// Whether it is a last word that was given up before, and that somebody wants sent all the same.
    pub again: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// The delivery that began it all: the one id that every log line of a deployment can be found by.
    pub delivery: Option<DeliveryId>,
}

/// How a row was dealt with, for pages.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// The row.
    pub outgoing: Outgoing,
    /// `pending`, `sending`, `sent` or `dead`.
    pub state: String,
    /// Tries so far.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it left.
    pub sent_at: Option<Timestamp>,
    /// What the last try came to.
    pub last_error: Option<String>,
}

/// The row that may leave next, and whether it is a last word.
async fn due<'c>(
    executor: impl sqlx::Executor<'c, Database = sqlx::Sqlite>,
    line: &Line,
    now: Timestamp,
) -> Result<Option<(String, bool)>, StoreError> {
    let doing = "look what is due in the outbox";
    let row = sqlx::query(
        "SELECT o.id, o.terminal FROM outbox o WHERE o.kind = ?1 AND COALESCE(o.recipient, '') = ?3 \
         AND o.state IN ('pending', 'sending') AND ((o.state = 'pending' AND o.next_attempt_at <= ?2) OR (o.state = 'sending' AND o.claimed_until <= ?2)) \
         AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.key = o.key AND p.id < o.id \
                         AND p.state IN ('pending', 'sending')) \
         AND NOT EXISTS (SELECT 1 FROM copied) \
         ORDER BY o.terminal DESC, o.id LIMIT 1",
    )
    .bind(line.kind.as_str())
    .bind(millis(now))
    .bind(line.recipient.as_deref().unwrap_or_default())
    .fetch_optional(executor)
    .await
    .map_err(StoreError::while_doing(doing))?;
    row.map(|row| {
        let row = Reader::new(&row, doing);
        Ok((row.text("id")?, row.number("terminal")? != 0))
    })
    .transpose()
}

pub(crate) async fn put(
    connection: &mut SqliteConnection,
    outgoing: &[Outgoing],
    now: Timestamp,
) -> Result<(), StoreError> {
    let failed = StoreError::while_doing("put a message into the outbox");
    for one in outgoing {
        let told = sqlx::query(
            "SELECT 1 FROM outbox WHERE key = ? AND kind = ? AND says = ? \
             AND (state IN ('sending', 'sent') OR (state = 'pending' AND attempts > 0)) LIMIT 1",
        )
        .bind(&one.key)
        .bind(one.kind.as_str())
        .bind(&one.says)
        .fetch_optional(&mut *connection)
        .await
        .map_err(&failed)?;
        if told.is_some() {
            continue;
        }
        sqlx::query("DELETE FROM outbox WHERE key = ? AND kind = ? AND state = 'pending' AND terminal = 0")
            .bind(&one.key)
            .bind(one.kind.as_str())
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
        sqlx::query(
            "INSERT INTO outbox (id, key, kind, recipient, run_id, terminal, says, body, next_attempt_at, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&one.id)
        .bind(&one.key)
        .bind(one.kind.as_str())
        .bind(one.line().recipient)
        .bind(one.run.map(|run| run.to_string()))
        .bind(one.terminal)
        .bind(&one.says)
        .bind(json(&one.body))
        .bind(millis(now))
        .bind(millis(now))
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
    }
    Ok(())
}

impl Store {
    /// Claims what may leave now and has a place in the pace: a last word if there is one, else the oldest. A claim that is not
    /// settled in time is anybody's again, and counts as a try: its sender may have died after sending.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn claim_outgoing(
        &self,
        line: &Line,
        sender: &str,
        now: Timestamp,
        claim: Duration,
        pace: &Pace,
    ) -> Result<Option<Claimed>, StoreError> {
        let doing = "claim from the outbox";
        let failed = StoreError::while_doing(doing);
        if due(&self.read, line, now).await?.is_none() {
            return Ok(None);
        }
        let mut tx = self.begin(doing).await?;
        // another process may have been quicker
        let Some((id, terminal)) = due(&mut *tx, line, now).await? else {
            return Ok(None);
        };
        if !paces::take(&mut tx, &line.pace(), pace, terminal, now).await? {
            return Ok(None);
        }
        let row = sqlx::query(
            "UPDATE outbox SET attempts = attempts + (state = 'sending'), state = 'sending', claimed_until = ?1, \
             claimed_by = ?2 WHERE id = ?3 \
             RETURNING id, key, kind, run_id, terminal, says, body, attempts, created_at, \
             (SELECT delivery_id FROM runs WHERE runs.id = outbox.run_id) AS delivery_id",
        )
        .bind(millis(now + claim))
        .bind(sender)
        .bind(id)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        commit(tx, doing).await?;
        let row = Reader::new(&row, doing);
        Ok(Some(Claimed {
            outgoing: read_outgoing(&row)?,
            attempts: row.count("attempts")?,
            again: row.number("terminal")? == AGAIN,
            created_at: row.time("created_at")?,
            delivery: row.maybe_text("delivery_id")?.and_then(|id| id.parse().ok()),
        }))
    }

    /// The recipients for whom something waits.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn awaited_recipients(&self) -> Result<Vec<String>, StoreError> {
        let doing = "list for whom something waits in the outbox";
        // from one to the next, whatever waits for each
        let rows = sqlx::query(
            "WITH RECURSIVE awaited (recipient) AS (SELECT MIN(recipient) FROM outbox \
             WHERE state IN ('pending', 'sending') AND recipient IS NOT NULL \
             UNION ALL SELECT (SELECT MIN(o.recipient) FROM outbox o WHERE o.state IN ('pending', 'sending') \
             AND o.recipient IS NOT NULL AND o.recipient > awaited.recipient) FROM awaited \
             WHERE awaited.recipient IS NOT NULL) SELECT recipient FROM awaited WHERE recipient IS NOT NULL",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| Reader::new(row, doing).text("recipient"))
            .collect()
    }

    /// Gives up whatever waits for a recipient. Returns how much that was.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn bury_all_for(&self, recipient: &str, error: &str, now: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox SET state = 'dead', last_error = ? WHERE recipient = ? \
             AND state IN ('pending', 'sending') AND (state = 'pending' OR (state = 'sending' AND claimed_until <= ?))",
        )
        .bind(error)
        .bind(recipient)
        .bind(millis(now))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("give up what is for nobody"))?;
        Ok(done.rows_affected())
    }

    /// The same for one line of a sender that lives and has nothing of it under way: what it could not write down is asked about and
    /// written again, without waiting for the claim to lapse.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn release_line(&self, sender: &str, line: &Line) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET claimed_until = 0 WHERE state = 'sending' AND claimed_by = ? AND kind = ? AND recipient IS ?",
        )
        .bind(sender)
        .bind(line.kind.as_str())
        .bind(line.recipient.as_deref())
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("take up messages again"))?;
        Ok(())
    }

    /// Writes that a row has left.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn mark_sent(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET state = 'sent', sent_at = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?",
        )
        .bind(millis(now))
        .bind(id)
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("settle the outbox"))?;
        Ok(())
    }

    /// Puts a row off. It leaves for good instead where a newer row of its key has made it pointless.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn retry_outgoing(
        &self,
        claimed: &Claimed,
        error: &str,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "put off a row of the outbox";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        sqlx::query(
            "UPDATE outbox SET state = 'pending', claimed_until = NULL, attempts = attempts + 1, last_error = ?, \
             next_attempt_at = ? WHERE id = ? AND state = 'sending'",
        )
        .bind(error)
        .bind(millis(next_attempt_at))
        .bind(&claimed.outgoing.id)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        sqlx::query(
            "DELETE FROM outbox WHERE id = ? AND terminal = 0 AND kind = 'deployment_status' AND EXISTS \
             (SELECT 1 FROM outbox n WHERE n.key = outbox.key AND n.id > outbox.id)",
        )
        .bind(&claimed.outgoing.id)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        commit(tx, doing).await
    }

    /// Puts a row off that was not tried: its turn has not come.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn let_outgoing_wait(&self, id: &str, next_attempt_at: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET state = 'pending', claimed_until = NULL, next_attempt_at = ? WHERE id = ? AND state = 'sending'",
        )
        .bind(millis(next_attempt_at))
        .bind(id)
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("let a row of the outbox wait"))?;
        Ok(())
    }

    /// Gives a row up: it can never be delivered. It stays visible.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn bury_outgoing(&self, id: &str, error: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE outbox SET state = 'dead', attempts = attempts + 1, last_error = ? WHERE id = ?")
            .bind(error)
            .bind(id)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("bury a row of the outbox"))?;
        Ok(())
    }

    /// What was, or is to be, sent about a run.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn outbox_of(&self, run: RunId) -> Result<Vec<OutboxRow>, StoreError> {
        let doing = "read the outbox";
        let rows = sqlx::query("SELECT * FROM outbox WHERE run_id = ? ORDER BY id")
            .bind(run.to_string())
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| read_row(&Reader::new(row, doing))).collect()
    }
}

pub(crate) fn read_row(row: &Reader<'_>) -> Result<OutboxRow, StoreError> {
    Ok(OutboxRow {
        outgoing: read_outgoing(row)?,
        state: row.text("state")?,
        attempts: row.count("attempts")?,
        created_at: row.time("created_at")?,
        sent_at: row.maybe_time("sent_at")?,
        last_error: row.maybe_text("last_error")?,
    })
}

fn read_outgoing(row: &Reader<'_>) -> Result<Outgoing, StoreError> {
    Ok(Outgoing {
        id: row.text("id")?,
        kind: row.word("kind", Kind::from_name)?,
        key: row.text("key")?,
        run: row.maybe_text("run_id")?.and_then(|id| id.parse().ok()),
        terminal: row.number("terminal")? != 0,
        // absent in rows of an earlier version
        says: row.maybe_text("says")?.unwrap_or_default(),
        body: row.json("body")?,
    })
}
