//! Locks: who holds an environment, who waits for it, and how each came to its end.
//!
//! One row is one lock, from the moment in which somebody asked for it. The database itself refuses a second one that holds.
//! A command is one transaction, together with what it does to runs: those that wait in the lane of a locked environment go
//! back before the door, and when a lock goes everything that it kept waiting is due at once.

mod notices;
mod rows;

pub use notices::{Notice, What};

use crate::domain::clock::Timestamp;
use crate::domain::ids::LockId;
use crate::domain::lock::{Cause, Lock, LockEnding, LockRequest, Otherwise, Place};
use crate::domain::person::Person;
use crate::domain::run::Run;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis};
use crate::store::{Store, commit};

use rows::expire;
pub(crate) use rows::{active, carry_out, hold_back_one, replace};

/// What a request to lock came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Locked {
    /// All of it is locked.
    Taken {
        /// The new locks, in the order of the request.
        locks: Vec<Lock>,
        /// Those that were taken over.
        stolen: Vec<Lock>,
        /// Runs that had been taken by a worker; they go on.
        under_way: Vec<Run>,
    },
    /// These hold, so nothing was locked.
    InTheWay(Vec<Lock>),
    /// It is locked, and the person waits for it.
    Waits {
        /// By this one.
        behind: Lock,
        /// Place in the line, 1 is next.
        position: u32,
        /// Whether that person waited already, and nothing was written.
        already: bool,
    },
}

/// What a request to unlock came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unlocked {
    /// The locks that were ended.
    pub ended: Vec<Lock>,
    /// What was not locked.
    pub free: Vec<Place>,
    /// Who waited, and holds it now.
    pub next: Vec<Lock>,
    /// What the person had waited for, and does not any more.
    pub given_up: Vec<Place>,
}

/// A lock that holds, and who waits for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The lock.
    pub lock: Lock,
    /// Who waits, the first first.
    pub waiting: Vec<Person>,
}

