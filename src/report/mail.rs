//! News as a letter: plain text, and a subject of one line.

use crate::report::news::News;
use crate::report::words::fitted;

/// Longer subjects are cut by most who show them.
const SUBJECT_LIMIT: usize = 120;

/// The subject: one line, whatever the names in it are.
#[must_use]
pub fn subject(news: &News) -> String {
    let title = news.title().replace('`', "");
    let line: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("[chima] {}", fitted(&line, SUBJECT_LIMIT))
}

/// The text.
#[must_use]
pub fn body(news: &News) -> String {
    let mut parts = vec![news.title()];
    parts.extend(news.why.clone());
    parts.extend((!news.facts.is_empty()).then(|| news.facts.join("\n")));
    parts.extend(news.current.clone());
    parts.extend(news.tail.as_ref().map(|tail| {
        let lines: Vec<String> = tail.lines().map(|line| format!("    {line}")).collect();
        format!("the end of the log:\n\n{}", lines.join("\n"))
    }));
    parts.extend(news.page.clone());
    parts.extend(news.visit.clone());
    format!("{}\n", parts.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::RunState;
    use crate::report::status::Links;
    use crate::report::tests::run;

    #[test]
    fn a_subject_is_one_line_whatever_is_in_it() {
        let links = Links {
            runs_now: None,
            log_url: None,
            environment_url: None,
        };
        let mut news = News::of_run(&run(RunState::Succeeded, None), &links);
        news.what = format!("deploy\r\nBcc: evil@example.com\u{85}{}", "x".repeat(500));
        let subject = subject(&news);
        assert!(!subject.contains(char::is_control), "{subject:?}");
        assert!(subject.chars().count() <= SUBJECT_LIMIT + 8, "{subject}");
    }
}
