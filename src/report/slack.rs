//! A run as Slack shows it: one message per event that people want to hear of.
//!
//! Everything that came from outside is escaped, so that no ref name can call a whole channel or pretend to be a link. Only
//! these files write angle brackets. <https://docs.slack.dev/messaging/formatting-message-text>

pub mod answer;
pub mod kit;
pub mod manifest;
pub mod run;
pub mod thread;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::clock::Timestamp;
use crate::domain::foreign::ForeignDeployment;
use crate::domain::lock::Lock;
use crate::domain::run::{Run, RunState};
use crate::report::duration::{span, worked};
use crate::report::force;
use crate::report::foreign;
use crate::report::lock::{self, News};
use crate::report::sentence::sentence_of;
use crate::report::status::Links;
use crate::report::words::{commit, fitted, person, quoted, web};

/// The body of an incoming webhook, or of `chat.postMessage` once a channel is added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlackMessage {
    /// What notifications show, and clients that know no blocks.
    pub text: String,
    /// The message.
    pub blocks: Vec<Value>,
    /// No previews: a link to a run page would be fetched by Slack.
    pub unfurl_links: bool,
    /// The same for pictures.
    pub unfurl_media: bool,
}

/// Whether people are told in chat. A queued run is on its way, and the next word about it is soon enough.
#[must_use]
pub fn notifies(state: RunState) -> bool {
    match state {
        RunState::Queued => false,
        RunState::Held
        | RunState::Running
        | RunState::Succeeded
        | RunState::Failed
        | RunState::Errored
        | RunState::Rejected
        | RunState::Cancelled
        | RunState::Interrupted
        | RunState::Superseded => true,
    }
}

/// Where the run stands now. `requester` is whom the deployment names, in chat's or GitHub's words.
#[must_use]
pub fn message(run: &Run, requester: Option<&str>, links: &Links) -> SlackMessage {
    let what = what(run);
    let why = sentence_of(run)
        .filter(|_| run.state != RunState::Succeeded || run.persons_verdict().is_some() || run.command.is_some())
        .map(|why| fitted(&why, 500));
    let facts = facts(run, requester);
    let page = links.log_url.as_deref().and_then(web);
    let visit = links
        .environment_url
        .as_deref()
        .and_then(web)
        .filter(|_| run.state == RunState::Succeeded && !run.is_plan());

    let mut lines = format!("*{}*: {}", word(run.state), escaped(&what));
    let mut text = format!("{}: {what}", word(run.state));
    if let Some(why) = &why {
        lines.push('\n');
        lines.push_str(&escaped(why));
        text = format!("{text}: {why}");
    }
    if let Some(runs_now) = &links.runs_now {
        lines.push('\n');
        lines.push_str(&escaped(runs_now));
        text = format!("{text}; {runs_now}");
    }
    let mut elements: Vec<Value> = facts.iter().map(|fact| markdown(&escaped(fact))).collect();
    elements.extend(page.map(|url| markdown(&format!("<{}|run page>", escaped(url)))));
    elements.extend(visit.map(|url| markdown(&format!("<{}|visit>", escaped(url)))));
    text = format!("{text} ({})", facts.join(", "));
    if let Some(url) = page {
        text = format!("{text} {url}");
    }
    SlackMessage {
        text: escaped(&text),
        blocks: vec![
            json!({"type": "section", "text": markdown(&lines)}),
            json!({"type": "context", "elements": elements}),
        ],
        unfurl_links: false,
        unfurl_media: false,
    }
}

/// Something about a lock that people should know.
#[must_use]
pub fn about_lock(lock: &Lock, news: News<'_>, now: Timestamp) -> SlackMessage {
    let text = escaped(&lock::news(lock, news, now));
    SlackMessage {
        blocks: vec![json!({"type": "section", "text": markdown(&text)})],
        text,
        unfurl_links: false,
        unfurl_media: false,
    }
}

/// Something that was noticed without being asked.
#[must_use]
pub fn noticed(text: &str) -> SlackMessage {
    let text = escaped(text);
    SlackMessage {
        blocks: vec![json!({"type": "section", "text": markdown(&fitted(&text, 3000))})],
        text,
        unfurl_links: false,
        unfurl_media: false,
    }
}

/// How a deployment of somebody else ended.
#[must_use]
pub fn about_foreign(one: &ForeignDeployment) -> SlackMessage {
    let text = escaped(&foreign::line(one));
    let link = one
        .status
        .as_ref()
        .and_then(|status| status.log_url.as_deref())
        .and_then(web);
    let shown = match link {
        Some(link) => format!("{text} · <{}|log>", escaped(link)),
        None => text.clone(),
    };
    SlackMessage {
        blocks: vec![json!({"type": "section", "text": markdown(&shown)})],
        text,
        unfurl_links: false,
        unfurl_media: false,
    }
}

/// `&`, `<` and `>` as Slack wants them. That also disarms `<!channel>`, `<@U1>` and `<url|text>`.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}

/// `verbatim` keeps Slack from making links and mentions out of plain words.
pub(crate) fn markdown(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

pub(super) fn word(state: RunState) -> &'static str {
    match state {
        RunState::Running => "started",
        RunState::Held
        | RunState::Queued
        | RunState::Succeeded
        | RunState::Failed
        | RunState::Errored
        | RunState::Rejected
        | RunState::Cancelled
        | RunState::Interrupted
        | RunState::Superseded => state.as_str(),
    }
}

/// ``deploy `trelhub` to `live` ``.
pub(super) fn what(run: &Run) -> String {
    let (app, environment) = match &run.order {
        Some(order) => (order.app.as_str(), order.environment.as_str()),
        None => (run.repository.as_str(), run.environment.as_str()),
    };
    let preposition = if run.task == "deploy" { "to" } else { "on" };
    let task = if run.task == "deploy" {
        "deploy".to_owned()
    } else {
        quoted(&run.task)
    };
    format!("{task} {} {preposition} {}", quoted(app), quoted(environment))
}

pub(super) fn facts(run: &Run, requester: Option<&str>) -> Vec<String> {
    let mut facts = vec![format!("`{}` at {}", run.repository, commit(&run.sha, &run.git_ref))];
    if let Some(name) = requester.or(run.creator.as_deref()) {
        facts.push(format!("asked for by {}", person(name)));
    }
    facts.extend(run.forced.as_ref().and_then(force::forced));
    facts.extend(worked(run).map(|length| format!("took {}", span(length))));
    facts
}
