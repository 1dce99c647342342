//! `chima http-request`: asks a server for a deployment, and waits for how it went there.
//!
//! It is a command of the runner like any other, so that log, masking, time limits, cancelling and adoption are the runner's.
//! What it asks is in a file of the run; secrets are variables of the step and are put in here, where nobody else sees them. A
//! request whose answer was lost is not sent again: nobody can know what it began.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::environment;
use crate::provider::request::exchange::{Answer, Exchange, Failure};
use crate::provider::request::late::{Source, scalar};
use crate::provider::request::pace::{Pace, seconds};
use crate::provider::request::spec::{Call, RequestSpec};
use crate::provider::request::watching::watch;

mod exchange;
pub mod late;
mod pace;
pub mod spec;
mod watching;

/// The subcommand.
pub const COMMAND: &str = "http-request";

/// Exit code: the deployment failed there.
const FAILED: u8 = 1;

/// Exit code: the server could not be reached, or refused.
const UNREACHED: u8 = 3;

/// For the request that cancels: the runner waits no longer either.
const CANCEL_LIMIT: Duration = Duration::from_secs(4);

/// Codes with which a server says that it did nothing, and that the same may work later.
const TOO_BUSY: [u16; 2] = [429, 503];

/// Where servers usually say what is wrong.
const USUAL_MESSAGES: [&str; 8] = [
    "/message",
    "/error/message",
    "/error",
    "/errors/0/message",
    "/errors/0",
    "/detail",
    "/title",
    "/error_description",
];

/// How it ended; the text is the last line's.
#[derive(Debug)]
enum End {
    /// It is done there.
    Succeeded(String),
    /// It was begun there, and failed there.
    Failed(String),
    /// Nothing was begun: nobody answered.
    NotReached(String),
    /// The server said no, or something that makes no sense.
    Refused(String),
    /// Nobody here can say whether anything was begun, or how it goes on.
    Unclear(String),
}

/// The program. Its one argument is the file of a [`RequestSpec`].
#[must_use]
pub fn main() -> ExitCode {
    // Two TLS providers in one process panic at the first connection; choosing one comes before everything.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Some(file) = std::env::args_os().nth(2) else {
        let _ = writeln!(io::stderr(), "this is for the runner only");
        return ExitCode::from(2);
    };
    let ended = read(Path::new(&file)).and_then(|spec| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| {
            let end = runtime.block_on(carry_out(&spec));
            // Nobody waits for a name that is still being looked up.
            runtime.shutdown_background();
            end
        })
    });
    let end = ended.unwrap_or_else(|error| End::NotReached(format!("cannot begin: {error}")));
    let (word, text, code) = match end {
        End::Succeeded(text) => ("succeeded", text, 0),
        End::Failed(text) => ("failed", text, FAILED),
        End::NotReached(text) => ("not reached", text, UNREACHED),
        End::Refused(text) => ("refused", text, UNREACHED),
        End::Unclear(text) => ("unclear", text, UNREACHED),
    };
    say(&format!("{word}: {text}"));
    ExitCode::from(code)
}

fn read(file: &Path) -> io::Result<RequestSpec> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

async fn carry_out(spec: &RequestSpec) -> End {
    let exchange = match Exchange::new(&spec.request) {
        Ok(exchange) => exchange,
        Err(detail) => return End::NotReached(detail),
    };
    let answer = match ask(&exchange, spec).await {
        Ok(answer) => answer,
        Err(end) => return end,
    };
    let Some(poll) = &spec.poll else {
        return End::Succeeded(format!("answered {}", answer.code));
    };
    let Some(cancel) = &spec.cancel else {
        return watch(&exchange, poll, &answer).await;
    };
    let Ok(mut stop) = signal(SignalKind::terminate()) else {
        return watch(&exchange, poll, &answer).await;
    };
    tokio::select! {
        end = watch(&exchange, poll, &answer) => end,
        _ = stop.recv() => call_off(&exchange, cancel, &answer).await,
    }
}

