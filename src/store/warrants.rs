//! What Chima itself asks GitHub for: the proof of who asked.

use sqlx::sqlite::SqliteConnection;

use crate::domain::actor::Actor;
use crate::domain::audit::{By, Deed, Entry, Subject};
use crate::domain::ids::{DeploymentId, RepositoryId};
use crate::domain::lock::Place;
use crate::domain::warrant::Warrant;
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis, number};
use crate::store::{Store, audit, commit};

const BIND: &str =
    "UPDATE warrants SET deployment_id = ?1 WHERE nonce = ?2 AND (deployment_id IS NULL OR deployment_id = ?1)";

impl Store {
    /// Writes one down. GitHub is asked after that, never before.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn write_warrant(&self, warrant: &Warrant) -> Result<(), StoreError> {
        let doing = "write down who asks for a deployment";
        let mut tx = self.begin(doing).await?;
        sqlx::query(
            "INSERT INTO warrants (nonce, host, repository_id, app, environment, task, git_ref, branch, actor, room, force, asked_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&warrant.nonce)
        .bind(&warrant.host)
        .bind(number(warrant.repository_id.0))
        .bind(warrant.place.app.as_str())
        .bind(warrant.place.environment.as_str())
        .bind(&warrant.task)
        .bind(&warrant.git_ref)
        .bind(warrant.branch.as_deref())
        .bind(json(&warrant.actor))
        .bind(warrant.room.as_deref())
        .bind(warrant.force)
        .bind(millis(warrant.at))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::while_doing(doing))?;
        let deed = Deed::Asked {
            task: warrant.task.clone(),
            git_ref: warrant.git_ref.clone(),
            force: warrant.force,
            room: warrant.room.clone(),
        };
        let entry = Entry::new(warrant.at, deed)
            .by(By::from(&warrant.actor))
            .about(Subject::place(&warrant.place));
        audit::append(&mut tx, &entry).await?;
        commit(tx, doing).await
    }

    /// Remembers which deployment GitHub made of it, unless another is known.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn bind_warrant(&self, nonce: &str, deployment: DeploymentId) -> Result<(), StoreError> {
        sqlx::query(BIND)
            .bind(number(deployment.0))
            .bind(nonce)
            .execute(&self.write)
            .await
            .map_err(StoreError::while_doing("remember which deployment somebody asked for"))?;
        Ok(())
    }

    /// What stands under a nonce.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn find_warrant(&self, nonce: &str) -> Result<Option<Warrant>, StoreError> {
        let doing = "find who asked for a deployment";
        let row = sqlx::query("SELECT * FROM warrants WHERE nonce = ?")
            .bind(nonce)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| read(&Reader::new(&row, doing))).transpose()
    }
}

/// Makes it the proof of this deployment and no other. `false` where it is that of another by now.
pub(crate) async fn bind(
    connection: &mut SqliteConnection,
    nonce: &str,
    deployment: DeploymentId,
) -> Result<bool, StoreError> {
    let bound = sqlx::query(BIND)
        .bind(number(deployment.0))
        .bind(nonce)
        .execute(connection)
        .await
        .map_err(StoreError::while_doing("remember which deployment somebody asked for"))?;
    Ok(bound.rows_affected() == 1)
}

/// Who asked, by the record of this nonce.
pub(crate) async fn asked_by(connection: &mut SqliteConnection, nonce: &str) -> Result<Option<By>, StoreError> {
    let doing = "find who asked for a deployment";
    let row = sqlx::query("SELECT actor FROM warrants WHERE nonce = ?")
        .bind(nonce)
        .fetch_optional(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    let actor: Option<Actor> = row.map(|row| Reader::new(&row, doing).json("actor")).transpose()?;
    Ok(actor.as_ref().map(By::from))
}

fn read(row: &Reader<'_>) -> Result<Warrant, StoreError> {
    Ok(Warrant {
        nonce: row.text("nonce")?,
        host: row.text("host")?,
        repository_id: RepositoryId(row.number("repository_id")?),
        place: Place {
            app: row.parsed("app")?,
            environment: row.parsed("environment")?,
        },
        task: row.text("task")?,
        git_ref: row.text("git_ref")?,
        branch: row.maybe_text("branch")?,
        actor: row.json("actor")?,
        room: row.maybe_text("room")?,
        force: row.number("force")? != 0,
        at: row.time("asked_at")?,
        deployment: row.maybe_number("deployment_id")?.map(DeploymentId),
    })
}
