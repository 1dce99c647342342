//! Routes as they are made: what each takes, needs and answers is said once, and is both what holds and what is described.

use std::convert::Infallible;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::domain::viewer::Scope;
use crate::http::state::Live;

/// What may be wrong with any request.
const ALWAYS: [u16; 7] = [400, 401, 403, 404, 429, 500, 503];
/// What may be wrong with one that changes something.
const CHANGES: [u16; 4] = [409, 422, 502, 504];
/// What may be wrong with a body.
const BODIES: [u16; 2] = [413, 415];

/// What an answer holds: its kind, and its form.
type Content = Option<(&'static str, Value)>;

/// All routes, and the forms they speak of.
pub struct Api {
    /// In the order in which they are described.
    pub routes: Vec<Route>,
    generator: SchemaGenerator,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its address below the base, with the names of its parts in braces.
    pub path: &'static str,
    /// What it is called in programs made from the description.
    pub id: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Which scope a token needs for it.
    pub needs: Scope,
    /// Whether it must be told apart from others by its sender.
    pub keyed: bool,
    /// Whether GitHub is asked before it is answered, though nothing is changed.
    pub asks: bool,
    query: Map<String, Value>,
    body: Option<Value>,
    answers: Vec<(u16, &'static str, Content)>,
    pub(super) handler: MethodRouter<Live>,
}

/// A route that is being made.
pub(super) struct Made<'a> {
    api: &'a mut Api,
    route: Route,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            routes: Vec::new(),
            generator: settings.into_generator(),
        }
    }

    /// A route that looks.
    pub(super) fn get(&mut self, path: &'static str, id: &'static str, summary: &'static str) -> Made<'_> {
        self.make(Method::GET, path, id, summary, Scope::Read)
    }

    /// A route that changes something.
    pub(super) fn post(
        &mut self,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        needs: Scope,
    ) -> Made<'_> {
        self.make(Method::POST, path, id, summary, needs)
    }

    /// A route that ends something.
    pub(super) fn delete(
        &mut self,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        needs: Scope,
    ) -> Made<'_> {
        self.make(Method::DELETE, path, id, summary, needs)
    }

    fn make(
        &mut self,
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        needs: Scope,
    ) -> Made<'_> {
        Made {
            api: self,
            route: Route {
                method,
                path,
                id,
                summary,
                needs,
                keyed: false,
                asks: false,
                query: Map::new(),
                body: None,
                answers: Vec::new(),
                handler: MethodRouter::<Live, Infallible>::new(),
            },
        }
    }

    /// The forms that routes speak of, by name.
    pub(super) fn forms(&mut self) -> Map<String, Value> {
        self.generator.take_definitions(true)
    }
}

impl Made<'_> {
    /// Takes this query.
    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        // spelled out: each field is a parameter of its own
        let schema = T::json_schema(&mut self.api.generator);
        self.route.query = schema.as_object().cloned().unwrap_or_default();
        self
    }

    /// Takes this body.
    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        self.route.body = Some(form::<T>(&mut self.api.generator));
        self
    }

    /// Answers with this.
    pub(super) fn answers<T: JsonSchema>(self, status: u16, what: &'static str) -> Self {
        let form = form::<T>(&mut self.api.generator);
        self.with(status, what, Some(("application/json", form)))
    }

    /// Answers with a text of some kind.
    pub(super) fn tells(self, kind: &'static str, what: &'static str) -> Self {
        self.with(200, what, Some((kind, json!({"type": "string"}))))
    }

    fn with(mut self, status: u16, what: &'static str, content: Content) -> Self {
        self.route.answers.push((status, what, content));
        self
    }

    /// Has one effect, however often it is sent under one key.
    pub(super) fn keyed(mut self) -> Self {
        self.route.keyed = true;
        self
    }

    /// Asks GitHub, and what it is asked may make no sense.
    pub(super) fn asks_github(mut self) -> Self {
        self.route.asks = true;
        self
    }

    /// Is done by this.
    pub(super) fn by<H, T>(mut self, handler: H)
    where
        H: Handler<T, Live>,
        T: 'static,
    {
        let filter = match self.route.method {
            Method::POST => MethodFilter::POST,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        self.route.handler = on(filter, handler);
        self.api.routes.push(self.route);
    }
}

fn form<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    Schema::to_value(generator.subschema_for::<T>())
}

impl Route {
    /// Whether it changes something.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// As `OpenAPI` describes an operation.
    #[must_use]
    pub fn operation(&self) -> Value {
        let mut responses = Map::new();
        for (status, what, content) in &self.answers {
            responses.insert(status.to_string(), answer(what, content.as_ref()));
        }
        if !self.changes() && self.answers.iter().any(|(_, _, content)| is_json(content.as_ref())) {
            responses.insert(
                "304".to_owned(),
                json!({"description": "not changed since `If-None-Match`"}),
            );
        }
        let body = self.body.as_ref().map_or(&[][..], |_| &BODIES[..]);
        let changes = if self.changes() || self.asks {
            &CHANGES[..]
        } else {
            &[][..]
        };
        for status in ALWAYS.iter().chain(changes).chain(body) {
            let problem = json!({"$ref": "#/components/responses/Problem"});
            responses.entry(status.to_string()).or_insert(problem);
        }
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": format!("Needs the scope `{}`.", self.needs.as_str()),
            "tags": [self.path.split('/').nth(1).unwrap_or_default()],
            "security": [{"token": [self.needs.as_str()]}],
            "parameters": self.parameters(),
            "responses": responses,
        });
        if let Some(body) = &self.body {
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": body}}});
        }
        operation
    }

    fn parameters(&self) -> Vec<Value> {
        let mut all: Vec<Value> = self
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}))
            .collect();
        let required = self.query.get("required").and_then(Value::as_array);
        let properties = self.query.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            not_null(&mut schema);
            let required = required.is_some_and(|required| required.iter().any(|one| one == name));
            all.push(json!({
                "name": name, "in": "query", "required": required, "description": description, "schema": schema,
            }));
        }
        if self.keyed {
            all.push(json!({
                "name": "Idempotency-Key", "in": "header", "required": true,
                "description": "What the sender calls this request, different for each: sent again under the same key, it is \
                                answered as it was the first time, and nothing is done twice.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]{1,200}$"},
            }));
        }
        all
    }
}

fn is_json(content: Option<&(&'static str, Value)>) -> bool {
    content.is_some_and(|(kind, _)| *kind == "application/json")
}

fn answer(what: &str, content: Option<&(&'static str, Value)>) -> Value {
    match content {
        Some((kind, schema)) => {
            let mut content = Map::new();
            content.insert((*kind).to_owned(), json!({"schema": schema}));
            json!({"description": what, "content": content})
        }
        None => json!({"description": what}),
    }
}

/// A parameter that is not there is not there; it is never `null`.
fn not_null(schema: &mut Value) {
    if let Some(kinds) = schema.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(all) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        all.retain(|one| !one.is_null());
    }
}
