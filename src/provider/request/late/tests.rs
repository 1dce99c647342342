//! What is filled in later: by what, where, and what a value can never become.

use serde_json::json;

use super::*;

struct Known(Value);

impl Source for Known {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "TOKEN").then(|| "s3/cret?".to_owned())
    }

    fn json(&self) -> Option<&Value> {
        Some(&self.0)
    }

    fn header(&self, name: &str) -> Option<&str> {
        (name == "location").then_some("/builds/7")
    }
}

fn known() -> Known {
    Known(json!({ "id": "../7", "build": { "number": 9 }, "list": [1] }))
}

fn late(text: &str) -> Late {
    Late::parse(text).unwrap()
}

#[test]
fn variables_and_parts_of_the_answer_are_filled_in() {
    for (text, expected) in [
        ("Bearer ${TOKEN}", "Bearer s3/cret?"),
        ("${/build/number}:${header.Location}", "9:/builds/7"),
        ("$5 and $$ and $${TOKEN}", "$5 and $ and ${TOKEN}"),
        ("", ""),
    ] {
        assert_eq!(late(text).fill(&known()).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_value_in_an_address_adds_no_part_of_its_own() {
    let filled = late("https://a.example/b/${/id}?key=${TOKEN}").fill_address(&known());
    assert_eq!(filled.unwrap(), "https://a.example/b/..%2F7?key=s3%2Fcret%3F");
    assert_eq!(late("${header.location}").fill_address(&known()).unwrap(), "/builds/7");
}

#[test]
fn an_answer_never_names_a_part_of_the_host() {
    for (text, expected) in [
        ("https://a.example/${/id}", true),
        ("https://a.example?x=${/id}", true),
        ("${API}/builds/${/id}", true),
        ("${/url}/status", true),
        ("https://a.example", true),
        ("https://${/id}", false),
        ("https://a.${/id}/x", false),
        ("${API}${/id}", false),
    ] {
        assert_eq!(late(text).answer_keeps_off_the_host(), expected, "{text}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let missing = |text: &str| late(text).fill(&known()).unwrap_err().to_string();
    assert_eq!(
        missing("${KEY}"),
        "variable `KEY` is not set; name it in `secrets` or `env`"
    );
    assert_eq!(missing("${/nope}"), "the answer has nothing at `/nope`");
    assert_eq!(missing("${/list}"), "the answer has nothing at `/list`");
    assert_eq!(missing("${header.etag}"), "the answer has no header `etag`");
}

#[test]
fn a_value_cannot_become_something_to_fill_in() {
    for value in ["${TOKEN}", "$", "$$", "{TOKEN}", "a$"] {
        let text = format!("x{}{{y}}", literal(value));
        assert_eq!(late(&text).fill(&known()).unwrap(), format!("x{value}{{y}}"));
    }
}

#[test]
fn the_log_names_variables() {
    let text = "https://u:${TOKEN}@a.example/${/build/number}";
    assert_eq!(late(text).shown(None), text);
    assert_eq!(late(text).shown(Some(&known())), "https://u:${TOKEN}@a.example/9");
}

#[test]
fn what_means_nothing_is_refused() {
    for text in ["${", "${}", "a ${b c}", "${1X}", "${header.}", "${TOKEN"] {
        assert!(Late::parse(text).is_err(), "{text}");
    }
}
