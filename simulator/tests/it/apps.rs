//! The App: its JWT, its installations, its tokens, the log of its hook.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chima_simulator::clock::{Clock, ManualClock};
use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::DeploymentRequest;
use chrono::TimeDelta;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::client::{Got, ask_as};
use crate::receiver::Receiver;

/// Signs claims with the App's key.
fn signed_jwt(github: &GitHub, claims: &Value) -> String {
    let pem = github.app_key().unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = RsaKeyPair::from_der(&STANDARD.decode(der).unwrap()).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn jwt(github: &GitHub) -> String {
    let now = github.read(|world| world.now()).timestamp();
    signed_jwt(github, &json!({"iss": 12_345, "iat": now - 60, "exp": now + 540}))
}

async fn as_app(github: &GitHub, method: &str, path: &str, body: Option<Value>) -> Got {
    ask_as(github, &jwt(github), method, path, body).await
}

async fn issued(github: &GitHub, body: Value) -> Got {
    as_app(github, "POST", "/app/installations/77/access_tokens", Some(body)).await
}

async fn token(github: &GitHub, body: Value) -> String {
    let got = issued(github, body).await;
    assert_eq!(got.status, 201, "{got:?}");
    got.body["token"].as_str().unwrap().to_owned()
}

async fn furnished() -> GitHub {
    let github = GitHub::start().await.unwrap();
    github.repository("octo/site");
    github
}

#[tokio::test]
async fn knows_itself_and_where_it_is_installed() {
    let github = furnished().await;
    github.repository("else/where");
    github.repository("octo/closed").without_app();
    assert_eq!(as_app(&github, "GET", "/app", None).await.body["slug"], "chima");
    let installation = as_app(&github, "GET", "/repos/octo/site/installation", None).await;
    assert_eq!(installation.body["id"], 77);
    let other = as_app(&github, "GET", "/repos/else/where/installation", None).await;
    assert_eq!(other.body["id"], 78);
    let closed = as_app(&github, "GET", "/repos/octo/closed/installation", None).await;
    assert_eq!(closed.status, 404);
    let all = as_app(&github, "GET", "/app/installations", None).await;
    assert_eq!(all.body.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn refuses_a_jwt_with_wrong_claims_or_another_key() {
    let github = furnished().await;
    let now = Clock::system().now().timestamp();
    for (claims, part) in [
        (
            json!({"iss": 1, "iat": now - 60, "exp": now + 60}),
            "Integration not found",
        ),
        (
            json!({"iss": 12_345, "iat": now - 60, "exp": now + 700}),
            "too far in the future",
        ),
        (json!({"iss": 12_345, "iat": now - 700, "exp": now - 60}), "('exp')"),
        (json!({"iss": 12_345, "iat": now + 90, "exp": now + 120}), "('iat')"),
        (json!({"iss": 12_345, "iat": now - 60}), "('exp')"),
    ] {
        let got = ask_as(&github, &signed_jwt(&github, &claims), "GET", "/app", None).await;
        assert_eq!(got.status, 401);
        assert!(got.message().contains(part), "{got:?}");
    }
    let mut forged = jwt(&github);
    let claims = URL_SAFE_NO_PAD.encode(json!({"iss": 12_345, "iat": now - 61, "exp": now + 60}).to_string());
    let parts: Vec<&str> = forged.split('.').collect();
    forged = format!("{}.{claims}.{}", parts[0], parts[2]);
    let got = ask_as(&github, &forged, "GET", "/app", None).await;
    assert_eq!(got.message(), "A JSON web token could not be decoded");
    github.set_app(12_345, "chima", None);
    assert_eq!(ask_as(&github, &forged, "GET", "/app", None).await.status, 200);
}

#[tokio::test]
async fn a_token_reaches_what_it_was_made_for() {
    let github = furnished().await;
    github.repository("octo/other");
    github.repository("else/where");
    let all = token(&github, json!({})).await;
    assert!(all.len() > 100 && all.starts_with("ghs_12345_"));
    let see = |token: &str, name: &str| {
        let (github, token, path) = (github.clone(), token.to_owned(), format!("/repos/{name}"));
        async move { ask_as(&github, &token, "GET", &path, None).await.status }
    };
    assert_eq!(see(&all, "octo/other").await, 200);
    assert_eq!(see(&all, "else/where").await, 404);
    let narrow = token(&github, json!({"repositories": ["site"]})).await;
    assert_eq!(see(&narrow, "octo/site").await, 200);
    assert_eq!(see(&narrow, "octo/other").await, 404);
    let reached = ask_as(&github, &narrow, "GET", "/installation/repositories", None).await;
    assert_eq!(reached.body["total_count"], 1);
    assert_eq!(issued(&github, json!({"repositories": ["nope"]})).await.status, 422);
    let unknown = as_app(&github, "POST", "/app/installations/5/access_tokens", None).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_token_may_do_what_it_was_granted() {
    let github = furnished().await;
    let reader = token(&github, json!({"permissions": {"deployments": "read"}})).await;
    let path = "/repos/octo/site/deployments";
    assert_eq!(ask_as(&github, &reader, "GET", path, None).await.status, 200);
    let body = Some(json!({"ref": "main", "auto_merge": false}));
    let refused = ask_as(&github, &reader, "POST", path, body.clone()).await;
    assert_eq!(
        (refused.status, refused.message()),
        (403, "Resource not accessible by integration")
    );
    assert_eq!(
        issued(&github, json!({"permissions": {"secrets": "write"}}))
            .await
            .status,
        422
    );
    let writer = token(&github, json!({"permissions": {"deployments": "write"}})).await;
    let created = ask_as(&github, &writer, "POST", path, body).await;
    assert_eq!(created.body["creator"]["login"], "chima[bot]");
    assert_eq!(created.body["performed_via_github_app"]["slug"], "chima");
    let merging = Some(json!({"ref": "main"}));
    assert_eq!(ask_as(&github, &writer, "POST", path, merging).await.status, 403);
}

#[tokio::test]
async fn a_token_ends_after_an_hour_or_when_revoked() {
    let github = furnished().await;
    let clock = ManualClock::at(Clock::system().now());
    github.set_clock(clock.clock());
    let first = token(&github, json!({})).await;
    let path = "/repos/octo/site";
    clock.advance(TimeDelta::minutes(59));
    assert_eq!(ask_as(&github, &first, "GET", path, None).await.status, 200);
    clock.advance(TimeDelta::minutes(1));
    assert_eq!(
        ask_as(&github, &first, "GET", path, None).await.message(),
        "Bad credentials"
    );
    let second = token(&github, json!({})).await;
    github.revoke_installation_tokens();
    assert_eq!(ask_as(&github, &second, "GET", path, None).await.status, 401);
}

#[tokio::test]
async fn only_a_jwt_opens_the_log_of_the_apps_hook() {
    let github = furnished().await;
    let receiver = Receiver::start().await;
    receiver.answers(500);
    github.hook(&receiver.url, "a secret of sixteen bytes");
    github.deploy("octo/site", DeploymentRequest::default()).await.unwrap();
    let installation = token(&github, json!({})).await;
    let path = "/app/hook/deliveries";
    assert_eq!(ask_as(&github, &installation, "GET", path, None).await.status, 401);
    let rows = as_app(&github, "GET", &format!("{path}?status=failure"), None).await;
    assert_eq!(rows.body[0]["installation_id"], 77);
    receiver.answers(202);
    let attempts = format!("{path}/{}/attempts", rows.body[0]["id"]);
    assert_eq!(as_app(&github, "POST", &attempts, None).await.status, 202);
    github.wait_for_deliveries(Duration::from_secs(5)).await.unwrap();
    let rows = as_app(&github, "GET", &format!("{path}?status=success"), None).await;
    assert_eq!(rows.body[0]["redelivery"], true);
    let secret = as_app(&github, "GET", "/app/hook/config", None).await;
    assert_eq!(secret.body["secret"], "********");
}

#[tokio::test]
async fn a_jwt_does_not_open_a_repository() {
    let github = furnished().await;
    assert_eq!(as_app(&github, "GET", "/repos/octo/site", None).await.status, 403);
}
