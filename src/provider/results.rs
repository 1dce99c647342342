//! What a tool says about each host, read from the JSON lines it wrote beside its output.
//!
//! An exit code decides; results can only make it worse. Each line is an object with an `event`; unknown events and fields are
//! left alone, so that a newer helper file does not trouble an older Chima.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// More than this is not read: thousands of hosts fit in.
const MOST_BYTES: u64 = 16 << 20;

/// How one host fared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostResult {
    /// As the tool calls it.
    pub host: String,
    /// Tasks that found or left it as it should be.
    #[serde(default)]
    pub ok: u32,
    /// Tasks that changed it.
    #[serde(default)]
    pub changed: u32,
    /// Tasks that failed.
    #[serde(default)]
    pub failed: u32,
    /// Whether, or how often, it could not be reached.
    #[serde(default)]
    pub unreachable: u32,
    /// Tasks that were left out.
    #[serde(default)]
    pub skipped: u32,
    /// Failures that the playbook itself dealt with.
    #[serde(default)]
    pub rescued: u32,
    /// Failures that the playbook itself ignored.
    #[serde(default)]
    pub ignored: u32,
    /// The first thing that went wrong there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl HostResult {
    /// Whether nothing went wrong there.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.unreachable == 0
    }
}

/// Why a command that ended with code 0 did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// A play that matched no host, or no host at all.
    NoHosts {
        /// The play, where it is one of several.
        play: Option<String>,
    },
    /// A part of the limit that is no host: the rest was done.
    Unmatched {
        /// As it was given.
        pattern: String,
    },
    /// Hosts that failed or could not be reached, all the same.
    HostsFailed,
    /// There are no results, or they break off.
    Unread,
    /// Its output says so; the cause says what.
    Told,
}

/// Everything that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostResults {
    /// By host, in the order they were told.
    pub hosts: Vec<HostResult>,
    /// The first play that matched no host.
    pub empty_play: Option<String>,
    /// The first part of the limit that is no host.
    pub unmatched: Option<String>,
    /// Whether the tool came to its end.
    pub complete: bool,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Failed {
        host: String,
        message: String,
    },
    Unreachable {
        host: String,
        message: String,
    },
    NoHosts {
        play: String,
    },
    Unmatched {
        pattern: String,
    },
    Host(HostResult),
    End {},
    #[serde(other)]
    Other,
}

impl HostResults {
    /// Reads what was written; a file that is not there holds nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut text = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(MOST_BYTES).read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    /// Reads the lines. What is not a line of ours is left out; what matters is whether the end is there.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut results = Self::default();
        let mut messages: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match serde_json::from_str(line) {
                Ok(Line::Failed { host, message } | Line::Unreachable { host, message }) => {
                    if !messages.iter().any(|(known, _)| *known == host) {
                        messages.push((host, message));
                    }
                }
                Ok(Line::NoHosts { play }) => {
                    results.empty_play.get_or_insert(play);
                }
                Ok(Line::Unmatched { pattern }) => {
                    results.unmatched.get_or_insert(pattern);
                }
                Ok(Line::Host(host)) => results.hosts.push(host),
                Ok(Line::End {}) => results.complete = true,
                Ok(Line::Other) | Err(_) => {}
            }
        }
        for host in results.hosts.iter_mut().filter(|host| !host.is_good()) {
            host.message = messages
                .iter()
                .find(|(name, _)| *name == host.host)
                .map(|(_, text)| text.clone());
        }
        results
    }

    /// What contradicts an exit code of 0.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        if !self.complete {
            Some(Fault::Unread)
        } else if let Some(pattern) = self.unmatched.clone() {
            Some(Fault::Unmatched { pattern })
        } else if self.hosts.is_empty() || self.empty_play.is_some() {
            Some(Fault::NoHosts {
                play: self.empty_play.clone(),
            })
        } else if self.hosts.iter().any(|host| !host.is_good()) {
            Some(Fault::HostsFailed)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"event":"host","host":"web1","ok":3,"changed":1,"failed":0,"unreachable":0}
{"event":"host","host":"web2","ok":3,"failed":0,"unreachable":0,"rescued":1}
{"event":"end","plays":1}
"#;

    #[test]
    fn good_results_contradict_nothing() {
        let results = HostResults::parse(GOOD);
        assert_eq!(results.fault(), None);
        let told: Vec<_> = results
            .hosts
            .iter()
            .map(|host| (host.host.as_str(), host.ok, host.changed))
            .collect();
        assert_eq!(told, [("web1", 3, 1), ("web2", 3, 0)]);
    }

    #[test]
    fn a_failed_host_has_its_first_message() {
        let text = r#"{"event":"failed","host":"web1","task":"a","message":"first"}
{"event":"failed","host":"web1","task":"b","message":"second"}
{"event":"host","host":"web1","ok":1,"failed":2}
{"event":"end"}"#;
        let results = HostResults::parse(text);
        assert_eq!(results.hosts[0].message.as_deref(), Some("first"));
        assert_eq!(results.fault(), Some(Fault::HostsFailed));
    }

    #[test]
    fn no_host_is_no_success() {
        assert_eq!(
            HostResults::parse("{\"event\":\"end\",\"plays\":0}").fault(),
            Some(Fault::NoHosts { play: None })
        );
        let text = format!("{{\"event\":\"no_hosts\",\"play\":\"db\"}}\n{GOOD}");
        assert_eq!(
            HostResults::parse(&text).fault(),
            Some(Fault::NoHosts {
                play: Some("db".to_owned())
            })
        );
    }

    #[test]
    fn a_limit_that_is_met_in_part_is_no_success() {
        let text = format!("{{\"event\":\"unmatched\",\"pattern\":\"typo\"}}\n{GOOD}");
        assert_eq!(
            HostResults::parse(&text).fault(),
            Some(Fault::Unmatched {
                pattern: "typo".to_owned()
            })
        );
    }

    #[test]
    fn results_that_break_off_are_no_success() {
        assert_eq!(HostResults::parse("").fault(), Some(Fault::Unread));
        let cut = &GOOD[..GOOD.len() - 10];
        assert_eq!(HostResults::parse(cut).fault(), Some(Fault::Unread));
    }

    #[test]
    fn lines_of_others_are_left_alone() {
        let text = format!("garbage\n[1]\n{{\"event\":\"future\"}}\n{GOOD}");
        assert_eq!(HostResults::parse(&text), HostResults::parse(GOOD));
    }
}