impl Store {
    /// Locks all of what is asked for, or nothing. `ids` has one for each place.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn lock(&self, request: &LockRequest, ids: &[LockId], now: Timestamp) -> Result<Locked, StoreError> {
        let doing = "lock environments";
        let mut tx = self.begin(doing).await?;
        let mut in_the_way = Vec::new();
        for place in &request.places {
            expire(&mut tx, place, now).await?;
            in_the_way.extend(active(&mut tx, place).await?);
        }
        match request.otherwise {
            Otherwise::Refuse if !in_the_way.is_empty() => return Ok(Locked::InTheWay(in_the_way)),
            Otherwise::Wait if !in_the_way.is_empty() => {
                let mut others = in_the_way.iter().filter(|lock| !lock.owner.is_called(&request.by.name));
                let ([place], [id], Some(lock)) = (request.places.as_slice(), ids, others.next()) else {
                    return Ok(Locked::InTheWay(in_the_way));
                };
                let line = rows::line(&mut tx, place).await?;
                let waits = line.iter().position(|person| person.is_called(&request.by.name));
                if waits.is_none() {
                    rows::wait(&mut tx, *id, place, request, now).await?;
                    notices::remember(&mut tx, *id, request.listener.as_ref()).await?;
                }
                let waited = Locked::Waits {
                    behind: lock.clone(),
                    position: u32::try_from(waits.unwrap_or(line.len()) + 1).unwrap_or(u32::MAX),
                    already: waits.is_some(),
                };
                commit(tx, doing).await?;
                return Ok(waited);
            }
            Otherwise::Refuse | Otherwise::Steal | Otherwise::Wait => {}
        }
        let (mut locks, mut under_way) = (Vec::new(), Vec::new());
        for (place, id) in request.places.iter().zip(ids) {
            let lock = Lock {
                id: *id,
                place: place.clone(),
                owner: request.by.clone(),
                reason: request.reason.clone(),
                cause: Cause::Person,
                since: now,
                until: request.length.map(|length| now + length.span()),
            };
            replace(&mut tx, &lock, false).await?;
            notices::remember(&mut tx, *id, request.listener.as_ref()).await?;
            // whoever has it waits no more
            rows::give_up(&mut tx, &request.by, Some(place), now).await?;
            under_way.extend(rows::under_way(&mut tx, place).await?);
            locks.push(lock);
        }
        commit(tx, doing).await?;
        Ok(Locked::Taken {
            locks,
            stolen: in_the_way,
            under_way,
        })
    }

    /// Unlocks whatever of this is locked, whoever holds it. Whoever waits first holds it then.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn unlock(&self, places: &[Place], by: &Person, now: Timestamp) -> Result<Unlocked, StoreError> {
        let doing = "unlock environments";
        let mut tx = self.begin(doing).await?;
        let mut unlocked = Unlocked::default();
        for place in places {
            expire(&mut tx, place, now).await?;
            match active(&mut tx, place).await? {
                Some(lock) => {
                    unlocked.next.extend(rows::unlock(&mut tx, &lock, by, now).await?);
                    unlocked.ended.push(lock);
                }
                None => unlocked.free.push(place.clone()),
            }
        }
        commit(tx, doing).await?;
        Ok(unlocked)
    }

    /// Unlocks whatever a person has locked, and takes that person out of every line. What Chima locked because of that person
    /// stays: somebody must look first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn unlock_all_of(&self, by: &Person, now: Timestamp) -> Result<Unlocked, StoreError> {
        let doing = "unlock everything of a person";
        let mut tx = self.begin(doing).await?;
        let mut unlocked = Unlocked {
            given_up: rows::give_up(&mut tx, by, None, now).await?,
            ..Unlocked::default()
        };
        for lock in rows::all_active(&mut tx).await? {
            let own = lock.lets_its_owner_pass() && lock.owner.is_called(&by.name);
            if own && lock.holds_at(now) {
                unlocked.next.extend(rows::unlock(&mut tx, &lock, by, now).await?);
                unlocked.ended.push(lock);
            }
        }
        commit(tx, doing).await?;
        Ok(unlocked)
    }

    /// The lock of an environment, which may have expired.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn lock_of(&self, place: &Place) -> Result<Option<Lock>, StoreError> {
        let mut connection = self
            .read
            .acquire()
            .await
            .map_err(StoreError::while_doing("read a lock"))?;
        active(&mut connection, place).await
    }

    /// Every lock that holds, the oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn locks(&self, now: Timestamp) -> Result<Vec<Held>, StoreError> {
        let mut connection = self
            .read
            .acquire()
            .await
            .map_err(StoreError::while_doing("list locks"))?;
        let mut held = Vec::new();
        for lock in rows::all_active(&mut connection).await? {
            if lock.holds_at(now) {
                let waiting = rows::line(&mut connection, &lock.place).await?;
                held.push(Held { lock, waiting });
            }
        }
        Ok(held)
    }

    /// How a lock came to its end; none while it holds, or is waited for.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn ending_of(&self, lock: LockId) -> Result<Option<LockEnding>, StoreError> {
        let doing = "read how a lock ended";
        let row = sqlx::query("SELECT ending FROM locks WHERE id = ?")
            .bind(lock.to_string())
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map_or(Ok(None), |row| Reader::new(&row, doing).maybe_json("ending"))
    }

    /// Ends every lock whose time is up. Returns how many there were.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn expire_locks(&self, now: Timestamp) -> Result<usize, StoreError> {
        let doing = "end locks whose time is up";
        let due = sqlx::query(
            "SELECT 1 FROM locks WHERE since IS NOT NULL AND ended_at IS NULL AND until IS NOT NULL AND until <= ? LIMIT 1",
        )
        .bind(millis(now))
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::while_doing(doing))?;
        if due.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin(doing).await?;
        let mut ended = 0;
        for lock in rows::all_active(&mut tx).await? {
            ended += usize::from(expire(&mut tx, &lock.place, now).await?);
        }
        commit(tx, doing).await?;
        Ok(ended)
    }
}
