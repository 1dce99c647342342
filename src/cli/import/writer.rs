//! From a draft to YAML: the only place that writes, so that comments and quotes look alike whatever the file came from.

use serde_json::Value;

use crate::cli::import::draft::{App, Draft, Item, Note, Settings};

/// Longer lines are broken where YAML lets them be.
const WIDTH: usize = 110;

/// What YAML 1.1 or 1.2 would read as something else than text.
const RESERVED: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A whole file. `header` are sentences for its first lines.
pub(super) fn yaml(draft: &Draft, header: &[String]) -> String {
    let mut page = Page::default();
    for paragraph in header {
        page.paragraph(0, paragraph);
    }
    for note in &draft.notes {
        page.line("#");
        page.note(0, note);
    }
    for (key, settings) in &draft.sections {
        page.line("");
        page.line(&format!("{key}:"));
        page.settings(2, settings);
    }
    page.line("");
    page.line("apps:");
    for (index, item) in draft.items.iter().enumerate() {
        if index > 0 {
            page.line("");
        }
        match item {
            Item::App(app) => page.app(app),
            Item::LeftOut(notes) => page.notes(2, notes),
        }
    }
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn app(&mut self, app: &App) {
        self.line(&format!("  {}:", key_of(&app.name)));
        self.notes(4, &app.repository_notes);
        self.entry(4, "repository", &Value::from(app.repository.as_str()));
        self.settings(4, &app.settings);
        self.line("    environments:");
        for environment in &app.environments {
            let settings = &environment.settings;
            let name = key_of(&environment.name);
            if settings.entries.is_empty() {
                self.notes(6, &settings.notes);
                self.line(&format!("      {name}: {{}}"));
            } else {
                self.line(&format!("      {name}:"));
                self.settings(8, settings);
            }
        }
    }

    fn settings(&mut self, indent: usize, settings: &Settings) {
        self.notes(indent, &settings.notes);
        for entry in &settings.entries {
            self.notes(indent, &entry.notes);
            self.entry(indent, entry.key, &entry.value);
        }
    }

    /// A key and its value, on one line where that is readable.
    fn entry(&mut self, indent: usize, key: &str, value: &Value) {
        let key = key_of(key);
        let line = format!("{:indent$}{key}: {}", "", flow(value));
        let fits = !is_deep(value) && line.chars().count() <= WIDTH;
        match value {
            Value::Array(items) if !fits => {
                self.line(&format!("{:indent$}{key}:", ""));
                for item in items {
                    self.line(&format!("{:indent$}  - {}", "", flow(item)));
                }
            }
            Value::Object(map) if !fits => {
                self.line(&format!("{:indent$}{key}:", ""));
                for (key, value) in map {
                    self.entry(indent + 2, key, value);
                }
            }
            Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.line(&line)
            }
        }
    }

    fn notes(&mut self, indent: usize, notes: &[Note]) {
        for note in notes {
            self.note(indent, note);
        }
    }

    fn note(&mut self, indent: usize, note: &Note) {
        match note {
            Note::Plain(text) => self.paragraph(indent, text),
            Note::Lost(text) => self.paragraph(indent, &format!("{LOST}: {text}")),
            Note::Todo(text) => self.paragraph(indent, &format!("{TO_DO}: {text}")),
        }
    }

    /// A comment, broken between words; what stands between backticks is one word.
    fn paragraph(&mut self, indent: usize, text: &str) {
        let mut line = format!("{:indent$}#", "");
        let mut empty = true;
        for word in words(text) {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = format!("{:indent$}#", "");
            }
            line.push(' ');
            line.push_str(&word);
            empty = false;
        }
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// How comments begin that need a person.
pub(super) const LOST: &str = "Not carried over";
pub(super) const TO_DO: &str = "To do";

