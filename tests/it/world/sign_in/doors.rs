//! Every route that changes something, as the sources name them, and everything that must not open it.

use std::collections::BTreeSet;

use chima::http::api::api;
use reqwest::Method;

use crate::routes::routes;
use crate::world::sign_in::{Browser, open_to_the_world, signed_in};
use crate::world::stage::{SITE, World};

/// The routes that are opened by one of these methods.
fn opened_by(methods: &[&str]) -> BTreeSet<String> {
    let all = routes().into_iter();
    let opened = all.filter(|route| methods.iter().any(|method| route.opened_by.contains(method)));
    opened.map(|route| route.path).collect()
}

/// The routes that take something else than a look.
fn changing() -> BTreeSet<String> {
    opened_by(&["post(", "put(", "patch(", "delete(", "any("])
}

/// What anybody may look at: it tells of no app, or it is what one needs to get in. `/metrics` is open to a monitoring beside the server,
/// which this test cannot be told from: `world::metrics` looks from elsewhere.
const OPEN: [&str; 12] = [
    "/api/openapi.json",
    "/assets/icon.svg",
    "/assets/style.css",
    "/healthz",
    "/metrics",
    "/readyz",
    "/setup",
    "/setup/callback",
    "/sign-in",
    "/sign-in/callback",
    "/sign-in/github",
    "/api/{*rest}",
];

/// Those that are opened by something else than a session: by signatures, tokens, a word of their own.
const OTHERS: [&str; 8] = [
    "/api/{*rest}",
    "/chat",
    "/sign-in",
    "/slack/commands",
    "/slack/events",
    "/slack/interactivity",
    "/webhooks/github",
    "/setup",
];

/// What forms of pages say, as far as a route needs words to be understood.
const FORM: [(&str, &str); 15] = [
    ("place", "site/staging"),
    ("app", "site"),
    ("environment", "staging"),
    ("environments", "staging"),
    ("ref", "main"),
    ("git_ref", "main"),
    ("task", "deploy"),
    ("reason", "because"),
    ("note", "because"),
    ("done", "true"),
    ("to", "staging"),
    ("hosts", ""),
    ("force", ""),
    ("minutes", ""),
    ("key", "one"),
];

async fn ran(world: &World) -> (String, String) {
    let id = world.deploy("staging").await;
    world.settle().await;
    let run = world.run(id).await;
    (run.id.to_string(), run.delivery.to_string())
}

