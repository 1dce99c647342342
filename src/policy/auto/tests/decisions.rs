//! Which commit, for every combination that matters.

use super::answer;

fn table(rows: &[(&str, &str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(rules, facts, expected)| {
            let found = answer(rules, facts);
            (found != *expected).then(|| format!("{rules} | {facts} | expected {expected}, found {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn asks_one_thing_after_the_other_and_no_more_than_it_needs() {
    table(&[
        ("green", "", "ask head"),
        ("green", "gone", "nothing branch_gone"),
        ("green", "head=b", "ask deployments"),
        ("green", "head=b a:success", "ask a..b"),
        ("green", "head=b a:success a..b=ahead", "ask contexts b"),
        ("green", "head=b a:success a..b=ahead ci=success", "deploy b"),
        ("green", "head=b b:success", "nothing deployed"),
        ("green", "head=b b:pending", "nothing asked_before"),
        ("green", "head=b a:success a..b=behind", "nothing behind"),
        ("green []", "head=b a:success a..b=ahead", "deploy b"),
        ("push", "head=b a:success a..b=ahead", "deploy b"),
        ("push", "head=b none", "deploy b"),
        ("merged", "", "ask head"),
        ("merged", "gone", "nothing branch_gone"),
        ("merged", "head=b", "ask merged"),
        ("merged", "head=b unmerged", "nothing nothing_merged"),
        ("merged", "head=b merged=b", "ask deployments"),
        ("merged", "head=c merged=b", "ask b..c"),
        ("merged", "head=c merged=b b..c=ahead", "ask deployments"),
    ]);
}

#[test]
fn green_is_what_the_configuration_says_it_is() {
    let deployed = "head=b a:success a..b=ahead";
    for (rules, contexts, expected) in [
        ("green", "quiet", "wait no_contexts"),
        ("green", "ci=success", "deploy b"),
        ("green", "ci=pending", "wait contexts_pending"),
        ("green", "ci=failure", "nothing contexts_failed"),
        ("green", "ci=error", "nothing contexts_failed"),
        ("green", "ci=success lint=pending", "wait contexts_pending"),
        ("green", "ci=pending lint=failure", "nothing contexts_failed"),
        ("green", "ci=success unit!=success", "deploy b"),
        ("green", "ci=success unit!=skipped", "deploy b"),
        ("green", "ci=success unit!=neutral", "deploy b"),
        ("green", "ci=success unit!=cancelled", "nothing contexts_failed"),
        ("green", "ci=success unit!=a_new_word", "wait contexts_pending"),
        ("green", "unit!=timed_out", "nothing contexts_failed"),
        ("green [ci]", "quiet", "wait contexts_pending"),
        ("green [ci]", "other=success", "wait contexts_pending"),
        ("green [ci]", "ci=success", "deploy b"),
        ("green [ci]", "CI=success", "deploy b"),
        ("green [ci]", "ci=success other=failure", "deploy b"),
        ("green [ci]", "ci=success ci!=failure", "nothing contexts_failed"),
        ("green [ci,unit]", "ci=success", "wait contexts_pending"),
        ("green [ci,unit]", "ci=success unit!=success", "deploy b"),
        ("green [ci,unit]", "ci=failure", "nothing contexts_failed"),
        ("green []", "ci=failure", "deploy b"),
        ("push", "ci=failure", "deploy b"),
        ("push [ci]", "quiet", "deploy b"),
    ] {
        table(&[(rules, &format!("{deployed} {contexts}"), expected)]);
    }
}

#[test]
fn only_what_is_ahead_of_what_runs_is_deployed() {
    table(&[
        ("push", "head=b a:success a..b=ahead", "deploy b"),
        ("push", "head=b a:success a..b=behind", "nothing behind"),
        ("push", "head=b a:success a..b=diverged", "nothing diverged"),
        ("push", "head=b a:success a..b=identical", "nothing deployed"),
        // what was deployed last counts, whatever succeeded before
        ("push", "head=c a:success b:success", "ask b..c"),
        ("push", "head=c a:success b:failure", "ask a..c"),
        ("push", "head=c a:success b:inactive a..c=ahead", "deploy c"),
        // one that was asked for earlier and succeeded later is what runs
        ("push", "head=c a:success@100 b:success", "ask a..c"),
        // somebody went back by hand: the head had its turn
        ("push", "head=b a:success b:success a:success", "nothing asked_before"),
        ("push", "head=c a:success b:success a:success a..c=ahead", "deploy c"),
    ]);
}

#[test]
fn one_deployment_of_a_commit_is_enough_however_it_ended() {
    let ends = [
        "pending",
        "failure",
        "error",
        "inactive",
        "cancelled",
        "rejected",
        "superseded",
        "interrupted",
    ];
    for state in ends {
        for rules in ["green", "push", "merged", "green []"] {
            let facts = format!("head=b merged=b a:success b:{state} a..b=ahead ci=success");
            table(&[(rules, &facts, "nothing asked_before")]);
        }
    }
    table(&[
        ("push", "head=b b:failure", "nothing asked_before"),
        ("push", "head=b b:success c:failure", "nothing deployed"),
        ("push", "head=b b:failure b:success", "nothing deployed"),
        ("push", "head=b b:success b:failure", "nothing deployed"),
    ]);
}

#[test]
fn what_is_under_way_must_be_behind() {
    table(&[
        ("push", "head=c a:success b:pending", "ask b..c"),
        ("push", "head=c a:success b:pending b..c=ahead", "ask a..c"),
        ("push", "head=c a:success b:pending b..c=ahead a..c=ahead", "deploy c"),
        // somebody deploys something newer, or something else, by hand
        (
            "push",
            "head=c a:success d:pending d..c=behind a..c=ahead",
            "wait under_way",
        ),
        (
            "push",
            "head=c a:success d:pending d..c=diverged a..c=ahead",
            "wait under_way",
        ),
        ("push", "head=c a:pending b:pending b..c=ahead", "ask a..c"),
        (
            "push",
            "head=c a:pending b:pending b..c=ahead a..c=diverged",
            "wait under_way",
        ),
        // one that waits since before what runs
        ("push", "head=c b:pending a:success b..c=diverged", "wait under_way"),
        // nobody reports on it any more
        ("push", "head=c d:pending! a:success a..c=ahead", "deploy c"),
    ]);
}

#[test]
fn the_first_deployment_takes_a_person_or_an_event() {
    table(&[
        ("push", "head=b none unmarked", "nothing never_deployed"),
        ("push", "head=b none", "deploy b"),
        ("green", "head=b none unmarked", "nothing never_deployed"),
        ("green", "head=b none", "ask contexts b"),
        ("green", "head=b none quiet", "wait no_contexts"),
        ("green", "head=b none ci=success", "deploy b"),
        ("merged", "head=b merged=b none unmarked", "nothing never_deployed"),
        ("merged", "head=b merged=b none", "deploy b of 7"),
        ("push", "head=b a:failure unmarked", "nothing never_deployed"),
        ("push", "head=b a:failure", "deploy b"),
        ("push", "head=b a:pending unmarked a..b=ahead", "nothing never_deployed"),
        ("push web/**", "head=b none", "deploy b"),
        ("push", "head=b a:success a..b=ahead unmarked", "deploy b"),
    ]);
}

#[test]
fn a_merge_is_deployed_also_when_somebody_pushes_after_it() {
    table(&[
        ("merged", "head=b merged=b a:success a..b=ahead", "deploy b of 7"),
        (
            "merged",
            "head=c merged=b b..c=ahead a:success a..b=ahead",
            "deploy b of 7",
        ),
        ("merged", "head=c merged=b b..c=ahead b:success", "nothing deployed"),
        ("merged", "head=c merged=b b..c=diverged", "nothing merge_undone"),
        ("merged", "head=c merged=b b..c=behind", "nothing merge_undone"),
        ("merged", "head=c merged=b b..c=ahead c:success", "ask c..b"),
        (
            "merged",
            "head=c merged=b b..c=ahead c:success c..b=behind",
            "nothing behind",
        ),
        (
            "merged",
            "head=c unmerged a:success a..c=ahead",
            "nothing nothing_merged",
        ),
        ("merged [ci]", "head=b merged=b a:success a..b=ahead", "deploy b of 7"),
    ]);
}

#[test]
fn only_files_that_count_count() {
    table(&[
        ("push web/**", "head=b a:success a..b=ahead,web/x", "deploy b"),
        (
            "push web/**",
            "head=b a:success a..b=ahead,docs/x",
            "nothing no_path_changed",
        ),
        ("push web/**", "head=b a:success a..b=ahead", "nothing no_path_changed"),
        ("push web/**", "head=b a:success a..b=ahead,docs/x,web/a/b", "deploy b"),
        ("push web/** api/*", "head=b a:success a..b=ahead,api/x", "deploy b"),
        (
            "push web/** api/*",
            "head=b a:success a..b=ahead,api/x/y",
            "nothing no_path_changed",
        ),
        (
            "push web/**",
            "head=b a:success a..b=ahead,docs/x,+",
            "deploy b (more files)",
        ),
        ("push web/**", "head=b a:success a..b=ahead,web/x,+", "deploy b"),
        (
            "push web/**",
            "head=b a:success a..b=diverged,web/x",
            "nothing diverged",
        ),
        (
            "green web/**",
            "head=b a:success a..b=ahead,docs/x ci=success",
            "nothing no_path_changed",
        ),
        (
            "green web/**",
            "head=b a:success a..b=ahead,web/x ci=pending",
            "wait contexts_pending",
        ),
        (
            "merged web/**",
            "head=b merged=b a:success a..b=ahead,docs/x",
            "nothing no_path_changed",
        ),
        // what is under way may bring the files that count, or fail to
        (
            "push web/**",
            "head=c a:success b:pending b..c=ahead,docs/x a..c=ahead,web/x,docs/x",
            "wait under_way",
        ),
        (
            "push web/**",
            "head=c a:success b:pending b..c=ahead,web/y a..c=ahead,web/x",
            "deploy c",
        ),
        (
            "push web/**",
            "head=c a:success b:failure a..c=ahead,web/x,docs/x",
            "deploy c",
        ),
    ]);
}

#[test]
fn a_lock_is_the_first_question_and_stops_even_its_owner() {
    use crate::domain::ids::LockId;
    use crate::domain::lock::{Cause, Lock, Place};
    use crate::domain::person::{Person, Source};
    use crate::policy::auto::stopped_by;

    let lock = |until: Option<i64>| Lock {
        id: LockId::new(ulid::Ulid::from_parts(1, 1)),
        place: Place {
            app: "site".parse().unwrap(),
            environment: "staging".parse().unwrap(),
        },
        owner: Person::new(Source::GitHub, "mona"),
        reason: None,
        cause: Cause::Person,
        since: super::at(0),
        until: until.map(super::at),
    };
    let now = super::at(100);
    assert_eq!(stopped_by(None, now), None);
    for (until, stops) in [(None, true), (Some(101), true), (Some(100), false)] {
        let lock = lock(until);
        let reason = stopped_by(Some(&lock), now);
        assert_eq!(
            reason
                .as_ref()
                .is_some_and(|reason| reason.waits() && reason.code() == "locked"),
            stops,
            "{until:?}"
        );
    }
}
