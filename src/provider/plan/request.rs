//! What a run asks of a server: everything filled in but what only the moment of asking brings.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::provider::manifest::form::Form;
use crate::provider::manifest::input::InputKind;
use crate::provider::manifest::request::{Headers, Poll, Request, Word};
use crate::provider::manifest::{Manifest, support::Cause};
use crate::provider::plan::error::PlanError;
use crate::provider::plan::inputs::Given;
use crate::provider::plan::values::Values;
use crate::provider::request::late::{Late, literal};
use crate::provider::request::spec::{Body, Call, Poll as PollSpec, RequestSpec};
use crate::provider::template::{Piece, Template};

const RETRY: u64 = 60;
const ANSWER: u64 = 60;
const EVERY: u64 = 5;

/// Names of methods are few; whatever else stands there is a mistake.
const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];

/// The request of a form.
pub(super) fn request(manifest: &Manifest, form: &Form, values: &Values<'_>) -> Result<RequestSpec, PlanError> {
    let planner = Planner { manifest, values };
    let Some(request) = &form.request else {
        return Err(bad("request", "is missing"));
    };
    let call = planner.call("request", request)?;
    if call.url.needs_answer() {
        return Err(bad("request", "its address needs the answer to itself"));
    }
    Ok(RequestSpec {
        retry: planner.seconds("retry_seconds", request.retry_seconds.as_ref(), RETRY)?,
        poll: form.poll.as_ref().map(|poll| planner.poll(poll)).transpose()?,
        cancel: form
            .cancel
            .as_ref()
            .map(|request| planner.call("cancel", request))
            .transpose()?,
        request: call,
    })
}

/// What the last line of a request that came to nothing says.
pub(super) fn cause() -> Cause {
    Cause {
        pattern: "(?m)^(?:failed|refused|not reached|unclear): (.+)$".to_owned(),
        says: "$1".to_owned(),
        hint: None,
        disproves: false,
    }
}

struct Planner<'a> {
    manifest: &'a Manifest,
    values: &'a Values<'a>,
}

