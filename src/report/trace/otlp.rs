//! Spans as OTLP has them: the bytes of an `ExportTraceServiceRequest`.
//!
//! Written by hand, because it is one message with four kinds of fields, of which no number ever changes.
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>

use crate::domain::clock::Timestamp;
use crate::report::trace::{Kind, Span, Value};

/// Where in a request a kind of field begins. <https://protobuf.dev/programming-guides/encoding/>
#[derive(Debug, Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
}

/// A message under construction.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, wire: Wire) {
        self.varint((u64::from(field) << 3) | wire as u64);
    }

    fn number(&mut self, field: u32, value: u64) -> &mut Self {
        self.tag(field, Wire::Varint);
        self.varint(value);
        self
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) -> &mut Self {
        self.tag(field, Wire::Length);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(&mut self, field: u32, text: &str) -> &mut Self {
        self.bytes(field, text.as_bytes())
    }

    /// Nanoseconds since 1970. Ours are milliseconds.
    fn time(&mut self, field: u32, at: Timestamp) -> &mut Self {
        let nanoseconds = at.timestamp_nanos_opt().and_then(|at| u64::try_from(at).ok());
        self.tag(field, Wire::Fixed64);
        self.0.extend_from_slice(&nanoseconds.unwrap_or(0).to_le_bytes());
        self
    }

    fn inner(&mut self, field: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(field, &inner.0)
    }

    fn attribute(&mut self, field: u32, key: &str, value: &Value) -> &mut Self {
        self.inner(field, |pair| {
            pair.text(1, key).inner(2, |any| any.value(value));
        })
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.text(1, text),
            // as protobuf writes negative numbers
            Value::Number(number) => self.number(3, number.cast_unsigned()),
            Value::List(texts) => self.inner(5, |array| {
                for text in texts {
                    array.inner(1, |any| any.value(&Value::Text(text.clone())));
                }
            }),
        };
    }

    fn span(&mut self, span: &Span) {
        let Span {
            trace,
            place,
            from,
            until,
            attributes,
            events,
            trouble,
        } = span;
        self.bytes(1, &trace.0).bytes(2, &place.id(*trace).0);
        if let Some(parent) = place.parent() {
            self.bytes(4, &parent.id(*trace).0);
        }
        let kind = match place.kind() {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
        };
        self.text(5, place.name())
            .number(6, kind)
            .time(7, *from)
            .time(8, *until);
        for (key, value) in attributes {
            self.attribute(9, key, value);
        }
        for (at, name) in events {
            self.inner(11, |event| {
                event.time(1, *at).text(2, name);
            });
        }
        if let Some(trouble) = trouble {
            self.inner(15, |status| {
                status.text(2, trouble).number(3, 2);
            });
        }
    }
}

/// Who tells.
#[derive(Debug, Clone, Copy)]
pub struct Teller<'a> {
    /// What collectors call all processes of the installation.
    pub service: &'a str,
    /// This process.
    pub instance: &'a str,
}

/// A request that tells a collector of spans.
#[must_use]
pub fn request(teller: Teller<'_>, spans: &[Span]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let mut request = Message::default();
    request.inner(1, |of_resource| {
        of_resource.inner(1, |resource| {
            for (key, value) in [
                ("service.name", teller.service),
                ("service.version", version),
                ("service.instance.id", teller.instance),
            ] {
                resource.attribute(1, key, &Value::from(value));
            }
        });
        of_resource.inner(2, |of_scope| {
            of_scope.inner(1, |scope| {
                scope.text(1, "chima").text(2, version);
            });
            for span in spans {
                of_scope.inner(2, |message| message.span(span));
            }
        });
    });
    request.0
}
