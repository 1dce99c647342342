//! Everything a placeholder can stand for: inputs, values of the run, and the places of its own files.

use std::path::PathBuf;

use crate::domain::deployment::Order;
use crate::domain::names::HostName;
use crate::provider::environment::host_list;
use crate::provider::manifest::RUN_WORDS;
use crate::provider::manifest::form::Condition;
use crate::provider::plan::error::PlanError;
use crate::provider::plan::inputs::{Given, Inputs};
use crate::provider::plan::quoted;
use crate::provider::template::Template;

/// Where the run's own files will be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanPlaces {
    /// Folder of the files that the manifest names.
    pub files: PathBuf,
    /// The file of JSON lines that a command may write its results to.
    pub results: PathBuf,
    /// The run's folder for temporary files.
    pub tmp: PathBuf,
    /// For ssh, where the app says anything about it.
    pub ssh: Option<SshPlaces>,
}

/// Where ssh finds what the app says about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshPlaces {
    /// A complete `ssh_config`.
    pub config: PathBuf,
    /// The private key.
    pub key: Option<PathBuf>,
    /// The known hosts.
    pub known_hosts: Option<PathBuf>,
}

/// All values of one plan.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) inputs: Inputs<'a>,
    pub(super) order: &'a Order,
    /// What the environment declares.
    pub(super) declared: &'a [HostName],
    pub(super) places: &'a PlanPlaces,
}

impl Values<'_> {
    /// Puts values into one text.
    pub(super) fn expand_text(&self, text: &str) -> Result<String, PlanError> {
        self.expand(&Template::parse(text)?)
    }

    pub(super) fn expand(&self, template: &Template) -> Result<String, PlanError> {
        template.expand(|name| self.text(name).ok_or_else(|| unknown_placeholder(name, "the manifest")))
    }

    /// The text of an input or value; empty where an input is not given.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.inputs.find(name) {
            Some(given) => Some(given.as_text()),
            None => run_word(name, self.order)
                .or_else(|| self.manifest_word(name))
                .or_else(|| self.inputs.declares(name).then(String::new)),
        }
    }

    /// Whether there is something in an input or value.
    pub(super) fn is_set(&self, name: &str) -> bool {
        match self.inputs.find(name) {
            Some(given) => given.is_set(),
            None => self.text(name).is_some_and(|text| !text.is_empty()),
        }
    }

    /// Whether an optional part is in.
    pub(super) fn holds(&self, condition: Condition<'_>, has_file: &dyn Fn(&str) -> bool) -> bool {
        let when = condition.when.is_none_or(|name| match condition.is {
            Some(wanted) => self.text(name).as_deref() == Some(wanted),
            None => self.is_set(name),
        });
        let unless = condition.unless.is_none_or(|name| !self.is_set(name));
        when && unless && condition.file.is_none_or(has_file)
    }

    pub(super) fn given(&self, name: &str) -> Option<&Given> {
        self.inputs.find(name)
    }

    /// The value, where `name` is one of the words that only manifests may use.
    fn manifest_word(&self, name: &str) -> Option<String> {
        let shown = |path: &PathBuf| path.display().to_string();
        let ssh = self.places.ssh.as_ref();
        Some(match name {
            "sha8" => self.order.sha.as_str().chars().take(8).collect(),
            "all_hosts" if self.order.hosts.is_empty() => host_list(self.declared),
            "all_hosts" => host_list(&self.order.hosts),
            "noop" => (if self.order.noop { "1" } else { "" }).to_owned(),
            "files" => shown(&self.places.files),
            "results" => shown(&self.places.results),
            "tmp" => shown(&self.places.tmp),
            "ssh_config" => ssh.map(|ssh| shown(&ssh.config)).unwrap_or_default(),
            "ssh_key" => ssh.and_then(|ssh| ssh.key.as_ref()).map(shown).unwrap_or_default(),
            "known_hosts" => ssh
                .and_then(|ssh| ssh.known_hosts.as_ref())
                .map(shown)
                .unwrap_or_default(),
            _ => return None,
        })
    }
}

/// The value of a run, where `name` is one of [`RUN_WORDS`].
pub(super) fn run_word(name: &str, order: &Order) -> Option<String> {
    match name {
        "environment" => Some(order.environment.to_string()),
        "sha" => Some(order.sha.to_string()),
        "ref" => Some(order.git_ref.to_string()),
        "task" => Some(order.task.to_string()),
        "hosts" => Some(host_list(&order.hosts)),
        "app" => Some(order.app.to_string()),
        _ => None,
    }
}

pub(super) fn unknown_placeholder(placeholder: &str, input: &str) -> PlanError {
    PlanError::UnknownPlaceholder {
        placeholder: placeholder.to_owned(),
        input: input.to_owned(),
        known: quoted(&RUN_WORDS, ", "),
    }
}
