//! The rule of a hook: what it says of branch and repository, whether it holds a secret, and what else it asked for.
//!
//! A value is told only where the field that it is compared with cannot hold a secret.

use serde_json::Value;

use crate::cli::import::hooks::fields::{describe, text};
use crate::cli::import::secrets::told;
use crate::domain::names::{EnvironmentName, RepositoryName};

/// A rule, as webhook reads it. A hook without one ran for everybody.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Rule {
    #[default]
    Always,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Match(Match),
}

/// One comparison.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The request was signed with a secret of the rule.
    Signed,
    Branch(String),
    Repository(String),
    Environment(String),
    /// The kind of delivery.
    Event(String),
    /// A value that may be a secret; where it was, in words.
    Token(String),
    /// Where the request came from, in words.
    Sender(String),
    /// Anything else, in words.
    Other(String),
}

/// What a rule comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) branches: Vec<String>,
    pub(super) repository: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) has_secret: bool,
    /// What is not carried over: the ends of sentences that begin with "the hook asked that".
    pub(super) lost: Vec<String>,
    /// Whether something of that decided when the hook ran, and not only who could make it run.
    pub(super) lost_a_condition: bool,
}

impl Rule {
    /// Reads a rule. What is no rule asks for nothing; it is told like any other part that is not carried over.
    pub(super) fn of(value: &Value) -> Self {
        Self::at_depth(value, 0)
    }

    fn at_depth(value: &Value, depth: usize) -> Self {
        let several = |items: &Value| -> Vec<Self> {
            let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().map(|item| Self::at_depth(item, depth + 1)).collect()
        };
        if depth > 32 {
            return Self::Match(Match::Other("a rule nested deeper than 32 levels holds".to_owned()));
        }
        if let Some(items) = value.get("and") {
            Self::And(several(items))
        } else if let Some(items) = value.get("or") {
            Self::Or(several(items))
        } else if let Some(rule) = value.get("not") {
            Self::Not(Box::new(Self::at_depth(rule, depth + 1)))
        } else if let Some(comparison) = value.get("match") {
            Self::Match(Match::of(comparison))
        } else {
            Self::Match(Match::Other("a rule that is not known here holds".to_owned()))
        }
    }

    pub(super) fn findings(&self) -> Findings {
        let mut findings = Findings {
            has_secret: self.has_secret(),
            ..Findings::default()
        };
        self.collect(&mut findings);
        findings
    }

    /// What must hold, one by one.
    fn collect(&self, findings: &mut Findings) {
        match self {
            Self::Always => {}
            Self::And(rules) => rules.iter().for_each(|rule| rule.collect(findings)),
            Self::Match(Match::Signed) => {}
            Self::Match(Match::Event(event)) if event == "push" || event == "deployment" => {}
            Self::Match(Match::Branch(branch)) if findings.branches.is_empty() => {
                findings.branches.push(branch.clone())
            }
            Self::Match(Match::Repository(name)) if findings.repository.is_none() => {
                findings.repository = Some(name.clone());
            }
            Self::Match(Match::Environment(name)) if findings.environment.is_none() => {
                findings.environment = Some(name.clone());
            }
            Self::Or(rules) => {
                // a ping deploys nothing
                let mut rules = rules
                    .iter()
                    .filter(|rule| !matches!(rule, Self::Match(Match::Event(event)) if event == "ping"));
                let rules: Vec<&Self> = rules.by_ref().collect();
                let branches: Option<Vec<String>> = rules
                    .iter()
                    .map(|rule| match rule {
                        Self::Match(Match::Branch(branch)) => Some(branch.clone()),
                        Self::Always | Self::And(_) | Self::Or(_) | Self::Not(_) | Self::Match(_) => None,
                    })
                    .collect();
                match (&rules[..], branches) {
                    ([only], _) => only.collect(findings),
                    (_, Some(branches)) if findings.branches.is_empty() && !branches.is_empty() => {
                        findings.branches = branches;
                    }
                    _ if rules.iter().all(|rule| **rule == Self::Match(Match::Signed)) => {}
                    _ => findings.lose(self),
                }
            }
            Self::Not(_) | Self::Match(_) => findings.lose(self),
        }
    }

    fn has_secret(&self) -> bool {
        match self {
            Self::Always => false,
            Self::And(rules) | Self::Or(rules) => rules.iter().any(Self::has_secret),
            Self::Not(rule) => rule.has_secret(),
            Self::Match(comparison) => matches!(comparison, Match::Signed | Match::Token(_)),
        }
    }

