//! The one message about each run in a room of Slack: where it goes, where it is, and what it says.

use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, millis};
use crate::store::{Store, commit};

/// The message about one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackMessageRow {
    /// About which.
    pub run: RunId,
    /// Where it goes, as somebody named it; none where it goes nowhere.
    pub room: Option<String>,
    /// Who is told how it ended, by Slack's id.
    pub asker: Option<String>,
    /// Channel and time of it, which together are its id, once it is there.
    pub posted: Option<(String, String)>,
    /// Whether somebody has begun to write it: it may be there without our knowing.
    pub begun: bool,
    /// When the run was first seen.
    pub created_at: Timestamp,
    /// What it says, as far as it was put into the outbox.
    pub told: Option<String>,
    /// Whether its thread says what comes with the run.
    pub commits_told: bool,
    /// Whether its thread says how the run ended.
    pub end_told: bool,
    /// How often GitHub was asked in vain what comes with the run.
    pub attempts: u32,
    /// When it is asked again.
    pub next_look_at: Timestamp,
}

/// What stands in the thread of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InThread {
    /// What comes with the run.
    Commits,
    /// How it ended.
    End,
}

impl Store {
    /// Runs that were taken in since then and of which nobody has said where they are told.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn runs_new_to_slack(&self, since: Timestamp, limit: u32) -> Result<Vec<Run>, StoreError> {
        let doing = "list runs that Slack has not heard of";
        // ids begin with the time: the key itself is the index
        let first = Ulid::from_parts(since.timestamp_millis().unsigned_abs(), 0).to_string();
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE id >= ? AND NOT EXISTS (SELECT 1 FROM slack_messages m WHERE m.run_id = runs.id) \
             ORDER BY id LIMIT ?",
        )
        .bind(first)
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| Reader::new(row, doing).run()).collect()
    }

    /// Writes down where a run is told, once.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn tell_in_slack(
        &self,
        run: RunId,
        (room, asker): (Option<&str>, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO slack_messages (run_id, room, asker, open, created_at) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (run_id) DO NOTHING",
        )
        .bind(run.to_string())
        .bind(room)
        .bind(asker)
        .bind(room.is_some())
        .bind(millis(now))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down where Slack hears of a run"))?;
        Ok(())
    }

    /// The next after `after` of which more is to be told.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn open_slack_messages(&self, after: &str, limit: u32) -> Result<Vec<SlackMessageRow>, StoreError> {
        let doing = "list messages in Slack";
        let rows = sqlx::query("SELECT * FROM slack_messages WHERE open = 1 AND run_id > ? ORDER BY run_id LIMIT ?")
            .bind(after)
            .bind(limit)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| read(&Reader::new(row, doing))).collect()
    }

    /// Those about runs that are under way.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn slack_messages_of_running(&self) -> Result<Vec<SlackMessageRow>, StoreError> {
        let doing = "list messages in Slack about runs under way";
        let rows = sqlx::query(
            "SELECT m.* FROM runs r JOIN slack_messages m ON m.run_id = r.id WHERE r.state = 'running' AND m.open = 1",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| read(&Reader::new(row, doing))).collect()
    }

    /// The message about a run.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn slack_message_of(&self, run: RunId) -> Result<Option<SlackMessageRow>, StoreError> {
        let doing = "read a message in Slack";
        let row = sqlx::query("SELECT * FROM slack_messages WHERE run_id = ?")
            .bind(run.to_string())
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| read(&Reader::new(&row, doing))).transpose()
    }

    /// Puts what the message is to say into the outbox, unless another process was quicker.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn say_in_slack(
        &self,
        row: &SlackMessageRow,
        says: &str,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "put a message for Slack into the outbox";
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query("UPDATE slack_messages SET told = ? WHERE run_id = ? AND COALESCE(told, '') = ?")
            .bind(says)
            .bind(row.run.to_string())
            .bind(row.told.as_deref().unwrap_or_default())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() == 1 {
            outbox::put(&mut tx, outgoing, now).await?;
        }
        commit(tx, doing).await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Puts a message for the thread into the outbox, once; with none, there is nothing to say there.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn say_in_thread(
        &self,
        run: RunId,
        what: InThread,
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "put a message for a thread into the outbox";
        let mut tx = self.begin(doing).await?;
        let query = match what {
            InThread::Commits => "UPDATE slack_messages SET commits_told = 1 WHERE run_id = ? AND commits_told = 0",
            InThread::End => "UPDATE slack_messages SET end_told = 1 WHERE run_id = ? AND end_told = 0",
        };
        let changed = sqlx::query(query)
            .bind(run.to_string())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() == 1 {
            outbox::put(&mut tx, outgoing, now).await?;
        }
        commit(tx, doing).await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Looks later what comes with a run.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn look_later_for_slack(&self, run: RunId, next: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE slack_messages SET attempts = attempts + 1, next_look_at = ? WHERE run_id = ?")
            .bind(millis(next))
            .bind(run.to_string())
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("put off a look for Slack"))?;
        Ok(())
    }

    /// Writes down that the message is about to be written.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn begin_slack_message(&self, run: RunId) -> Result<(), StoreError> {
        sqlx::query("UPDATE slack_messages SET channel = room WHERE run_id = ? AND channel IS NULL")
            .bind(run.to_string())
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("write down that a message goes to Slack"))?;
        Ok(())
    }

    /// Remembers where the message is: from now on it is changed, not repeated.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn remember_slack_message(&self, run: RunId, (channel, ts): (&str, &str)) -> Result<(), StoreError> {
        sqlx::query("UPDATE slack_messages SET channel = ?, ts = ? WHERE run_id = ?")
            .bind(channel)
            .bind(ts)
            .bind(run.to_string())
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("remember a message in Slack"))?;
        Ok(())
    }

    /// Nothing more is to be told about a run.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn close_slack_message(&self, run: RunId) -> Result<(), StoreError> {
        sqlx::query("UPDATE slack_messages SET open = 0 WHERE run_id = ?")
            .bind(run.to_string())
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("close a message in Slack"))?;
        Ok(())
    }

    /// Whether something waits in the outbox under this key.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn is_on_its_way(&self, key: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM outbox WHERE key = ? AND state IN ('pending', 'sending') LIMIT 1")
            .bind(key)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing("look what is on its way"))?;
        Ok(row.is_some())
    }
}

fn read(row: &Reader<'_>) -> Result<SlackMessageRow, StoreError> {
    Ok(SlackMessageRow {
        run: row.parsed("run_id")?,
        room: row.maybe_text("room")?,
        asker: row.maybe_text("asker")?,
        posted: row.maybe_text("channel")?.zip(row.maybe_text("ts")?),
        begun: row.maybe_text("channel")?.is_some(),
        created_at: row.time("created_at")?,
        told: row.maybe_text("told")?,
        commits_told: row.number("commits_told")? != 0,
        end_told: row.number("end_told")? != 0,
        attempts: row.count("attempts")?,
        next_look_at: row.time("next_look_at")?,
    })
}
