//! The API over real HTTP: who gets in, what they see, and that what is asked for is done once.

mod doors;
mod events;
mod looks;
mod once;
mod words;

use chima::domain::viewer::Scope;
use chima::flow::tokens::{Wanted, create};
use serde_json::Value;

use crate::world::stage::World;

/// An answer of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A request of the API.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub token: &'a str,
    pub body: Option<Value>,
    pub headers: Vec<(&'a str, String)>,
}

impl<'a> Ask<'a> {
    pub fn get(path: &'a str, token: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            token,
            body: None,
            headers: Vec::new(),
        }
    }

    pub fn post(path: &'a str, token: &'a str, body: Value) -> Self {
        Self {
            method: "POST",
            body: Some(body),
            ..Self::get(path, token)
        }
    }

    pub fn delete(path: &'a str, token: &'a str) -> Self {
        Self {
            method: "DELETE",
            ..Self::get(path, token)
        }
    }

    pub fn with(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn keyed(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }
}

impl World {
    /// A token of a person, for all apps.
    pub async fn token(&self, login: &str, scopes: &[Scope]) -> String {
        self.token_for(login, scopes, None).await
    }

    pub async fn token_for(&self, login: &str, scopes: &[Scope], apps: Option<&[&str]>) -> String {
        let wanted = Wanted {
            login: login.to_owned(),
            scopes: scopes.to_vec(),
            apps: apps.map(|apps| apps.iter().map(|app| app.parse().unwrap()).collect()),
            days: 90,
            note: None,
            by: "root".to_owned(),
        };
        create(&self.engine.store, self.engine.clock.as_ref(), wanted)
            .await
            .unwrap()
            .1
    }

    /// Asks the API, and lets GitHub deliver what came of it.
    pub async fn api(&self, ask: Ask<'_>) -> Answer {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/v1{}", self.url, ask.path);
        let mut request = client.request(ask.method.parse().unwrap(), url);
        if !ask.token.is_empty() {
            request = request.bearer_auth(ask.token);
        }
        if let Some(body) = &ask.body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        self.github
            .wait_for_deliveries(crate::world::steps::PATIENCE)
            .await
            .unwrap();
        Answer { status, headers, text }
    }
}
