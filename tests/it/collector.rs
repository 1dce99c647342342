//! A collector of traces as OpenTelemetry's own messages define it: what it cannot decode, it does not take.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    Answers(u16),
    /// It takes connections and never answers.
    Silent,
}

#[derive(Debug)]
struct Taken {
    mood: Mood,
    headers: Vec<HeaderMap>,
    /// With who told of it.
    spans: Vec<(String, Span)>,
    services: Vec<String>,
    bytes: Vec<u8>,
}

/// A collector that listens.
#[derive(Debug)]
pub struct Collector {
    pub url: String,
    taken: Arc<Mutex<Taken>>,
    serving: JoinHandle<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let taken = Arc::new(Mutex::new(Taken {
            mood: Mood::Well,
            headers: Vec::new(),
            spans: Vec::new(),
            services: Vec::new(),
            bytes: Vec::new(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&taken));
        #[expect(clippy::disallowed_methods, reason = "it ends with its handle")]
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, taken, serving }
    }

    pub fn is(&self, mood: Mood) {
        self.taken.lock().unwrap().mood = mood;
    }

    pub fn requests(&self) -> usize {
        self.taken.lock().unwrap().headers.len()
    }

    /// A header of the first request.
    pub fn header(&self, name: &str) -> String {
        let taken = self.taken.lock().unwrap();
        taken.headers[0]
            .get(name)
            .map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }

    /// Whether these bytes are anywhere in what was told.
    pub fn was_told(&self, secret: &str) -> bool {
        let taken = self.taken.lock().unwrap();
        taken
            .bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    }

    pub fn services(&self) -> Vec<String> {
        self.taken.lock().unwrap().services.clone()
    }

    /// Who told anything, each once.
    pub fn instances(&self) -> usize {
        let taken = self.taken.lock().unwrap();
        let mut all: Vec<&String> = taken.spans.iter().map(|(instance, _)| instance).collect();
        all.sort();
        all.dedup();
        all.len()
    }

    pub fn spans(&self) -> Vec<Span> {
        self.taken
            .lock()
            .unwrap()
            .spans
            .iter()
            .map(|(_, span)| span.clone())
            .collect()
    }

    /// The one trace there is, as a tree: a line for each span, with what is asked for of what is said of it. Every span but the root
    /// has a parent that was told, and no two have one id.
    pub fn tree(&self, keys: &[&str]) -> String {
        let trees = self.trees(keys);
        assert_eq!(trees.len(), 1, "{trees:#?}");
        trees.into_values().next().unwrap()
    }

    /// The trees by trace.
    pub fn trees(&self, keys: &[&str]) -> BTreeMap<String, String> {
        let spans = self.spans();
        let mut traces: BTreeMap<String, Vec<&Span>> = BTreeMap::new();
        for span in &spans {
            assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
            assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
            traces.entry(hex::encode(&span.trace_id)).or_default().push(span);
        }
        traces
            .into_iter()
            .map(|(id, spans)| (id, tree_of(&spans, keys)))
            .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn tree_of(spans: &[&Span], keys: &[&str]) -> String {
    let mut below: BTreeMap<&[u8], Vec<&Span>> = BTreeMap::new();
    let mut ids: Vec<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "two spans with one id: {spans:#?}");
    for span in spans {
        let parent = span.parent_span_id.as_slice();
        assert!(
            parent.is_empty() || ids.binary_search(&parent).is_ok(),
            "its parent was never told: {span:#?}"
        );
        below.entry(parent).or_default().push(span);
    }
    let mut text = String::new();
    write(&mut text, &below, &[], 0, keys);
    text
}

/// The order of the stages; those of one name by what is shown of them.
const ORDER: [&str; 13] = [
    "receive", "intake", "gather", "decide", "held", "queued", "attempt", "claim", "prepare", "fetch", "checkout",
    "step", "report",
];

fn write(text: &mut String, below: &BTreeMap<&[u8], Vec<&Span>>, parent: &[u8], depth: usize, keys: &[&str]) {
    let mut spans: Vec<(usize, String, &Span)> = below
        .get(parent)
        .into_iter()
        .flatten()
        .map(|span| {
            let order = ORDER.iter().position(|name| *name == span.name).unwrap_or(ORDER.len());
            (order, line(span, keys), *span)
        })
        .collect();
    spans.sort_by(|a, b| (a.0, a.2.start_time_unix_nano, &a.1).cmp(&(b.0, b.2.start_time_unix_nano, &b.1)));
    for (_, line, span) in spans {
        text.push_str(&"  ".repeat(depth));
        text.push_str(&line);
        text.push('\n');
        write(text, below, &span.span_id, depth + 1, keys);
    }
}

fn line(span: &Span, keys: &[&str]) -> String {
    let mut line = span.name.clone();
    for key in keys {
        if let Some(value) = said(&span.attributes, key) {
            line.push_str(&format!(" {key}={value}"));
        }
    }
    for event in &span.events {
        line.push_str(&format!(" +{}", event.name));
    }
    if let Some(status) = &span.status {
        assert_eq!(status.code, 2);
        line.push_str(&format!(" !{}", status.message));
    }
    line
}

/// What is said of a span under a key.
pub fn said(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    Some(shown(found.value.as_ref().unwrap()))
}

/// A text, a number or a list of them; whatever else it may be is shown as it is, and stands out.
fn shown(value: &AnyValue) -> String {
    let value = value.value.as_ref().unwrap();
    if let Value::StringValue(text) = value {
        text.clone()
    } else if let Value::IntValue(number) = value {
        number.to_string()
    } else if let Value::ArrayValue(array) = value {
        array.values.iter().map(shown).collect::<Vec<_>>().join(",")
    } else {
        format!("{value:?}")
    }
}

async fn take(State(taken): State<Arc<Mutex<Taken>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mood = taken.lock().unwrap().mood;
    if mood == Mood::Silent {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    let mut taken = taken.lock().unwrap();
    taken.headers.push(headers);
    if let Mood::Answers(status) = mood {
        return StatusCode::from_u16(status).unwrap();
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body.clone()) else {
        return StatusCode::BAD_REQUEST;
    };
    // what is not understood would not be written again
    if request.encode_to_vec() != body {
        return StatusCode::BAD_REQUEST;
    }
    taken.bytes.extend_from_slice(&body);
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.unwrap().attributes;
        let instance = said(&resource, "service.instance.id").unwrap();
        taken.services.push(said(&resource, "service.name").unwrap());
        let spans = of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans);
        taken.spans.extend(spans.map(|span| (instance.clone(), span)));
    }
    StatusCode::OK
}
