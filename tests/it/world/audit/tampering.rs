//! Somebody changes the log in the ledger's own file, in every way that there is: each change is found, and where it is.

use std::ops::RangeInclusive;
use std::path::Path;

use chima::domain::audit::finding::{Fault, Verified, Witness};
use chima::domain::audit::{By, Deed, Entry, Head};
use chima::domain::clock::Timestamp;
use chima::store::Store;
use chima::store::audit::Standing;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use tokio_util::task::TaskTracker;

use crate::dice::Dice;
use crate::torture;
use crate::world::stage::World;

#[derive(Debug, Clone, PartialEq)]
struct Stored {
    position: u64,
    entry: String,
    hash: String,
}

/// As the guide says; not by Chima's own code.
fn link(before: &str, position: u64, entry: &str) -> String {
    hex::encode(Sha256::digest(format!("{before}\n{position}\n{entry}")))
}

/// Makes a chain of rows again, from one on.
fn chain(rows: &mut [Stored], from: usize) {
    for at in from..rows.len() {
        let before = at
            .checked_sub(1)
            .map_or_else(|| "0".repeat(64), |before| rows[before].hash.clone());
        rows[at].hash = link(&before, rows[at].position, &rows[at].entry);
    }
}

/// Somebody who can write the file.
struct Thief {
    connection: SqliteConnection,
}

