//! Apps made from a manifest: the form, the code that comes back, and what it is exchanged for.

use chima_simulator::clock::{Clock, ManualClock};
use chima_simulator::github::GitHub;
use chrono::TimeDelta;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::client::http;

async fn submitted(github: &GitHub, manifest: &Value) -> (u16, String) {
    let _ = http();
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .user_agent("a browser")
        .build()
        .unwrap();
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("manifest", &manifest.to_string())
        .finish();
    let url = format!("{}/settings/apps/new?state=abc", github.url());
    let answer = client.post(url).body(body).send().await.unwrap();
    let location = answer
        .headers()
        .get("location")
        .map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default())
}

async fn converted(github: &GitHub, code: &str) -> (u16, Value) {
    let url = format!("{}/app-manifests/{code}/conversions", github.api_url());
    let answer = http().post(url).header("user-agent", "a test").send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

fn manifest() -> Value {
    json!({
        "name": "Our deployer",
        "url": "https://deploy.example.com",
        "hook_attributes": {"url": "https://deploy.example.com/hook"},
        "redirect_url": "http://127.0.0.1:1/back",
        "default_permissions": {"deployments": "write"},
        "default_events": ["deployment"],
    })
}

fn code_of(location: &str) -> &str {
    let code = location.split_once("code=").unwrap().1;
    code.split_once('&').unwrap().0
}

#[tokio::test]
async fn a_code_is_good_once_and_makes_the_app() {
    let github = GitHub::start().await.unwrap();
    let (status, location) = submitted(&github, &manifest()).await;
    assert_eq!(status, 302);
    assert!(location.starts_with("http://127.0.0.1:1/back?code=") && location.ends_with("&state=abc"));
    let (status, made) = converted(&github, code_of(&location)).await;
    assert_eq!(status, 201);
    assert_eq!(made["slug"], "our-deployer");
    assert!(
        made["pem"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN RSA PRIVATE KEY-----")
    );
    github.read(|world| {
        assert_eq!(world.app.events, ["deployment"]);
        assert_eq!(world.hooks[0].secret.as_deref(), made["webhook_secret"].as_str());
    });
    assert_eq!(converted(&github, code_of(&location)).await.0, 404);
}

#[tokio::test]
async fn a_code_ends_after_an_hour() {
    let github = GitHub::start().await.unwrap();
    let clock = ManualClock::at(Clock::system().now());
    github.set_clock(clock.clock());
    let (_, location) = submitted(&github, &manifest()).await;
    clock.advance(TimeDelta::hours(1));
    assert_eq!(converted(&github, code_of(&location)).await.0, 404);
}

#[tokio::test]
async fn what_github_refuses_of_a_manifest() {
    let github = GitHub::start().await.unwrap();
    for (key, value) in [
        ("default_events", json!(["check_run"])),
        ("default_events", json!(["no_such_event"])),
        ("redirect_url", Value::Null),
        ("name", json!("a name of more than thirty-four letters")),
    ] {
        let mut manifest = manifest();
        manifest[key] = value.clone();
        assert_eq!(submitted(&github, &manifest).await.0, 422, "{key}: {value}");
    }
}
