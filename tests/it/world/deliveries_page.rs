//! The pages of deliveries: they answer "why did nothing happen?".

use chima_simulator::github::deploy::DeploymentRequest;

use crate::world::run_page::with_people;
use crate::world::sign_in::signed_in;
use crate::world::stage::{SITE, World};

/// The links to deliveries on a page, in order.
fn links(page: &str) -> Vec<String> {
    let mut found: Vec<String> = page
        .split("href=\"/deliveries/")
        .skip(1)
        .filter_map(|rest| Some(format!("/deliveries/{}", rest.split('"').next()?)))
        .collect();
    found.dedup();
    found
}

#[tokio::test]
async fn every_delivery_says_what_became_of_it_and_why() {
    let world = World::new().await;
    let id = world.deploy("staging").await;
    let wrong = world.deploy("nowhere").await;
    world.settle_all().await;
    let page = world.page("/deliveries").await;
    assert!(page.contains("<td>deployment</td><td>octo/site</td>"), "{page}");
    let run = world.run(id).await.id;
    let own = world.page(&format!("/deliveries?run={run}")).await;
    assert_eq!(links(&own).len(), 1, "{own}");
    assert!(own.contains(&format!("/runs/{run}")), "{own}");
    let one = world.page(&links(&own)[0]).await;
    for expected in [
        "X-GitHub-Delivery",
        "<dt>Decided</dt><dd>run</dd>",
        "&#34;environment&#34;: &#34;staging&#34;",
        "by webhook",
    ] {
        assert!(one.contains(expected), "{expected}: {one}");
    }
    let refused = world
        .page(&format!("/deliveries?run={}", world.run(wrong).await.id))
        .await;
    let refused = world.page(&links(&refused)[0]).await;
    assert!(
        refused.contains("<dd>reject</dd>") && refused.contains("is not configured"),
        "{refused}"
    );
    // filters, each an address
    let none = |page: String| page.contains("There is no such delivery");
    for (query, empty) in [
        ("?event=deployment", false),
        ("?event=push", true),
        ("?repository=OCTO%2Fsite", false),
        ("?repository=octo%2Fother", true),
        ("?disposition=processed", false),
        ("?disposition=malformed", true),
        ("?run=nothing", true),
        ("?event=%3Cb%3E&disposition=x&before=x", true),
    ] {
        assert_eq!(none(world.page(&format!("/deliveries{query}")).await), empty, "{query}");
    }
    for gone in ["/deliveries/nothing", "/deliveries/01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        let (status, text) = world.get(gone).await;
        assert!(status == 404 && text.contains("<h1>Not here</h1>"), "{text}");
    }
    world.end().await;
}

#[tokio::test]
async fn pages_of_deliveries_follow_one_another() {
    let world = World::new().await;
    for _ in 0..30 {
        world.deploy("staging").await;
    }
    world.settle_all().await;
    let all = world.github.read(|found| found.deliveries.len());
    let mut path = "/deliveries?event=deployment".to_owned();
    let mut seen = Vec::new();
    for _ in 0..all {
        let page = world.page(&path).await;
        seen.extend(links(&page));
        let Some(older) = page
            .split("\" rel=\"next\">Older")
            .next()
            .filter(|_| page.contains("rel=\"next\""))
        else {
            break;
        };
        path = older.rsplit("href=\"").next().unwrap().replace("&#38;", "&");
        assert!(path.starts_with("/deliveries?event=deployment&before="), "{path}");
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (30, 30));
    world.end().await;
}

#[tokio::test]
async fn secrets_and_hostile_values_of_a_body_are_not_shown() {
    let world = World::new().await;
    let secret = chima_simulator::github::DEFAULT_TOKEN;
    let escaped: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let request = DeploymentRequest {
        payload: serde_json::json!({"note": format!("<script>alert(1)</script>\u{202e}{secret}")}),
        ..DeploymentRequest::to("staging")
    };
    let (_, parcel) = world.ask_unheard(request).await;
    let body = String::from_utf8(parcel.body.clone())
        .unwrap()
        .replace(secret, &escaped);
    assert!(body.contains(&escaped));
    world.post(&parcel.body(body.as_bytes())).await;
    world.settle_all().await;
    let list = world.page("/deliveries?event=deployment").await;
    let one = world.page(&links(&list)[0]).await;
    assert!(one.contains("&#60;script&#62;alert(1)"), "{one}");
    assert!(
        !one.contains("<script>alert") && !one.contains('\u{202e}') && !one.contains(secret),
        "{one}"
    );
    world.end().await;
}

#[tokio::test]
async fn an_admin_has_one_worked_on_again_and_nobody_else() {
    let mut world = with_people().start().await;
    let request = DeploymentRequest {
        app: Some("release-bot".to_owned()),
        ..DeploymentRequest::to("staging")
    };
    let deployed = world.github.deploy(SITE, request).await.unwrap();
    world.settle().await;
    world.know_app("release-bot").await;
    let (mut mona, mut root) = (signed_in(&world, "mona").await, signed_in(&world, "root").await);
    let list = root.page("/deliveries?disposition=ignored&event=deployment").await;
    let path = links(&list).remove(0);
    assert!(!mona.page(&path).await.contains("Work on it again"));
    let shown = root.page(&path).await;
    assert!(
        shown.contains("Work on it again") && shown.contains("release-bot"),
        "{shown}"
    );
    let proof = mona.proof().await;
    assert_eq!(
        mona.post(&format!("{path}/replay"), &[("proof", &proof)]).await.status,
        403
    );
    let proof = root.proof().await;
    let replayed = root.post(&format!("{path}/replay"), &[("proof", &proof)]).await;
    assert_eq!(
        (replayed.status, replayed.location.as_str()),
        (303, path.as_str()),
        "{}",
        replayed.text
    );
    world.settle_all().await;
    assert_eq!(world.latest(deployed.id).state, "success");
    let again = root.post(&format!("{path}/replay"), &[("proof", &proof)]).await;
    assert!(
        again.status == 409 && again.text.contains("had its effect"),
        "{} {}",
        again.status,
        again.text
    );
    assert!(!root.page(&path).await.contains("Work on it again"));
    world.end().await;
}
