//! Slack's way of writing, as people meant it: they type `site.example.com` and `"x"`, and Slack sends
//! `<http://site.example.com|site.example.com>` and `“x”`.
//! <https://docs.slack.dev/messaging/formatting-message-text>

/// What people typed, for the grammar.
#[must_use]
pub fn as_typed(text: &str) -> String {
    let text = unmarked(text.trim());
    let text: String = decoded(&text).chars().map(plain).collect();
    uncovered(text.trim()).to_owned()
}

/// The same of what is said to a bot: its name at the beginning is no part of it.
#[must_use]
pub fn without_mention(text: &str) -> &str {
    let text = text.trim_start();
    let rest = text
        .strip_prefix("<@")
        .and_then(|rest| rest.split_once('>'))
        .map(|(_, rest)| rest);
    rest.map_or(text, |rest| rest.trim_start_matches([' ', ':', ',', '\u{a0}']))
}

/// Every `<…>` replaced by what people see of it.
fn unmarked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let Some((inside, after)) = after.split_once('>') else {
            out.push('<');
            out.push_str(after);
            return out;
        };
        out.push_str(&seen(inside));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn seen(inside: &str) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    let with = |sign: char, name: &str| {
        let name = label.unwrap_or(name);
        format!("{sign}{}", name.trim_start_matches(sign))
    };
    match target.split_at_checked(1) {
        Some(("@", id)) => with('@', id),
        Some(("#", id)) => with('#', id),
        // `<!here>`, `<!subteam^S1|@team>`, `<!date^…|yesterday>`
        Some(("!", name)) => label.map_or_else(|| format!("@{name}"), str::to_owned),
        _ => label.unwrap_or(target).to_owned(),
    }
}

/// Only these three are encoded, so one pass is enough, and `&amp;lt;` stays what it was.
fn decoded(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn plain(letter: char) -> char {
    match letter {
        '“' | '”' | '„' | '«' | '»' => '"',
        '‘' | '’' | '‚' => '\'',
        '\u{a0}' | '\u{202f}' => ' ',
        other => other,
    }
}

/// Whoever puts the whole command in backticks means the command.
fn uncovered(text: &str) -> &str {
    let fence = if text.starts_with("```") { "```" } else { "`" };
    let inside = text.strip_prefix(fence).and_then(|text| text.strip_suffix(fence));
    inside.filter(|inside| !inside.contains('`')).map_or(text, str::trim)
}
