//! Blocks within Slack's limits: it refuses a whole message for one block that breaks them.
//! <https://docs.slack.dev/reference/block-kit/blocks>

use serde_json::{Value, json};

use crate::domain::conversation::Offer;
use crate::report::slack::{escaped, markdown};
use crate::report::words::{fitted, web};

/// Characters in one section; Slack takes 3000.
const SECTION: usize = 2_900;
/// Characters in all sections of a message: Slack has refused messages of about 13 000.
const TOGETHER: usize = 11_000;
/// More buttons are no choice any more.
const BUTTONS: usize = 5;
/// What Slack takes on a button, in what it says, and in what is asked before.
const LABEL: usize = 75;
const VALUE: usize = 2_000;
const CAUTION: usize = 300;

/// Escaped text in as many sections as it needs: cut between lines, and where code is cut it is closed and opened again.
#[must_use]
pub(crate) fn sections(text: &str) -> Vec<Value> {
    let mut pieces: Vec<String> = Vec::new();
    let mut piece = String::new();
    let mut in_code = false;
    for line in text.lines().flat_map(short) {
        let room = SECTION.saturating_sub(piece.chars().count() + "\n```".len());
        if !piece.is_empty() && line.chars().count() + 1 > room {
            if in_code {
                piece.push_str("\n```");
            }
            pieces.push(std::mem::take(&mut piece));
            if in_code {
                piece.push_str("```");
            }
        }
        if !piece.is_empty() {
            piece.push('\n');
        }
        piece.push_str(&line);
        in_code ^= line.matches("```").count() % 2 == 1;
    }
    pieces.push(piece);
    let mut left = TOGETHER;
    let whole = pieces.len();
    let mut kept: Vec<String> = Vec::new();
    for piece in pieces.into_iter().filter(|piece| !piece.trim().is_empty()) {
        let length = piece.chars().count();
        if length > left {
            break;
        }
        left -= length;
        kept.push(piece);
    }
    if kept.len() < whole && whole > 1 && left < TOGETHER {
        kept.push("…".to_owned());
    }
    let blocks = kept
        .iter()
        .map(|piece| json!({"type": "section", "text": markdown(piece)}));
    blocks.collect()
}

/// A line in pieces that fit; nothing that was escaped is torn apart.
fn short(line: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while rest.chars().count() > SECTION - 100 {
        let mut end = rest.char_indices().nth(SECTION - 100).map_or(rest.len(), |(at, _)| at);
        if let Some(start) = rest[..end].rfind('&').filter(|start| end - start < "&amp;".len()) {
            end = start;
        }
        let (piece, after) = rest.split_at(end);
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces.push(rest.to_owned());
    pieces
}

/// Buttons that say what is offered; none where nothing is.
#[must_use]
pub(crate) fn buttons(offers: &[Offer]) -> Option<Value> {
    let fit = |offer: &&Offer| {
        !offer.label.trim().is_empty() && !offer.says.is_empty() && offer.says.chars().count() <= VALUE
    };
    let elements: Vec<Value> = offers
        .iter()
        .filter(fit)
        .take(BUTTONS)
        .enumerate()
        .map(|(number, offer)| {
            let mut button = json!({
                "type": "button",
                "action_id": format!("say-{number}"),
                "text": plain(&offer.label, LABEL),
                "value": offer.says,
            });
            if let Some(caution) = offer.caution.as_deref().filter(|caution| !caution.trim().is_empty()) {
                button["style"] = json!("danger");
                button["confirm"] = json!({
                    "title": plain("Are you sure?", 100),
                    "text": plain(caution, CAUTION),
                    "confirm": plain(&offer.label, 30),
                    "deny": plain("No", 30),
                });
            }
            button
        })
        .collect();
    (!elements.is_empty()).then(|| json!({"type": "actions", "elements": elements}))
}

/// Slack shows it as it is; there is nothing in it that could mean something.
fn plain(text: &str, limit: usize) -> Value {
    json!({"type": "plain_text", "text": fitted(text, limit), "emoji": false})
}

/// Our Markdown, escaped, with addresses as links: Slack is told to make none by itself.
#[must_use]
pub(crate) fn linked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, part) in text.split('`').enumerate() {
        if number > 0 {
            out.push('`');
        }
        // every other part stands in backticks, where addresses are code
        if number % 2 == 1 {
            out.push_str(&escaped(part));
        } else {
            out.push_str(&with_links(part));
        }
    }
    out
}

fn with_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| rest.find(scheme))
        .min()
    {
        let (before, from) = rest.split_at(at);
        out.push_str(&escaped(before));
        let end = from
            .find(|c: char| c.is_whitespace() || "<>|\"`),;".contains(c))
            .unwrap_or(from.len());
        let (address, after) = from.split_at(end);
        match web(address) {
            Some(address) => out.push_str(&format!("<{}>", escaped(address))),
            None => out.push_str(&escaped(address)),
        }
        rest = after;
    }
    out.push_str(&escaped(rest));
    out
}
