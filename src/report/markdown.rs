//! News as Markdown: for rooms of Mattermost, Rocket.Chat and Discord, and for bots, which pass it on as it is.
//!
//! Our sentences put names into backticks. What stands outside of them may still come from outside (a person's words, a branch in
//! parentheses), so everything that would be a mark is escaped there, and nothing can call a whole room: `@channel`, `<!here>`
//! and their kind are taken apart by a space of no width.
//!
//! Mattermost: <https://docs.mattermost.com/end-user-guide/collaborate/format-messages.html>, mentions
//! <https://docs.mattermost.com/end-user-guide/collaborate/mention-people.html>. Discord:
//! <https://support.discord.com/hc/en-us/articles/210298617>.

use serde_json::{Value, json};

use crate::report::news::News;
use crate::report::words::fitted;

/// What Discord takes in one message. <https://discord.com/developers/docs/resources/webhook#execute-webhook>
const DISCORD_LIMIT: usize = 2_000;
/// `Message_MaxAllowedSize` of a Rocket.Chat that nobody has changed is 5000.
const ROCKET_CHAT_LIMIT: usize = 5_000;
/// Mattermost takes 16383, and 4000 where its tables are older.
const MATTERMOST_LIMIT: usize = 4_000;
/// Bots speak in any chat; most take so much.
const BOT_LIMIT: usize = 4_000;
/// No width, and no part of a word.
const GAP: char = '\u{200b}';
/// Words after `@` that call many people at once, in one chat or another.
const CALLS: [&str; 8] = ["all", "channel", "everyone", "group", "here", "online", "room", "team"];
/// Silent and without previews of links. <https://discord.com/developers/docs/resources/message#message-object-message-flags>
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// The body for an incoming webhook of Mattermost.
/// <https://developers.mattermost.com/integrate/webhooks/incoming/>
#[must_use]
pub fn mattermost(news: &News) -> Value {
    json!({"text": text(news, MATTERMOST_LIMIT, "**")})
}

/// The body for an incoming webhook of Rocket.Chat.
/// <https://docs.rocket.chat/docs/integrations>
#[must_use]
pub fn rocket_chat(news: &News) -> Value {
    json!({"text": text(news, ROCKET_CHAT_LIMIT, "*"), "parseUrls": false})
}

/// The body for a webhook of Discord. Nobody is mentioned, whatever the text says.
#[must_use]
pub fn discord(news: &News) -> Value {
    json!({
        "content": text(news, DISCORD_LIMIT, "**"),
        "allowed_mentions": {"parse": []},
        "flags": SUPPRESS_EMBEDS,
    })
}

/// What a bot says in a room: lines that need nothing but backticks to be read, as answers in chat are.
#[must_use]
pub fn for_bots(news: &News) -> String {
    let mut lines = vec![match &news.why {
        Some(why) => format!("{}: {why}", news.title()),
        None => news.title(),
    }];
    lines.extend((!news.facts.is_empty()).then(|| news.facts.join(", ")));
    lines.extend(news.current.clone());
    let head = calm(&lines.join("\n"));
    let links: Vec<&str> = news.page.as_deref().into_iter().chain(news.visit.as_deref()).collect();
    assembled(&head, news.tail.as_deref(), &links.join(" "), BOT_LIMIT)
}

fn text(news: &News, limit: usize, strong: &str) -> String {
    let title = if news.word.is_empty() {
        escaped(&news.what)
    } else {
        format!("{strong}{}{strong}: {}", escaped(&news.word), escaped(&news.what))
    };
    let mut lines = vec![title];
    lines.extend(news.why.as_deref().map(escaped));
    lines.extend((!news.facts.is_empty()).then(|| escaped(&news.facts.join(", "))));
    lines.extend(news.current.as_deref().map(escaped));
    let links = [("run page", &news.page), ("visit", &news.visit)];
    let links: Vec<String> = links
        .into_iter()
        .filter_map(|(label, url)| url.as_ref().map(|url| format!("[{label}]({})", bracketed(url))))
        .collect();
    assembled(&lines.join("\n"), news.tail.as_deref(), &links.join(" · "), limit)
}

/// The end of the log gives way first, then the end of the head; the links stay whole.
fn assembled(head: &str, tail: Option<&str>, links: &str, limit: usize) -> String {
    let room = limit.saturating_sub(units(links) + 1);
    let block = tail.map(|tail| format!("\n```\n{}\n```", calm(&tail.replace("```", "'''"))));
    let mut whole = head.to_owned();
    match block {
        Some(block) if units(head) + units(&block) <= room => whole.push_str(&block),
        Some(_) | None if units(head) > room => whole = fitted(head, room / 2),
        Some(_) | None => {}
    }
    if !links.is_empty() {
        whole.push('\n');
        whole.push_str(links);
    }
    whole
}

