//! Every call that Chima makes to GitHub, each with every way in which it can go wrong: what becomes of the deployment, and what
//! people read of it.
//!
//! What is expected is one literal table ([`table::table`]), which is also a page for people. A call that has no row there fails
//! the end of every world test in which it is made. The clock is stepped; only a call that hangs takes real time.

mod scenes;
pub mod table;

use std::fmt::Write as _;
use std::fs;

use chima_simulator::fault::FaultKind;

use crate::docs::{files, keep_fresh, root};
use crate::world::github_failures::scenes::Scene;
use crate::world::github_failures::table::table;

/// A call, by the name that GitHub's description gives it.
pub struct Row {
    pub call: &'static str,
    pub what_for: &'static str,
    /// What becomes of it, in the order of [`FAILURES`].
    pub ends: &'static [&'static str],
}

/// A way to go wrong: what people call it, and whether it lasts until somebody mends it.
pub struct Failure {
    pub name: &'static str,
    kind: FaultKind,
    pub lasts: bool,
    with_effect: bool,
}

const fn once(name: &'static str, kind: FaultKind) -> Failure {
    Failure {
        name,
        kind,
        lasts: false,
        with_effect: false,
    }
}

const fn lasting(name: &'static str, kind: FaultKind) -> Failure {
    Failure {
        name,
        kind,
        lasts: true,
        with_effect: false,
    }
}

const fn after_the_effect(name: &'static str, kind: FaultKind) -> Failure {
    Failure {
        name,
        kind,
        lasts: false,
        with_effect: true,
    }
}

pub static FAILURES: [Failure; 22] = [
    once("401, once", FaultKind::Unauthorized),
    lasting("401, until the credentials are mended", FaultKind::Unauthorized),
    lasting("403, a permission is missing", FaultKind::Forbidden),
    once("403, `Retry-After: 40`", FaultKind::ForbiddenRetryAfter { seconds: 40 }),
    once("403, secondary limit without any header", FaultKind::SecondaryLimit),
    once(
        "403, primary limit, reset in 40 s",
        FaultKind::PrimaryLimit { seconds: 40 },
    ),
    lasting("404", FaultKind::NotFound),
    lasting("409", FaultKind::Conflict),
    lasting("410", FaultKind::Gone),
    lasting("422", FaultKind::Unprocessable),
    once("429, `Retry-After: 40`", FaultKind::TooManyRequests { seconds: 40 }),
    once(
        "429, `Retry-After` as a date in 40 s",
        FaultKind::TooManyRequestsUntil { seconds: 40 },
    ),
    once("500", FaultKind::InternalError),
    once("502 with a page of HTML", FaultKind::BadGateway),
    after_the_effect("502, although it was done", FaultKind::BadGateway),
    once("connection reset", FaultKind::Reset),
    after_the_effect("connection closed, although it was done", FaultKind::LostAnswer),
    once("no answer", FaultKind::Timeout),
    after_the_effect("no answer, although it was done", FaultKind::Timeout),
    after_the_effect(
        "200 with something else than JSON, although it was done",
        FaultKind::Garbage,
    ),
    after_the_effect("an answer that breaks off, although it was done", FaultKind::HalfAnswer),
    once("301 or 307, as after a rename", FaultKind::Moved),
];

/// Plays a row, and compares it with the table. What came out is left in `target`, as the table would have it.
async fn play(call: &str, scene: Scene) {
    let row = table().find(|row| row.call == call);
    let found = scenes::play(scene).await;
    let text = found.iter().fold(String::new(), |mut text, end| {
        writeln!(text, "            {end:?},").unwrap();
        text
    });
    let folder = root().join("target/github-failures");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{}.txt", call.replace('/', "-"))), &text).unwrap();
    let row = row.unwrap_or_else(|| panic!("`{call}` has no row in the table; this came out:\n{text}"));
    assert_eq!(row.ends.len(), found.len(), "{call}: all of it:\n{text}");
    for ((failure, found), expected) in FAILURES.iter().zip(&found).zip(row.ends) {
        assert_eq!(found, expected, "{call}: {}; all of it:\n{text}", failure.name);
    }
}

macro_rules! rows {
    ($($test:ident: $call:literal, $scene:expr;)*) => {
        /// Every call that is played.
        pub const PLAYED: &[&str] = &[$($call),*];
        $(
            #[tokio::test]
            async fn $test() {
                play($call, $scene).await;
            }
        )*
    };
}