/// No character of a foreign file may end a comment's line.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '`';
        if c == ' ' && !quoted {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(if must_be_escaped(c) { '?' } else { c });
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_deep(value: &Value) -> bool {
    match value {
        Value::Object(map) => map
            .values()
            .any(|value| matches!(value, Value::Object(inner) if !inner.is_empty()) || is_deep(value)),
        Value::Array(items) => items.len() > 1 && items.iter().any(Value::is_array),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", key_of(key), flow(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::String(text) => scalar(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A key: as a text, but `on` is bare, which is how people write the key of `auto_deploy`; YAML 1.2 has it as text.
fn key_of(key: &str) -> String {
    if key == "on" { key.to_owned() } else { scalar(key) }
}

/// A text: bare where no reader could take it for anything else, otherwise in double quotes.
fn scalar(text: &str) -> String {
    if is_bare(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if must_be_escaped(c) => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn is_bare(text: &str) -> bool {
    let address = text.starts_with("https://") || text.starts_with("http://");
    let begins_well =
        text.starts_with("./") || text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_'));
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '_' | '.' | '/' | '-' | '+' | '@')
            || (address && matches!(c, ':' | '='))
    };
    begins_well
        && text.chars().all(is_plain)
        && !text.ends_with(':')
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Line breaks of every kind, and what nobody sees.
fn must_be_escaped(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::import::draft::Environment;

    fn read(text: &str) -> Value {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn every_text_comes_back_as_it_was() {
        let texts = [
            "",
            "main",
            "yes",
            "NO",
            "null",
            "~",
            "1.10",
            "0755",
            "1e3",
            "-x",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "{{sha}}",
            "[x]",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "a,b",
            "it's",
            "say \"x\"",
            "back\\slash",
            "tab\there",
            "two\nlines",
            "\u{85}\u{2028}\u{feff}",
            "é",
            "😀",
            " a ",
            "deploy:migrate",
            "https://x.example/a?b=c#d",
            "http://x:",
            "..",
            "./x",
        ];
        for text in texts {
            assert_eq!(read(&format!("k: {}\n", scalar(text))), json!({ "k": text }), "{text}");
            assert_eq!(
                read(&format!("[{0}, {{ k: {0} }}]\n", scalar(text))),
                json!([text, { "k": text }]),
                "{text}"
            );
            assert_eq!(read(&format!("{}: 1\n", scalar(text))), json!({ text: 1 }), "{text}");
        }
    }

    #[test]
    fn values_of_every_form_come_back_as_they_were() {
        let long: Vec<String> = (0..30).map(|index| format!("word-{index}")).collect();
        let value = json!({
            "with": { "commands": [["git", "fetch"], ["make", "it so"]], "folder": "/srv/x" },
            "secrets": { "A": { "env": "A" } },
            "long": long,
            "deep": { "a": { "b": { "c": [1, true, null] } } },
            "empty": {},
            "none": [],
        });
        let mut page = Page::default();
        for (key, value) in value.as_object().unwrap() {
            page.entry(0, key, value);
        }
        assert_eq!(read(&page.text), value);
    }

    #[test]
    fn a_comment_stays_a_comment_whatever_is_in_it() {
        let mut draft = Draft::default();
        draft.notes.push(Note::lost("a\nstore: x\r\nqueue: y\u{2028}z\u{85}q"));
        draft.notes.push(Note::todo("long ".repeat(60)));
        let text = yaml(&draft, &["Header.".to_owned()]);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines, ["", "apps:"]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn comments_stand_above_what_they_are_about() {
        let mut settings = Settings::default();
        settings.notes.push(Note::plain("About the app."));
        settings.set_with("provider", "shell", vec![Note::todo("choose `one of these` words")]);
        let mut own = Settings::default();
        own.set("url", "https://example.com/");
        let mut draft = Draft::default();
        draft.add(App {
            name: "site".to_owned(),
            repository: "o/r".to_owned(),
            repository_notes: Vec::new(),
            settings,
            environments: vec![
                Environment {
                    name: "production".to_owned(),
                    settings: own,
                },
                Environment {
                    name: "my stage".to_owned(),
                    settings: Settings::default(),
                },
            ],
        });
        draft.leave_out(vec![Note::lost("`other`: it is gone.")]);
        insta::assert_snapshot!(yaml(&draft, &["Made for a test.".to_owned()]), @r##"
        # Made for a test.

        apps:
          site:
            repository: o/r
            # About the app.
            # To do: choose `one of these` words
            provider: shell
            environments:
              production:
                url: https://example.com/
              "my stage": {}

          # Not carried over: `other`: it is gone.
        "##);
    }
}
