//! Which repository is meant by each name of the configuration.

use crate::domain::access::KnownRepository;
use crate::domain::audit::{By, Deed, Entry, Subject};
use crate::domain::clock::Timestamp;
use crate::domain::ids::{InstallationId, RepositoryId};
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};
use crate::store::{Store, audit, commit};

impl Store {
    /// Every repository that was seen under a configured name, also under one that is not configured any more.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn repositories(&self, host: &str) -> Result<Vec<KnownRepository>, StoreError> {
        let doing = "list repositories";
        let rows = sqlx::query("SELECT * FROM repositories WHERE host = ? ORDER BY configured")
            .bind(host)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok(KnownRepository {
                    id: RepositoryId(row.number("repository_id")?),
                    configured: row.text("configured")?,
                    name: row.text("name")?,
                    installation: row.maybe_number("installation_id")?.map(InstallationId),
                    gone: row.maybe_time("gone_at")?.is_some(),
                })
            })
            .collect()
    }

    /// Writes down what a repository is called. Whoever was meant by the name before is forgotten: the caller has made sure
    /// that it may be.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn remember_repository(
        &self,
        host: &str,
        repository: &KnownRepository,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "remember a repository";
        let failed = StoreError::while_doing(doing);
        let mut tx = self.begin(doing).await?;
        sqlx::query("DELETE FROM repositories WHERE host = ? AND configured = ? AND repository_id <> ?")
            .bind(host)
            .bind(repository.configured.to_ascii_lowercase())
            .bind(number(repository.id.0))
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        sqlx::query(
            "INSERT INTO repositories (host, repository_id, configured, name, installation_id, gone_at, seen_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (host, repository_id) DO UPDATE SET configured = excluded.configured, \
             name = excluded.name, installation_id = excluded.installation_id, gone_at = excluded.gone_at, \
             seen_at = excluded.seen_at",
        )
        .bind(host)
        .bind(number(repository.id.0))
        .bind(repository.configured.to_ascii_lowercase())
        .bind(&repository.name)
        .bind(repository.installation.map(|id| number(id.0)))
        .bind(repository.gone.then(|| millis(now)))
        .bind(millis(now))
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        commit(tx, doing).await
    }

    /// Forgets what is known of the repository of a configured name because somebody wants it. Whether anything was.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn forget_repository(
        &self,
        host: &str,
        configured: &str,
        by: By,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = "forget a repository";
        let mut tx = self.begin(doing).await?;
        let changed = sqlx::query("DELETE FROM repositories WHERE host = ? AND configured = ?")
            .bind(host)
            .bind(configured.to_ascii_lowercase())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::while_doing(doing))?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        let entry = Entry::new(now, Deed::Forgot)
            .by(by)
            .about(Subject::repository(configured));
        audit::append(&mut tx, &entry).await?;
        commit(tx, doing).await?;
        Ok(true)
    }

    /// Forgets an installation wherever it is remembered: of these repositories, or of all where none are named. Whoever needs
    /// one then asks GitHub.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn forget_installation(
        &self,
        host: &str,
        installation: InstallationId,
        of: &[RepositoryId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "forget an installation";
        let failed = StoreError::while_doing(doing);
        let of: Vec<u64> = of.iter().map(|id| id.0).collect();
        let of = crate::store::row::json(&of);
        let mut tx = self.begin(doing).await?;
        for statement in [
            "UPDATE repositories SET installation_id = NULL WHERE host = ?1 AND installation_id = ?2 \
             AND (?3 = '[]' OR repository_id IN (SELECT value FROM json_each(?3)))",
            "UPDATE auto_deploys SET installation_id = NULL, due_at = ?4 WHERE host = ?1 AND installation_id = ?2 \
             AND (?3 = '[]' OR repository_id IN (SELECT value FROM json_each(?3)))",
        ] {
            sqlx::query(statement)
                .bind(host)
                .bind(number(installation.0))
                .bind(&of)
                .bind(millis(now))
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
        }
        commit(tx, doing).await
    }
}
