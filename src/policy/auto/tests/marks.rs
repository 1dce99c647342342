//! Which events are a reason to look.

use crate::domain::event::{Change, What};
use crate::domain::ids::RepositoryId;
use crate::policy::auto::{Followed, concerns};

fn change(branches: Option<&[&str]>, what: What) -> Change {
    Change {
        repository_id: RepositoryId(1),
        repository: None,
        default_branch: Some("main".to_owned()),
        installation: None,
        branches: branches.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        what,
    }
}

fn moved() -> What {
    What::Moved { sha: None, by: None }
}

fn contexts(sha: &str) -> What {
    What::Contexts { sha: sha.to_owned() }
}

fn followed(branch: Option<&'static str>) -> Followed<'static> {
    Followed {
        branch,
        default_branch: None,
        sha: Some("seen"),
    }
}

#[test]
fn what_is_about_the_branch_or_the_commit_in_question_is_a_reason() {
    for (branch, branches, what, expected) in [
        (Some("edge"), Some(&["edge"][..]), moved(), true),
        (Some("edge"), Some(&["main"]), moved(), false),
        (Some("edge"), Some(&["Edge"]), moved(), false),
        (None, Some(&["main"]), moved(), true),
        (None, Some(&["edge"]), moved(), false),
        (Some("edge"), Some(&["main", "edge"]), contexts("new"), true),
        (Some("edge"), Some(&["main"]), contexts("new"), false),
        (Some("edge"), Some(&["main"]), contexts("seen"), true),
        (Some("edge"), Some(&[]), contexts("new"), false),
        // a fork's, or of more branches than GitHub names
        (Some("edge"), None, contexts("new"), false),
        (Some("edge"), None, contexts("seen"), true),
    ] {
        let change = change(branches, what);
        assert_eq!(concerns(followed(branch), &change), expected, "{branch:?} {change:?}");
    }
}

#[test]
fn a_default_branch_is_the_events_own_else_the_one_last_seen_else_any() {
    let mut of_edge = change(Some(&["edge"]), moved());
    let known = Followed {
        default_branch: Some("edge"),
        ..followed(None)
    };
    assert!(!concerns(known, &of_edge), "it was renamed since");
    of_edge.default_branch = None;
    assert!(concerns(known, &of_edge));
    assert!(concerns(followed(None), &of_edge), "nobody knows yet");
}