fn filled(route: &str, run: &str, delivery: &str) -> String {
    let id = if route.contains("deliveries") { delivery } else { run };
    let parts = route.split('/').map(|part| match part {
        "{run}" => run,
        "{delivery}" => delivery,
        "{app}" => "site",
        "{environment}" => "staging",
        "{sha}" => "main",
        "{file}" => "staging.svg",
        part if part.starts_with('{') => id,
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn untouched(world: &World, before: usize) {
    let made = world
        .github
        .read(|github| github.repository(SITE).unwrap().deployments.len());
    assert_eq!(
        (made, world.runs().await.len()),
        (before, before),
        "something was deployed"
    );
    assert_eq!(
        world.engine.store.locks(world.engine.now()).await.unwrap(),
        [],
        "something was locked"
    );
}

#[tokio::test]
async fn no_form_is_taken_without_a_session_its_proof_and_a_page_of_ours() {
    let world = open_to_the_world()
        .with("viewers: [lisa]\nadmins: [mona]")
        .start()
        .await;
    let (run, delivery) = ran(&world).await;
    let routes = changing();
    for other in OTHERS.iter().filter(|other| **other != "/setup") {
        assert!(routes.contains(*other), "{other} is no such route");
    }
    let pages: Vec<&String> = routes
        .iter()
        .filter(|route| !OTHERS.contains(&route.as_str()))
        .collect();
    assert!(pages.iter().any(|route| *route == "/sign-out"), "{pages:?}");
    let mut mona = signed_in(&world, "mona").await;
    let mut lisa = signed_in(&world, "lisa").await;
    let (proof, lisas) = (mona.proof().await, lisa.proof().await);
    assert_ne!(proof, lisas);
    for route in pages {
        let path = filled(route, &run, &delivery);
        let with = |proof: &str| -> Vec<(String, String)> {
            let proof = (!proof.is_empty()).then(|| ("proof".to_owned(), proof.to_owned()));
            let form = FORM
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            form.chain(proof).collect()
        };
        let pairs = |form: &[(String, String)]| -> Vec<(&'static str, &'static str)> {
            // a test may leak what it sends
            let leak = |text: &String| -> &'static str { Box::leak(text.clone().into_boxed_str()) };
            form.iter().map(|(name, value)| (leak(name), leak(value))).collect()
        };
        // nobody
        let mut nobody = Browser::at(&world);
        let form = pairs(&with(&proof));
        let answer = nobody.post(&path, &form).await;
        assert_eq!(answer.status, 401, "{path} by nobody: {}", answer.text);
        nobody.cookies.insert("__Host-chima".to_owned(), "0".repeat(64));
        assert_eq!(
            nobody.post(&path, &form).await.status,
            401,
            "{path} by an unknown session"
        );
        // without its proof, or with another's
        for wrong in ["", "x", &lisas, &"0".repeat(64)] {
            let answer = mona.post(&path, &pairs(&with(wrong))).await;
            assert_eq!(answer.status, 403, "{path} with the proof `{wrong}`: {}", answer.text);
        }
        let mut twice = with(&proof);
        twice.push(("proof".to_owned(), proof.clone()));
        assert_eq!(
            mona.post(&path, &pairs(&twice)).await.status,
            403,
            "{path} with two proofs"
        );
        // from a page of another site
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "http://deploy.example.com")],
            &[
                ("origin", "https://deploy.example.com"),
                ("sec-fetch-site", "cross-site"),
            ],
            &[
                ("origin", "https://deploy.example.com"),
                ("sec-fetch-site", "same-site"),
            ],
            &[
                ("origin", "https://deploy.example.com"),
                ("origin", "https://evil.example"),
            ],
        ] {
            let answer = mona.ask(Method::POST, &path, Some(&form), headers).await;
            assert_eq!(answer.status, 403, "{path} from {headers:?}: {}", answer.text);
        }
        // as something that no form is
        let json = [
            ("content-type", "application/json"),
            ("origin", "https://deploy.example.com"),
        ];
        let answer = mona.ask(Method::POST, &path, None, &json).await;
        assert_eq!(answer.status, 415, "{path} as JSON");
        // by a look, which any page can make a browser do
        let looked = mona.get(&format!("{path}?proof={proof}")).await;
        assert!([200, 404, 405].contains(&looked.status), "{path}: {}", looked.status);
        // one's own sessions are everybody's to end
        if !["/sign-out", "/sessions/others/end"].contains(&route.as_str()) {
            // by somebody who may look and no more
            let answer = lisa.post(&path, &pairs(&with(&lisas))).await;
            assert!(
                (400..500).contains(&answer.status),
                "{path} by a viewer: {} {}",
                answer.status,
                answer.location
            );
        }
        untouched(&world, 1).await;
    }
    world.end().await;
}

/// A page that forgets to ask who looks cannot be made without this noticing.
#[tokio::test]
async fn every_page_is_closed_to_whoever_is_not_signed_in() {
    let world = open_to_the_world().with("viewers: [lisa]").start().await;
    let (run, delivery) = ran(&world).await;
    let routes = opened_by(&["get("]);
    let closed: Vec<&String> = routes
        .iter()
        .filter(|route| !OPEN.contains(&route.as_str()) && !route.starts_with("/assets/"))
        .collect();
    assert!(closed.len() >= 2, "{closed:?}");
    for route in closed {
        let path = filled(route, &run, &delivery);
        let mut stranger = Browser::at(&world);
        let answer = stranger.get(&path).await;
        let sent = answer.status == 303 && answer.location.starts_with("/sign-in");
        assert!(
            sent || answer.status == 401,
            "{path} by a stranger: {} {}",
            answer.status,
            answer.text
        );
        assert!(
            !answer.text.contains("octo/site") && !answer.text.contains("staging"),
            "{path}: {}",
            answer.text
        );
    }
    world.end().await;
}

