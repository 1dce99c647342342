//! A run as a line of a page, and addresses of filtered lists.

use url::form_urlencoded::Serializer;

use crate::config::Config;
use crate::domain::clock::Timestamp;
use crate::domain::names::is_its_sha;
use crate::flow::view::run::RunView;
use crate::http::pages::{harmless, moment, ref_of};

/// A run as a line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) app: String,
    pub(super) environment: String,
    pub(super) git_ref: String,
    /// That says no more than the commit.
    pub(super) is_commit: bool,
    pub(super) title: String,
    pub(super) sha: String,
    pub(super) commit_url: String,
    /// Where it is not the usual one.
    pub(super) task: String,
    pub(super) who: String,
    pub(super) at: String,
    pub(super) at_exact: String,
    pub(super) why: String,
}

impl Line {
    /// A line, with the time at which it was asked for.
    pub(super) fn of(config: &Config, run: &RunView) -> Self {
        let task = if run.task == "deploy" { "" } else { run.task.as_str() };
        Self {
            id: run.id.clone(),
            state: run.state.clone(),
            app: run.app.clone().unwrap_or_else(|| harmless(&run.repository)),
            environment: harmless(&run.environment),
            git_ref: ref_of(&run.git_ref, &run.sha),
            is_commit: is_its_sha(&run.git_ref, &run.sha),
            title: run.title.as_deref().map(harmless).unwrap_or_default(),
            sha: short(&run.sha),
            commit_url: format!("{}/{}/commit/{}", config.github.url, run.repository, run.sha),
            task: harmless(task),
            who: run.requester.as_deref().map(harmless).unwrap_or_default(),
            at: moment(run.created_at),
            at_exact: run.created_at.to_rfc3339(),
            why: run.why.as_ref().map(|why| why.text.clone()).unwrap_or_default(),
        }
    }

    /// The same with another time: when it was over.
    pub(super) fn timed(self, at: Timestamp) -> Self {
        Self {
            at: moment(at),
            at_exact: at.to_rfc3339(),
            ..self
        }
    }
}

/// The first letters of a commit's id.
pub(super) fn short(sha: &str) -> String {
    harmless(&sha.chars().take(8).collect::<String>())
}

/// An address with a query, of what is not empty.
pub(super) fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut all = Serializer::new(String::new());
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        all.append_pair(name, value);
    }
    let query = all.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_what_is_asked_for_and_nothing_that_ends_it() {
        for (query, expected) in [
            (&[][..], "/history"),
            (&[("app", "")], "/history"),
            (&[("app", "site"), ("environment", "")], "/history?app=site"),
            (
                &[("environment", "a&b=c\"><script>")],
                "/history?environment=a%26b%3Dc%22%3E%3Cscript%3E",
            ),
        ] {
            assert_eq!(address("/history", query), expected);
        }
    }
}
