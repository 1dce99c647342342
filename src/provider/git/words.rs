//! What git says when it fails, made fit for a sentence. Git has one exit code for everything, so its words are all there is.

use crate::domain::names::shown;

/// Of git's words, those that only follow from others.
const VAGUE: [&str; 8] = [
    "Could not reset index file",
    "Could not read from remote repository",
    "Please make sure you have the correct access rights",
    "and the repository exists",
    "fetch-pack: invalid index-pack output",
    "fsck error in packed object",
    "failed to fetch some objects from",
    "Check that you have proper access",
];

/// Words of a trouble that may pass by itself: git's, ssh's and git-lfs's.
const PASSING: [&str; 19] = [
    "Could not resolve host",
    "Couldn't connect",
    "Failed to connect",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Connection closed",
    "Operation timed out",
    "early EOF",
    "unexpected disconnect",
    "remote end hung up",
    "returned error: 5",
    "returned error: 429",
    "Temporary failure",
    "connection refused",
    "connection reset",
    "no such host",
    "i/o timeout",
    "Server error",
];

/// Whether the same call may work later.
pub(super) fn may_pass(cause: &str) -> bool {
    PASSING.iter().any(|words| cause.contains(words))
}

/// The line that says why: the last that claims to be fatal or an error, else the last of all. Without its label, fit for a
/// sentence.
pub(super) fn cause(words: &str) -> Option<String> {
    let lines: Vec<&str> = words
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    // Some last words only say that something before them went wrong.
    let telling = |line: &&&str| !VAGUE.iter().any(|vague| line.contains(vague));
    let labelled = |label: &'static str| {
        lines
            .iter()
            .rev()
            .filter(telling)
            .find_map(|line| line.strip_prefix(label))
    };
    let line = labelled("fatal: ")
        .or_else(|| labelled("error: "))
        .or_else(|| labelled("ERROR: "))
        .or_else(|| labelled("git: "))
        .or_else(|| lines.iter().rev().find(telling).copied())
        .or_else(|| lines.last().copied())?;
    Some(one_line(line))
}

fn one_line(line: &str) -> String {
    // `shown` cuts at 60 characters; a cause may be longer.
    let chars: Vec<char> = line.chars().take(240).collect();
    chars
        .chunks(60)
        .map(|part| shown(&part.iter().collect::<String>()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_the_line_that_says_why() {
        for (words, expected) in [
            (
                "warning: x\nfatal: remote error: upload-pack: not our ref 01\n",
                "remote error: upload-pack: not our ref 01",
            ),
            (
                "ssh: connect to host h port 22: Connection refused\r\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
                "ssh: connect to host h port 22: Connection refused",
            ),
            (
                "[01] Object does not exist: [404]\nerror: failed to fetch some objects from 'https://h/r'\n",
                "[01] Object does not exist: [404]",
            ),
            (
                "git: 'lfs' is not a git command. See 'git --help'.\n\nThe most similar command is\n\trefs\n",
                "'lfs' is not a git command. See 'git --help'.",
            ),
            ("fatal: a\u{1b}[31mb\n", "a\\u{1b}[31mb"),
        ] {
            assert_eq!(cause(words).as_deref(), Some(expected));
        }
        assert_eq!(cause(""), None);
    }

    #[test]
    fn a_host_that_is_away_may_be_back() {
        assert!(may_pass("dial tcp 127.0.0.1:1: connect: connection refused"));
        assert!(!may_pass("Authorization error: https://h/r"));
    }
}
