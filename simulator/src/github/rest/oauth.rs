//! Signing in with the App: the page that a browser is sent to, and the code that comes back with it.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app>

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::github::app::Token;
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::world::World;
use crate::message::Answer;

/// How long a code is good.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);
const CLIENT_ID: &str = "Iv23liSimulatedChima";
const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the App knows about people who sign in with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct OAuth {
    callbacks: Vec<String>,
    codes: Vec<Code>,
    pub(crate) person: Option<String>,
    pub(crate) declines: bool,
}

#[derive(Debug, Clone)]
struct Code {
    value: String,
    at: DateTime<Utc>,
    login: String,
    redirect_uri: String,
    challenge: Option<String>,
}

impl OAuth {
    pub(crate) fn open(&mut self, callbacks: &[&str]) -> (String, String) {
        self.callbacks = callbacks.iter().map(|one| (*one).to_owned()).collect();
        (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())
    }
}

/// What the browser opens. Whoever sits at it has agreed before, or does not.
pub(crate) fn authorize(world: &mut World, call: &Call<'_>) -> Outcome {
    let known = world.oauth.callbacks.first().cloned();
    let Some(known) = known.filter(|_| call.query("client_id") == Some(CLIENT_ID)) else {
        return Err(Refused::not_found());
    };
    let state = call.query("state").unwrap_or_default().to_owned();
    let redirect_uri = call.query("redirect_uri").unwrap_or_default().to_owned();
    if !world.oauth.callbacks.contains(&redirect_uri) {
        return Ok(sent_back(
            &known,
            &[("error", "redirect_uri_mismatch"), ("state", &state)],
        ));
    }
    let Some(login) = world.oauth.person.clone() else {
        return Ok(Answer::text(200, "Sign in to GitHub"));
    };
    if world.oauth.declines {
        let error = "The user has denied your application access.";
        let pairs = [
            ("error", "access_denied"),
            ("error_description", error),
            ("state", state.as_str()),
        ];
        return Ok(sent_back(&redirect_uri, &pairs));
    }
    let method = call.query("code_challenge_method");
    let challenge = call.query("code_challenge").map(str::to_owned);
    if challenge.is_some() && method != Some("S256") {
        let pairs = [("error", "invalid_request"), ("state", state.as_str())];
        return Ok(sent_back(&redirect_uri, &pairs));
    }
    let value = format!("code-of-{login}-{}", world.fresh_id());
    let at = world.now();
    world.oauth.codes.push(Code {
        value: value.clone(),
        at,
        login,
        redirect_uri: redirect_uri.clone(),
        challenge,
    });
    Ok(sent_back(&redirect_uri, &[("code", &value), ("state", &state)]))
}

fn sent_back(redirect_uri: &str, pairs: &[(&str, &str)]) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    Answer::empty(302).with("location", format!("{redirect_uri}?{query}"))
}

/// Hands out a token for a code, once. What is wrong is said with 200.
pub(crate) fn exchange(world: &mut World, call: &Call<'_>) -> Outcome {
    let now = world.now();
    let field = |name: &str| call.form_field(name).unwrap_or_default();
    let wrong = |error: &str| {
        let body = json!({"error": error, "error_description": "It is not right."});
        Ok(Answer::json(200, &body))
    };
    if field("client_id") != CLIENT_ID || field("client_secret") != CLIENT_SECRET {
        return wrong("incorrect_client_credentials");
    }
    let value = field("code");
    let Some(place) = world.oauth.codes.iter().position(|code| code.value == value) else {
        return wrong("bad_verification_code");
    };
    let code = world.oauth.codes.remove(place);
    if code.at + CODE_LIFETIME <= now {
        return wrong("bad_verification_code");
    }
    if code.redirect_uri != field("redirect_uri") {
        return wrong("redirect_uri_mismatch");
    }
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    if code.challenge.is_some_and(|challenge| challenge != proof) {
        return wrong("bad_verification_code");
    }
    let token = format!("ghu_{}", hex::encode(Sha256::digest(format!("{value} {now}"))));
    world.tokens.push(Token {
        expires_at: Some(now + TimeDelta::hours(8)),
        ..Token::of_user(&token, &code.login)
    });
    let given = json!({
        "access_token": token, "expires_in": 28_800, "refresh_token": format!("ghr_{}", world.fresh_id()),
        "refresh_token_expires_in": 15_811_200, "scope": "", "token_type": "bearer",
    });
    Ok(Answer::json(200, &given))
}
