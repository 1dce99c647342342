//! The questions and answers as tables: literal facts in, the decision or the next question out.

mod decisions;
mod marks;

use chrono::{DateTime, TimeDelta};

use crate::domain::clock::Timestamp;
use crate::domain::ids::DeploymentId;
use crate::domain::names::Sha;
use crate::policy::auto::{
    AutoFacts, AutoRules, Comparison, Decision, Head, Merge, Progress, Question, Relation, Seen, When, decide,
};
use crate::policy::contexts;
use crate::policy::facts::ContextState;

/// Seconds after an arbitrary morning.
fn at(seconds: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
}

/// Forty times one letter.
fn sha(letter: char) -> Sha {
    letter.to_string().repeat(40).parse().unwrap()
}

/// A commit status, or a check run where the name ends in `!`.
fn context(text: &str) -> ContextState {
    let (name, state) = text.split_once('=').unwrap();
    match name.strip_suffix('!') {
        Some(name) => contexts::check_run(name, "completed", Some(state)),
        None => contexts::status(name, state),
    }
}

/// Furnishes facts and rules a word at a time, as the rows of a table read:
///
/// `head=b` the branch, `gone` no branch, `merged=b` pull request 7 brought b, `unmerged` none did, `none` no deployments,
/// `a:success` / `b:pending` / `b:failure` deployments in order, oldest first (`b:pending!` of another Chima, long ago),
/// `a..b=ahead`, `a..b=ahead,web/x` comparisons with files (`+` last: there are more), `ci=success` contexts, `quiet` nothing
/// reported, `unmarked` no event came.
fn facts(words: &str) -> AutoFacts {
    let mut facts = AutoFacts::new(at(200_000), true);
    for (number, word) in words.split_whitespace().enumerate() {
        let number = i64::try_from(number).unwrap();
        match word.split_once('=') {
            Some(("head", letter)) => facts.head = Some(Head::At(sha(letter.parse().unwrap()))),
            Some(("merged", letter)) => {
                facts.merged = Some(Some(Merge {
                    pull_request: 7,
                    sha: sha(letter.parse().unwrap()),
                }));
            }
            Some((range, told)) if range.contains("..") => {
                let (base, head) = range.split_once("..").unwrap();
                let key = (sha(base.parse().unwrap()), sha(head.parse().unwrap()));
                facts.comparisons.insert(key, comparison(told));
            }
            Some(_) => facts.contexts.get_or_insert_default().push(context(word)),
            None => match word.split_once(':') {
                Some((letter, state)) => {
                    let seen = seen(letter, state, number);
                    facts.deployments.get_or_insert_default().insert(0, seen);
                }
                None => match word {
                    "gone" => facts.head = Some(Head::Gone),
                    "unmerged" => facts.merged = Some(None),
                    "none" => facts.deployments = Some(Vec::new()),
                    "quiet" => facts.contexts = Some(Vec::new()),
                    "unmarked" => facts.marked = false,
                    other => panic!("{other}"),
                },
            },
        }
    }
    facts
}

fn comparison(told: &str) -> Comparison {
    let mut parts = told.split(',');
    let relation = match parts.next().unwrap() {
        "ahead" => Relation::Ahead,
        "behind" => Relation::Behind,
        "identical" => Relation::Identical,
        "diverged" => Relation::Diverged,
        other => panic!("{other}"),
    };
    let (cut, files): (Vec<&str>, Vec<&str>) = parts.partition(|file| *file == "+");
    Comparison {
        relation,
        files: files.into_iter().map(str::to_owned).collect(),
        files_cut: !cut.is_empty(),
    }
}

/// Deployment 100 and up; a `success@50` was one 50 seconds later than it was asked for.
fn seen(letter: &str, state: &str, number: i64) -> Seen {
    let (state, elsewhere) = state.strip_suffix('!').map_or((state, false), |state| (state, true));
    let (state, later) = state.split_once('@').unwrap_or((state, "0"));
    let requested_at = if elsewhere { at(number) } else { at(199_000 + number) };
    Seen {
        id: DeploymentId(100 + number.unsigned_abs()),
        sha: sha(letter.parse().unwrap()),
        requested_at,
        progress: match state {
            "success" => Progress::Succeeded {
                at: requested_at + TimeDelta::seconds(later.parse().unwrap()),
            },
            "pending" => Progress::UnderWay,
            other => Progress::Ended {
                state: other.to_owned(),
            },
        },
        here: !elsewhere,
    }
}

/// `green`, `push` or `merged`, then `[]` or `[a,b]` for required contexts, then globs.
fn rules(words: &str) -> AutoRules {
    let mut rules = AutoRules {
        branch: "main".to_owned(),
        when: When::Green,
        required_contexts: None,
        paths: Vec::new(),
    };
    for word in words.split_whitespace() {
        match word {
            "green" => rules.when = When::Green,
            "push" => rules.when = When::Push,
            "merged" => rules.when = When::MergedPullRequest,
            list if list.starts_with('[') => {
                let inside = list.trim_matches(['[', ']']);
                let names = inside.split(',').filter(|name| !name.is_empty());
                rules.required_contexts = Some(names.map(str::to_owned).collect());
            }
            glob => rules.paths.push(glob.parse().unwrap()),
        }
    }
    rules
}

/// In a few words: `deploy b`, `wait no_contexts`, `nothing behind`, `ask a..b`.
fn answer(rule_words: &str, fact_words: &str) -> String {
    match decide(&rules(rule_words), &facts(fact_words)) {
        Ok(Decision::Deploy(choice)) => {
            let letter = &choice.sha.as_str()[..1];
            let pull = choice
                .pull_request
                .map(|number| format!(" of {number}"))
                .unwrap_or_default();
            let cut = if choice.files_cut { " (more files)" } else { "" };
            format!("deploy {letter}{pull}{cut}")
        }
        Ok(Decision::Wait(reason)) => format!("wait {}", reason.code()),
        Ok(Decision::Nothing(reason)) => format!("nothing {}", reason.code()),
        Err(Question::Head) => "ask head".to_owned(),
        Err(Question::Merged) => "ask merged".to_owned(),
        Err(Question::Deployments) => "ask deployments".to_owned(),
        Err(Question::Comparison { base, head }) => format!("ask {}..{}", &base.as_str()[..1], &head.as_str()[..1]),
        Err(Question::Contexts(sha)) => format!("ask contexts {}", &sha.as_str()[..1]),
    }
}
