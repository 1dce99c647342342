//! The one message about a run in a room: it changes as things go on, and has buttons for what can be done now.

use serde_json::{Value, json};

use crate::domain::conversation::Offer;
use crate::domain::run::{Run, RunState};
use crate::report::duration::{span, worked};
use crate::report::sentence::sentence_of;
use crate::report::slack::kit::buttons;
use crate::report::slack::{SlackMessage, escaped, markdown, what, word};
use crate::report::status::{self, Links, Place};
use crate::report::words::{commit, fitted, person, quoted, web};

/// A run, and what is known around it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The run.
    pub run: &'a Run,
    /// Where it stands in its lane, while it waits there.
    pub place: Option<&'a Place>,
    /// Slack's id of the person who asked for it.
    pub asker: Option<&'a str>,
    /// What the environment runs, where this run did not put it there.
    pub current: Option<&'a Run>,
    /// Where it can be looked at.
    pub links: &'a Links,
}

/// Where the run stands now.
#[must_use]
pub fn message(shown: Shown<'_>) -> SlackMessage {
    let Shown { run, links, .. } = shown;
    let heading = format!("*{}*: {}", word(run.state), escaped(&what(run)));
    let mut lines = vec![heading];
    lines.extend(detail(shown).map(|detail| escaped(&detail)));
    lines.extend(now_runs(shown).map(|line| escaped(&line)));
    let mut elements = vec![markdown(&escaped(&format!(
        "`{}` at {}",
        run.repository,
        commit(&run.sha, &run.git_ref)
    )))];
    elements.extend(asked_for(shown).map(|by| markdown(&by)));
    elements.extend(took(run).map(|text| markdown(&text)));
    elements.extend(link(links.log_url.as_deref(), "run page"));
    let done = run.state == RunState::Succeeded && !run.is_plan();
    elements.extend(link(links.environment_url.as_deref().filter(|_| done), "visit"));
    let mut blocks = vec![
        json!({"type": "section", "text": markdown(&lines.join("\n"))}),
        json!({"type": "context", "elements": elements}),
    ];
    blocks.extend(buttons(&offers(shown)));
    let notice = format!("{}: {}", word(run.state), what(run));
    let notice = detail(shown).map_or(notice.clone(), |detail| format!("{notice}: {detail}"));
    SlackMessage {
        text: escaped(&fitted(&notice, 1_000)),
        blocks,
        unfurl_links: false,
        unfurl_media: false,
    }
}

/// Whether an id is one of Slack's for a person: only then it stands between angle brackets.
#[must_use]
pub fn is_person(id: &str) -> bool {
    is_id(id, "UW")
}

/// Whether an id is one of Slack's for a channel.
#[must_use]
pub fn is_channel(id: &str) -> bool {
    is_id(id, "CGD")
}

fn is_id(id: &str, first: &str) -> bool {
    let fits = id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    matches!(id.len(), 3..=40) && fits && id.starts_with(|c| first.contains(c))
}

/// `<@U0MONA>`: Slack shows the name, and tells the person.
pub(super) fn mention(asker: Option<&str>) -> Option<String> {
    asker.filter(|id| is_person(id)).map(|id| format!("<@{id}>"))
}

/// Why it stands there.
fn detail(shown: Shown<'_>) -> Option<String> {
    let run = shown.run;
    if run.state == RunState::Queued {
        return shown.place.map(|place| status::line(run, Some(place)));
    }
    if run.waits_for_person().is_some() {
        return Some(status::line(run, None));
    }
    let told = run.state != RunState::Succeeded || run.persons_verdict().is_some() || run.command.is_some();
    sentence_of(run).filter(|_| told).map(|why| fitted(&why, 500))
}

/// After a failure people ask what runs there now.
fn now_runs(shown: Shown<'_>) -> Option<String> {
    let current = shown.current?;
    let what = commit(&current.sha, &current.git_ref);
    Some(format!("{} still runs {what}", quoted(&current.environment)))
}