impl Planner<'_> {
    fn call(&self, place: &str, request: &Request) -> Result<Call, PlanError> {
        let method = self.text(request.method.as_deref().unwrap_or("POST"))?;
        if !METHODS.contains(&method.as_str()) {
            return Err(bad(
                place,
                &format!("its method is `{method}`; expected one of {}", METHODS.join(", ")),
            ));
        }
        let expect = self.words(&request.expect)?.into_iter().map(|word| {
            word.parse()
                .map_err(|_| bad(place, &format!("`{word}` in `expect` is no code such as 200")))
        });
        Ok(Call {
            method,
            url: self.address(place, &request.url)?,
            headers: self.headers(place, request.headers.as_ref())?,
            body: request
                .body
                .as_ref()
                .map(|body| self.body(place, body))
                .transpose()?
                .flatten(),
            expect: expect.collect::<Result<_, _>>()?,
            message: self.pointer(place, request.message.as_deref())?,
            answer: self.seconds("answer_seconds", request.answer_seconds.as_ref(), ANSWER)?,
        })
    }

    fn poll(&self, poll: &Poll) -> Result<PollSpec, PlanError> {
        let state = self
            .pointer("poll", Some(&poll.state))?
            .ok_or_else(|| bad("poll", "it does not say where the state is"))?;
        let success = self.words(&poll.success)?;
        if success.is_empty() {
            return Err(bad("poll", "it names no state of success"));
        }
        Ok(PollSpec {
            call: Call {
                method: "GET".to_owned(),
                url: self.address("poll", &poll.url)?,
                headers: self.headers("poll", poll.headers.as_ref())?,
                body: None,
                expect: Vec::new(),
                message: self.pointer("poll", poll.message.as_deref())?,
                answer: Duration::from_secs(ANSWER),
            },
            every: self.seconds("every_seconds", poll.every_seconds.as_ref(), EVERY)?,
            state,
            success,
            failure: self.words(&poll.failure)?,
        })
    }

    /// An address, in which values are parts and nothing more.
    fn address(&self, place: &str, text: &str) -> Result<Late, PlanError> {
        let mut address = String::new();
        for piece in Template::parse(text)?.pieces {
            match piece {
                Piece::Text(text) => address.push_str(&text),
                Piece::Placeholder(name) if self.kind(&name) == Some(InputKind::Url) => {
                    address.push_str(&self.value(&name));
                }
                Piece::Placeholder(name) => {
                    let value = Late::parse(&self.value(&name)).map_err(|error| bad(place, &error.to_string()))?;
                    address.push_str(&value.as_part_of_address());
                }
            }
        }
        let late = Late::parse(&address).map_err(|error| bad(place, &error.to_string()))?;
        if late.is_empty() {
            return Err(bad(place, "it has no address"));
        }
        if !late.answer_keeps_off_the_host() {
            return Err(bad(
                place,
                "an answer would decide the host of its address; write the host",
            ));
        }
        Ok(late)
    }

    /// `None` where nobody has said anything about them.
    fn headers(&self, place: &str, headers: Option<&Headers>) -> Result<Option<BTreeMap<String, Late>>, PlanError> {
        let Some(headers) = headers else { return Ok(None) };
        let entries: Vec<(String, String)> = match headers {
            Headers::Named(named) => named
                .iter()
                .map(|(name, text)| Ok((name.clone(), self.text(text)?)))
                .collect::<Result<_, PlanError>>()?,
            Headers::Input(text) => match Template::parse(text)?.whole().and_then(|name| self.values.given(name)) {
                Some(Given::Map(entries)) => entries
                    .iter()
                    .map(|(name, value)| match value {
                        Value::String(text) => Ok((name.clone(), text.clone())),
                        Value::Number(_) | Value::Bool(_) => Ok((name.clone(), value.to_string())),
                        Value::Null | Value::Array(_) | Value::Object(_) => {
                            Err(bad(place, &format!("header `{name}` is neither text nor number")))
                        }
                    })
                    .collect::<Result<_, _>>()?,
                Some(Given::Text(_) | Given::List(_) | Given::Command(_) | Given::Commands(_)) | None => {
                    return Ok(None);
                }
            },
        };
        let mut out = BTreeMap::new();
        for (name, text) in entries.into_iter().filter(|(_, text)| !text.is_empty()) {
            if !is_token(&name) || text.contains(['\r', '\n']) {
                return Err(bad(place, &format!("`{name}` cannot be a header")));
            }
            let late = self.late(place, &text)?;
            out.insert(name.to_ascii_lowercase(), late);
        }
        Ok(Some(out))
    }

    fn body(&self, place: &str, body: &Value) -> Result<Option<Body>, PlanError> {
        let Some(value) = self.json(body)? else {
            return Ok(None);
        };
        match value {
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => self.late(place, &text).map(|text| Some(Body::Text(text))),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                self.refuse_unfillable(place, &other)?;
                Ok(Some(Body::Json(other)))
            }
        }
    }

    /// `None` where a lone placeholder comes out empty.
    fn json(&self, value: &Value) -> Result<Option<Value>, PlanError> {
        Ok(Some(match value {
            Value::String(text) => return self.json_text(text),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.json(item));
                Value::Array(items.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
            Value::Object(fields) => {
                let mut out = Map::new();
                for (name, value) in fields {
                    if let Some(value) = self.json(value)? {
                        out.insert(name.clone(), value);
                    }
                }
                Value::Object(out)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }))
    }

    fn json_text(&self, text: &str) -> Result<Option<Value>, PlanError> {
        let template = Template::parse(text)?;
        let Some(name) = template.whole() else {
            return self.text(text).map(Value::String).map(Some);
        };
        let value = match (self.kind(name), self.values.given(name)) {
            (_, Some(Given::Map(entries))) => Value::Object(entries.clone().into_iter().collect()),
            (_, Some(Given::List(items))) => items.clone().into(),
            (Some(InputKind::Bool | InputKind::Integer), Some(Given::Text(text))) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            (_, Some(Given::Text(_) | Given::Command(_) | Given::Commands(_)) | None) => {
                Value::String(self.value(name))
            }
        };
        Ok((value != Value::String(String::new())).then_some(value))
    }

    fn refuse_unfillable(&self, place: &str, value: &Value) -> Result<(), PlanError> {
        match value {
            Value::String(text) => self.late(place, text).map(drop),
            Value::Array(items) => items.iter().try_for_each(|item| self.refuse_unfillable(place, item)),
            Value::Object(fields) => fields
                .values()
                .try_for_each(|value| self.refuse_unfillable(place, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    /// A text in which no answer has a say.
    fn late(&self, place: &str, text: &str) -> Result<Late, PlanError> {
        let late = Late::parse(text).map_err(|error| bad(place, &error.to_string()))?;
        if late.needs_answer() {
            return Err(bad(place, "only addresses may use the answer"));
        }
        Ok(late)
    }

    fn words(&self, words: &[Word]) -> Result<Vec<String>, PlanError> {
        let mut out = Vec::new();
        for word in words {
            match word {
                Word::Number(number) => out.push(number.to_string()),
                Word::Text(text) => match Template::parse(text)?.whole().and_then(|name| self.values.given(name)) {
                    Some(Given::List(items)) => out.extend(items.iter().cloned()),
                    Some(Given::Text(_) | Given::Command(_) | Given::Commands(_) | Given::Map(_)) | None => {
                        out.push(self.text(text)?);
                    }
                },
            }
        }
        out.retain(|word| !word.is_empty());
        Ok(out)
    }

    fn seconds(&self, name: &str, word: Option<&Word>, default: u64) -> Result<Duration, PlanError> {
        let seconds = match word {
            None => default,
            Some(Word::Number(number)) => *number,
            Some(Word::Text(text)) => match self.text(text)? {
                text if text.is_empty() => default,
                text => text.parse().map_err(|_| {
                    bad(
                        "request",
                        &format!("`{name}` is `{text}`; expected a number of seconds"),
                    )
                })?,
            },
        };
        Ok(Duration::from_secs(seconds))
    }

    fn pointer(&self, place: &str, text: Option<&str>) -> Result<Option<String>, PlanError> {
        match text.map(|text| self.text(text)).transpose()? {
            Some(text) if text.starts_with('/') => Ok(Some(text)),
            Some(text) if !text.is_empty() => Err(bad(
                place,
                &format!("`{text}` is no JSON pointer; expected a path such as `/status`"),
            )),
            Some(_) | None => Ok(None),
        }
    }

    /// One text; what the author did not write has no meaning in it.
    fn text(&self, text: &str) -> Result<String, PlanError> {
        Template::parse(text)?.expand(|name| Ok(self.value(name)))
    }

    fn value(&self, name: &str) -> String {
        let text = self.values.text(name).unwrap_or_default();
        // An input's author is the configuration's, who may name variables; a payload's text was made literal before.
        if self.values.given(name).is_some() {
            text
        } else {
            literal(&text)
        }
    }

    fn kind(&self, name: &str) -> Option<InputKind> {
        self.manifest.inputs.get(name).map(|input| input.kind)
    }
}

fn bad(place: &str, detail: &str) -> PlanError {
    PlanError::BadRequest {
        place: place.to_owned(),
        detail: detail.to_owned(),
    }
}

fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}
