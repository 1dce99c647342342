//! `/api/openapi.json`: what the API is, made from what it does.
//! <https://spec.openapis.org/oas/v3.1.1.html>

use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::http::api::{BASE, api};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemForm {
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// A stable code.
    pub code: String,
    /// A sentence: what is wrong, and what to do next.
    pub detail: String,
}

/// The whole description.
#[must_use]
pub fn description() -> Value {
    let mut api = api();
    let mut paths: Map<String, Value> = Map::new();
    for route in &api.routes {
        let method = route.method.as_str().to_ascii_lowercase();
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[method] = route.operation();
    }
    let problem = Value::from(schemars::schema_for!(ProblemForm));
    let problem = without_outer(problem);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chima",
            "version": "1",
            "description": "Executes GitHub Deployments. Times are RFC 3339 in UTC. Lists come in pages: `next` is the `cursor` of \
                            the next one. Reads carry an `ETag`; with `If-None-Match` they are answered 304 where nothing has \
                            changed.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": BASE}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": api.forms(),
            "responses": {
                "Problem": {
                    "description": "it was not done, and why",
                    "content": {"application/problem+json": {"schema": problem}},
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that `chima token create` made. Whoever is signed in to the pages may look from \
                                    there without one, and where Chima is bound to loopback and told of no other address, whoever sits at \
                                    that machine.",
                },
            },
        },
    })
}

/// A schema as a part of another document.
fn without_outer(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
    }
    schema
}

/// The same as the file in the documentation has it.
#[must_use]
pub fn text() -> String {
    let text = serde_json::to_string_pretty(&description()).unwrap_or_default();
    format!("{text}\n")
}

/// The same as an answer.
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}
