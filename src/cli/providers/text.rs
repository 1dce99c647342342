//! Text for a terminal: labels in one column, lines of a width that fits everywhere.

/// No line is longer, except for what cannot be broken.
const WIDTH: usize = 100;

/// A label and its text, the text's further lines below its first.
pub(super) fn labelled(out: &mut String, indent: usize, label: &str, column: usize, text: &str) {
    let mut lead = format!("{:indent$}{label:<column$}", "");
    let room = WIDTH.saturating_sub(indent + column);
    for line in wrapped(text, room) {
        out.push_str(format!("{lead}{line}").trim_end());
        out.push('\n');
        lead = " ".repeat(indent + column);
    }
}

/// A text of several lines, each indented.
pub(super) fn indented(out: &mut String, indent: usize, text: &str) {
    labelled(out, indent, "", 0, text);
}

/// Cut at spaces into lines of at most `width` characters; a word that is longer has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// A word as a person would have to type it in a shell.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,{}^".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Names between backticks.
pub(super) fn quoted<T: AsRef<str>>(names: &[T], separator: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(separator)
}
