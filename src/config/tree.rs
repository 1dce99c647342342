//! The file as a tree in which every key and every value knows its place.
//!
//! Serde stops at the first fault and forgets where a value stood. This tree forgets nothing, so that all problems can be
//! collected and each can be shown at its line. It knows YAML only: what the keys mean is none of its business.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value};
use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};

use crate::domain::names::shown;

/// More nodes than any configuration has. Aliases copy what they name, and a few lines of them can ask for billions.
const MOST_NODES: usize = 100_000;

/// A position in the file; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    /// Where a file begins.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    fn of(span: Span) -> Self {
        Self {
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What a value is. Unquoted values keep their spelling: a version `1.10` or a password `0123` is text to whoever asks
/// for text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Nothing,
    Flag(bool, String),
    Number(Number, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map, in the order of the file. A key that is written twice is here twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

/// Why the text is not a tree.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) place: Place,
    pub(super) text: String,
    pub(super) hint: Option<&'static str>,
}

impl Node {
    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Nothing | Content::Flag(..) | Content::Number(..) | Content::Text(_) | Content::List(_) => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Nothing | Content::Flag(..) | Content::Number(..) | Content::Text(_) | Content::Map(_) => &[],
        }
    }

    /// The entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value without its places. A number that would not print as it was typed (`1.10`, `0755`) stays text.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Nothing => Value::Null,
            Content::Flag(flag, _) => Value::Bool(*flag),
            Content::Number(number, _) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

/// Reads one YAML document. An empty one is [`Content::Nothing`].
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's events are its own; all others are no value"
)]
pub(super) fn parse(text: &str) -> Result<Node, Unreadable> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if root.is_some() => {
                return Err(Unreadable {
                    place: Place::of(span),
                    text: "a second document begins here; expected one".to_owned(),
                    hint: Some("remove the line `---`"),
                });
            }
            Event::DocumentStart(..) => {
                let (event, span) = reader.next()?;
                root = Some(reader.node(event, span)?);
            }
            _ => return Err(unexpected(span)),
        }
    }
    Ok(root.unwrap_or(Node {
        place: Place::START,
        content: Content::Nothing,
    }))
}

struct Reader<'input, I>
where
    I: Iterator<Item = Result<(Event<'input>, Span), ScanError>>,
{
    events: I,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'input, I> Reader<'input, I>
where
    I: Iterator<Item = Result<(Event<'input>, Span), ScanError>>,
{
    fn next(&mut self) -> Result<(Event<'input>, Span), Unreadable> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let marker = error.marker();
                Err(Unreadable {
                    place: Place {
                        line: marker.line().max(1),
                        column: marker.col() + 1,
                    },
                    text: format!("not valid YAML: {}", error.info()),
                    hint: None,
                })
            }
            None => Err(Unreadable {
                place: Place::START,
                text: "the file ends too early".to_owned(),
                hint: None,
            }),
        }
    }

    /// Reads the node that begins with `event`. The parser limits how deep nodes may nest.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's events are its own; all others are no value"
    )]
    fn node(&mut self, event: Event<'input>, span: Span) -> Result<Node, Unreadable> {
        let place = Place::of(span);
        self.count(1, place)?;
        let (content, anchor) = match event {
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Unreadable {
                        place,
                        text: "an alias within itself".to_owned(),
                        hint: None,
                    });
                };
                self.count(size(&node), place)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let as_text = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                if let Some(tag) = tag.filter(|_| !as_text) {
                    return Err(foreign_tag(place, &tag.original()));
                }
                let plain = style == ScalarStyle::Plain && !as_text;
                (
                    if plain {
                        resolve(&text)
                    } else {
                        Content::Text(text.into_owned())
                    },
                    anchor,
                )
            }
            Event::SequenceStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    return Err(foreign_tag(place, &tag.original()));
                }
                (self.list()?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                if let Some(tag) = tag {
                    return Err(foreign_tag(place, &tag.original()));
                }
                (self.map()?, anchor)
            }
            _ => return Err(unexpected(span)),
        };
        let node = Node { place, content };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self) -> Result<Content, Unreadable> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Content, Unreadable> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = match self.next()? {
                (Event::MappingEnd, _) => break,
                next => next,
            };
            let place = Place::of(span);
            let Event::Scalar(key, ..) = event else {
                return Err(Unreadable {
                    place,
                    text: "a key that is a list, a map or an alias; expected text".to_owned(),
                    hint: None,
                });
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            if key == "<<" {
                merged.extend(merge(value)?);
            } else {
                entries.push(Entry {
                    key: key.into_owned(),
                    place,
                    value,
                });
            }
        }
        if !merged.is_empty() {
            let mut own: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
            entries.extend(merged.into_iter().filter(|entry| own.insert(entry.key.clone())));
        }
        Ok(Content::Map(entries))
    }

    fn count(&mut self, more: usize, place: Place) -> Result<(), Unreadable> {
        self.nodes += more;
        if self.nodes > MOST_NODES {
            return Err(Unreadable {
                place,
                text: format!("more than {MOST_NODES} values, aliases counted as what they name"),
                hint: None,
            });
        }
        Ok(())
    }
}

/// The entries a merge key (`<<: *base`, `<<: [*a, *b]`) brings; what the map says itself wins over them.
fn merge(value: Node) -> Result<Vec<Entry>, Unreadable> {
    let refused = |place| Unreadable {
        place,
        text: "`<<` takes a map or a list of maps".to_owned(),
        hint: Some("`<<: *name` lays a map that is marked `&name` under this one"),
    };
    match value.content {
        Content::Map(entries) => Ok(entries),
        Content::List(items) => {
            let mut entries = Vec::new();
            for item in items {
                let Content::Map(more) = item.content else {
                    return Err(refused(item.place));
                };
                entries.extend(more);
            }
            Ok(entries)
        }
        Content::Nothing | Content::Flag(..) | Content::Number(..) | Content::Text(_) => Err(refused(value.place)),
    }
}

/// What an unquoted scalar is: YAML 1.2's core schema, except that a number must print as it is spelled.
fn resolve(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Nothing,
        "true" | "True" | "TRUE" => Content::Flag(true, text.to_owned()),
        "false" | "False" | "FALSE" => Content::Flag(false, text.to_owned()),
        _ => match serde_json::from_str::<Number>(text) {
            Ok(number) if number.to_string() == text => Content::Number(number, text.to_owned()),
            Ok(_) | Err(_) => Content::Text(text.to_owned()),
        },
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::List(items) => items.iter().map(size).sum(),
        Content::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        Content::Nothing | Content::Flag(..) | Content::Number(..) | Content::Text(_) => 0,
    }
}

fn foreign_tag(place: Place, tag: &str) -> Unreadable {
    Unreadable {
        place,
        text: format!("the tag `{}` has no meaning here", shown(tag)),
        hint: Some("remove it; quote a value to keep it text"),
    }
}

fn unexpected(span: Span) -> Unreadable {
    Unreadable {
        place: Place::of(span),
        text: "not valid YAML: expected a value".to_owned(),
        hint: None,
    }
}
