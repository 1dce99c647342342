//! `chima audit`: rows of the audit log for a person or for a script, and what checking it came to.

use std::fmt::Write as _;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime};
use serde_json::{Value, json};

use crate::domain::audit::Head;
use crate::domain::audit::finding::{Fault, Note, Verified, Witness};
use crate::domain::clock::Timestamp;
use crate::domain::length::Length;
use crate::report::audit as words;
use crate::store::audit::Row;

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Length),
    /// From this moment on.
    At(Timestamp),
}

/// An end of the log, as somebody kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHead(pub Head);

impl Since {
    /// The moment.
    #[must_use]
    pub fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(length) => now - length.span(),
            Self::At(at) => at,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(length) = text.parse() {
            return Ok(Self::Ago(length));
        }
        if let Ok(day) = text.parse::<NaiveDate>() {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        DateTime::parse_from_rfc3339(text)
            .map(|at| Self::At(at.to_utc()))
            .map_err(|_| {
                "expected a length such as `12h` or `7d`, a day such as `2026-11-30`, or a moment such as `2026-11-30T14:02:00Z`"
                    .to_owned()
            })
    }
}

impl FromStr for KeptHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let head = text.trim().split_once(':').and_then(|(position, hash)| {
            let digits = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
            Some(Head {
                position: position.parse().ok().filter(|_| digits)?,
                hash: hash.to_ascii_lowercase(),
            })
        });
        head.map(Self).ok_or_else(|| {
            "expected what `chima audit head` prints: a number, a colon, and 64 hexadecimal digits".to_owned()
        })
    }
}

/// A table of rows, or the rows as they are stored, one a line, with their position and hash.
#[must_use]
pub fn list(rows: &[Row], as_json: bool) -> String {
    let mut text = String::new();
    // writing to a `String` cannot go wrong
    if as_json {
        for row in rows {
            let _ = writeln!(text, "{}", as_value(row));
        }
        return text;
    }
    if rows.is_empty() {
        return "nothing of that is in the audit log\n".to_owned();
    }
    let _ = writeln!(
        text,
        "{:>7}  {:<19}  {:<26}  {:<22}  WHO, AND WHAT",
        "ROW", "WHEN (UTC)", "RUN", "WHERE"
    );
    for row in rows {
        let Some(entry) = &row.entry else {
            let _ = writeln!(
                text,
                "{:>7}  this version cannot read it; `--json` prints it",
                row.position
            );
            continue;
        };
        let run = entry.subject.run.map_or_else(|| "-".to_owned(), |run| run.to_string());
        let _ = writeln!(
            text,
            "{:>7}  {:<19}  {run:<26}  {:<22}  {}: {}",
            row.position,
            entry.at.format("%F %T"),
            words::place(entry),
            words::who(entry),
            words::what(entry)
        );
    }
    text
}

fn as_value(row: &Row) -> Value {
    let entry = serde_json::from_str(&row.text).unwrap_or_else(|_| Value::String(row.text.clone()));
    json!({ "position": row.position, "hash": row.hash, "entry": entry })
}

/// Where the log ends, as [`KeptHead`] reads it.
#[must_use]
pub fn head(head: &Head) -> String {
    format!("{}:{}\n", head.position, head.hash)
}

/// What checking came to, for a person or for a script.
#[must_use]
pub fn verified(found: &Verified, as_json: bool) -> String {
    if !as_json {
        return words::verified(found);
    }
    let mut text = String::new();
    for fault in &found.faults {
        let mut value = fault_as_value(fault);
        value["says"] = json!(words::fault(fault));
        let _ = writeln!(text, "{value}");
    }
    for note in &found.notes {
        let position = match note {
            Note::Restored { position, .. } | Note::HeadWasMissing { position } | Note::OfReplaced { position, .. } => {
                position
            }
        };
        let _ = writeln!(text, "{}", json!({ "note": words::note(note), "position": position }));
    }
    let _ = writeln!(
        text,
        "{}",
        json!({
            "whole": found.faults.is_empty(),
            "rows": found.rows,
            "decisions": found.decisions,
            "answers": found.answers,
            "head": words_of(&found.head),
        })
    );
    text
}

fn words_of(head: &Head) -> String {
    format!("{}:{}", head.position, head.hash)
}

fn fault_as_value(fault: &Fault) -> Value {
    let whence = |witness: &Witness| match witness {
        Witness::File => "file",
        Witness::Given => "given",
    };
    match fault {
        Fault::Missing { from, to } => json!({ "fault": "missing", "from": from, "to": to }),
        Fault::Altered { from, to } => json!({ "fault": "altered", "from": from, "to": to }),
        Fault::Truncated { from, to, witness } => {
            json!({ "fault": "truncated", "from": from, "to": to, "witness": whence(witness) })
        }
        Fault::Rewritten { at, witness } => json!({ "fault": "rewritten", "to": at, "witness": whence(witness) }),
        Fault::HeadFileMissing => json!({ "fault": "head_file_missing" }),
        Fault::HeadFileUnreadable => json!({ "fault": "head_file_unreadable" }),
        Fault::DecisionUnlogged { decision, position } => {
            json!({ "fault": "decision_unlogged", "decision": decision, "position": position })
        }
        Fault::DecisionAltered { decision, position } => {
            json!({ "fault": "decision_altered", "decision": decision, "position": position })
        }
        Fault::AnswerUnlogged { request } => json!({ "fault": "answer_unlogged", "request": request }),
        Fault::AnswerAltered { request, position } => {
            json!({ "fault": "answer_altered", "request": request, "position": position })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_length_a_day_or_a_moment() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("12h", "2026-11-30T00:00:00Z"),
            ("2026-11-29", "2026-11-29T00:00:00Z"),
            ("2026-11-29T10:00:00+02:00", "2026-11-29T08:00:00Z"),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.moment(now), expected.parse::<Timestamp>().unwrap(), "{text}");
        }
        assert!("yesterday".parse::<Since>().is_err());
    }

    #[test]
    fn a_head_reads_back_as_it_is_printed() {
        let kept = Head {
            position: 17,
            hash: "ab".repeat(32),
        };
        assert_eq!(head(&kept).parse(), Ok(KeptHead(kept)));
        for bad in ["", "17", "17:ab", ":", "x:abcd"] {
            assert!(bad.parse::<KeptHead>().is_err(), "{bad}");
        }
    }
}
