//! Comments that ask for something, and the one comment that answers each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::ids::{CommentId, DeploymentId, InstallationId, RepositoryId};
use crate::store::error::StoreError;
use crate::store::outbox::{self, Outgoing};
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, commit};

/// A comment that asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAsk {
    /// Ours, fresh.
    pub id: String,
    /// Host name of the GitHub it was written on.
    pub host: String,
    /// GitHub's number of the repository.
    pub repository_id: RepositoryId,
    /// The comment.
    pub comment: CommentId,
    /// `owner/name`.
    pub repository: String,
    /// Whose token answers.
    pub installation: Option<InstallationId>,
    /// The pull request.
    pub pull_request: u64,
    /// Login of its author.
    pub said_by: String,
    /// Whether the author belongs to the repository.
    pub known_there: bool,
    /// The command.
    pub said: String,
    /// When it was written.
    pub at: Timestamp,
}

/// One of them, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// As it came.
    pub new: NewAsk,
    /// What GitHub is, or was, being asked to deploy.
    pub wished: Option<Wished>,
    /// What came of that.
    pub deployment: Option<DeploymentId>,
    /// What was first answered.
    pub answer: Option<String>,
    /// What the answer says, as far as it was put into the outbox.
    pub told: Option<String>,
    /// Our comment, once it is there.
    pub reply: Option<CommentId>,
    /// Tries so far.
    pub attempts: u32,
}

/// By what a deployment can be found that GitHub may have made without our hearing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wished {
    /// Where to.
    pub environment: String,
    /// What for.
    pub task: String,
}

impl Store {
    /// Takes a comment in, once. `false` where it is known already.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn take_ask(&self, new: &NewAsk, now: Timestamp) -> Result<bool, StoreError> {
        let taken = sqlx::query(
            "INSERT INTO asks (id, host, repository_id, comment_id, repository, installation_id, pull_request, said_by, \
             known_there, said, created_at, next_attempt_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (host, repository_id, comment_id) DO NOTHING",
        )
        .bind(&new.id)
        .bind(&new.host)
        .bind(number(new.repository_id.0))
        .bind(number(new.comment.0))
        .bind(&new.repository)
        .bind(new.installation.map(|id| number(id.0)))
        .bind(number(new.pull_request))
        .bind(&new.said_by)
        .bind(new.known_there)
        .bind(&new.said)
        .bind(millis(new.at))
        .bind(millis(now))
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("write down what a comment asks for"))?;
        Ok(taken.rows_affected() == 1)
    }

    /// Claims one that nobody has answered and nobody works on.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be used.
    pub async fn claim_ask(&self, worker: &str, now: Timestamp, claim: Duration) -> Result<Option<Ask>, StoreError> {
        let doing = "claim what a comment asks for";
        let any = sqlx::query(
            "SELECT 1 FROM asks WHERE answer IS NULL AND open = 1 AND next_attempt_at <= ?1 \
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
            "UPDATE asks SET claimed_by = ?2, claimed_until = ?3, attempts = attempts + 1 WHERE id = \
             (SELECT id FROM asks WHERE answer IS NULL AND open = 1 AND next_attempt_at <= ?1 \
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
    pub async fn put_off_ask(&self, id: &str, next: Timestamp) -> Result<(), StoreError> {
        self.change_asks(
            "put off what a comment asks for",
            sqlx::query("UPDATE asks SET claimed_by = NULL, claimed_until = NULL, next_attempt_at = ? WHERE id = ?")
                .bind(millis(next))
                .bind(id),
        )
        .await
    }

    /// Leaves one without an answer.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn drop_ask(&self, id: &str) -> Result<(), StoreError> {
        self.change_asks(
            "leave a comment without an answer",
            sqlx::query("UPDATE asks SET open = 0 WHERE id = ?").bind(id),
        )
        .await
    }

    async fn change_asks(
        &self,
        doing: &'static str,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<(), StoreError> {
        query
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing(doing))?;
        Ok(())
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn find_ask(&self, id: &str) -> Result<Option<Ask>, StoreError> {
        let doing = "read what a comment asks for";
        let row = sqlx::query("SELECT * FROM asks WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| read(&Reader::new(&row, doing))).transpose()
    }

    /// Those of which more is to be told.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn open_asks(&self) -> Result<Vec<Ask>, StoreError> {
        let doing = "list what comments ask for";
        let rows = sqlx::query("SELECT * FROM asks WHERE open = 1 AND answer IS NOT NULL ORDER BY id")
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter().map(|row| read(&Reader::new(row, doing))).collect()
    }

    /// Writes down that GitHub is about to be asked for a deployment.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn begin_wish(&self, id: &str, wished: &Wished) -> Result<(), StoreError> {
        sqlx::query("UPDATE asks SET wished = ? WHERE id = ?")
            .bind(json(wished))
            .bind(id)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("write down what GitHub is asked for"))?;
        Ok(())
    }

    /// Writes down what was answered, and what came of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn answer_ask(&self, id: &str, answer: &str, deployment: Option<DeploymentId>) -> Result<(), StoreError> {
        sqlx::query("UPDATE asks SET answer = ?, deployment_id = ? WHERE id = ? AND answer IS NULL")
            .bind(answer)
            .bind(deployment.map(|id| number(id.0)))
            .bind(id)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("write down the answer to a comment"))?;
        Ok(())
    }

    /// Puts what the answer is to say into the outbox. The last word closes it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn tell_ask(
        &self,
        id: &str,
        (text, last): (&str, bool),
        outgoing: &[Outgoing],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "tell what became of what a comment asked for";
        let mut tx = self.begin(doing).await?;
        sqlx::query("UPDATE asks SET told = ?, open = ? WHERE id = ?")
            .bind(text)
            .bind(!last)
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        outbox::put(&mut tx, outgoing, now).await?;
        commit(tx, doing).await
    }

    /// Remembers our own comment: from now on it is changed, not repeated.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn remember_reply(&self, id: &str, reply: CommentId) -> Result<(), StoreError> {
        sqlx::query("UPDATE asks SET reply_id = ? WHERE id = ?")
            .bind(number(reply.0))
            .bind(id)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("remember a comment of ours"))?;
        Ok(())
    }
}

fn read(row: &Reader<'_>) -> Result<Ask, StoreError> {
    Ok(Ask {
        new: NewAsk {
            id: row.text("id")?,
            host: row.text("host")?,
            repository_id: RepositoryId(row.number("repository_id")?),
            comment: CommentId(row.number("comment_id")?),
            repository: row.text("repository")?,
            installation: row.maybe_number("installation_id")?.map(InstallationId),
            pull_request: row.number("pull_request")?,
            said_by: row.text("said_by")?,
            known_there: row.number("known_there")? != 0,
            said: row.text("said")?,
            at: row.time("created_at")?,
        },
        wished: row.maybe_json("wished")?,
        deployment: row.maybe_number("deployment_id")?.map(DeploymentId),
        answer: row.maybe_text("answer")?,
        told: row.maybe_text("told")?,
        reply: row.maybe_number("reply_id")?.map(CommentId),
        attempts: row.count("attempts")?,
    })
}