    fn in_words(&self) -> String {
        let joined = |rules: &[Self], word: &str| {
            let parts: Vec<String> = rules.iter().map(Self::in_words).collect();
            parts.join(word)
        };
        match self {
            Self::Always => "nothing".to_owned(),
            Self::And(rules) => format!("({})", joined(rules, " and ")),
            Self::Or(rules) => format!("({})", joined(rules, " or ")),
            Self::Not(rule) => format!("not {}", rule.in_words()),
            Self::Match(Match::Signed) => "the request is signed".to_owned(),
            Self::Match(Match::Branch(branch)) => format!("the branch is `{}`", told(branch)),
            Self::Match(Match::Repository(name)) => format!("the repository is `{}`", told(name)),
            Self::Match(Match::Environment(name)) => format!("the environment is `{}`", told(name)),
            Self::Match(Match::Event(event)) => format!("the event is `{}`", told(event)),
            Self::Match(Match::Token(place)) => format!("{place} has a certain value, which may be a secret"),
            Self::Match(Match::Sender(words) | Match::Other(words)) => words.clone(),
        }
    }
}

impl Findings {
    fn lose(&mut self, rule: &Rule) {
        self.lost_a_condition |= !matches!(rule, Rule::Match(Match::Token(_) | Match::Sender(_)));
        self.lost.push(rule.in_words());
    }
}

impl Match {
    fn of(value: &Value) -> Self {
        let kind = text(value, "type").unwrap_or_default();
        if kind.starts_with("payload-hmac-") || kind.starts_with("payload-hash-") || kind == "scalr-signature" {
            return Self::Signed;
        }
        if kind == "ip-whitelist" {
            return Self::Sender(format!(
                "the request comes from `{}`; a proxy in front of Chima can ask that",
                told(text(value, "ip-range").unwrap_or_default())
            ));
        }
        let none = Value::Null;
        let parameter = value.get("parameter").unwrap_or(&none);
        let field = text(parameter, "name").unwrap_or_default();
        let is_payload = text(parameter, "source") == Some("payload");
        let is_event = text(parameter, "source") == Some("header") && field.eq_ignore_ascii_case("X-GitHub-Event");
        if kind == "regex" {
            let open = is_event || (is_payload && is_open(field));
            return match text(value, "regex") {
                Some(pattern) if open => Self::Other(format!("{} matches `{}`", describe(parameter), told(pattern))),
                Some(_) | None => Self::Other(format!("{} matches a pattern", describe(parameter))),
            };
        }
        let found = match value.get("value") {
            Some(Value::String(found)) => found.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => String::new(),
        };
        match field {
            _ if kind != "value" => Self::Other("a comparison that is not known here holds".to_owned()),
            _ if is_event => Self::Event(found),
            "ref" if is_payload && found.starts_with("refs/heads/") => {
                Self::Branch(found.trim_start_matches("refs/heads/").to_owned())
            }
            "repository.full_name" if is_payload && found.parse::<RepositoryName>().is_ok() => Self::Repository(found),
            "repository.html_url"
            | "repository.clone_url"
            | "repository.ssh_url"
            | "repository.git_url"
            | "repository.url"
                if is_payload =>
            {
                match repository_of(&found) {
                    Some(name) => Self::Repository(name),
                    None => Self::Other(format!("{} has a certain value", describe(parameter))),
                }
            }
            "deployment.environment" if is_payload && found.parse::<EnvironmentName>().is_ok() => {
                Self::Environment(found)
            }
            _ if is_payload && is_open(field) => Self::Other(format!("{} is `{}`", describe(parameter), told(&found))),
            // a value of the address or of a header is how hooks without a signature were protected
            _ => Self::Token(describe(parameter)),
        }
    }
}

/// Fields of a delivery that hold no secret.
fn is_open(field: &str) -> bool {
    const FIELDS: [&str; 11] = [
        "ref",
        "action",
        "state",
        "branch",
        "event",
        "zen",
        "created",
        "deleted",
        "forced",
        "workflow_run.conclusion",
        "object_kind",
    ];
    const BEGINNINGS: [&str; 7] = [
        "repository.",
        "deployment.",
        "deployment_status.",
        "release.",
        "pull_request.",
        "workflow_run.",
        "sender.",
    ];
    // Travis wraps its fields in one of this name
    let field = field.strip_prefix("payload.").unwrap_or(field);
    FIELDS.contains(&field) || BEGINNINGS.iter().any(|beginning| field.starts_with(beginning))
}

