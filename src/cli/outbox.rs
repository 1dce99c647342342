//! `chima outbox`: what GitHub and Slack have not heard yet, why, and sending again what was given up.

use std::fmt::Write as _;

use serde_json::json;

use crate::domain::audit::By;
use crate::domain::clock::Timestamp;
use crate::report::duration::span;
use crate::store::Store;
use crate::store::dead_letters::Which;
use crate::store::outbox::{Kind, OutboxRow};

/// Stands for every id; no id begins with it.
const ALL: &str = "all";

/// A table of what was not delivered, or one JSON object a line.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn list(store: &Store, only_lost: bool, as_json: bool, now: Timestamp) -> anyhow::Result<String> {
    let rows = store.undelivered(only_lost).await?;
    let mut text = String::new();
    if as_json {
        for row in &rows {
            writeln!(text, "{}", as_value(row))?;
        }
        return Ok(text);
    }
    if rows.is_empty() {
        let waiting = if only_lost { "" } else { "nothing waits, and " };
        return Ok(format!("{waiting}nothing was given up\n"));
    }
    writeln!(
        text,
        "{:<26}  {:<8}  {:<7}  {:<6}  {:<26}  SAYS, AND WHY NOT",
        "ID", "STATE", "AGE", "TO", "RUN"
    )?;
    for row in &rows {
        let recipient = row.outgoing.line().recipient;
        let whom = match row.outgoing.kind {
            Kind::DeploymentStatus | Kind::ProtectionReport | Kind::Comment => "GitHub",
            Kind::SlackWebhook | Kind::SlackApi => "Slack",
            Kind::Notice => recipient.as_deref().unwrap_or_default(),
        };
        let why = row
            .last_error
            .as_ref()
            .map_or_else(String::new, |why| format!(": {why}"));
        let (state, age) = (state(row), span(now - row.created_at));
        let says = &row.outgoing.says;
        let id = &row.outgoing.id;
        let run = row.outgoing.run.map_or_else(|| "-".to_owned(), |run| run.to_string());
        writeln!(
            text,
            "{id:<26}  {state:<8}  {age:<7}  {whom:<6}  {run:<26}  {says}{why}"
        )?;
    }
    if rows.iter().any(|row| row.state == "dead") {
        text.push_str("\nWhat was given up is sent again, once the reason is mended, by `chima outbox --retry ID`, or `--retry all`.\n");
    }
    Ok(text)
}

fn state(row: &OutboxRow) -> &str {
    match row.state.as_str() {
        "dead" => "given up",
        "pending" => "waiting",
        other => other,
    }
}

fn as_value(row: &OutboxRow) -> serde_json::Value {
    json!({
        "id": row.outgoing.id,
        "kind": row.outgoing.kind.as_str(),
        "state": row.state,
        "run": row.outgoing.run,
        "says": row.outgoing.says,
        "last_word": row.outgoing.terminal,
        "attempts": row.attempts,
        "created_at": row.created_at,
        "last_error": row.last_error,
        "body": row.outgoing.body,
    })
}

/// Puts what was given up into the outbox again: one, by its id or the beginning of it, or `all`.
///
/// # Errors
///
/// When nothing that was given up begins like this, or more than one does, or the ledger cannot be written.
pub async fn retry(store: &Store, id: &str, by: By, now: Timestamp) -> anyhow::Result<String> {
    let which = if id == ALL { Which::All } else { Which::Beginning(id) };
    if let Which::Beginning(id) = which {
        let lost = store.undelivered(true).await?;
        match lost.iter().filter(|row| row.outgoing.id.starts_with(id)).count() {
            0 => anyhow::bail!(
                "nothing that was given up begins with `{id}`, or something newer has been said since; `chima outbox` lists it"
            ),
            1 => {}
            _ => anyhow::bail!("more than one begins with `{id}`; type more of its id"),
        }
    }
    let again = store.send_again(which, by, now).await?;
    if again.is_empty() {
        return Ok("nothing was given up\n".to_owned());
    }
    let mut text = String::new();
    for id in again {
        writeln!(
            text,
            "`{id}` waits to be sent again; `chima outbox` says what becomes of it"
        )?;
    }
    Ok(text)
}