rows! {
    a_status_is_created: "repos/create-deployment-status", Scene::Status("POST", "/statuses");
    statuses_are_listed: "repos/list-deployment-statuses", Scene::LostStatus;
    a_token_is_asked_for: "apps/create-installation-access-token", Scene::Status("POST", "/access_tokens");
    the_app_asks_for_its_name: "apps/get-authenticated", Scene::OwnApp;
    commit_statuses_are_read: "repos/get-combined-status-for-ref", Scene::Contexts("/status");
    a_membership_is_looked_up: "teams/get-membership-for-user-in-org", Scene::Member;
    check_runs_are_read: "checks/list-for-ref", Scene::Contexts("/check-runs");
    an_installation_is_looked_up: "apps/get-repo-installation", Scene::Auto("GET", "/installation");
    a_repository_is_looked_up: "repos/get", Scene::Repository;
    a_branch_is_looked_up: "repos/get-branch", Scene::Auto("GET", "/branches");
    deployments_are_listed: "repos/list-deployments", Scene::Auto("GET", "/deployments");
    commits_are_compared: "repos/compare-commits", Scene::Auto("GET", "/compare");
    pull_requests_are_listed: "pulls/list", Scene::Merged;
    a_deployment_is_created: "repos/create-deployment", Scene::Auto("POST", "/deployments");
    the_owner_of_a_token_is_asked_for: "users/get-authenticated", Scene::Late;
    a_persons_permission_is_looked_up: "repos/get-collaborator-permission-level", Scene::Comment("GET", "/permission");
    a_pull_request_is_looked_up: "pulls/get", Scene::Comment("GET", "/pulls/");
    the_pushes_to_a_branch_are_read: "repos/list-activities", Scene::Comment("GET", "/activity");
    a_comment_is_written: "issues/create-comment", Scene::Comment("POST", "/comments");
    a_comment_is_looked_for: "issues/list-comments", Scene::LostComment;
    a_comment_is_changed: "issues/update-comment", Scene::ChangedComment;
    new_comments_are_listed: "issues/list-comments-for-repo", Scene::PolledComment;
    a_job_is_answered: "actions/review-custom-gates-for-run", Scene::Job;
    the_apps_deliveries_are_listed: "apps/list-webhook-deliveries", Scene::UnheardByApp("GET", "/app/hook/deliveries");
    an_app_asks_for_a_delivery_again: "apps/redeliver-webhook-delivery", Scene::UnheardByApp("POST", "/attempts");
    hooks_are_listed: "repos/list-webhooks", Scene::UnheardByToken("GET", "/hooks");
    a_hooks_deliveries_are_listed: "repos/list-webhook-deliveries", Scene::UnheardByToken("GET", "/deliveries");
    a_delivery_is_asked_for_again: "repos/redeliver-webhook-delivery", Scene::UnheardByToken("POST", "/attempts");
}

/// Calls on which a person waits, and no deployment: what becomes of them when GitHub fails is proven by the test that is named, not
/// played here.
pub const ELSEWHERE: &[(&str, &str)] = &[
    (
        "apps/create-from-manifest",
        "while_github_is_away_the_page_can_be_loaded_again",
    ),
    (
        "apps/get-installation",
        "what_was_not_granted_is_left_out_and_asked_for_again_when_it_is_missed",
    ),
    (
        "login/oauth/access_token",
        "a_github_that_fails_signs_nobody_in_and_the_next_try_does",
    ),
    ("repos/get-commit", "an_answer_that_github_owes_is_told_as_what_it_is"),
    (
        "users/get-by-username",
        "a_github_that_does_not_say_whose_a_login_is_ends_no_session",
    ),
];

#[test]
fn what_is_proven_elsewhere_is_proven_there() {
    let sources: Vec<String> = files("rs")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for (call, test) in ELSEWHERE {
        assert!(!PLAYED.contains(call), "{call} is played");
        let head = format!("fn {test}(");
        assert!(
            sources.iter().any(|source| source.contains(&head)),
            "{call}: no test `{test}`"
        );
    }
}

#[test]
fn every_row_of_the_table_is_played() {
    let mut rows: Vec<&str> = table().map(|row| row.call).collect();
    let mut played = PLAYED.to_vec();
    rows.sort_unstable();
    played.sort_unstable();
    assert_eq!(rows, played);
}

#[test]
fn the_page_about_githubs_failures_is_what_the_tests_see() {
    keep_fresh("docs/reference/github-failures.md", &page());
}

fn page() -> String {
    let mut page = String::from(
        "# When GitHub fails\n\n<!-- Made from `tests/it/world/github_failures/table.rs` by a test, which plays all of it. -->\n\n\
         Every call that Chima makes to GitHub, each with everything that can go wrong with it, played against a stand-in over real \
         HTTP. What is told is what a deployment shows on GitHub in the end; of a command in a comment *the answer*, *the end* of what it asked \
         for, or *too late* after a quarter of an hour; of a job of GitHub Actions our word. *Left alone*: GitHub says that the comment, or \
         the job that waited, is not there any more. *Given up* means that a status waits in \
         `chima outbox` until somebody has mended what it names and sends it again; nothing is lost. Times are those of the test's \
         clock, which moves in steps.\n\n\
         While GitHub asks to wait, no status leaves: from no process of the installation, and also not for other deployments. What \
         is read is held back by the process that was asked; another one learns it when it asks itself. What may have been done although no answer came is looked for before it is done again.\n",
    );
    for row in table() {
        writeln!(page, "\n## {}\n\n`{}`\n", row.what_for, row.call).unwrap();
        page.push_str("| GitHub answers | what becomes of it |\n|---|---|\n");
        for (failure, end) in FAILURES.iter().zip(row.ends) {
            writeln!(page, "| {} | {} |", failure.name, end.replace('|', "\\|")).unwrap();
        }
    }
    page.push_str(
        "\n## Calls on which a person waits\n\nWhat becomes of these is said at once, and proven by tests of their own: setting up, signing in to the \
         pages, looking at a commit for a command, and finding out what an App was granted.\n\n| call | test |\n|---|---|\n",
    );
    for (call, test) in ELSEWHERE {
        writeln!(page, "| `{call}` | `{test}` |").unwrap();
    }
    page
}
