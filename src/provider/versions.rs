//! Versions that were asked for a little while ago: some tools take a second to tell theirs, and it is asked before each run.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::provider::manifest::support::Program;
use crate::provider::probe::{Probe, find, probe};

/// The file that is asked is often a small script, which stays the same when what it starts is upgraded.
const LIFETIME: Duration = Duration::from_secs(300);
/// Far more programs than one installation has.
const MOST: usize = 64;

/// What programs have answered to this process.
#[derive(Debug)]
pub struct Versions {
    lifetime: Duration,
    known: Mutex<HashMap<Asked, (Instant, Probe)>>,
}

/// Whoever answers, as it is on the disk, and what it is asked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Asked {
    program: PathBuf,
    file: PathBuf,
    modified: SystemTime,
    size: u64,
    command: Vec<String>,
    pattern: Option<String>,
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            lifetime: LIFETIME,
            known: Mutex::default(),
        }
    }
}

impl Versions {
    /// As [`probe`], unless the same file has told its version a little while ago. What is no version is not kept.
    pub async fn probe(&self, program: &Program, path: &str, variables: &[(String, String)]) -> Probe {
        let Some(asked) = Asked::of(program, path) else {
            return probe(program, path, variables).await;
        };
        if let Some(answer) = self.find(&asked) {
            return answer;
        }
        let answer = probe(program, path, variables).await;
        if matches!(answer, Probe::Found { .. }) {
            self.keep(asked, answer.clone());
        }
        answer
    }

    fn find(&self, asked: &Asked) -> Option<Probe> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = known.get(asked)?;
        (at.elapsed() < self.lifetime).then(|| answer.clone())
    }

    fn keep(&self, asked: Asked, answer: Probe) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, _)| at.elapsed() < self.lifetime);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(asked, (Instant::now(), answer));
    }
}

impl Asked {
    /// Before it is asked: a file that is replaced meanwhile is another one the next time.
    fn of(program: &Program, path: &str) -> Option<Self> {
        let file = find(program.version_command.first()?, path)?;
        let found = fs::metadata(&file).ok()?;
        Some(Self {
            program: find(&program.name, path)?,
            file,
            modified: found.modified().ok()?,
            size: found.len(),
            command: program.version_command.clone(),
            pattern: program.version_pattern.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    /// Programs that count how often they are asked.
    struct Bin(TempDir);

    impl Bin {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn with(&self, name: &str, says: &str) -> Program {
            let file = self.0.path().join(name);
            fs::write(&file, format!("#!/bin/sh\necho asked >> \"$COUNT\"\necho {says}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            Program {
                name: name.to_owned(),
                version_command: vec![name.to_owned(), "--version".to_owned()],
                version_pattern: Some(r"Tool (\S+)".to_owned()),
                optional: false,
                install: std::collections::BTreeMap::new(),
            }
        }

        async fn version(&self, versions: &Versions, program: &Program) -> Option<String> {
            let path = self.0.path().display().to_string();
            let count = ("COUNT".to_owned(), format!("{path}/count"));
            loop {
                match versions.probe(program, &path, std::slice::from_ref(&count)).await {
                    Probe::Found { version, .. } => return Some(version),
                    // a process that another test starts just now holds the new file open for a moment
                    Probe::Unknown { detail, .. } if detail.contains("busy") => {}
                    Probe::Absent | Probe::Unknown { .. } => return None,
                }
            }
        }

        fn asked(&self) -> usize {
            let count = fs::read_to_string(self.0.path().join("count")).unwrap_or_default();
            count.lines().count()
        }
    }

    #[tokio::test]
    async fn the_same_file_is_asked_once() {
        let (bin, versions) = (Bin::new(), Versions::default());
        let tool = bin.with("tool", "Tool 2.1");
        for _ in 0..3 {
            assert_eq!(bin.version(&versions, &tool).await.as_deref(), Some("2.1"));
        }
        assert_eq!(bin.asked(), 1);
        let reads_on = Program {
            version_pattern: Some(r"Tool (\d)".to_owned()),
            ..tool
        };
        assert_eq!(bin.version(&versions, &reads_on).await.as_deref(), Some("2"));
        assert_eq!(bin.asked(), 2, "another question");
    }

    #[tokio::test]
    async fn another_file_is_asked_again_and_so_is_one_after_a_while() {
        let (bin, versions) = (Bin::new(), Versions::default());
        let tool = bin.with("tool", "Tool 2.1");
        bin.version(&versions, &tool).await;
        bin.with("tool", "Tool 3.0.0");
        assert_eq!(bin.version(&versions, &tool).await.as_deref(), Some("3.0.0"));
        fs::remove_file(bin.0.path().join("tool")).unwrap();
        assert_eq!(bin.version(&versions, &tool).await, None);
        assert_eq!(bin.asked(), 2);

        let tool = bin.with("tool", "Tool 2.1");
        let forgetful = Versions {
            lifetime: Duration::ZERO,
            ..Versions::default()
        };
        bin.version(&forgetful, &tool).await;
        bin.version(&forgetful, &tool).await;
        assert_eq!(bin.asked(), 4);
    }

    #[tokio::test]
    async fn what_is_no_version_is_not_kept() {
        let (bin, versions) = (Bin::new(), Versions::default());
        let tool = bin.with("tool", "oh dear");
        assert_eq!(bin.version(&versions, &tool).await, None);
        assert_eq!(bin.version(&versions, &tool).await, None);
        assert_eq!(bin.asked(), 2);
    }

    #[test]
    fn never_more_than_so_many_are_kept() {
        let versions = Versions::default();
        for number in 0..3 * MOST {
            let asked = Asked {
                program: PathBuf::from(number.to_string()),
                file: PathBuf::new(),
                modified: SystemTime::UNIX_EPOCH,
                size: 0,
                command: Vec::new(),
                pattern: None,
            };
            versions.keep(asked, Probe::Absent);
            assert!(versions.known.lock().unwrap().len() <= MOST);
        }
    }
}
