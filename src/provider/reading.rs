//! How the end of a step is read: its exit code first, then what its output and its results say.

use regex::Regex;

use crate::provider::exit::StepOutcome;
use crate::provider::manifest::Results;
use crate::provider::manifest::support::Cause;
use crate::provider::results::{Fault, HostResult, HostResults};
use crate::provider::spec::StepSpec;
use crate::report::escapes;

/// A cause is a part of a status, which has 140 characters in all.
const LONGEST_CAUSE: usize = 100;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// How it ended, in the light of its results.
    pub outcome: StepOutcome,
    /// Why it failed, in a few words.
    pub cause: Option<String>,
    /// How each host fared.
    pub hosts: Vec<HostResult>,
    /// For the log.
    pub notes: Vec<String>,
}

/// Reads the end of a step, of whose output `tail` is the last part.
#[must_use]
pub fn read(step: &StepSpec, outcome: StepOutcome, tail: &str) -> Reading {
    let mut reading = Reading {
        outcome,
        cause: None,
        hosts: Vec::new(),
        notes: Vec::new(),
    };
    let StepOutcome::Exited { code } = reading.outcome else {
        return reading;
    };
    if let Some((Results::Ansible, path)) = &step.results {
        match HostResults::read(path) {
            Ok(results) => {
                if let (0, Some(fault)) = (code, results.fault()) {
                    reading.outcome = StepOutcome::Disproved { fault };
                }
                reading.notes.extend(results.hosts.iter().map(line));
                reading.hosts = results.hosts;
            }
            Err(error) => reading
                .notes
                .push(format!("[chima: cannot read the results of the hosts: {error}]")),
        }
    }
    let looked_for = |cause: &&Cause| code != 0 || cause.disproves;
    if let Some((says, hint)) = cause(step.causes.iter().filter(looked_for), &escapes::without(tail)) {
        if reading.outcome == (StepOutcome::Exited { code: 0 }) {
            reading.outcome = StepOutcome::Disproved { fault: Fault::Told };
        }
        reading.notes.push(format!("[chima: {says}]"));
        reading.notes.extend(hint.map(|hint| format!("[chima: hint: {hint}]")));
        reading.cause = Some(says);
    }
    reading
}

fn line(host: &HostResult) -> String {
    let HostResult {
        host,
        ok,
        changed,
        failed,
        unreachable,
        skipped,
        ..
    } = host;
    format!(
        "[chima: {host}: ok {ok}, changed {changed}, failed {failed}, unreachable {unreachable}, skipped {skipped}]"
    )
}

/// The first cause whose pattern is found. The last match of it counts: what a tool says at its end is why it ended.
fn cause<'a>(causes: impl IntoIterator<Item = &'a Cause>, output: &str) -> Option<(String, Option<String>)> {
    causes.into_iter().find_map(|cause| {
        let found = Regex::new(&cause.pattern).ok()?.captures_iter(output).last()?;
        let expanded = |text: &str| {
            let mut out = String::new();
            found.expand(text, &mut out);
            let line: String = out.split_whitespace().collect::<Vec<_>>().join(" ");
            line
        };
        let says: String = expanded(&cause.says).chars().take(LONGEST_CAUSE).collect();
        Some((says, cause.hint.as_deref().map(expanded)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(output: &str) -> Option<String> {
        let causes: Vec<Cause> = serde_json::from_str(
            r#"[{"pattern": "(?m)^No idea what '([^']+)' is!", "says": "there is no task `$1`"},
                {"pattern": "Connection refused", "says": "a host refused the connection"}]"#,
        )
        .unwrap();
        cause(&causes, &escapes::without(output)).map(|(says, _)| says)
    }

    #[test]
    fn the_first_cause_that_is_found_is_told() {
        assert_eq!(
            told("x\nNo idea what 'nope' is!\n").as_deref(),
            Some("there is no task `nope`")
        );
        assert_eq!(
            told("ssh: Connection refused").as_deref(),
            Some("a host refused the connection")
        );
        assert_eq!(told("all is well"), None);
    }

    #[test]
    fn some_words_make_a_failure_of_an_exit_code_of_0() {
        let mut step: StepSpec = serde_json::from_value(serde_json::json!({
            "name": "git", "action": { "command": { "argv": ["git"] } }, "cwd": "/", "environment": {},
            "causes": [
                { "pattern": "rejected", "says": "rejected" },
                { "pattern": "release failed", "says": "the release failed", "disproves": true }
            ],
        }))
        .unwrap();
        let read = |step: &StepSpec, code, output| {
            let reading = read(step, StepOutcome::Exited { code }, output);
            (reading.outcome, reading.cause)
        };
        let told = |cause: &str| Some(cause.to_owned());
        let disproved = StepOutcome::Disproved { fault: Fault::Told };
        assert_eq!(
            read(&step, 0, "release failed"),
            (disproved, told("the release failed"))
        );
        assert_eq!(read(&step, 0, "rejected"), (StepOutcome::Exited { code: 0 }, None));
        assert_eq!(
            read(&step, 2, "rejected"),
            (StepOutcome::Exited { code: 2 }, told("rejected"))
        );
        step.causes.clear();
        assert_eq!(
            read(&step, 0, "release failed"),
            (StepOutcome::Exited { code: 0 }, None)
        );
    }

    #[test]
    fn colours_do_not_hide_a_cause() {
        assert_eq!(
            told("\u{1b}[31mNo idea what '\u{1b}[1;4mx\u{1b}[0m' is!").as_deref(),
            Some("there is no task `x`")
        );
    }
}
