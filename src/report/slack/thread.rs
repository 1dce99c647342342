//! What stands in the thread below the message about a run: what comes with it, and how it ended.

use serde_json::json;

use crate::domain::names::shown;
use crate::domain::run::{Run, RunState};
use crate::report::catalogue::entry_of;
use crate::report::chat::{CommitLine, LINES};
use crate::report::slack::kit::sections;
use crate::report::slack::run::mention;
use crate::report::slack::{SlackMessage, escaped, markdown};
use crate::report::status;
use crate::report::words::{fitted, person, sha8, web};

/// A commit's title is one line of this many characters at most.
const TITLE: usize = 100;
/// So much of a log's end is shown; the rest is on the run's page.
const TAIL: usize = 2_400;

/// The commits between what ran and what will run.
#[derive(Debug, Clone, Copy)]
pub struct Between<'a> {
    /// The newest first.
    pub commits: &'a [CommitLine],
    /// How many come.
    pub ahead: u64,
    /// How many go.
    pub behind: u64,
    /// Address of the repository's page.
    pub repository: &'a str,
    /// Where all of it is.
    pub compare: Option<&'a str>,
}

/// What comes with a run.
#[must_use]
pub fn commits(between: Between<'_>) -> SlackMessage {
    let count = |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let summary = match (between.ahead, between.behind) {
        (0, 0) => "the same commit as before".to_owned(),
        (ahead, 0) => count(ahead, "new commit"),
        (0, behind) => format!("takes {} back", count(behind, "commit")),
        (ahead, behind) => format!("{}, takes {} back", count(ahead, "new commit"), count(behind, "commit")),
    };
    let compare = between.compare.and_then(web);
    let mut lines = vec![match compare {
        Some(address) => format!("{summary}: <{}|compare>", escaped(address)),
        None => summary.clone(),
    }];
    lines.extend(
        between
            .commits
            .iter()
            .take(LINES)
            .map(|one| line(one, between.repository)),
    );
    let listed = u64::try_from(between.commits.len().min(LINES)).unwrap_or_default();
    let more = between.ahead.saturating_sub(listed);
    if more > 0 && listed > 0 {
        lines.push(format!("- and {more} more"));
    }
    SlackMessage {
        text: summary,
        blocks: sections(&lines.join("\n")),
        unfurl_links: false,
        unfurl_media: false,
    }
}

fn line(one: &CommitLine, repository: &str) -> String {
    let address = format!("{repository}/commit/{}", one.sha);
    let sha = match web(&address) {
        Some(address) => format!("<{}|{}>", escaped(address), escaped(&sha8(&one.sha))),
        None => escaped(&sha8(&one.sha)),
    };
    let by = one
        .author
        .as_deref()
        .map(|author| format!(" by {}", escaped(&person(author))));
    let title = escaped(&fitted(&shown(&one.title), TITLE));
    format!("- {sha}{}: {title}", by.unwrap_or_default())
}

/// How a run ended, to the person who asked for it, with the end of the log where people want to read that. None where the message
/// itself has said it, and nobody waits for it.
#[must_use]
pub fn end(run: &Run, asker: Option<&str>, tail: Option<&str>) -> Option<SlackMessage> {
    let shows_log = run.is_plan() || matches!(run.state, RunState::Failed | RunState::Errored | RunState::Interrupted);
    let tail = tail.filter(|tail| shows_log && !tail.trim().is_empty());
    let mention = mention(asker);
    if tail.is_none() && mention.is_none() {
        return None;
    }
    let line = status::line(run, None);
    let to = mention.map(|mention| format!("{mention} ")).unwrap_or_default();
    let mut text = format!("{to}{}", escaped(&line));
    let good = run.state == RunState::Succeeded;
    if let Some(reason) = run.reason.as_ref().filter(|_| !good) {
        text.push('\n');
        text.push_str(&escaped(entry_of(reason).advice));
    }
    let mut blocks = vec![json!({"type": "section", "text": markdown(&text)})];
    if let Some(tail) = tail {
        blocks.push(json!({"type": "section", "text": markdown(&format!("```\n{}\n```", fenced(tail)))}));
    }
    Some(SlackMessage {
        text: format!("{to}{}", escaped(&line)),
        blocks,
        unfurl_links: false,
        unfurl_media: false,
    })
}

/// The last lines that fit, in which nothing ends the code they stand in.
fn fenced(tail: &str) -> String {
    let mut kept = Vec::new();
    let mut left = TAIL;
    for line in tail.lines().rev() {
        let line = escaped(&fitted(&line.replace("```", "'''"), 400));
        let length = line.chars().count() + 1;
        if length > left {
            break;
        }
        left -= length;
        kept.push(line);
    }
    kept.reverse();
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use chima_simulator::slack::blocks::check_blocks;

    use super::*;
    use crate::domain::reason::Reason;
    use crate::report::tests::run;

    fn commit(title: &str) -> CommitLine {
        CommitLine {
            sha: "4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a".to_owned(),
            author: Some("<!here>".to_owned()),
            title: title.to_owned(),
        }
    }

    #[test]
    fn titles_mean_nothing_to_slack_and_long_lists_end() {
        let commits: Vec<CommitLine> = (0..30)
            .map(|_| commit("fix <!channel> `x` <https://evil|ok>"))
            .collect();
        let message = super::commits(Between {
            commits: &commits,
            ahead: 140,
            behind: 2,
            repository: "https://github.com/octo/site",
            compare: Some("https://github.com/octo/site/compare/a...b"),
        });
        check_blocks(&json!(message.blocks)).unwrap();
        let text = message.blocks[0]["text"]["text"].as_str().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[11]), (12, "- and 130 more"));
        insta::assert_snapshot!(lines[..2].join("\n"), @"
        140 new commits, takes 2 commits back: <https://github.com/octo/site/compare/a...b|compare>
        - <https://github.com/octo/site/commit/4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a|4f3c2b1a> by `&lt;!here&gt;`: fix &lt;!channel&gt; 'x' &lt;https://evil|ok&gt;
        ");
        assert!(!text.contains("<!") && !text.contains("<https://evil"), "{text}");
    }

    #[test]
    fn a_log_cannot_end_the_code_it_stands_in_and_fits() {
        let reason = Reason::ExitCode {
            step: "deploy".to_owned(),
            exit_code: 3,
            cause: None,
        };
        let failed = run(RunState::Failed, Some(reason));
        let tail = "<!channel> ``` & more of it\n".repeat(400);
        let message = end(&failed, Some("U0MONA"), Some(&tail)).unwrap();
        check_blocks(&json!(message.blocks)).unwrap();
        let log = message.blocks[1]["text"]["text"].as_str().unwrap();
        assert_eq!((log.matches("```").count(), log.contains("<!")), (2, false));
        assert!(message.text.starts_with("<@U0MONA> failure"), "{}", message.text);
    }

    #[test]
    fn nobody_is_called_who_is_no_person_of_slack() {
        let done = run(RunState::Succeeded, None);
        for id in ["<!channel>", "C0DEPLOY", "U1>", "u0mona", "U", ""] {
            assert_eq!(end(&done, Some(id), None), None, "{id}");
        }
        assert!(
            end(&done, Some("U0MONA"), Some("a log")).unwrap().blocks.len() == 1,
            "of a success nobody reads the log"
        );
    }
}
