//! The rule of a hook: what it says of branch and repository, whether it holds a secret, and what else it asked for.
//!
//! A value is told only where the field that it is compared with cannot hold a secret.

use serde_json::Value;

use crate::cli::import::hooks::fields::{describe, text};
use crate::cli::import::secrets::{is_secret_name, told};
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
    /// A shared secret, most likely; where it was, in words.
    Token(String),
    /// A value that is not told; where it was, in words.
    Hidden(String),
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
            Self::Match(Match::Token(place) | Match::Hidden(place)) => {
                format!("{place} has a certain value, which may be a secret")
            }
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
            _ if !is_payload || is_secret_name(field) => Self::Token(describe(parameter)),
            _ => Self::Hidden(describe(parameter)),
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
mod tests;