/// Sends the request until it is answered. It is sent again only where it cannot have begun anything.
async fn ask(exchange: &Exchange<'_>, spec: &RequestSpec) -> Result<Answer, End> {
    let call = &spec.request;
    let begun = Instant::now();
    let mut pace = Pace::new(Duration::from_secs(1));
    loop {
        let (detail, wait) = match exchange.send(call, None).await {
            Ok(answer) => {
                say(&format!("-> {} in {}", answer.code, seconds(answer.took)));
                if call.expects(answer.code) {
                    return Ok(answer);
                }
                let refused = refusal(call, &answer);
                let busy = TOO_BUSY.contains(&answer.code) && answer.retry_after.is_some();
                if !busy && answer.code != 429 {
                    return Err(End::Refused(refused));
                }
                (End::Refused(refused), answer.retry_after)
            }
            Err(Failure::NotConnected { detail, lasting }) => {
                say(&format!("-> {detail}"));
                if lasting {
                    return Err(End::NotReached(detail));
                }
                (End::NotReached(detail), None)
            }
            Err(Failure::Lost { detail }) => {
                return Err(End::Unclear(format!(
                    "answer lost, perhaps begun there, not sent again: {detail}"
                )));
            }
            Err(Failure::Unusable { detail }) => return Err(End::NotReached(detail)),
        };
        let wait = pace.next(wait);
        if begun.elapsed() + wait > spec.retry {
            return Err(detail);
        }
        say(&format!("again in {}", seconds(wait)));
        tokio::time::sleep(wait).await;
    }
}

/// The run is stopped: says so to the server.
async fn call_off(exchange: &Exchange<'_>, cancel: &Call, answer: &Answer) -> End {
    say(&format!("> {} {}", cancel.method, cancel.url.shown(Some(answer))));
    let sent = tokio::time::timeout(CANCEL_LIMIT, exchange.send(cancel, Some(answer))).await;
    match sent {
        Ok(Ok(answer)) if cancel.expects(answer.code) => {
            say(&format!("-> {} in {}", answer.code, seconds(answer.took)));
            End::Failed("cancelled there too".to_owned())
        }
        Ok(Ok(answer)) => End::Unclear(format!("cannot be cancelled there: {}", refusal(cancel, &answer))),
        Ok(Err(failure)) => End::Unclear(format!("cannot be cancelled there: {failure}")),
        Err(_) => End::Unclear("cannot be cancelled there: no answer".to_owned()),
    }
}

/// Why an answer is not the wanted one; its text goes to the log.
fn refusal(call: &Call, answer: &Answer) -> String {
    if let Some(to) = answer.header("location").filter(|_| (300..400).contains(&answer.code)) {
        return format!(
            "answered {}, which leads to {to}; it is not followed, write that address",
            answer.code
        );
    }
    for line in answer.text().lines().take(20) {
        say(&format!("  {line}"));
    }
    match message(call, answer) {
        Some(message) => format!("answered {}: {message}", answer.code),
        None => format!("answered {}", answer.code),
    }
}

/// What an answer says about itself.
fn message(call: &Call, answer: &Answer) -> Option<String> {
    let json = answer.json()?;
    let places = call.message.as_deref().into_iter().chain(USUAL_MESSAGES);
    let texts = places.filter_map(|pointer| scalar(json, pointer));
    texts.map(|text| one_line(&text)).find(|text| !text.is_empty())
}

/// A line for the log: whatever came from outside is one line of printable text.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    // A runner that is gone reads no more; what was begun goes on all the same.
    let _ = writeln!(out, "{}", one_line(line)).and_then(|()| out.flush());
}

fn one_line(text: &str) -> String {
    let indent = text.len() - text.trim_start_matches(' ').len();
    let mut line = " ".repeat(indent);
    let printable: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(1000)
        .collect();
    line.push_str(&printable.split_whitespace().collect::<Vec<_>>().join(" "));
    line
}

impl Source for Answer {
    fn variable(&self, name: &str) -> Option<String> {
        environment::variable(name)
    }

    fn json(&self) -> Option<&Value> {
        Answer::json(self)
    }

    fn header(&self, name: &str) -> Option<&str> {
        Answer::header(self, name)
    }
}
