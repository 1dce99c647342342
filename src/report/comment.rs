//! The one comment that answers a command on a pull request, as it reads now.

use crate::domain::names::shown;
use crate::domain::run::{Run, RunState};
use crate::report::catalogue::entry_of;
use crate::report::status::{self, Place};
use crate::report::words::{fitted, web};

/// What it begins with: invisible, and by it the comment is found again.
#[must_use]
pub fn mark(ask: &str) -> String {
    format!("<!-- chima {ask} -->")
}

/// The whole comment: what was asked, then what is answered.
#[must_use]
pub fn comment(ask: &str, said: &str, answer: &str) -> String {
    let said = fitted(&shown(said), 200);
    format!("{}\n> /{said}\n\n{answer}", mark(ask))
}

/// What is answered once there is a run. The end of the log is part of it where people want to read that: of a plan, and of
/// what went wrong.
#[must_use]
pub fn of_run(run: &Run, place: Option<&Place>, log_url: &str, tail: Option<&str>) -> String {
    let mut parts = vec![format!("**{}**", status::line(run, place))];
    if let Some(reason) = run.reason.as_ref().filter(|_| run.state != RunState::Succeeded) {
        parts.push(entry_of(reason).advice.to_owned());
    }
    let shows_log = run.is_plan() || matches!(run.state, RunState::Failed | RunState::Errored | RunState::Interrupted);
    if let Some(tail) = tail.filter(|_| run.state.is_terminal() && shows_log) {
        parts.push(format!(
            "<details><summary>the end of the log</summary>\n\n```text\n{}\n```\n\n</details>",
            tail.replace("```", "'''")
        ));
    }
    parts.extend(web(log_url).map(|url| format!("[log]({url})")));
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::report::tests::run;

    #[test]
    fn what_went_wrong_comes_with_the_end_of_the_log() {
        let reason = Reason::ExitCode {
            step: "deploy".to_owned(),
            exit_code: 3,
            cause: None,
        };
        let text = of_run(
            &run(RunState::Failed, Some(reason)),
            None,
            "https://deploy.example.com/runs/1",
            Some("one\n```\ntwo"),
        );
        insta::assert_snapshot!(text, @"
    **failure: step `deploy` exited with code 3 after 41 s**

    read the log, fix the cause, then deploy again

    <details><summary>the end of the log</summary>

    ```text
    one
    '''
    two
    ```

    </details>

    [log](https://deploy.example.com/runs/1)
    ");
        let done = of_run(&run(RunState::Succeeded, None), None, "javascript:x", Some("one"));
        insta::assert_snapshot!(done, @"**deployed 4f3c2b1a (main) to staging in 41 s**");
    }

    #[test]
    fn what_was_said_cannot_end_the_quotation() {
        let text = comment("01J", "deploy\n\n# evil --> @channel", "no");
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.starts_with("<!-- chima 01J -->\n> /deploy"), "{text}");
    }
}
