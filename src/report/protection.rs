//! What a job of GitHub Actions that waits for our word is told: Markdown on the page of its workflow run.

use crate::domain::reason::Reason;
use crate::report::sentence::sentence;
use crate::report::words::fitted;

/// <https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules>
pub const COMMENT_LIMIT: usize = 1024;

/// The job may go on.
#[must_use]
pub fn approved(app: &str, environment: &str) -> String {
    comment(&format!("Chima: nothing stands against `{app}` to `{environment}`"))
}

/// The job may not.
#[must_use]
pub fn rejected(reason: &Reason) -> String {
    let unknown = matches!(
        reason,
        Reason::EnvironmentUnknown { .. }
            | Reason::EnvironmentMalformed { .. }
            | Reason::RepositoryNotConfigured { .. }
    );
    let switch = if unknown {
        "; or take Chima's rule off this environment in the repository's settings"
    } else {
        ""
    };
    comment(&format!("Chima: rejected: {}{switch}", sentence(reason)))
}

/// The job waits.
#[must_use]
pub fn waits(reason: &Reason) -> String {
    comment(&format!("Chima: waiting: {}", sentence(reason)))
}

/// Text of others stands in it: nothing but what is in backticks is Markdown, and no more of it than GitHub takes.
fn comment(text: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '`' => quoted = !quoted,
            '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '!' | '|' | '~' if !quoted => out.push('\\'),
            // nobody is called by our reports
            '@' if !quoted => {
                out.push_str("@\u{2060}");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    fitted(&out, COMMENT_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::ContextFinding;

    #[test]
    fn a_comment_is_harmless_and_fits() {
        let reason = Reason::RequiredContextPending {
            contexts: (0..200)
                .map(|number| ContextFinding {
                    name: format!("[ci]({number}) {}", "x".repeat(70)),
                    state: "**pending** <img> @mona".to_owned(),
                })
                .collect(),
        };
        let text = waits(&reason);
        assert!(text.chars().count() <= COMMENT_LIMIT);
        assert!(
            text.contains(r"\*\*pending\*\* \<img\>") && !text.contains("@mona"),
            "{text}"
        );
    }

    #[test]
    fn it_says_what_to_do() {
        let reason = Reason::EnvironmentUnknown {
            found: "prod".to_owned(),
            configured: vec!["production".to_owned()],
        };
        insta::assert_snapshot!(rejected(&reason), @"Chima: rejected: environment `prod` is not configured; configured: `production`; ask again with a configured one, or have an operator add it under `environments`; or take Chima's rule off this environment in the repository's settings");
        insta::assert_snapshot!(approved("site", "production"), @"Chima: nothing stands against `site` to `production`");
    }
}