fn asked_for(shown: Shown<'_>) -> Option<String> {
    let by = mention(shown.asker).or_else(|| {
        let name = shown.run.requester.as_deref().or(shown.run.creator.as_deref())?;
        Some(escaped(&person(name)))
    })?;
    Some(format!("asked for by {by}"))
}

fn took(run: &Run) -> Option<String> {
    worked(run).map(|length| format!("took {}", span(length)))
}

fn link(address: Option<&str>, label: &str) -> Option<Value> {
    let address = address.and_then(web)?;
    Some(markdown(&format!("<{}|{label}>", escaped(address))))
}

/// What can be done about it now. Each is a command that its own rules may refuse.
fn offers(shown: Shown<'_>) -> Vec<Offer> {
    let run = shown.run;
    let offer = |label: &str, says: String, caution: Option<String>| Offer {
        label: label.to_owned(),
        says,
        caution,
    };
    let id = run.id;
    let cancel = || {
        let caution = format!("This stops it: {}.", what(run).replace('`', ""));
        offer("cancel", format!("cancel {id}"), Some(caution))
    };
    let why = || offer("why", format!("why {id}"), None);
    match run.state {
        RunState::Queued | RunState::Running => vec![cancel()],
        RunState::Held => vec![why(), cancel()],
        RunState::Failed | RunState::Errored | RunState::Interrupted | RunState::Cancelled => {
            let Some(order) = run.order.as_ref().filter(|_| run.command.is_none()) else {
                return vec![why()];
            };
            let back = format!("rollback {} in `{}`", order.app, order.environment);
            let back = shown
                .current
                .filter(|_| !order.noop)
                .map(|_| offer("roll back", back, None));
            let retry = offer("retry", format!("retry {id}"), None);
            [Some(retry), back, Some(why())].into_iter().flatten().collect()
        }
        RunState::Rejected => vec![why()],
        RunState::Succeeded | RunState::Superseded => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use chima_simulator::slack::blocks::check_blocks;

    use super::*;
    use crate::domain::reason::Reason;
    use crate::report::tests::run;

    #[test]
    fn every_state_is_a_message_that_slack_takes_and_calls_nobody() {
        for state in RunState::ALL {
            let mut run = run(
                state,
                Some(Reason::RoomNotAllowed {
                    found: "<!channel>".to_owned(),
                    allowed: vec!["`<@U1>`".to_owned()],
                }),
            );
            run.order = None;
            run.requester = Some("<!here> & co".to_owned());
            run.git_ref = "<!everyone>".repeat(50);
            run.environment = "<https://evil|x>".repeat(50);
            run.task = "<@U1>".repeat(100);
            let links = Links {
                runs_now: None,
                log_url: Some("https://deploy.example.com/runs/1|x>".to_owned()),
                environment_url: Some("javascript:alert(1)".to_owned()),
            };
            let shown = Shown {
                run: &run,
                place: None,
                asker: Some("<!channel>"),
                current: Some(&run),
                links: &links,
            };
            let message = message(shown);
            check_blocks(&json!(message.blocks)).unwrap();
            let texts = message.blocks.iter().filter(|block| block["type"] != "actions");
            let all = texts.map(ToString::to_string).collect::<String>() + &message.text;
            assert!(!all.contains('<'), "{all}");
        }
    }

    #[test]
    fn what_can_be_done_depends_on_where_it_stands() {
        let links = Links::default();
        let says = |state| {
            let run = run(state, None);
            let shown = Shown {
                run: &run,
                place: None,
                asker: None,
                current: Some(&run),
                links: &links,
            };
            offers(shown)
                .into_iter()
                .map(|offer| offer.label)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let all: Vec<String> = RunState::ALL
            .into_iter()
            .map(|state| format!("{}: {}", state.as_str(), says(state)))
            .collect();
        insta::assert_snapshot!(all.join("\n"), @"
        held: why cancel
        queued: cancel
        running: cancel
        succeeded: 
        failed: retry roll back why
        errored: retry roll back why
        rejected: why
        cancelled: retry roll back why
        interrupted: retry roll back why
        superseded:
        ");
    }
}
