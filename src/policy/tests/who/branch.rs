//! What a commit is called that Chima asked for.

use super::*;
use crate::policy::needs::needs;
use crate::policy::who::branch;

#[test]
fn a_commit_that_was_asked_for_is_called_by_its_branch() {
    let rules = rules(&[], &[]);
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let of = |git_ref: &str| Deployment {
        git_ref: git_ref.to_owned(),
        sha: sha.to_owned(),
        ..with_nonce()
    };
    let asked = |git_ref: &str, change: &dyn Fn(&mut Warrant)| {
        let mut asked = warrant(Actor::itself("mona"));
        asked.git_ref = git_ref.to_owned();
        asked.branch = Some("main".to_owned());
        change(&mut asked);
        asked
    };
    let as_it_is: &dyn Fn(&mut Warrant) = &|_| {};
    for (what, deployment, warrant, expected) in [
        ("as it was asked for", of(sha), asked(sha, as_it_is), Some("main")),
        (
            "nothing was said of a branch",
            of(sha),
            asked(sha, &|one| one.branch = None),
            None,
        ),
        ("of another commit", of(sha), asked(&"f".repeat(40), as_it_is), None),
        ("of a ref that moves", of("main"), asked("main", as_it_is), None),
        (
            "of another nonce",
            of(sha),
            asked(sha, &|one| one.nonce = "01K".to_owned()),
            None,
        ),
        (
            "of another deployment",
            of(sha),
            asked(sha, &|one| one.deployment = Some(DeploymentId(51))),
            None,
        ),
    ] {
        let order = needs(&deployment, &rules).order.unwrap();
        let who = WhoFacts {
            warrant: Some(warrant),
            ..WhoFacts::default()
        };
        assert_eq!(branch(&deployment, &order, &who), expected, "{what}");
    }
}
