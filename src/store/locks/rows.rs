//! The parts of which the transactions about locks are made.

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Order;
use crate::domain::ids::{LockId, RunId};
use crate::domain::length::Length;
use crate::domain::lock::{Cause, Lock, LockCommand, LockEnding, LockRequest, Place};
use crate::domain::person::Person;
use crate::domain::run::Run;
use crate::store::audit;
use crate::store::error::StoreError;
use crate::store::row::{Reader, json, millis, number};

/// Rows of one statement.
const CHUNK: usize = 500;

/// The lock of an environment, which may have expired.
pub(crate) async fn active(connection: &mut SqliteConnection, place: &Place) -> Result<Option<Lock>, StoreError> {
    let doing = "read a lock";
    let row = sqlx::query("SELECT * FROM locks WHERE place = ? AND since IS NOT NULL AND ended_at IS NULL")
        .bind(place.key())
        .fetch_optional(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    row.map(|row| Reader::new(&row, doing).lock()).transpose()
}

/// Every lock, also those that have expired, the oldest first.
pub(super) async fn all_active(connection: &mut SqliteConnection) -> Result<Vec<Lock>, StoreError> {
    let doing = "list locks";
    let rows = sqlx::query("SELECT * FROM locks WHERE since IS NOT NULL AND ended_at IS NULL ORDER BY since, id")
        .fetch_all(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    rows.iter().map(|row| Reader::new(row, doing).lock()).collect()
}

/// Ends the lock of an environment if its time is up. Whether it was.
pub(super) async fn expire(
    connection: &mut SqliteConnection,
    place: &Place,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(lock) = active(connection, place).await?.filter(|lock| !lock.holds_at(now)) else {
        return Ok(false);
    };
    end(
        connection,
        lock.id,
        &LockEnding::Expired,
        lock.until.unwrap_or(now),
        true,
    )
    .await?;
    pass_on(connection, place, now).await?;
    Ok(true)
}

/// Ends a lock because somebody unlocks. Another owner is told. Returns the lock of whoever waited.
pub(super) async fn unlock(
    connection: &mut SqliteConnection,
    lock: &Lock,
    by: &Person,
    now: Timestamp,
) -> Result<Option<Lock>, StoreError> {
    let tell = lock.lets_its_owner_pass() && !lock.owner.is_called(&by.name);
    end(connection, lock.id, &LockEnding::Unlocked { by: by.clone() }, now, tell).await?;
    pass_on(connection, &lock.place, now).await
}

/// Carries out a command that arrived as a deployment. `false`: the lock is not what the decision took it for; nothing may be
/// written then.
pub(crate) async fn carry_out(
    connection: &mut SqliteConnection,
    command: &LockCommand,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match command {
        LockCommand::Lock { lock } => {
            expire(connection, &lock.place, now).await?;
            if active(connection, &lock.place).await?.is_some() {
                return Ok(false);
            }
            replace(connection, lock, false).await?;
        }
        LockCommand::Unlock { lock, by } => {
            unlock(connection, lock, by, now).await?;
        }
    }
    Ok(true)
}

/// Begins a lock, in the place of one that holds; its owner is told, if it is another person.
pub(crate) async fn replace(connection: &mut SqliteConnection, lock: &Lock, tell: bool) -> Result<(), StoreError> {
    if let Some(old) = active(connection, &lock.place).await? {
        let ending = if old.holds_at(lock.since) {
            LockEnding::Stolen {
                by: lock.owner.clone(),
                reason: lock.reason.clone(),
            }
        } else {
            LockEnding::Expired
        };
        let other = !old.owner.is_called(&lock.owner.name) || !lock.lets_its_owner_pass();
        end(
            connection,
            old.id,
            &ending,
            lock.since,
            other && old.lets_its_owner_pass(),
        )
        .await?;
    }
    sqlx::query(
        "INSERT INTO locks (id, place, app, environment, owner, reason, cause, asked_at, since, until, untold) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(lock.id.to_string())
    .bind(lock.place.key())
    .bind(lock.place.app.as_str())
    .bind(lock.place.environment.as_str())
    .bind(json(&lock.owner))
    .bind(&lock.reason)
    .bind(json(&lock.cause))
    .bind(millis(lock.since))
    .bind(millis(lock.since))
    .bind(lock.until.map(millis))
    .bind(tell)
    .execute(&mut *connection)
    .await
    .map_err(StoreError::while_doing("record a lock"))?;
    audit::locked(connection, lock).await?;
    hold_back(connection, lock).await
}

async fn end(
    connection: &mut SqliteConnection,
    lock: LockId,
    ending: &LockEnding,
    at: Timestamp,
    tell: bool,
) -> Result<(), StoreError> {
    let doing = "end a lock";
    let row = sqlx::query(
        "UPDATE locks SET ended_at = ?, ending = ?, untold = ? WHERE id = ? AND ended_at IS NULL RETURNING *",
    )
    .bind(millis(at))
    .bind(json(ending))
    .bind(tell)
    .bind(lock.to_string())
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::while_doing(doing))?;
    match row {
        Some(row) => audit::lock_ended(connection, &Reader::new(&row, doing).lock()?, ending, at).await,
        None => Ok(()),
    }
}

/// Gives an environment that is free to whoever waits first, who is told. Whatever waited for the lock to go is due, in any case.
async fn pass_on(connection: &mut SqliteConnection, place: &Place, now: Timestamp) -> Result<Option<Lock>, StoreError> {
    let doing = "pass a lock on";
    let failed = StoreError::while_doing(doing);
    let held: Vec<String> = ids_of(connection, "held", place).await?;
    for some in held.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE runs SET check_after = ");
        query.push_bind(millis(now)).push(" WHERE id IN (");
        let mut list = query.separated(", ");
        for id in some {
            list.push_bind(id.as_str());
        }
        query.push(")");
        query.build().execute(&mut *connection).await.map_err(&failed)?;
    }
    sqlx::query("UPDATE protection_requests SET due_at = ?, marks = marks + 1 WHERE state = 'waiting'")
        .bind(millis(now))
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
    sqlx::query(
        "UPDATE auto_deploys SET due_at = ?, marks = marks + 1 WHERE lower(app) || '/' || lower(environment) = ?",
    )
    .bind(millis(now))
    .bind(place.key())
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    let first = sqlx::query(
        "SELECT id, length_seconds FROM locks WHERE place = ? AND since IS NULL AND ended_at IS NULL ORDER BY id LIMIT 1",
    )
    .bind(place.key())
    .fetch_optional(&mut *connection)
    .await
    .map_err(&failed)?;
    let Some(first) = first else {
        return Ok(None);
    };
    let first = Reader::new(&first, doing);
    let length = first.maybe_number("length_seconds")?.and_then(Length::from_seconds);
    let row = sqlx::query("UPDATE locks SET since = ?, until = ?, untold = 1 WHERE id = ? RETURNING *")
        .bind(millis(now))
        .bind(length.map(|length| millis(now + length.span())))
        .bind(first.text("id")?)
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    let lock = Reader::new(&row, doing).lock()?;
    audit::locked(connection, &lock).await?;
    hold_back(connection, &lock).await?;
    Ok(Some(lock))
}

/// Puts what is queued for a locked environment back before the door, where it is decided on again: at once, and with this lock
/// known. What passes the lock stays.
async fn hold_back(connection: &mut SqliteConnection, lock: &Lock) -> Result<(), StoreError> {
    let queued = ids_of(connection, "queued", &lock.place).await?;
    for some in queued.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "UPDATE runs SET state = 'held', reason = NULL, hold_until = NULL, rung_at = NULL, check_after = ",
        );
        query
            .push_bind(millis(lock.since))
            .push(" WHERE state = 'queued' AND COALESCE(passes_lock, '') <> ")
            .push_bind(lock.id.to_string())
            .push(" AND id IN (");
        let mut list = query.separated(", ");
        for id in some {
            list.push_bind(id.as_str());
        }
        query.push(")");
        query
            .build()
            .execute(&mut *connection)
            .await
            .map_err(StoreError::while_doing("hold runs back"))?;
    }
    Ok(())
}