impl Thief {
    async fn of(ledger: &Path) -> Self {
        let mut connection = SqliteConnectOptions::new()
            .filename(ledger)
            .synchronous(SqliteSynchronous::Off)
            .connect()
            .await
            .unwrap();
        for name in ["audit_is_not_changed", "audit_is_not_removed"] {
            let drop = format!("DROP TRIGGER {name}");
            sqlx::query(sqlx::AssertSqlSafe(drop))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        Self { connection }
    }

    async fn rows(&mut self) -> Vec<Stored> {
        let rows = sqlx::query("SELECT position, entry, hash FROM audit ORDER BY position")
            .fetch_all(&mut self.connection)
            .await
            .unwrap();
        rows.iter()
            .map(|row| Stored {
                position: u64::try_from(row.get::<i64, _>(0)).unwrap(),
                entry: row.get(1),
                hash: row.get(2),
            })
            .collect()
    }

    /// Puts these rows in the place of those, wherever they differ.
    async fn replace(&mut self, old: &[Stored], new: &[Stored]) {
        let mut tx = self.connection.begin().await.unwrap();
        for row in old.iter().filter(|row| !new.contains(row)) {
            sqlx::query("DELETE FROM audit WHERE position = ?")
                .bind(row.position.cast_signed())
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        for row in new.iter().filter(|row| !old.contains(row)) {
            sqlx::query("INSERT INTO audit (position, entry, hash) VALUES (?, ?, ?)")
                .bind(row.position.cast_signed())
                .bind(&row.entry)
                .bind(&row.hash)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn run(&mut self, sql: &str, id: &str) {
        let done = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
            .bind(id)
            .execute(&mut self.connection)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1, "{sql}");
    }
}

/// Another entry that reads as well: the first letter of somebody's name, or of whatever else stands there, is another.
fn forged(entry: &str, dice: &mut Dice) -> String {
    let letters: Vec<usize> = entry
        .char_indices()
        .filter_map(|(at, c)| c.is_ascii_alphanumeric().then_some(at))
        .collect();
    let at = letters[usize::try_from(dice.roll(letters.len() as u64)).unwrap()];
    let old = entry.as_bytes()[at];
    let new = if old == b'x' { 'y' } else { 'x' };
    format!("{}{new}{}", &entry[..at], &entry[at + 1..])
}

/// A change of the log, and whether what was found says where.
struct Change {
    name: &'static str,
    rows: Vec<Stored>,
    located: Box<dyn Fn(&Verified) -> bool>,
}

fn altered(found: &Verified, expected: RangeInclusive<u64>) -> bool {
    found.faults.iter().any(
        |fault| matches!(fault, Fault::Altered { from, to } if *from == *expected.start() && *to == *expected.end()),
    )
}

#[expect(clippy::too_many_lines, reason = "one list of everything that can be done to a log")]
fn change(rows: &[Stored], dice: &mut Dice) -> Change {
    let last = rows.len() as u64;
    let mut new = rows.to_vec();
    let index = |position: u64| usize::try_from(position - 1).unwrap();
    let rewritten = move |found: &Verified| {
        let witness = Witness::File;
        found.faults.contains(&Fault::Rewritten { at: last, witness })
    };
    match dice.roll(10) {
        0 => {
            let at = dice.within(1..=last);
            new[index(at)].entry = forged(&rows[index(at)].entry, dice);
            Change {
                name: "an entry is edited",
                rows: new,
                located: Box::new(move |found| altered(found, at..=at)),
            }
        }
        1 => {
            let at = dice.within(1..=last);
            new[index(at)].hash = link("", at, "");
            let end = (at + 1).min(last);
            Change {
                name: "a hash is edited",
                rows: new,
                located: Box::new(move |found| altered(found, at..=end)),
            }
        }
        2 => {
            let at = dice.within(1..=last);
            new[index(at)].entry = forged(&rows[index(at)].entry, dice);
            let before = at
                .checked_sub(2)
                .map_or_else(|| "0".repeat(64), |i| rows[usize::try_from(i).unwrap()].hash.clone());
            new[index(at)].hash = link(&before, at, &new[index(at)].entry);
            Change {
                name: "an entry is edited together with its hash",
                rows: new,
                // the next row tells, and names this one; the last one's is told by the file
                located: Box::new(move |found| {
                    if at == last {
                        rewritten(found)
                    } else {
                        altered(found, at + 1..=at + 1)
                    }
                }),
            }
        }
        3 => {
            let from = dice.within(1..=last - 1);
            let to = dice.within(from..=(from + 5).min(last - 1));
            new.retain(|row| !(from..=to).contains(&row.position));
            Change {
                name: "rows are deleted",
                rows: new,
                located: Box::new(move |found| found.faults.contains(&Fault::Missing { from, to })),
            }
        }
        4 => {
            let from = dice.within(1..=last - 1);
            let count = dice.within(1..=(last - from).min(5));
            new.retain(|row| !(from..from + count).contains(&row.position));
            for row in new.iter_mut().filter(|row| row.position > from) {
                row.position -= count;
            }
            Change {
                name: "rows are deleted, and the others numbered anew",
                rows: new,
                located: Box::new(move |found| altered(found, from..=last - count)),
            }
        }
        5 => {
            let one = dice.within(1..=last - 1);
            let other = dice.within(one + 1..=last);
            let (a, b) = (rows[index(one)].clone(), rows[index(other)].clone());
            new[index(one)] = Stored { position: one, ..b };
            new[index(other)] = Stored { position: other, ..a };
            let covers = move |found: &Verified, position: u64| {
                found
                    .faults
                    .iter()
                    .any(|fault| matches!(fault, Fault::Altered { from, to } if (*from..=*to).contains(&position)))
            };
            Change {
                name: "two rows change places",
                rows: new,
                located: Box::new(move |found| covers(found, one) && covers(found, other)),
            }
        }
        6 => {
            let count = dice.within(1..=last);
            new.truncate(usize::try_from(last - count).unwrap());
            let fault = Fault::Truncated {
                from: last - count + 1,
                to: last,
                witness: Witness::File,
            };
            Change {
                name: "the end is cut off",
                rows: new,
                located: Box::new(move |found| found.faults.contains(&fault)),
            }
        }
        7 => {
            let count = dice.within(1..=last);
            let kept = usize::try_from(last - count).unwrap();
            new.truncate(kept);
            for position in last - count + 1..=last + dice.roll(3) {
                let entry = format!(r#"{{"at":"2026-11-30T00:00:00Z","what":"replayed","n":{position}}}"#);
                new.push(Stored {
                    position,
                    entry,
                    hash: String::new(),
                });
            }
            chain(&mut new, kept);
            Change {
                name: "the end is cut off, and another put there",
                rows: new,
                located: Box::new(rewritten),
            }
        }
        8 => {
            let at = dice.within(1..=last);
            new[index(at)].entry = forged(&rows[index(at)].entry, dice);
            chain(&mut new, index(at));
            Change {
                name: "an entry is edited, and all hashes from there on made anew",
                rows: new,
                located: Box::new(rewritten),
            }
        }
        _ => {
            let at = dice.within(1..=last);
            for row in new.iter_mut().filter(|row| row.position >= at) {
                row.position += 1;
            }
            let entry = r#"{"at":"2026-11-30T00:00:00Z","what":"replayed"}"#.to_owned();
            let before = at
                .checked_sub(2)
                .map_or_else(|| "0".repeat(64), |i| rows[usize::try_from(i).unwrap()].hash.clone());
            let hash = link(&before, at, &entry);
            new.insert(
                index(at),
                Stored {
                    position: at,
                    entry,
                    hash,
                },
            );
            Change {
                name: "a row is put between others, as if it had been there",
                rows: new,
                located: Box::new(move |found| altered(found, at + 1..=last + 1)),
            }
        }
    }
}

/// A ledger that has been worked with.
async fn worked_with(world: &World) {
    for environment in ["staging", "production", "nowhere"] {
        world.deploy(environment).await;
        world.settle().await;
    }
    for number in 0..60 {
        let entry = Entry::new(world.engine.now(), Deed::Replayed).by(By::called(&format!("somebody{number}")));
        world.engine.store.audit(&entry).await.unwrap();
    }
    world.sweep().await;
}

#[tokio::test]
async fn every_edit_deletion_reordering_and_truncation_is_found_and_located() {
    let world = World::new().await;
    worked_with(&world).await;
    let ledger = world.path("data/chima.db");
    let store = &world.engine.store;
    let mut thief = Thief::of(&ledger).await;
    let rows = thief.rows().await;
    assert!(rows.len() > 60, "{}", rows.len());
    let whole = store.verify_audit(&[]).await.unwrap();
    assert_eq!((whole.faults.len(), whole.decisions), (0, 3), "{whole:?}");
    let rounds = torture::rounds(1_000, 10_000);
    let mut dice = Dice(20_261_130);
    for round in 0..rounds {
        let Change {
            name,
            rows: new,
            located,
        } = change(&rows, &mut dice);
        thief.replace(&rows, &new).await;
        let found = store.verify_audit(&[]).await.unwrap();
        assert!(!found.faults.is_empty(), "round {round}: {name} is not found");
        assert!(
            located(&found),
            "round {round}: {name} is not located: {:?}",
            found.faults
        );
        thief.replace(&new, &rows).await;
    }
    assert_eq!(store.verify_audit(&[]).await.unwrap().faults, []);
    torture::row(
        "every_edit_deletion_reordering_and_truncation_is_found_and_located",
        rounds,
        "all found, all located",
        "1,000 of 1,000",
    );
    world.end().await;
}

#[tokio::test]
async fn a_decision_changed_behind_the_log_is_found() {
    let world = World::new().await;
    worked_with(&world).await;
    let ledger = world.path("data/chima.db");
    let store = &world.engine.store;
    let mut thief = Thief::of(&ledger).await;
    let id: String = sqlx::query("SELECT id FROM decisions ORDER BY id LIMIT 1")
        .fetch_one(&mut thief.connection)
        .await
        .unwrap()
        .get(0);
    let altered =
        |found: &Verified| matches!(&found.faults[..], [Fault::DecisionAltered { decision, .. }] if *decision == id);
    for (change, back) in [
        ("facts = facts || ' '", "facts = substr(facts, 1, length(facts) - 1)"),
        ("verdict = 'reject'", "verdict = 'run'"),
        (
            "config_digest = 'x' || config_digest",
            "config_digest = substr(config_digest, 2)",
        ),
    ] {
        thief
            .run(&format!("UPDATE decisions SET {change} WHERE id = ?"), &id)
            .await;
        assert!(altered(&store.verify_audit(&[]).await.unwrap()), "{change}");
        thief
            .run(&format!("UPDATE decisions SET {back} WHERE id = ?"), &id)
            .await;
    }
    assert_eq!(store.verify_audit(&[]).await.unwrap().faults, []);
    // one that no row tells of, though others are told of
    thief
        .run(
            "INSERT INTO decisions (id, delivery_id, run_id, decided_at, verdict, facts, rules, decision, config_digest) \
             SELECT 'zz', delivery_id, run_id, decided_at, verdict, facts, rules, decision, config_digest FROM decisions WHERE id = ?",
            &id,
        )
        .await;
    let found = store.verify_audit(&[]).await.unwrap().faults;
    let unlogged = Fault::DecisionUnlogged {
        decision: "zz".to_owned(),
        position: None,
    };
    assert_eq!(found, [unlogged]);
    world.end().await;
}

#[tokio::test]
async fn an_answer_to_a_job_changed_behind_the_log_is_found() {
    let world = World::new().await;
    world.job_asks("production").await;
    world.job_asks("nowhere").await;
    let store = &world.engine.store;
    let whole = store.verify_audit(&[]).await.unwrap();
    assert_eq!((whole.faults.len(), whole.answers), (0, 2), "{whole:?}");
    let mut thief = Thief::of(&world.path("data/chima.db")).await;
    let id: String = sqlx::query("SELECT id FROM protection_requests WHERE state = 'approved'")
        .fetch_one(&mut thief.connection)
        .await
        .unwrap()
        .get(0);
    let altered =
        |found: &Verified| matches!(&found.faults[..], [Fault::AnswerAltered { request, .. }] if *request == id);
    for (change, back) in [
        ("facts = facts || ' '", "facts = substr(facts, 1, length(facts) - 1)"),
        ("state = 'rejected'", "state = 'approved'"),
        // it would be asked, and answered, once more
        ("state = 'waiting'", "state = 'approved'"),
        ("reason = '{\"code\":\"foreign_workflow\"}'", "reason = NULL"),
        (
            "config_digest = 'x' || config_digest",
            "config_digest = substr(config_digest, 2)",
        ),
    ] {
        thief
            .run(&format!("UPDATE protection_requests SET {change} WHERE id = ?"), &id)
            .await;
        let found = store.verify_audit(&[]).await.unwrap();
        assert!(altered(&found), "{change}: {found:?}");
        thief
            .run(&format!("UPDATE protection_requests SET {back} WHERE id = ?"), &id)
            .await;
    }
    assert_eq!(store.verify_audit(&[]).await.unwrap().faults, []);
    // one that no row tells of, though others are told of
    let invented =
        "UPDATE protection_requests SET id = 'zz', state = 'approved', answered_at = answered_at + 1 WHERE id <> ?";
    thief.run(invented, &id).await;
    let unlogged = Fault::AnswerUnlogged {
        request: "zz".to_owned(),
    };
    assert_eq!(store.verify_audit(&[]).await.unwrap().faults, [unlogged]);
    thief.run("DELETE FROM protection_requests WHERE id <> ?", &id).await;
    assert_eq!(
        store.verify_audit(&[]).await.unwrap().faults,
        [],
        "what is gone is no fault"
    );
    world.end().await;
}

#[tokio::test]
async fn an_end_that_was_kept_elsewhere_shows_what_the_file_beside_the_ledger_cannot() {
    let world = World::new().await;
    worked_with(&world).await;
    let ledger = world.path("data/chima.db");
    let mut thief = Thief::of(&ledger).await;
    let rows = thief.rows().await;
    let kept: Vec<Head> = rows
        .iter()
        .step_by(20)
        .map(|row| Head {
            position: row.position,
            hash: row.hash.clone(),
        })
        .collect();
    // a thief who knows all of it: a row in the middle, every hash after it, and the file
    let mut new = rows.clone();
    new[50].entry = r#"{"at":"2026-11-30T00:00:00Z","what":"replayed"}"#.to_owned();
    chain(&mut new, 50);
    thief.replace(&rows, &new).await;
    let end = new.last().unwrap();
    std::fs::write(
        world.path("data/chima.db.audit-head"),
        format!("{} {}\n", end.position, end.hash),
    )
    .unwrap();
    let store = &world.engine.store;
    assert_eq!(
        store.verify_audit(&[]).await.unwrap().faults,
        [],
        "as the guide says: nothing here tells"
    );
    let found = store.verify_audit(&kept).await.unwrap();
    let at: Vec<u64> = found
        .faults
        .iter()
        .map(|fault| {
            assert!(
                matches!(
                    fault,
                    Fault::Rewritten {
                        witness: Witness::Given,
                        ..
                    }
                ),
                "{fault:?}"
            );
            if let Fault::Rewritten { at, .. } = fault {
                *at
            } else {
                0
            }
        })
        .collect();
    // between the end that was kept at row 41 and the one at row 61
    assert_eq!(at.first(), Some(&61));
    world.end().await;
}

#[tokio::test]
async fn a_server_does_not_paper_over_what_was_cut_off() {
    let mut world = World::new().await;
    worked_with(&world).await;
    let ledger = world.path("data/chima.db");
    let mut thief = Thief::of(&ledger).await;
    let rows = thief.rows().await;
    thief.replace(&rows, &rows[..rows.len() - 10]).await;
    let end = rows.last().unwrap().position;
    thief.connection.close().await.unwrap();
    world.restart_with(crate::world::stage::APP).await;
    world.deploy("staging").await;
    world.settle().await;
    world.sweep().await;
    let (_, standing) = world.engine.store.audit_standing().await.unwrap();
    assert!(matches!(standing, Standing::Contradicts(head) if head.position == end));
    let found = world.engine.store.verify_audit(&[]).await.unwrap();
    assert!(
        matches!(&found.faults[..], [Fault::Truncated { to, .. }] if *to == end),
        "{:?}",
        found.faults
    );
    // and without the file: the next start says so in the log itself
    std::fs::remove_file(world.path("data/chima.db.audit-head")).unwrap();
    let found = world.engine.store.verify_audit(&[]).await.unwrap();
    assert_eq!(found.faults, [Fault::HeadFileMissing]);
    world.sweep().await;
    let found = world.engine.store.verify_audit(&[]).await.unwrap();
    assert_eq!((found.faults.len(), found.notes.len()), (0, 1), "{found:?}");
    world.end().await;
}

async fn add(store: Store, name: &'static str, now: Timestamp) {
    for _ in 0..100 {
        let entry = Entry::new(now, Deed::Replayed).by(By::called(name));
        store.audit(&entry).await.unwrap();
        store.publish_audit_head(now).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_add_to_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("data/chima.db");
    let (one, other) = (Store::open(&ledger).await.unwrap(), Store::open(&ledger).await.unwrap());
    let now = chrono::DateTime::from_timestamp(1_750_000_000, 0).unwrap();
    let adding = (
        TaskTracker::new().spawn(add(one.clone(), "one", now)),
        TaskTracker::new().spawn(add(other.clone(), "other", now)),
    );
    adding.0.await.unwrap();
    adding.1.await.unwrap();
    one.publish_audit_head(now).await.unwrap();
    let found = one.verify_audit(&[]).await.unwrap();
    assert_eq!((found.rows, found.faults.len()), (200, 0), "{found:?}");
    one.close().await;
    other.close().await;
}

/// `cargo test --release --test it a_million_rows -- --ignored --nocapture`
#[tokio::test]
#[ignore = "measures: half a minute in a release build"]
async fn a_million_rows_are_checked_in_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("data/chima.db");
    Store::open(&ledger).await.unwrap().close().await;
    let mut thief = Thief::of(&ledger).await;
    let mut tx = thief.connection.begin().await.unwrap();
    let mut hash = "0".repeat(64);
    let entry = r#"{"at":"2026-11-30T14:02:00.123Z","by":{"name":"mona","via":"github"},"what":"ended","state":"succeeded","app":"site","environment":"production","repository":"octo/site","deployment":700001,"delivery":"01JD0000000000000000000000","run":"01JD0000000000000000000001","config":"3b2f8a1c4e5d6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8"}"#;
    for position in 1..=1_000_000_u64 {
        hash = link(&hash, position, entry);
        sqlx::query("INSERT INTO audit (position, entry, hash) VALUES (?, ?, ?)")
            .bind(position.cast_signed())
            .bind(entry)
            .bind(&hash)
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    std::fs::write(
        folder.path().join("data/chima.db.audit-head"),
        format!("1000000 {hash}\n"),
    )
    .unwrap();
    let store = Store::open(&ledger).await.unwrap();
    let began = std::time::Instant::now();
    let found = store.verify_audit(&[]).await.unwrap();
    let took = began.elapsed();
    assert_eq!((found.rows, found.faults.len()), (1_000_000, 0));
    torture::row(
        "a_million_rows_are_checked_in_seconds",
        1_000_000,
        format!("{:.1} s", took.as_secs_f64()),
        "5 s in a release build",
    );
    store.close().await;
}