/// Whatever page somebody opens: of an app that they may not see there is not a word.
#[tokio::test]
async fn no_page_tells_of_an_app_that_may_not_be_seen() {
    let shop = "provider: shell\nwith: { command: [make] }\nviewers: [lisa]\nenvironments: { live: {} }";
    let world = open_to_the_world()
        .with("viewers: [mona]\ndeployers: [mona]")
        .another_app("shop", "octo/shop", shop)
        .start()
        .await;
    world.github.repository("octo/shop").permission("lisa", "read");
    let (run, delivery) = ran(&world).await;
    let id = world.deploy("production").await;
    world.settle().await;
    let sha = world.run(id).await.sha;
    let mut lisa = signed_in(&world, "lisa").await;
    let mut mona = signed_in(&world, "mona").await;
    let mut told = 0;
    for route in opened_by(&["get("])
        .iter()
        .filter(|route| !OPEN.contains(&route.as_str()))
    {
        let path = filled(route, &run, &delivery);
        for query in ["", "?app=site", "?app=site&environment=staging", "?q=octo/site"] {
            let answer = lisa.get(&format!("{path}{query}")).await;
            // what was asked for may be said again, as it is where there is no such app
            for secret in ["octo/site", &sha, &sha[..8], "staging", &delivery] {
                let said_so = query.contains(secret) || path.contains(secret);
                assert!(
                    said_so || !answer.text.contains(secret),
                    "{path}{query} tells of {secret}: {}",
                    answer.text
                );
            }
            told += usize::from(mona.get(&format!("{path}{query}")).await.text.contains("staging"));
        }
    }
    assert!(told > 0, "whoever may see it sees it nowhere");
    world.end().await;
}

#[tokio::test]
async fn the_api_takes_no_session_for_what_changes_something() {
    let world = open_to_the_world().with("admins: [mona]").start().await;
    let (run, delivery) = ran(&world).await;
    let mut mona = signed_in(&world, "mona").await;
    let proof = mona.proof().await;
    for route in api().routes {
        let path = format!("/api/v1{}", filled(route.path, &run, &delivery));
        let own = [("sec-fetch-site", "same-origin")];
        let headers = [
            ("origin", "https://deploy.example.com"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
            ("x-proof", &proof),
            ("idempotency-key", "one"),
        ];
        if route.changes() {
            let answer = mona.ask(route.method.clone(), &path, None, &headers).await;
            assert_eq!(answer.status, 401, "{path}: {}", answer.text);
        } else if route.path != "/events" {
            // the page's own scripts read with it; pages of other sites do not
            assert_eq!(mona.ask(Method::GET, &path, None, &own).await.status, 200, "{path}");
            for headers in [
                &[("sec-fetch-site", "cross-site")][..],
                &[("sec-fetch-site", "same-site")],
                &[("origin", "https://evil.example")],
            ] {
                assert_eq!(
                    mona.ask(Method::GET, &path, None, headers).await.status,
                    401,
                    "{path} {headers:?}"
                );
            }
        }
    }
    untouched(&world, 1).await;
    world.end().await;
}

#[tokio::test]
async fn pages_are_closed_to_strangers_and_open_at_this_machine_to_look() {
    let world = World::new().await;
    let (run, _) = ran(&world).await;
    let path = format!("/runs/{run}");
    let mut stranger = Browser::at(&world);
    let stopped = stranger.get(&path).await;
    assert_eq!(stopped.status, 303);
    assert!(!stopped.text.contains("site") && stopped.location.starts_with("/sign-in?return_to="));
    assert_eq!(world.get(&path).await.0, 200);
    // a link on GitHub leads here too, where nobody else can be
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let address = format!("{}{path}", world.url);
    for (headers, expected) in [
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ][..],
            200,
        ),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "iframe"),
            ],
            303,
        ),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", "image"),
            ],
            303,
        ),
        (&[("host", "evil.example")], 303),
    ] {
        let request = headers.iter().fold(client.get(&address), |request, (name, value)| {
            request.header(*name, *value)
        });
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "{headers:?}");
    }
    // and changes nothing
    let mut here = Browser::at(&world);
    here.origin.clone_from(&world.url);
    assert_eq!(here.post("/sign-out", &[]).await.status, 401);
    world.end().await;
}
