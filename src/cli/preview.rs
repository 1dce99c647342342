//! What a deployment would come to, for a terminal.

use crate::cli::commits::commits;
use crate::cli::show::{self, line};
use crate::domain::clock::Timestamp;
use crate::flow::chat::preview::Preview;
use crate::report::chat;
use crate::report::duration::span;

/// The decision first, then what it rests on, what would be new, and how long it would wait.
#[must_use]
pub fn preview(found: &Preview, now: Timestamp) -> String {
    let mut text = String::new();
    let verdict = match found.verdict.as_str() {
        "run" => "would run",
        "hold" => "would be held",
        "reject" => "would be refused",
        other => other,
    };
    let what = format!(
        "{} of {}/{} at {} to {}",
        found.task,
        found.app,
        found.git_ref,
        found.sha.get(..8).unwrap_or(&found.sha),
        found.environment
    );
    line(&mut text, &format!("{what} {verdict}"));
    for reason in &found.reasons {
        line(&mut text, &reason.text);
    }
    show::checks(&mut text, &found.checks);
    let brings = match (&found.replaces, &found.brings) {
        (None, _) => format!(
            "nothing is deployed to `{}` yet: all of it would be new",
            found.environment
        ),
        (Some(_), Some(brings)) => chat::difference(&found.environment, &found.git_ref, brings.ahead, brings.behind),
        (Some(_), None) => chat::nothing_in_common(&found.environment, &found.git_ref),
    };
    line(&mut text, &brings);
    commits(&mut text, found.brings.as_ref(), None);
    if let Some(at) = found.begins_at.filter(|at| *at > now) {
        let place = format!(
            "position {} in its lane, begins in about {}",
            found.position,
            span(at - now)
        );
        line(&mut text, &place);
    }
    if let Some(estimate) = &found.estimate {
        show::usually(&mut text, estimate);
    }
    text
}

/// Whether it would run.
#[must_use]
pub fn runs(found: &Preview) -> bool {
    found.verdict == "run"
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::flow::chat::preview::{Brings, CommitView};
    use crate::flow::view::Why;
    use crate::flow::view::run::{CheckView, EstimateView};

    fn check(name: &str, verdict: &str) -> CheckView {
        CheckView {
            name: name.to_owned(),
            verdict: verdict.to_owned(),
            found: "ci/test is red".to_owned(),
            wanted: "all green".to_owned(),
        }
    }

    #[test]
    fn the_decision_comes_first_and_then_what_it_rests_on() {
        let now = Timestamp::UNIX_EPOCH;
        let refused = Preview {
            app: "site".to_owned(),
            environment: "staging".to_owned(),
            task: "deploy".to_owned(),
            git_ref: "main".to_owned(),
            sha: "0123456789abcdef".to_owned(),
            verdict: "reject".to_owned(),
            reasons: vec![Why {
                code: "required_context_failed".to_owned(),
                text: "`ci/test` is red".to_owned(),
            }],
            checks: vec![check("task", "passed"), check("contexts", "rejected")],
            replaces: Some("fedcba9876543210".to_owned()),
            brings: Some(Brings {
                ahead: 1,
                behind: 0,
                commits: vec![CommitView {
                    sha: "0123456789abcdef".to_owned(),
                    author: Some("mona".to_owned()),
                    title: "first".to_owned(),
                }],
            }),
            position: 2,
            begins_at: Some(now + chrono::TimeDelta::minutes(3)),
            estimate: Some(EstimateView {
                usual_seconds: 41,
                long_seconds: 60,
                rare_seconds: 70,
                of: 5,
            }),
        };
        let first = Preview {
            verdict: "run".to_owned(),
            reasons: Vec::new(),
            checks: Vec::new(),
            replaces: None,
            brings: None,
            position: 1,
            begins_at: None,
            estimate: None,
            ..refused.clone()
        };
        let told = [preview(&refused, now), preview(&first, now)].join("---\n");
        assert_snapshot!(told, @r"
        deploy of site/main at 01234567 to staging would be refused
        `ci/test` is red
          contexts rejected: found ci/test is red; wanted all green
        `main` has 1 commit that `staging` lacks
          01234567  mona              first
        position 2 in its lane, begins in about 3 min
        usually takes 41 s, nine of ten no more than 60 s (of 5)
        ---
        deploy of site/main at 01234567 to staging would run
        nothing is deployed to `staging` yet: all of it would be new
        ");
        assert!(runs(&first) && !runs(&refused));
    }
}
