//! The rules of forms of kind `http`.

use serde_json::Value;

use crate::provider::manifest::Manifest;
use crate::provider::manifest::form::Form;
use crate::provider::manifest::input::InputKind;
use crate::provider::manifest::request::{Headers, Request, Word};
use crate::provider::request::late::Late;
use crate::provider::template::{Piece, Template};

/// What a placeholder that stands alone may be, beside one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    Text,
    Map,
    List,
    /// In a body: anything but a command.
    Anything,
}

pub(super) fn check_exchanges(manifest: &Manifest, form: &Form) -> Result<(), String> {
    if form.command.is_some() || form.commands.is_some() || form.instructions.is_some() || form.folder.is_some() {
        return Err(
            "has a command, a folder or instructions, but a server carries it out; expected `request`".to_owned(),
        );
    }
    if form.checkout {
        return Err("starts no program here; set `checkout: false`".to_owned());
    }
    let Some(request) = &form.request else {
        return Err("has no `request`".to_owned());
    };
    check_request(manifest, request)?;
    form.cancel
        .iter()
        .try_for_each(|request| check_request(manifest, request))?;
    let Some(poll) = &form.poll else { return Ok(()) };
    if poll.success.is_empty() {
        return Err("`poll` names no state of `success`".to_owned());
    }
    for text in [&poll.url, &poll.state].into_iter().chain(&poll.message) {
        check_text(manifest, text, Alone::Text)?;
    }
    check_words(manifest, poll.success.iter().chain(&poll.failure), Alone::List)?;
    check_words(manifest, &poll.every_seconds, Alone::Text)?;
    poll.headers
        .iter()
        .try_for_each(|headers| check_headers(manifest, headers))
}

/// What only forms of kind `http` have.
pub(super) fn refuse_exchanges(form: &Form) -> Result<(), String> {
    if form.request.is_some() || form.poll.is_some() || form.cancel.is_some() {
        return Err("has `request`, `poll` or `cancel`, which are for kind `http`".to_owned());
    }
    Ok(())
}

fn check_request(manifest: &Manifest, request: &Request) -> Result<(), String> {
    for text in [&request.url]
        .into_iter()
        .chain(&request.method)
        .chain(&request.message)
    {
        check_text(manifest, text, Alone::Text)?;
    }
    check_words(manifest, &request.expect, Alone::List)?;
    check_words(
        manifest,
        request.retry_seconds.iter().chain(&request.answer_seconds),
        Alone::Text,
    )?;
    request
        .headers
        .iter()
        .try_for_each(|headers| check_headers(manifest, headers))?;
    request.body.iter().try_for_each(|body| check_body(manifest, body))
}

fn check_headers(manifest: &Manifest, headers: &Headers) -> Result<(), String> {
    match headers {
        Headers::Named(headers) => headers
            .values()
            .try_for_each(|text| check_text(manifest, text, Alone::Text)),
        Headers::Input(text) => match Template::parse(text).map_err(|error| error.to_string())?.whole() {
            Some(_) => check_text(manifest, text, Alone::Map),
            None => Err(format!("`headers: {text}` is neither a map nor the placeholder of one")),
        },
    }
}

fn check_words<'a>(manifest: &Manifest, words: impl IntoIterator<Item = &'a Word>, alone: Alone) -> Result<(), String> {
    words.into_iter().try_for_each(|word| match word {
        Word::Number(_) => Ok(()),
        Word::Text(text) => check_text(manifest, text, alone),
    })
}

fn check_body(manifest: &Manifest, body: &Value) -> Result<(), String> {
    match body {
        Value::String(text) => check_text(manifest, text, Alone::Anything),
        Value::Array(items) => items.iter().try_for_each(|item| check_body(manifest, item)),
        Value::Object(fields) => fields.values().try_for_each(|value| check_body(manifest, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_text(manifest: &Manifest, text: &str, alone: Alone) -> Result<(), String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    // A value must not end what the text began.
    let mut plain = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(text) => plain.push_str(text),
            Piece::Placeholder(_) if plain.ends_with('$') => {
                return Err(format!("`{text}` has a `$` before a placeholder; expected `$$`"));
            }
            Piece::Placeholder(_) => plain.push('x'),
        }
    }
    Late::parse(&plain).map_err(|error| error.to_string())?;
    for name in template.placeholders() {
        let kind = manifest.inputs.get(name).map(|input| input.kind);
        let fits = match kind {
            Some(InputKind::Argv | InputKind::ArgvList) => false,
            Some(InputKind::Map) => template.whole().is_some() && matches!(alone, Alone::Map | Alone::Anything),
            Some(InputKind::List) => template.whole().is_none() || matches!(alone, Alone::List | Alone::Anything),
            Some(InputKind::String | InputKind::Path | InputKind::Url | InputKind::Bool | InputKind::Integer)
            | None => alone != Alone::Map,
        };
        if !super::knows(manifest, name) {
            return Err(super::unknown(manifest, name));
        }
        if !fits {
            let found = kind.map_or("a text", InputKind::as_str);
            return Err(format!("`{{{{{name}}}}}` is {found}, which cannot stand in `{text}`"));
        }
    }
    Ok(())
}