/// Its time as a held one begins with the decision.
pub(crate) async fn hold_back_one(
    connection: &mut SqliteConnection,
    run: RunId,
    due: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE runs SET state = 'held', reason = NULL, hold_until = NULL, check_after = ?, rung_at = NULL \
         WHERE id = ? AND state = 'queued'",
    )
    .bind(millis(due))
    .bind(run.to_string())
    .execute(connection)
    .await
    .map_err(StoreError::while_doing("hold a run back"))?;
    Ok(())
}

/// Runs that a worker has taken.
pub(super) async fn under_way(connection: &mut SqliteConnection, place: &Place) -> Result<Vec<Run>, StoreError> {
    let doing = "list the runs of an environment";
    let mut runs = Vec::new();
    for id in ids_of(connection, "running", place).await? {
        let row = sqlx::query("SELECT * FROM runs WHERE id = ?")
            .bind(id)
            .fetch_one(&mut *connection)
            .await
            .map_err(StoreError::while_doing(doing))?;
        runs.push(Reader::new(&row, doing).run()?);
    }
    Ok(runs)
}

/// Runs in a state that change an environment, by their ids.
async fn ids_of(
    connection: &mut SqliteConnection,
    state: &'static str,
    place: &Place,
) -> Result<Vec<String>, StoreError> {
    let doing = "list the runs of an environment";
    // literal, so that each state is found by its own index
    let query = match state {
        "running" => "SELECT id, order_json FROM runs WHERE state = 'running' AND environment = ? COLLATE NOCASE",
        "queued" => "SELECT id, order_json FROM runs WHERE state = 'queued' AND environment = ? COLLATE NOCASE",
        _ => "SELECT id, order_json FROM runs WHERE state = 'held' AND environment = ? COLLATE NOCASE",
    };
    let rows = sqlx::query(query)
        .bind(place.environment.as_str())
        .fetch_all(connection)
        .await
        .map_err(StoreError::while_doing(doing))?;
    let mut runs = Vec::new();
    for row in &rows {
        let row = Reader::new(row, doing);
        let order: Option<Order> = row.maybe_json("order_json")?;
        if order.is_some_and(|order| !order.noop && order.place().key() == place.key()) {
            runs.push(row.text("id")?);
        }
    }
    Ok(runs)
}

