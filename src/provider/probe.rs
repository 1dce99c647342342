//! Asks a program for its version, and compares versions.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use regex::Regex;
use tokio::time::timeout;

use crate::domain::names::shown;
use crate::provider::manifest::form::Need;
use crate::provider::manifest::support::Program;

/// No tool takes longer to say its version.
const LIMIT: Duration = Duration::from_secs(20);

/// What became of a question for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// There is no such program.
    Absent,
    /// It is there, and says no version that the manifest's pattern finds.
    Unknown {
        /// Its file.
        path: PathBuf,
        /// What it said or did instead.
        detail: String,
    },
    /// It is there.
    Found {
        /// Its file.
        path: PathBuf,
        /// As it says.
        version: String,
    },
}

/// Asks for a program's version. `path` is the `PATH` of the commands, `variables` what they get beside it.
pub async fn probe(program: &Program, path: &str, variables: &[(String, String)]) -> Probe {
    let Some(file) = find(&program.name, path) else {
        return Probe::Absent;
    };
    let (Some(asked), Some(pattern)) = (program.version_command.first(), &program.version_pattern) else {
        return Probe::Unknown {
            path: file,
            detail: "its manifest has no question for a version".to_owned(),
        };
    };
    let Some(question) = find(asked, path) else {
        return Probe::Absent;
    };
    #[expect(clippy::disallowed_methods, reason = "the one place where a version is asked for")]
    let mut command = tokio::process::Command::new(question);
    command
        .args(program.version_command.iter().skip(1))
        .env_clear()
        .env("PATH", path)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let detail = match timeout(LIMIT, command.output()).await {
        Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(output)) => {
            let said = [output.stdout, b"\n".to_vec(), output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let version = Regex::new(pattern)
                .ok()
                .and_then(|pattern| pattern.captures(&said))
                .and_then(|found| found.get(1));
            if let Some(version) = version {
                return Probe::Found {
                    path: file,
                    version: version.as_str().to_owned(),
                };
            }
            let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
            format!("it says `{}`", shown(first))
        }
    };
    Probe::Unknown { path: file, detail }
}

/// Why a program's version does not serve; `None` where it does. What cannot be asked is not refused: the program itself will
/// say what it misses.
#[must_use]
pub fn unmet(need: &Need, probe: &Probe) -> Option<String> {
    let Probe::Found { version, .. } = probe else {
        return None;
    };
    let expected = match (&need.at_least, &need.below) {
        (Some(least), _) if compare(version, least).is_lt() => format!("{least} or later"),
        (_, Some(below)) if compare(version, below).is_ge() => format!("a version before {below}"),
        _ => return None,
    };
    let hint = need.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    Some(format!(
        "`{}` is version {version}; expected {expected}{hint}",
        need.program
    ))
}

/// The file of a program in a `PATH`, of which only absolute entries count.
#[must_use]
pub fn find(name: &str, path: &str) -> Option<PathBuf> {
    path.split(':')
        .filter(|entry| entry.starts_with('/'))
        .map(|entry| Path::new(entry).join(name))
        .find(|candidate| crate::provider::runner::is_executable(candidate))
}

/// Whether a version is this one or a later one.
#[must_use]
pub fn at_least(version: &str, least: &str) -> bool {
    compare(version, least).is_ge()
}

/// Number by number; what is not there is 0, and what is no number ends the comparison.
fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    let numbers = |text: &str| -> Vec<u64> { text.split('.').map_while(|part| part.parse().ok()).collect() };
    let (mut a, mut b) = (numbers(a), numbers(b));
    let length = a.len().max(b.len());
    a.resize(length, 0);
    b.resize(length, 0);
    a.cmp(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        use std::cmp::Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            ("2.6.0", "2", Greater),
            ("2.0", "2", Equal),
            ("1.14.0", "2", Less),
            ("3.10", "3.9", Greater),
        ] {
            assert_eq!(compare(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_version_that_does_not_serve_is_told_with_what_does() {
        let need = |at_least: Option<&str>, below: Option<&str>| Need {
            program: "fab".to_owned(),
            at_least: at_least.map(str::to_owned),
            below: below.map(str::to_owned),
            hint: None,
        };
        let found = |version: &str| Probe::Found {
            path: PathBuf::from("/usr/bin/fab"),
            version: version.to_owned(),
        };
        assert_eq!(
            unmet(&need(Some("2"), None), &found("1.14.0")).as_deref(),
            Some("`fab` is version 1.14.0; expected 2 or later")
        );
        assert_eq!(
            unmet(&need(None, Some("2")), &found("3.2.2")).as_deref(),
            Some("`fab` is version 3.2.2; expected a version before 2")
        );
        assert_eq!(unmet(&need(Some("2"), None), &found("2.6.0")), None);
        assert_eq!(unmet(&need(Some("2"), None), &Probe::Absent), None);
    }
}
