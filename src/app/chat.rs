//! `chima chat`: the commands of chat at the terminal, on this machine's own ledger.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use anyhow::Context;

use crate::app::clock::SystemClock;
use crate::app::offline::{desk, keep_audit_head, open_ledger};
use crate::app::paced::paced;
use crate::app::start::client_if_any;
use crate::app::{Exit, account, say};
use crate::chat::words::without_address;
use crate::config::Config;
use crate::domain::conversation::{Place, Reply, Speaker};
use crate::flow::chat::{Conversation, by_itself};
use crate::store::Store;
use crate::store::audit::as_account;

/// Whom people speak to.
const NAMES: [&str; 1] = ["chima"];

/// Answers what stands on the command line; without that, line by line what is typed.
///
/// # Errors
///
/// When there is no ledger, or it cannot be used. How to say things is told without one.
pub fn chat(config: &Config, said: &[String], by: String) -> anyhow::Result<Exit> {
    if !said.is_empty()
        && let Some(reply) = by_itself(without_address(&said.join(" "), &NAMES))
    {
        return told(&reply);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let store = open_ledger(config).await?;
        let ended = as_account(account(), converse(config, &store, said, by)).await;
        keep_audit_head(&store).await;
        ended
    })
}

async fn converse(config: &Config, store: &Store, said: &[String], by: String) -> anyhow::Result<Exit> {
    let github = paced(client_if_any(config)?, config, store, Arc::new(SystemClock::default()));
    let clock = SystemClock::default();
    let conversation = Conversation {
        desk: desk(config, store, &clock),
        github: &github,
        slack_ask: None,
    };
    let speaker = Speaker {
        name: by,
        id: Some(account()),
        place: Place::Terminal,
    };
    if !said.is_empty() {
        return answer(&conversation, &speaker, &said.join(" ")).await;
    }
    let typed = std::io::stdin();
    let prompt = if typed.is_terminal() { "> " } else { "" };
    let mut last = Exit::Done;
    say(prompt)?;
    for line in typed.lock().lines() {
        let line = line.context("cannot read what is typed")?;
        if matches!(line.trim(), "exit" | "quit") {
            break;
        }
        if !line.trim().is_empty() {
            last = answer(&conversation, &speaker, &line).await?;
        }
        say(prompt)?;
    }
    Ok(last)
}

async fn answer(conversation: &Conversation<'_>, speaker: &Speaker, text: &str) -> anyhow::Result<Exit> {
    let text = without_address(text, &NAMES);
    told(&Box::pin(conversation.answer(speaker, text)).await?)
}

fn told(reply: &Reply) -> anyhow::Result<Exit> {
    say(&format!("{}\n", reply.text))?;
    Ok(if reply.ok { Exit::Done } else { Exit::Failed })
}
