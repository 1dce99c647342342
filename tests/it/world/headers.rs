//! What stands in the head of every answer, on every route that the sources name.

use reqwest::{Method, Response};

use crate::routes::routes;
use crate::world::stage::World;

/// An address of every route, with something in the place of what varies.
fn addresses() -> Vec<String> {
    let all = routes().into_iter();
    all.map(|route| {
        let parts = route.path.split('/');
        let filled: Vec<&str> = parts
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect();
        filled.join("/")
    })
    .collect()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    let mut all = response.headers().get_all(name).iter();
    let one = all.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(all.next().is_none(), "`{name}` is there twice");
    one
}

async fn every_answer(world: &World, tls: bool) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let mut all = addresses();
    assert!(all.len() >= 14, "{all:?}");
    all.push("/nowhere".to_owned());
    for route in &all {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::HEAD] {
            let asked = format!("{method} {route}");
            let response = client
                .request(method, format!("{}{route}", world.url))
                .send()
                .await
                .unwrap();
            let policy = header(&response, "content-security-policy").to_owned();
            for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{asked}: {policy}");
            }
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{asked}: {policy}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("strict-transport-security", if tls { "max-age=31536000" } else { "" }),
            ] {
                assert_eq!(header(&response, name), value, "{asked}: {name}");
            }
            let kept = header(&response, "cache-control");
            // event streams say `no-cache`, which nothing may answer from either
            assert!(["no-store", "no-cache"].contains(&kept), "{asked}: {kept}");
            assert!(response.headers().get("server").is_none() && response.headers().get("x-powered-by").is_none());
            assert!(
                response.headers().get("access-control-allow-origin").is_none(),
                "{asked}"
            );
            if response.status().is_client_error() {
                let text = response.text().await.unwrap();
                assert!(
                    text.len() < 2_000
                        && !text.contains("src/")
                        && !text.contains(&world.folder().display().to_string()),
                    "{asked}: {text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let world = World::new().await;
    every_answer(&world, false).await;
    world.end().await;
}

#[tokio::test]
async fn where_the_public_address_is_https_a_browser_is_told_to_stay_there() {
    let world = World::setup().public_url("https://deploy.example.com").start().await;
    every_answer(&world, true).await;
    world.end().await;
}
