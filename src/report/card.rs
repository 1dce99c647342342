//! News as an Adaptive Card, for a workflow of Microsoft Teams that is told by a webhook.
//!
//! Every text is a `TextRun`, which knows no Markdown and no mentions: nothing from outside can be more than letters.
//! <https://adaptivecards.io/explorer/TextRun.html>,
//! <https://support.microsoft.com/en-us/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498>

use serde_json::{Value, json};

use crate::report::news::{News, Tone};
use crate::report::words::fitted;

/// A card may have 28 KiB with everything around it; lines of a log beyond this are on the run's page.
const LINES: usize = 15;
/// Characters of a line of the log.
const LINE_LIMIT: usize = 200;

/// The body of the request: one message with one card.
#[must_use]
pub fn teams(news: &News) -> Value {
    let colour = match news.tone {
        Tone::Good => "good",
        Tone::Bad => "attention",
        Tone::Warning => "warning",
        Tone::Plain => "default",
    };
    let mut body = Vec::new();
    let mut title = Vec::new();
    if !news.word.is_empty() {
        title.push(json!({"type": "TextRun", "text": news.word, "weight": "bolder", "color": colour}));
        title.push(json!({"type": "TextRun", "text": ": "}));
    }
    title.push(run(&news.what));
    body.push(json!({"type": "RichTextBlock", "inlines": title}));
    body.extend(news.why.as_deref().map(|why| line(run(why))));
    if !news.facts.is_empty() {
        body.push(line(
            json!({"type": "TextRun", "text": plain(&news.facts.join(", ")), "isSubtle": true}),
        ));
    }
    body.extend(news.current.as_deref().map(|current| line(run(current))));
    let tail: Vec<&str> = news.tail.iter().flat_map(|tail| tail.lines()).collect();
    for text in tail.iter().skip(tail.len().saturating_sub(LINES)) {
        body.push(line(
            json!({"type": "TextRun", "text": fitted(text, LINE_LIMIT), "fontType": "monospace", "size": "small"}),
        ));
    }
    let links = [("run page", &news.page), ("visit", &news.visit)];
    let actions: Vec<Value> = links
        .into_iter()
        .filter_map(|(title, url)| {
            url.as_ref()
                .map(|url| json!({"type": "Action.OpenUrl", "title": title, "url": url}))
        })
        .collect();
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": body,
    });
    if !actions.is_empty() {
        card["actions"] = json!(actions);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

fn run(text: &str) -> Value {
    json!({"type": "TextRun", "text": plain(text)})
}

fn line(run: Value) -> Value {
    json!({"type": "RichTextBlock", "spacing": "small", "inlines": [run]})
}

/// Backticks are marks in our sentences, and nothing here.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