/// As JavaScript counts characters, which is what these services are written in: never fewer than people see.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Marks are escaped outside of backticks; a backtick that has no second one is escaped, too.
fn escaped(text: &str) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    let last = pieces.len() - 1;
    let mut out = String::with_capacity(text.len() + 16);
    for (position, piece) in pieces.iter().enumerate() {
        let in_code = position % 2 == 1 && position < last;
        if position > 0 {
            // an even number of pieces is an odd number of backticks: the last one opens nothing
            out.push_str(if position == last && last % 2 == 1 { "\\`" } else { "`" });
        }
        if in_code {
            out.push_str(piece);
        } else {
            let mut rest = piece.chars().peekable();
            while let Some(c) = rest.next() {
                if matches!(c, '\\' | '*' | '_' | '~' | '|') {
                    out.push('\\');
                }
                out.push(c);
                // no words of others become a link with an address of their choice
                if c == ']' && matches!(rest.peek(), Some('(' | '[' | ':')) {
                    out.push(GAP);
                }
            }
        }
    }
    calm(&out)
}

/// Nothing in it calls anybody but persons.
fn calm(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        let rest = &text[at + c.len_utf8()..];
        let calls = match c {
            '@' => CALLS.iter().any(|word| begins_with(rest, word)),
            '<' => rest.starts_with(|next: char| !next.is_whitespace()),
            _ => false,
        };
        if calls {
            out.push(GAP);
        }
    }
    out
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
}

/// An address inside of parentheses.
fn bracketed(url: &str) -> String {
    url.replace('(', "%28").replace(')', "%29")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::domain::run::RunState;
    use crate::report::status::Links;
    use crate::report::tests::run;

    #[test]
    fn marks_outside_of_backticks_are_escaped_and_names_in_them_stay() {
        for (text, expected) in [
            ("deploy `a_b` to `c*d`", "deploy `a_b` to `c*d`"),
            ("of feature_x (**no**)", "of feature\\_x (\\*\\*no\\*\\*)"),
            ("[here](https://evil.example)", "[here]\u{200b}(https://evil.example)"),
            ("one ` alone_", "one \\` alone\\_"),
            ("`a` and ` alone", "`a` and \\` alone"),
            ("||x||", "\\|\\|x\\|\\|"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn nobody_but_persons_is_called() {
        for (text, expected) in [
            ("@mona", "@mona"),
            ("@Channel and @HERE", "@\u{200b}Channel and @\u{200b}HERE"),
            ("`@everyone`", "`@\u{200b}everyone`"),
            ("<!channel> 1 < 2", "<\u{200b}!channel> 1 < 2"),
        ] {
            assert_eq!(calm(text), expected);
        }
    }

    fn failure(tail: &str) -> News {
        let reason = Reason::ExitCode {
            step: "deploy".to_owned(),
            exit_code: 3,
            cause: None,
        };
        let links = Links {
            runs_now: None,
            log_url: Some("https://deploy.example.com/runs/1".to_owned()),
            environment_url: None,
        };
        News::of_run(&run(RunState::Failed, Some(reason)), &links).with_ending(Some(tail), None, "staging")
    }

    #[test]
    fn a_log_cannot_end_its_block_and_gives_way_where_there_is_no_room() {
        let whole = discord(&failure("one\n```\n@everyone"));
        let content = whole["content"].as_str().unwrap();
        assert_eq!(content.matches("```").count(), 2, "{content}");
        let long = failure(&"\u{1f600}".repeat(990));
        let content = discord(&long)["content"].as_str().unwrap().to_owned();
        assert!(content.encode_utf16().count() <= DISCORD_LIMIT, "{content}");
        assert!(content.ends_with("(https://deploy.example.com/runs/1)"), "{content}");
    }

    #[test]
    fn whatever_is_told_fits_and_keeps_its_link() {
        let mut news = failure("x");
        news.what = "\u{10ffff}".repeat(6_000);
        for (text, limit) in [
            (mattermost(&news)["text"].clone(), MATTERMOST_LIMIT),
            (rocket_chat(&news)["text"].clone(), ROCKET_CHAT_LIMIT),
            (discord(&news)["content"].clone(), DISCORD_LIMIT),
            (Value::String(for_bots(&news)), BOT_LIMIT),
        ] {
            let text = text.as_str().unwrap();
            assert!(
                units(text) <= limit && text.contains("https://deploy.example.com"),
                "{limit}"
            );
        }
    }
}
