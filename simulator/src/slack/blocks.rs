//! Block Kit's limits. Slack refuses a whole message for one block that breaks them.
//! <https://docs.slack.dev/reference/block-kit/blocks>

use std::collections::BTreeSet;

use serde_json::Value;

/// Blocks in a message.
const BLOCK_LIMIT: usize = 50;

/// Characters of all blocks together. Not documented; larger messages have been refused.
const SUM_LIMIT: usize = 13_000;

/// Why blocks were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlocksError {
    /// `invalid_blocks`: the sentence says what is wrong where.
    #[error("{0}")]
    Invalid(String),
    /// `msg_blocks_too_long`.
    #[error("the blocks have {0} characters together, more than {SUM_LIMIT}")]
    TooLong(usize),
}

impl BlocksError {
    /// Slack's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_blocks",
            Self::TooLong(_) => "msg_blocks_too_long",
        }
    }
}

/// Checks the `blocks` of a message.
///
/// # Errors
/// At the first limit that is broken.
pub fn check_blocks(blocks: &Value) -> Result<(), BlocksError> {
    check_all(blocks).map_err(BlocksError::Invalid)?;
    let sum = sum_of_texts(blocks);
    if sum > SUM_LIMIT {
        return Err(BlocksError::TooLong(sum));
    }
    Ok(())
}

type Checked = Result<(), String>;

fn check_all(blocks: &Value) -> Checked {
    let blocks = blocks.as_array().ok_or("blocks must be an array")?;
    if blocks.len() > BLOCK_LIMIT {
        return Err(format!("{} blocks, no more than {BLOCK_LIMIT} allowed", blocks.len()));
    }
    let mut ids = BTreeSet::new();
    for (index, block) in blocks.iter().enumerate() {
        check_block(block).map_err(|problem| format!("/blocks/{index}: {problem}"))?;
        if let Some(id) = block["block_id"].as_str()
            && !ids.insert(id)
        {
            return Err(format!("/blocks/{index}: block_id `{id}` is there twice"));
        }
    }
    Ok(())
}

fn check_block(block: &Value) -> Checked {
    check_length(block, "block_id", 255)?;
    match block["type"].as_str() {
        Some("section") => check_section(block),
        Some("header") => check_text(&block["text"], 150, true).map_err(|problem| format!("text: {problem}")),
        Some("context") => check_context(block),
        Some("actions") => check_actions(block),
        Some("image") => check_image(block),
        Some("divider" | "rich_text" | "markdown" | "video" | "file" | "input") => Ok(()),
        Some(other) => Err(format!("unsupported type: {other}")),
        None => Err("missing required field: type".to_owned()),
    }
}

fn check_section(block: &Value) -> Checked {
    if block["text"].is_null() && block["fields"].is_null() {
        return Err("missing required field: text or fields".to_owned());
    }
    if !block["text"].is_null() {
        check_text(&block["text"], 3_000, false).map_err(|problem| format!("text: {problem}"))?;
    }
    if !block["fields"].is_null() {
        for field in items(block, "fields", 10)? {
            check_text(field, 2_000, false).map_err(|problem| format!("fields: {problem}"))?;
        }
    }
    if block["accessory"]["type"] == "button" {
        check_button(&block["accessory"])?;
    }
    Ok(())
}

fn check_context(block: &Value) -> Checked {
    for element in items(block, "elements", 10)? {
        if element["type"] == "image" {
            check_image(element)?;
        } else {
            check_text(element, 3_000, false).map_err(|problem| format!("elements: {problem}"))?;
        }
    }
    Ok(())
}

fn check_actions(block: &Value) -> Checked {
    let mut ids = BTreeSet::new();
    for element in items(block, "elements", 25)? {
        if element["type"] == "button" {
            check_button(element)?;
        }
        check_length(element, "action_id", 255)?;
        if let Some(id) = element["action_id"].as_str()
            && !ids.insert(id)
        {
            return Err(format!("action_id `{id}` is there twice"));
        }
    }
    Ok(())
}

fn check_button(button: &Value) -> Checked {
    check_text(&button["text"], 75, true).map_err(|problem| format!("button text: {problem}"))?;
    check_length(button, "value", 2_000)?;
    check_length(button, "url", 3_000)?;
    check_length(button, "action_id", 255)?;
    if !button["confirm"].is_null() {
        check_confirm(&button["confirm"]).map_err(|problem| format!("confirm: {problem}"))?;
    }
    match button["style"].as_str() {
        None | Some("primary" | "danger") => Ok(()),
        Some(other) => Err(format!("button style `{other}` is neither primary nor danger")),
    }
}

/// <https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object>
fn check_confirm(confirm: &Value) -> Checked {
    for (key, limit) in [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)] {
        check_text(&confirm[key], limit, true).map_err(|problem| format!("{key}: {problem}"))?;
    }
    Ok(())
}

fn check_image(image: &Value) -> Checked {
    if image["image_url"].is_null() && image["slack_file"].is_null() {
        return Err("missing required field: image_url".to_owned());
    }
    if image["alt_text"].is_null() {
        return Err("missing required field: alt_text".to_owned());
    }
    check_length(image, "image_url", 3_000)?;
    check_length(image, "alt_text", 2_000)
}

/// A text object of 1 to `limit` characters.
fn check_text(text: &Value, limit: usize, plain: bool) -> Checked {
    match text["type"].as_str() {
        Some("plain_text") => {}
        Some("mrkdwn") if !plain => {}
        Some("mrkdwn") => return Err("must be plain_text".to_owned()),
        Some(_) | None => return Err("must be a text object".to_owned()),
    }
    let length = text["text"]
        .as_str()
        .ok_or("missing required field: text")?
        .chars()
        .count();
    if length == 0 {
        return Err("must have at least 1 character".to_owned());
    }
    if length > limit {
        return Err(format!("{length} characters, no more than {limit} allowed"));
    }
    Ok(())
}

fn check_length(object: &Value, key: &str, limit: usize) -> Checked {
    let length = object[key].as_str().map_or(0, |text| text.chars().count());
    if length > limit {
        return Err(format!("{key}: {length} characters, no more than {limit} allowed"));
    }
    Ok(())
}

fn items<'v>(block: &'v Value, key: &str, limit: usize) -> Result<&'v Vec<Value>, String> {
    let items = block[key]
        .as_array()
        .ok_or_else(|| format!("missing required field: {key}"))?;
    if items.is_empty() || items.len() > limit {
        return Err(format!("{key}: {} items, expected 1 to {limit}", items.len()));
    }
    Ok(items)
}

/// All texts in all blocks.
fn sum_of_texts(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) if key == "text" => text.chars().count(),
                Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => 0,
                Value::Array(_) | Value::Object(_) => sum_of_texts(value),
            })
            .sum(),
        Value::Array(items) => items.iter().map(sum_of_texts).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