/// Who waits for an environment, the first first.
pub(super) async fn line(connection: &mut SqliteConnection, place: &Place) -> Result<Vec<Person>, StoreError> {
    let doing = "list who waits for a lock";
    let rows =
        sqlx::query("SELECT owner FROM locks WHERE place = ? AND since IS NULL AND ended_at IS NULL ORDER BY id")
            .bind(place.key())
            .fetch_all(connection)
            .await
            .map_err(StoreError::while_doing(doing))?;
    rows.iter().map(|row| Reader::new(row, doing).json("owner")).collect()
}

/// Lets a person wait for an environment.
pub(super) async fn wait(
    connection: &mut SqliteConnection,
    id: LockId,
    place: &Place,
    request: &LockRequest,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO locks (id, place, app, environment, owner, reason, cause, asked_at, length_seconds) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(place.key())
    .bind(place.app.as_str())
    .bind(place.environment.as_str())
    .bind(json(&request.by))
    .bind(&request.reason)
    .bind(json(&Cause::Person))
    .bind(millis(now))
    .bind(request.length.map(|length| number(length.seconds())))
    .execute(&mut *connection)
    .await
    .map_err(StoreError::while_doing("record who waits for a lock"))?;
    audit::lock_awaited(connection, (id, place), &request.by, now).await
}

/// Takes a person out of one line, or out of every. Returns what that person had waited for.
pub(super) async fn give_up(
    connection: &mut SqliteConnection,
    by: &Person,
    only: Option<&Place>,
    now: Timestamp,
) -> Result<Vec<Place>, StoreError> {
    let doing = "list who waits for locks";
    let rows = sqlx::query(
        "SELECT id, owner, app, environment FROM locks WHERE since IS NULL AND ended_at IS NULL ORDER BY id",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(StoreError::while_doing(doing))?;
    let mut places = Vec::new();
    for row in &rows {
        let row = Reader::new(row, doing);
        let owner: Person = row.json("owner")?;
        let place = row.place()?;
        if owner.is_called(&by.name) && only.is_none_or(|only| only.key() == place.key()) {
            end(
                connection,
                row.parsed("id")?,
                &LockEnding::Unlocked { by: by.clone() },
                now,
                false,
            )
            .await?;
            places.push(place);
        }
    }
    Ok(places)
}

impl Reader<'_> {
    fn place(&self) -> Result<Place, StoreError> {
        Ok(Place {
            app: self.parsed("app")?,
            environment: self.parsed("environment")?,
        })
    }

    pub(super) fn lock(&self) -> Result<Lock, StoreError> {
        Ok(Lock {
            id: self.parsed("id")?,
            place: self.place()?,
            owner: self.json("owner")?,
            reason: self.maybe_text("reason")?,
            cause: self.json("cause")?,
            // of one that nobody holds yet, when it was asked for
            since: self.maybe_time("since")?.map_or_else(|| self.time("asked_at"), Ok)?,
            until: self.maybe_time("until")?,
        })
    }
}
