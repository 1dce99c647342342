//! Whether the hosts a request names are among those the environment declares: a payload may narrow, never widen.

use crate::domain::deployment::Deployment;
use crate::domain::names::{HostName, shown};
use crate::domain::reason::Reason;
use crate::policy::checks::environment::Target;
use crate::policy::checks::{Finding, kept, listed};
use crate::policy::decision::CheckName;

/// A reason names no more than this many: a payload may hold a million.
const NAMED: usize = 20;

/// Reads the hosts in the configuration's spelling, each once; none means all of them.
pub(crate) fn check(deployment: &Deployment, target: Option<Target<'_>>) -> Finding<Vec<HostName>> {
    let asked = deployment.hosts();
    let found = if asked.is_empty() {
        "all of the environment's".to_owned()
    } else {
        listed(&asked)
    };
    if let Some((text, expected)) = first_malformed(&asked) {
        let reason = Reason::HostsMalformed {
            found: kept(text),
            expected: expected.to_owned(),
        };
        return Finding::rejected(CheckName::Hosts, shown(text), expected.to_owned(), reason);
    }
    let Some(Target { environment, .. }) = target else {
        return Finding::passed(CheckName::Hosts, found, "host names".to_owned(), Vec::new());
    };
    let declared = environment.hosts.as_deref().unwrap_or_default();
    let wanted = match declared {
        [] => "no hosts: the environment declares none to choose from".to_owned(),
        [_, ..] => format!("some of {}", listed(declared.iter().map(HostName::as_str))),
    };
    let mut chosen: Vec<HostName> = Vec::new();
    let mut strangers: Vec<String> = Vec::new();
    for host in &asked {
        match declared.iter().find(|name| name.as_str().eq_ignore_ascii_case(host)) {
            Some(name) if chosen.contains(name) => {}
            Some(name) => chosen.push(name.clone()),
            None if strangers.len() < NAMED && !strangers.contains(host) => strangers.push(host.clone()),
            None => {}
        }
    }
    if strangers.is_empty() {
        return Finding::passed(CheckName::Hosts, found, wanted, chosen);
    }
    let allowed = declared.iter().map(HostName::to_string).collect();
    let reason = Reason::HostsNotAllowed {
        found: strangers,
        allowed,
    };
    Finding::rejected(CheckName::Hosts, found, wanted, reason)
}

fn first_malformed(asked: &[String]) -> Option<(&str, &'static str)> {
    asked.iter().find_map(|text| {
        text.parse::<HostName>()
            .err()
            .map(|invalid| (text.as_str(), invalid.expected))
    })
}
