//! The page to deploy: from the form to the end of the run, without a script.

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::world::Deployment;
use serde_json::json;

use crate::world::run_page::{field, with_people};
use crate::world::sign_in::signed_in;
use crate::world::stage::{SITE, World};

fn made(world: &World) -> usize {
    world
        .github
        .read(|found| found.repository(SITE).unwrap().deployments.len())
}

/// What the one button of a page sends.
fn form(page: &str) -> Vec<(&'static str, String)> {
    ["proof", "ask", "app", "environment", "ref", "sha", "task"]
        .map(|name| {
            (
                name,
                field(page.split("id=\"deploy\"").nth(1).unwrap_or_default(), name),
            )
        })
        .to_vec()
}

fn pairs<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn what_would_happen_is_shown_and_one_button_makes_it_happen_once() {
    let mut world = with_people().start().await;
    world.deploy("staging").await;
    world.settle_all().await;
    let one = world.commits[0].1.clone();
    let two = world.commit("two");
    let mut mona = signed_in(&world, "mona").await;
    let page = mona.page("/deploy").await;
    assert!(
        page.contains("<option value=\"site/staging\">") && !page.contains("id=\"deploy\""),
        "{page}"
    );
    let page = mona.page("/deploy?place=site%2Fstaging&ref=&task=").await;
    for expected in [
        format!("Deploy {} to staging", &two[..8]),
        format!("<code>{}</code>", &one[..8]),
        "1 commit new".to_owned(),
        "<td>two</td><td>mona</td>".to_owned(),
        "next in line".to_owned(),
        "<option value=\"site/staging\" selected>".to_owned(),
        "<td>required_contexts</td>".to_owned(),
    ] {
        assert!(page.contains(&expected), "{expected}: {page}");
    }
    assert_eq!(made(&world), 1, "to look changes nothing");
    let form = form(&page);
    // twice at once, and once more later
    let mut beside = mona.clone();
    let form = pairs(&form);
    let (first, second) = tokio::join!(mona.post("/deploy", &form), beside.post("/deploy", &form));
    let third = mona.post("/deploy", &form).await;
    for again in [&second, &third] {
        assert_eq!(
            (again.status, &again.location),
            (303, &first.location),
            "{}",
            again.text
        );
    }
    let run = mona.arrive(&world, &first).await;
    world.settle_all().await;
    assert!(mona.page(&run).await.contains("id=\"state\">succeeded<"));
    let last = world.runs().await.pop().unwrap();
    assert_eq!((made(&world), last.sha.as_str()), (2, two.as_str()));
    assert_eq!(world.latest(last.deployment.0).state, "success");
    world.end().await;
}

#[tokio::test]
async fn no_other_commit_is_deployed_than_the_one_that_was_seen() {
    let mut world = with_people().start().await;
    let one = world.commits[0].1.clone();
    let mut mona = signed_in(&world, "mona").await;
    for (query, version) in [("ref=main", "two"), ("ref=", "three")] {
        let seen = form(&mona.page(&format!("/deploy?place=site/staging&{query}")).await);
        let two = world.commit(version);
        let moved = mona.post("/deploy", &pairs(&seen)).await;
        assert_eq!(moved.status, 409, "{}", moved.text);
        let says = format!(
            "<code>main</code> moved from <code>{}</code> to <code>{}</code> meanwhile",
            &one[..8],
            &two[..8]
        );
        for expected in [&says, &format!("Deploy {} to staging", &two[..8])] {
            assert!(moved.text.contains(expected), "{query}: {expected}: {}", moved.text);
        }
        assert_eq!(made(&world), 0, "{query}: something was made");
        world.github.repository(SITE).branch("main", &one);
    }
    // a button that says nothing, or no commit, was on no page of ours
    let seen = form(&mona.page("/deploy?place=site/staging&ref=main").await);
    for wrong in ["", "main", &one[..8]] {
        let mut form = seen.clone();
        form.retain(|(name, _)| *name != "sha");
        form.push(("sha", wrong.to_owned()));
        let refused = mona.post("/deploy", &pairs(&form)).await;
        assert_eq!(refused.status, 422, "{wrong}: {}", refused.text);
    }
    // pressed again after the branch has moved on, it leads where it led: that is done already
    let first = mona.post("/deploy", &pairs(&seen)).await;
    let four = world.commit("four");
    let second = mona.post("/deploy", &pairs(&seen)).await;
    assert_eq!(
        (second.status, &second.location),
        (303, &first.location),
        "{}",
        second.text
    );
    mona.arrive(&world, &first).await;
    world.settle_all().await;
    let asked = world.github.read(|found| {
        let deployments = &found.repository(SITE).unwrap().deployments;
        let asked = |one: &Deployment| (one.git_ref.clone(), one.sha.clone(), one.payload["branch"].clone());
        deployments.iter().map(asked).collect::<Vec<_>>()
    });
    // GitHub is asked for the commit: whatever moves between our look and its own changes nothing
    assert_eq!(asked, [(one.clone(), one.clone(), json!("main"))]);
    // and people read what they had chosen
    let run = world.runs().await.pop().unwrap();
    assert_eq!((run.git_ref.as_str(), &run.sha), ("main", &one));
    assert_ne!(one, four);
    world.end().await;
}

