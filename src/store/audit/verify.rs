//! Checks the audit log: every row against the one before it, its end against what is known elsewhere, and what is stored of
//! decisions and answers against the rows that tell of them.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row as _};

use crate::domain::audit::finding::{Fault, Note, Verified, Witness};
use crate::domain::audit::{Deed, Entry, Head};
use crate::domain::protection::ProtectionState;
use crate::domain::reason::Reason;
use crate::store::Store;
use crate::store::audit::MARKS;
use crate::store::audit::chain::{Break, Walk};
use crate::store::audit::evidence::digest_of;
use crate::store::audit::head_file;
use crate::store::error::StoreError;
use crate::store::row::Reader;

const DOING: &str = "check the audit log";

/// What rows tell of answers: by request, their own position and what they say.
type Answers = HashMap<String, (u64, Entry)>;

impl Store {
    /// Checks all of it, as it is at one moment. `kept`: ends of the log that somebody kept elsewhere.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read, which is a finding of its own.
    pub async fn verify_audit(&self, kept: &[Head]) -> Result<Verified, StoreError> {
        let failed = StoreError::while_doing(DOING);
        // before the ledger is looked at: it only grows
        let file = head_file::read(&head_file::path(&self.path));
        let mut connection = self.read.acquire().await.map_err(&failed)?;
        let mut tx = connection.begin().await.map_err(&failed)?;
        let known = file.as_ref().ok().cloned().flatten();
        let mut hashes: BTreeMap<u64, Option<String>> =
            known.iter().chain(kept).map(|head| (head.position, None)).collect();
        let mut told = Answers::new();
        let (head, rows, breaks) = walk(&mut tx, &mut hashes, &mut told).await?;
        let mut faults: Vec<Fault> = breaks.into_iter().map(fault).collect();
        let mut notes = marks(&mut tx).await?;
        match &file {
            Ok(Some(known)) => faults.extend(compare(known, &head, &hashes, Witness::File)),
            // a log that never had a row may never have had a file
            Ok(None) if rows > 0 => faults.push(Fault::HeadFileMissing),
            Ok(None) => {}
            Err(_) => faults.push(Fault::HeadFileUnreadable),
        }
        for given in kept {
            match of_replaced(given, &hashes, &notes) {
                Some(note) => notes.push(note),
                None => faults.extend(compare(given, &head, &hashes, Witness::Given)),
            }
        }
        let decisions = decisions(&mut tx, &mut faults).await?;
        let answers = answers(&mut tx, &told, &mut faults).await?;
        tx.rollback().await.map_err(&failed)?;
        Ok(Verified {
            rows,
            head,
            decisions,
            answers,
            faults,
            notes,
        })
    }
}

/// Every row in its order; fills in the hashes that are asked for, and what is told of answers.
async fn walk(
    connection: &mut SqliteConnection,
    hashes: &mut BTreeMap<u64, Option<String>>,
    answers: &mut Answers,
) -> Result<(Head, u64, Vec<Break>), StoreError> {
    let failed = StoreError::while_doing(DOING);
    let mut walk = Walk::new();
    let mut rows = sqlx::query("SELECT position, entry, hash FROM audit ORDER BY position").fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let position: i64 = row.try_get_unchecked(0).map_err(&failed)?;
        let position = u64::try_from(position).unwrap_or(0);
        // whatever it holds: bytes that are no text are no row of ours
        let entry: &[u8] = row.try_get_unchecked(1).unwrap_or_default();
        let hash: &[u8] = row.try_get_unchecked(2).unwrap_or_default();
        let (entry, hash) = (
            std::str::from_utf8(entry).unwrap_or_default(),
            std::str::from_utf8(hash).unwrap_or_default(),
        );
        walk.step(position, entry, hash);
        if let Some(wanted) = hashes.get_mut(&position) {
            *wanted = Some(hash.to_owned());
        }
        // few rows tell of one: the others are not read
        if entry.contains("\"answered\"")
            && let Ok(entry) = serde_json::from_str::<Entry>(entry)
            && let Deed::Answered { request, .. } = &entry.deed
        {
            answers.insert(request.clone(), (position, entry));
        }
    }
    Ok(walk.end())
}

fn fault(one: Break) -> Fault {
    match one {
        Break::Missing { from, to } => Fault::Missing { from, to },
        Break::Altered { from, to } => Fault::Altered { from, to },
    }
}

/// An end that is known against what stands there now.
fn compare(known: &Head, head: &Head, hashes: &BTreeMap<u64, Option<String>>, witness: Witness) -> Option<Fault> {
    if *known == Head::empty() {
        return None;
    }
    match hashes.get(&known.position).and_then(Option::as_deref) {
        Some(hash) if hash == known.hash => None,
        Some(_) => Some(Fault::Rewritten {
            at: known.position,
            witness,
        }),
        None if known.position > head.position => Some(Fault::Truncated {
            from: head.position + 1,
            to: known.position,
            witness,
        }),
        // a gap, which is told of already
        None => None,
    }
}

/// An end that was kept before a restore, of rows that the restore took away.
fn of_replaced(given: &Head, hashes: &BTreeMap<u64, Option<String>>, notes: &[Note]) -> Option<Note> {
    let found = hashes.get(&given.position).and_then(Option::as_deref);
    if found == Some(given.hash.as_str()) {
        return None;
    }
    notes.iter().find_map(|note| match note {
        Note::Restored {
            position,
            replaced: Some(replaced),
            ..
        } => {
            let gone = (*position..=replaced.position).contains(&given.position);
            let same = given.position != replaced.position || given.hash == replaced.hash;
            (gone && same).then(|| Note::OfReplaced {
                head: given.clone(),
                position: *position,
            })
        }
        Note::Restored { .. } | Note::HeadWasMissing { .. } | Note::OfReplaced { .. } => None,
    })
}