/// `owner/name` of an address on github.com.
fn repository_of(address: &str) -> Option<String> {
    let (_, path) = address.split_once("github.com")?;
    let name = path.trim_start_matches([':', '/']).trim_end_matches('/');
    let name = name.strip_suffix(".git").unwrap_or(name);
    name.parse::<RepositoryName>().ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn signed() -> Value {
        json!({ "match": { "type": "payload-hmac-sha256", "secret": "not to be shown", "parameter": { "source": "header", "name": "X-Hub-Signature-256" } } })
    }

    fn is(source: &str, name: &str, value: &str) -> Value {
        json!({ "match": { "type": "value", "value": value, "parameter": { "source": source, "name": name } } })
    }

    fn branch(name: &str) -> Value {
        is("payload", "ref", &format!("refs/heads/{name}"))
    }

    fn findings(rule: &Value) -> Findings {
        Rule::of(rule).findings()
    }

    #[test]
    fn branch_and_repository_are_found_beside_a_signature() {
        let found = findings(&json!({ "and": [
            signed(),
            branch("main"),
            is("payload", "repository.full_name", "octo/site"),
            is("header", "x-github-event", "push"),
            is("payload", "deployment.environment", "staging"),
        ] }));
        assert_eq!(
            found,
            Findings {
                branches: vec!["main".to_owned()],
                repository: Some("octo/site".to_owned()),
                environment: Some("staging".to_owned()),
                has_secret: true,
                lost: Vec::new(),
                lost_a_condition: false,
            }
        );
    }

    #[test]
    fn a_repository_is_read_from_every_form_of_its_address() {
        for address in [
            "https://github.com/octo/site",
            "https://github.com/octo/site.git",
            "git@github.com:octo/site.git",
            "git://github.com/octo/site.git",
        ] {
            let found = findings(&is("payload", "repository.clone_url", address));
            assert_eq!(found.repository.as_deref(), Some("octo/site"), "{address}");
        }
        let elsewhere = findings(&is(
            "payload",
            "repository.clone_url",
            "https://x:y@example.com/octo/site",
        ));
        assert_eq!(
            elsewhere.lost,
            ["`repository.clone_url` of what was sent has a certain value"]
        );
    }

    #[test]
    fn alternatives_that_are_all_branches_are_kept() {
        let found =
            findings(&json!({ "or": [branch("main"), branch("stable"), is("header", "X-GitHub-Event", "ping")] }));
        assert_eq!(found.branches, ["main", "stable"]);
        let found = findings(&json!({ "or": [branch("main"), is("header", "X-GitHub-Event", "ping")] }));
        assert_eq!((found.branches, found.lost), (vec!["main".to_owned()], Vec::new()));
    }

    #[test]
    fn what_is_not_carried_over_is_told_without_its_secrets() {
        let hidden = "hunter2-hunter2";
        let rule = json!({ "and": [
            { "match": { "type": "ip-whitelist", "ip-range": "192.0.2.0/24" } },
            is("header", "X-Gitlab-Token", hidden),
            is("url", "token", hidden),
            is("payload", "token", hidden),
            { "not": is("payload", "action", "closed") },
            { "or": [is("payload", "deployment.environment", "staging"), signed()] },
            { "match": { "type": "regex", "regex": "^v[0-9]+", "parameter": { "source": "payload", "name": "release.tag_name" } } },
            { "match": { "type": "regex", "regex": hidden, "parameter": { "source": "payload", "name": "key" } } },
            is("header", "X-GitHub-Event", "release"),
            { "match": { "type": "unheard-of", "value": hidden } },
            { "xor": [] },
        ] });
        let found = findings(&rule);
        assert!(found.has_secret && found.lost_a_condition);
        assert!(!format!("{found:?}").contains(hidden), "{found:?}");
        assert_eq!(
            found.lost,
            [
                "the request comes from `192.0.2.0/24`; a proxy in front of Chima can ask that",
                "the header `X-Gitlab-Token` has a certain value, which may be a secret",
                "`token` of the address has a certain value, which may be a secret",
                "`token` of what was sent has a certain value, which may be a secret",
                "not `action` of what was sent is `closed`",
                "(the environment is `staging` or the request is signed)",
                "`release.tag_name` of what was sent matches `^v[0-9]+`",
                "`key` of what was sent matches a pattern",
                "the event is `release`",
                "a comparison that is not known here holds",
                "a rule that is not known here holds",
            ]
        );
    }

    #[test]
    fn who_could_make_it_run_is_no_condition_of_when() {
        let found = findings(&json!({ "and": [
            branch("main"),
            is("header", "X-Gitlab-Token", "x"),
            { "match": { "type": "ip-whitelist", "ip-range": "192.0.2.0/24" } },
        ] }));
        assert_eq!((found.lost.len(), found.lost_a_condition), (2, false));
        assert!(findings(&is("payload", "action", "published")).lost_a_condition);
    }

    #[test]
    fn a_second_branch_that_must_hold_as_well_is_told() {
        let found = findings(&json!({ "and": [branch("main"), branch("other")] }));
        assert_eq!(found.branches, ["main"]);
        assert_eq!(found.lost, ["the branch is `other`"]);
    }

    #[test]
    fn rules_of_any_depth_are_read_to_an_end() {
        let mut rule = branch("main");
        for _ in 0..100 {
            rule = json!({ "not": rule });
        }
        assert_eq!(findings(&rule).lost.len(), 1);
    }
}