/// GitHub's merge on the way would make another commit of it.
#[tokio::test]
async fn what_was_seen_is_not_merged_into_first() {
    let mut world = with_people().with_more("auto_merge: true").start().await;
    let one = world.commits[0].1.clone();
    world.github.repository(SITE).branch("topic", &one);
    world.commit("two");
    let mut mona = signed_in(&world, "mona").await;
    let seen = form(&mona.page("/deploy?place=site/staging&ref=topic").await);
    let pressed = mona.post("/deploy", &pairs(&seen)).await;
    mona.arrive(&world, &pressed).await;
    world.settle_all().await;
    assert_eq!(world.runs().await.pop().unwrap().sha, one);
    let topic = world
        .github
        .read(|found| found.repository(SITE).unwrap().branches["topic"].clone());
    assert_eq!(topic, one, "nothing was merged");
    world.end().await;
}

#[tokio::test]
async fn what_would_be_refused_has_no_button_and_says_why() {
    let world = with_people().start().await;
    let (mut mona, mut root) = (signed_in(&world, "mona").await, signed_in(&world, "root").await);
    let proof = root.proof().await;
    for (query, expected) in [
        ("place=site/staging&ref=nowhere", "<code>nowhere</code>"),
        ("place=site/staging&ref=a..b", "a..b"),
        ("place=site/staging&task=unheard-of", "unheard-of"),
        ("place=site/staging&ref=%3Cb%3E%E2%80%AE", "&#60;b&#62;"),
    ] {
        let page = mona.page(&format!("/deploy?{query}")).await;
        assert!(page.contains(expected) && page.contains("notice"), "{query}: {page}");
        assert!(
            !page.contains("id=\"deploy\"") && !page.contains('\u{202e}'),
            "{query}: {page}"
        );
    }
    // what the rules would refuse, they refuse also where the page was not looked at
    let form = [
        ("proof", proof.as_str()),
        ("ask", "one"),
        ("sha", &world.commits[0].1),
        ("app", "site"),
        ("environment", "staging"),
        ("task", "unheard-of"),
    ];
    let refused = root.post("/deploy", &form).await;
    assert!(
        refused.status == 422 && refused.text.contains("unheard-of"),
        "{} {}",
        refused.status,
        refused.text
    );
    assert_eq!(made(&world), 0);
    world.end().await;
}

#[tokio::test]
async fn whoever_may_only_look_is_told_so() {
    let world = with_people().start().await;
    let mut lisa = signed_in(&world, "lisa").await;
    let page = lisa.page("/deploy?place=site/staging").await;
    assert!(
        page.contains("You may look here, and no more") && !page.contains("<form class=\"filters\""),
        "{page}"
    );
    let proof = lisa.proof().await;
    let form = [
        ("proof", proof.as_str()),
        ("ask", "one"),
        ("app", "site"),
        ("environment", "staging"),
    ];
    assert_eq!(lisa.post("/deploy", &form).await.status, 403);
    // what is not there, or not for them, is not here
    for place in ["site/nowhere", "nothing/staging", "odd"] {
        let status = lisa.get(&format!("/deploy?place={place}")).await.status;
        assert_eq!(status, if place == "odd" { 200 } else { 404 }, "{place}");
    }
    let local = world.get("/deploy").await;
    assert_eq!(local.0, 200, "{}", local.1);
    assert_eq!(made(&world), 0);
    world.end().await;
}

#[tokio::test]
async fn what_waits_is_shown_before_it_is_asked_for() {
    let world = with_people().start().await;
    world.ask(DeploymentRequest::to("staging")).await;
    world.intake().await;
    let mut mona = signed_in(&world, "mona").await;
    let page = mona.page("/deploy?app=site&environment=staging").await;
    assert!(page.contains("second in line"), "{page}");
    world.settle_all().await;
    world.end().await;
}