/// What the log tells of itself.
async fn marks(connection: &mut SqliteConnection) -> Result<Vec<Note>, StoreError> {
    let query = format!("SELECT position, entry FROM audit WHERE {MARKS} AND what <> 'configured' ORDER BY position");
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .fetch_all(connection)
        .await
        .map_err(StoreError::while_doing(DOING))?;
    let mut notes = Vec::new();
    for row in &rows {
        let row = Reader::new(row, DOING);
        let (position, text) = (row.number("position")?, row.text("entry")?);
        let Ok(entry) = serde_json::from_str::<Entry>(&text) else {
            continue;
        };
        let restored = if let Deed::Restored {
            made_at,
            replaced,
            kept,
        } = entry.deed
        {
            Some((made_at, replaced, kept))
        } else if let Deed::TakenIntoUse {
            made_at,
            replaced: Some(replaced),
            ..
        } = entry.deed
        {
            // somebody else than `chima restore` put the file there
            Some((made_at, Some(replaced), None))
        } else {
            if entry.deed == Deed::HeadMissing {
                notes.push(Note::HeadWasMissing { position });
            }
            None
        };
        notes.extend(restored.map(|(made_at, replaced, kept)| Note::Restored {
            position,
            made_at,
            replaced,
            kept,
        }));
    }
    Ok(notes)
}

/// What is stored of decisions against the rows that tell of them. Returns how many were compared.
async fn decisions(connection: &mut SqliteConnection, faults: &mut Vec<Fault>) -> Result<u64, StoreError> {
    let failed = StoreError::while_doing(DOING);
    let mut rows = sqlx::query(
        "SELECT d.id, d.verdict, d.facts, d.rules, d.decision, d.config_digest, d.audit_position, a.entry \
         FROM decisions d LEFT JOIN audit a ON a.position = d.audit_position WHERE d.verdict <> 'ignore' ORDER BY d.rowid",
    )
    .fetch(connection);
    let (mut compared, mut begun) = (0, false);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let row = Reader::new(&row, DOING);
        let decision = row.text("id")?;
        let position = row.maybe_number("audit_position")?;
        begun |= position.is_some();
        let Some(at) = position else {
            // older than the log, unless a younger one is not
            if begun {
                faults.push(Fault::DecisionUnlogged { decision, position });
            }
            continue;
        };
        compared += 1;
        let told = row
            .maybe_text("entry")?
            .and_then(|text| serde_json::from_str::<Entry>(&text).ok());
        let told = told.and_then(|entry| {
            let told = entry.decided().filter(|told| told.decision == decision).cloned()?;
            Some((told, entry.subject.config))
        });
        let Some((told, config)) = told else {
            faults.push(Fault::DecisionUnlogged { decision, position });
            continue;
        };
        let found = digest_of(&row.text("facts")?, &row.text("rules")?, &row.text("decision")?);
        let same = found == told.evidence
            && row.text("verdict")? == told.verdict
            && config.as_deref() == Some(row.text("config_digest")?.as_str());
        if !same {
            faults.push(Fault::DecisionAltered { decision, position: at });
        }
    }
    Ok(compared)
}

/// What is stored of answers to jobs of GitHub Actions against the rows that tell of them. Returns how many were compared.
async fn answers(
    connection: &mut SqliteConnection,
    told: &Answers,
    faults: &mut Vec<Fault>,
) -> Result<u64, StoreError> {
    let failed = StoreError::while_doing(DOING);
    // in the order of the answers: what is older than the log comes first
    let mut rows = sqlx::query(
        "SELECT id, state, reason, facts, rules, decision, config_digest FROM protection_requests ORDER BY answered_at, rowid",
    )
    .fetch(connection);
    let (mut compared, mut begun) = (0, false);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let row = Reader::new(&row, DOING);
        let (request, state) = (row.text("id")?, row.text("state")?);
        let Some((position, entry)) = told.get(&request) else {
            let answered = [ProtectionState::Approved, ProtectionState::Rejected];
            if begun && answered.iter().any(|answer| answer.as_str() == state) {
                faults.push(Fault::AnswerUnlogged { request });
            }
            continue;
        };
        begun = true;
        compared += 1;
        let part = |column| row.maybe_text(column).map(Option::unwrap_or_default);
        let found = Stored {
            evidence: digest_of(&part("facts")?, &part("rules")?, &part("decision")?),
            config: row.maybe_text("config_digest")?,
            reason: part("reason")?,
            state,
        };
        if !found.is_told_by(entry) {
            let position = *position;
            faults.push(Fault::AnswerAltered { request, position });
        }
    }
    Ok(compared)
}

/// What the ledger has of an answer.
struct Stored {
    state: String,
    /// As JSON, or nothing.
    reason: String,
    evidence: String,
    config: Option<String>,
}

impl Stored {
    fn is_told_by(&self, entry: &Entry) -> bool {
        let Deed::Answered {
            state,
            reason,
            evidence,
            ..
        } = &entry.deed
        else {
            return false;
        };
        let stored = serde_json::from_str::<Reason>(&self.reason).ok();
        *state == self.state
            && *evidence == self.evidence
            && entry.subject.config == self.config
            && reason.as_deref() == stored.as_ref()
    }
}
