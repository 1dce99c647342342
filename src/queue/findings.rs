//! What about a Redis server's settings would lose bells.
//!
//! A lost bell is rung again by the ledger's sweep, so none of this loses a run; but a queue that forgets everything at
//! each restart, or evicts jobs at will, is a mistake and not a choice.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a line at start-up.
    Warn,
    /// Chima does not start like this unless it is told to.
    Refuse,
}

/// One thing about the queue's set-up that a person should change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name, for documents and tests.
    pub code: &'static str,
    /// What was found, and what it means.
    pub text: String,
    /// What to do about it.
    pub fix: &'static str,
}

/// The settings that matter, as the server told them; absent where it did not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::queue) struct RedisSettings {
    version: Option<String>,
    appendonly: Option<bool>,
    appendfsync: Option<String>,
    eviction: Option<String>,
    role: Option<String>,
}

/// apalis' scripts use `ZADD … GT`, which is younger than this: <https://redis.io/commands/zadd/>.
const OLDEST: (u32, u32) = (6, 2);

impl RedisSettings {
    /// Reads the answer of `INFO`, and `appendfsync` of `CONFIG GET`, which `INFO` does not have.
    pub(in crate::queue) fn read(info: &str, appendfsync: Option<String>) -> Self {
        let field = |name: &str| {
            info.lines().find_map(|line| {
                let (key, value) = line.trim().split_once(':')?;
                (key == name).then(|| value.to_owned())
            })
        };
        Self {
            version: field("redis_version"),
            appendonly: field("aof_enabled").map(|enabled| enabled != "0"),
            appendfsync,
            eviction: field("maxmemory_policy"),
            role: field("role"),
        }
    }

    /// What is wrong with them.
    pub(in crate::queue) fn findings(&self) -> Vec<Finding> {
        [
            self.version(),
            self.role(),
            self.appendonly(),
            self.appendfsync(),
            self.eviction(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn version(&self) -> Option<Finding> {
        let fix = "run Redis 6.2 or newer, or set `queue: sqlite`";
        let Some(version) = &self.version else {
            return Some(unknown("redis_version_unknown", "its version", fix));
        };
        let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
        let known = parts.next().flatten().zip(parts.next().flatten());
        known.is_none_or(|known| known < OLDEST).then(|| Finding {
            severity: Severity::Refuse,
            code: "redis_too_old",
            text: format!("redis is version `{version}`; the queue's scripts need 6.2"),
            fix,
        })
    }

    fn role(&self) -> Option<Finding> {
        (self.role.as_deref() == Some("slave")).then(|| Finding {
            severity: Severity::Refuse,
            code: "redis_is_replica",
            text: "redis is a replica, which takes no jobs".to_owned(),
            fix: "give the address of the primary",
        })
    }

    fn appendonly(&self) -> Option<Finding> {
        let fix = "set `appendonly yes` in redis.conf, or set `queue: sqlite`";
        match self.appendonly {
            None => Some(unknown("redis_appendonly_unknown", "`appendonly`", fix)),
            Some(true) => None,
            Some(false) => Some(Finding {
                severity: Severity::Refuse,
                code: "redis_not_durable",
                text: "`appendonly` is `no`: a restart of redis forgets every waiting job".to_owned(),
                fix,
            }),
        }
    }

    fn appendfsync(&self) -> Option<Finding> {
        let fix = "set `appendfsync always` in redis.conf";
        match self.appendfsync.as_deref() {
            // Without the append-only file it means nothing, and that is said already.
            _ if self.appendonly == Some(false) => None,
            Some("always") => None,
            None => Some(unknown("redis_appendfsync_unknown", "`appendfsync`", fix)),
            Some(found) => Some(Finding {
                severity: Severity::Warn,
                code: "redis_fsync_late",
                text: format!(
                    "`appendfsync` is `{found}`: a power cut loses the newest jobs, which then wait for the ledger's sweep"
                ),
                fix,
            }),
        }
    }

    fn eviction(&self) -> Option<Finding> {
        let fix = "set `maxmemory-policy noeviction` in redis.conf";
        match self.eviction.as_deref() {
            Some("noeviction") => None,
            None => Some(unknown("redis_eviction_unknown", "`maxmemory-policy`", fix)),
            Some(found) => Some(Finding {
                severity: Severity::Refuse,
                code: "redis_evicts",
                text: format!("`maxmemory-policy` is `{found}`: redis deletes parts of the queue when memory is short"),
                fix,
            }),
        }
    }
}

fn unknown(code: &'static str, what: &str, fix: &'static str) -> Finding {
    Finding {
        severity: Severity::Warn,
        code,
        text: format!("redis does not tell {what}"),
        fix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(info: &str, fsync: Option<&str>) -> Vec<(Severity, &'static str)> {
        let findings = RedisSettings::read(info, fsync.map(str::to_owned)).findings();
        findings
            .iter()
            .map(|finding| (finding.severity, finding.code))
            .collect()
    }

    const GOOD: &str =
        "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n";

    #[test]
    fn a_durable_server_has_no_findings() {
        assert_eq!(codes(GOOD, Some("always")), []);
    }

    #[test]
    fn a_server_that_forgets_is_refused() {
        let info = GOOD.replace("aof_enabled:1", "aof_enabled:0");
        assert_eq!(
            codes(&info, Some("everysec")),
            [(Severity::Refuse, "redis_not_durable")]
        );
    }

    #[test]
    fn a_server_that_evicts_is_refused() {
        for policy in ["allkeys-lru", "volatile-ttl", "allkeys-random"] {
            let info = GOOD.replace("noeviction", policy);
            assert_eq!(codes(&info, Some("always")), [(Severity::Refuse, "redis_evicts")]);
        }
    }

    #[test]
    fn a_late_fsync_is_a_warning() {
        for fsync in ["everysec", "no"] {
            assert_eq!(codes(GOOD, Some(fsync)), [(Severity::Warn, "redis_fsync_late")]);
        }
    }

    #[test]
    fn an_old_server_and_a_replica_are_refused() {
        for (from, to, code) in [
            ("7.0.15", "6.0.16", "redis_too_old"),
            ("7.0.15", "x", "redis_too_old"),
            ("master", "slave", "redis_is_replica"),
        ] {
            assert_eq!(
                codes(&GOOD.replace(from, to), Some("always")),
                [(Severity::Refuse, code)]
            );
        }
    }

    #[test]
    fn a_server_that_tells_nothing_is_only_warned_about() {
        let found = codes("", None);
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|(severity, _)| *severity == Severity::Warn));
    }
}
