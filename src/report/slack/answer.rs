//! An answer of the chat engine as a message of Slack.

use crate::domain::conversation::Reply;
use crate::report::slack::kit::{buttons, linked, sections};
use crate::report::slack::{SlackMessage, escaped};
use crate::report::words::fitted;

/// What notifications show of it.
const NOTICE: usize = 3_000;

/// The answer: its text, and a button for everything that may be said next.
#[must_use]
pub fn answer(reply: &Reply) -> SlackMessage {
    let mut blocks = sections(&linked(&reply.text));
    blocks.extend(buttons(&reply.offers));
    SlackMessage {
        text: escaped(&fitted(&reply.text, NOTICE)),
        blocks,
        unfurl_links: false,
        unfurl_media: false,
    }
}

/// It takes longer than Slack waits.
#[must_use]
pub fn under_way() -> &'static str {
    "working on it; the answer follows here"
}

#[cfg(test)]
mod tests {
    use chima_simulator::slack::blocks::check_blocks;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::conversation::Offer;

    fn texts(message: &SlackMessage) -> Vec<&str> {
        let texts = message.blocks.iter().map(|block| block["text"]["text"].as_str());
        texts.flatten().collect()
    }

    fn checked(reply: &Reply) -> SlackMessage {
        let message = answer(reply);
        check_blocks(&json!(message.blocks)).unwrap();
        message
    }

    #[test]
    fn what_others_wrote_means_nothing_to_slack() {
        let message = checked(&Reply::done(
            "held by `<!channel>` & <@U1>: see https://x.example/a?b&c, <https://evil|ok>".to_owned(),
        ));
        assert_eq!(
            texts(&message),
            [
                "held by `&lt;!channel&gt;` &amp; &lt;@U1&gt;: see <https://x.example/a?b&amp;c>, &lt;<https://evil>|ok&gt;"
            ]
        );
        assert!(!message.text.contains('<'), "{}", message.text);
    }

    #[test]
    fn buttons_say_what_is_offered_and_ask_before_they_do_harm() {
        let offer = |label: &str, caution: Option<&str>| Offer {
            label: label.to_owned(),
            says: "rollback site production 4f3c2b1a".to_owned(),
            caution: caution.map(str::to_owned),
        };
        let offers = vec![
            offer("roll back", Some("This deploys 4f3c2b1a.")),
            offer("why", None),
            offer(" ", None),
        ];
        let message = checked(&Reply::done("x".to_owned()).offering(offers));
        let elements = message.blocks.last().unwrap()["elements"].as_array().unwrap().clone();
        assert_eq!(elements.len(), 2);
        assert_eq!(elements[0]["value"], "rollback site production 4f3c2b1a");
        assert_eq!(elements[0]["confirm"]["text"]["text"], "This deploys 4f3c2b1a.");
        assert_eq!(elements[1]["confirm"], Value::Null);
    }

    #[test]
    fn everything_fits_whatever_it_is() {
        let long = "x".repeat(9_000);
        let lines = "a line & more\n".repeat(2_000);
        let code = format!("```\n{}```\nend", "some code <here>\n".repeat(400));
        for text in [long.as_str(), &lines, &code, "", " ", "&".repeat(5_000).as_str()] {
            let offers = (0..40).map(|number| Offer {
                label: "y".repeat(200),
                says: format!("why {number}"),
                caution: Some("z".repeat(900)),
            });
            let message = checked(&Reply::done(text.to_owned()).offering(offers.collect()));
            for text in texts(&message) {
                assert_eq!(text.matches("```").count() % 2, 0, "code is open: {text}");
                assert!(!text.ends_with('&') && !text.ends_with("&am"), "torn: {text}");
            }
        }
    }
}
