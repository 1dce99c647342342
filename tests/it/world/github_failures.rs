//! Every call that Chima makes to GitHub, each with every way in which it can go wrong: what becomes of the deployment, and what
//! people read of it.
//!
//! What is expected is one literal table ([`table::TABLE`]), which is also a page for people. A call that has no row there fails
//! the end of every world test in which it is made. The clock is stepped; only a call that hangs takes real time.

mod scenes;
pub mod table;

use std::fmt::Write as _;
use std::fs;

use chima_simulator::fault::FaultKind;

use crate::docs::{files, keep_fresh, root};
use crate::world::github_failures::scenes::Scene;
use crate::world::github_failures::table::TABLE;

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
    let row = TABLE.iter().find(|row| row.call == call);
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
    check_runs_are_read: "checks/list-for-ref", Scene::Contexts("/check-runs");
    an_installation_is_looked_up: "apps/get-repo-installation", Scene::Auto("GET", "/installation");
    a_repository_is_looked_up: "repos/get", Scene::Repository;
    a_branch_is_looked_up: "repos/get-branch", Scene::Auto("GET", "/branches");
    deployments_are_listed: "repos/list-deployments", Scene::Auto("GET", "/deployments");
    commits_are_compared: "repos/compare-commits", Scene::Auto("GET", "/compare");
    pull_requests_are_listed: "pulls/list", Scene::Merged;
    a_deployment_is_created: "repos/create-deployment", Scene::Auto("POST", "/deployments");
}

/// Calls on which no deployment waits: what becomes of them when GitHub fails is proven by the test that is named, not played here.
pub const ELSEWHERE: &[(&str, &str)] = &[
    (
        "actions/review-custom-gates-for-run",
        "a_lost_answer_is_given_again_and_counts_once",
    ),
    (
        "apps/create-from-manifest",
        "while_github_is_away_the_page_can_be_loaded_again",
    ),
    (
        "apps/get-installation",
        "what_was_not_granted_is_left_out_and_asked_for_again_when_it_is_missed",
    ),
    (
        "apps/list-webhook-deliveries",
        "at_the_end_of_an_outage_everything_is_looked_through",
    ),
    (
        "apps/redeliver-webhook-delivery",
        "a_redelivery_that_github_refuses_leaves_the_rest_to_the_list",
    ),
    (
        "issues/create-comment",
        "trouble_of_github_makes_an_answer_late_and_nothing_twice",
    ),
    (
        "issues/list-comments",
        "a_lost_answer_of_github_makes_neither_a_second_deployment_nor_a_second_comment",
    ),
    (
        "issues/list-comments-for-repo",
        "without_the_right_to_read_comments_deployments_go_on",
    ),
    (
        "issues/update-comment",
        "trouble_of_github_makes_an_answer_late_and_nothing_twice",
    ),
    ("pulls/get", "trouble_of_github_makes_an_answer_late_and_nothing_twice"),
    (
        "repos/get-collaborator-permission-level",
        "trouble_of_github_makes_an_answer_late_and_nothing_twice",
    ),
    ("repos/get-commit", "an_answer_that_github_owes_is_told_as_what_it_is"),
    (
        "repos/list-activities",
        "trouble_of_github_makes_an_answer_late_and_nothing_twice",
    ),
    (
        "repos/list-webhook-deliveries",
        "an_answer_that_makes_no_sense_is_no_end",
    ),
    (
        "repos/list-webhooks",
        "without_the_right_to_see_hooks_the_list_is_enough",
    ),
    (
        "repos/redeliver-webhook-delivery",
        "a_redelivery_that_github_refuses_leaves_the_rest_to_the_list",
    ),
    ("users/get-authenticated", "while_github_cannot_tell_a_late_one_waits"),
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
    let mut rows: Vec<&str> = TABLE.iter().map(|row| row.call).collect();
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
         HTTP. What is told is what a deployment shows on GitHub in the end. *Given up* means that a status waits in \
         `chima outbox` until somebody has mended what it names and sends it again; nothing is lost. Times are those of the test's \
         clock, which moves in steps.\n\n\
         While GitHub asks to wait, no status leaves: from no process of the installation, and also not for other deployments. What \
         is read is held back by the process that was asked; another one learns it when it asks itself. What may have been done although no answer came is looked for before it is done again.\n",
    );
    for row in &TABLE {
        writeln!(page, "\n## {}\n\n`{}`\n", row.what_for, row.call).unwrap();
        page.push_str("| GitHub answers | what becomes of it |\n|---|---|\n");
        for (failure, end) in FAILURES.iter().zip(row.ends) {
            writeln!(page, "| {} | {} |", failure.name, end.replace('|', "\\|")).unwrap();
        }
    }
    page.push_str(
        "\n## Calls on which no deployment waits\n\nWhat becomes of these is proven by tests of their own: looking for what was missed, answering \
         comments on pull requests, and setting up.\n\n| call | test |\n|---|---|\n",
    );
    for (call, test) in ELSEWHERE {
        writeln!(page, "| `{call}` | `{test}` |").unwrap();
    }
    page
}
