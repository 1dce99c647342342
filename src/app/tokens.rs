//! `chima token`: on the machine that has the ledger.

use std::io::Write as _;

use crate::app::clock::SystemClock;
use crate::app::offline::with_store;
use crate::app::{Exit, Misuse, account, complain, say};
use crate::cli::args::TokenCommand;
use crate::cli::tokens::{Typed, as_value, list, wanted};
use crate::config::Config;
use crate::domain::clock::Clock;
use crate::flow::sign_in::make_word;
use crate::flow::tokens::create;
use crate::store::tokens::Revoked;

/// Makes, lists or revokes.
///
/// # Errors
///
/// When something cannot be meant, or the ledger cannot be used.
pub(crate) fn token(config: &Config, command: &TokenCommand) -> anyhow::Result<Exit> {
    match command {
        TokenCommand::Create {
            login,
            scope,
            app,
            days,
            note,
            json,
        } => {
            let typed = Typed {
                login,
                scopes: scope,
                apps: app,
                days: *days,
                note: note.as_deref(),
            };
            let wanted = wanted(config, typed, &account()).map_err(Misuse)?;
            with_store(config, async |store| {
                let (token, text) = create(&store, &SystemClock::default(), wanted).await?;
                if *json {
                    let mut value = as_value(&token);
                    value["token"] = text.into();
                    return say(&format!("{value}\n"));
                }
                // what a script reads is the token alone
                let until = token.expires_at.format("%Y-%m-%d");
                let _ = writeln!(
                    std::io::stderr(),
                    "token {} acts as @{} until {until}; it is shown this once, keep it like a password",
                    token.id,
                    token.login
                );
                say(&format!("{text}\n"))
            })
        }
        TokenCommand::BreakGlass => with_store(config, async |store| {
            let (word, until) = make_word(&store, &SystemClock::default(), &account()).await?;
            // what a script reads is the word alone
            let _ = writeln!(
                std::io::stderr(),
                "type this at {}/sign-in under \"Without GitHub\", until {} UTC; it is good once, and lets whoever has it do everything \
                 for an hour",
                config.public_url,
                until.format("%H:%M:%S")
            );
            say(&format!("{word}\n"))
        }),
        TokenCommand::List { json } => with_store(config, async |store| {
            say(&list(&store.tokens().await?, *json, SystemClock::default().now()))
        }),
        TokenCommand::Revoke { token } => with_store(config, async |store| {
            match store
                .revoke_token(token, &account(), SystemClock::default().now())
                .await?
            {
                Revoked::Now(revoked) => say(&format!(
                    "token {} of @{} opens nothing any more\n",
                    revoked.id, revoked.login
                )),
                Revoked::Before(revoked) => {
                    complain(&anyhow::anyhow!("token {} was revoked before", revoked.id));
                    Ok(Exit::Failed)
                }
                Revoked::Ambiguous => Err(Misuse(format!(
                    "more than one token begins with `{token}`; type more of its id"
                ))
                .into()),
                Revoked::Unknown => Err(Misuse(format!("no token `{token}`; `chima token list` lists them")).into()),
            }
        }),
    }
}
