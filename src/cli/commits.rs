//! What is answered to questions about commits, for a terminal: what is new and gone, how a ref stands, who has a commit.

use crate::cli::show::line;
use crate::flow::chat::preview::Brings;
use crate::flow::view::commits::{Build, Builds, Difference, RunCommits, Whereabout};
use crate::report::chat::{self, Containing};

/// What a deployment would bring to an environment.
#[must_use]
pub fn difference(found: &Difference) -> String {
    let mut text = String::new();
    let Some(replaces) = &found.replaces else {
        let nothing = format!(
            "nothing is deployed to `{}` yet: all of `{}` would be new",
            found.environment, found.git_ref
        );
        line(&mut text, &nothing);
        return text;
    };
    let says = match &found.brings {
        Some(brings) => chat::difference(&found.environment, &found.git_ref, brings.ahead, brings.behind),
        None => chat::nothing_in_common(&found.environment, &found.git_ref),
    };
    line(&mut text, &format!("{says} (it runs {})", short(replaces)));
    commits(&mut text, found.brings.as_ref(), found.url.as_deref());
    text
}

/// What a run brought, beside what ran there before.
#[must_use]
pub fn brought(found: &RunCommits) -> String {
    let mut text = String::new();
    let says = match (&found.before, &found.brings) {
        (None, _) => "nothing ran there before: all of it was new".to_owned(),
        (Some(before), None) => format!(
            "{} ran there before; GitHub knows no connection between the two",
            short(before)
        ),
        (Some(before), Some(brings)) => format!(
            "{} ran there before; {}",
            short(before),
            chat::new_and_gone(brings.ahead, brings.behind)
        ),
    };
    line(&mut text, &says);
    commits(&mut text, found.brings.as_ref(), found.url.as_deref());
    text
}

/// The new ones, the newest first, and where all of it is.
pub(super) fn commits(text: &mut String, brings: Option<&Brings>, url: Option<&str>) {
    let listed = brings.map_or(&[][..], |brings| &brings.commits);
    for one in listed.iter().rev() {
        let by = one.author.as_deref().unwrap_or("-");
        line(text, &format!("  {}  {by:<16}  {}", short(&one.sha), one.title));
    }
    let ahead = brings.map_or(0, |brings| brings.ahead);
    let older = ahead.saturating_sub(u64::try_from(listed.len()).unwrap_or(u64::MAX));
    if older > 0 {
        line(text, &format!("  and {older} older"));
    }
    if let Some(url) = url {
        line(text, url);
    }
}

/// How a ref stands: what is red first, then what is open, then what is green.
#[must_use]
pub fn builds(found: &Builds) -> String {
    let mut text = String::new();
    let what = format!("`{}` at {}", found.git_ref, short(&found.sha));
    let of = |verdict: &str| found.contexts.iter().filter(|one| one.verdict == verdict).count();
    let (all, green, failed) = (found.contexts.len(), of("green"), of("failed"));
    let says = match (all, failed) {
        (0, _) => format!("nothing has reported about {what} yet"),
        (all, 0) if green == all => format!("{what} is green: {green} of {all} contexts"),
        (all, 0) => format!("{what} is not finished: {green} of {all} contexts are green"),
        (all, _) => format!("{what} is red: {failed} of {all} contexts"),
    };
    line(&mut text, &says);
    let rank = |one: &&Build| match one.verdict.as_str() {
        "failed" => 0,
        "green" => 2,
        _ => 1,
    };
    let mut contexts: Vec<&Build> = found.contexts.iter().collect();
    contexts.sort_by_key(rank);
    for one in contexts {
        line(
            &mut text,
            &format!("  {:<7}  {} ({})", one.verdict, one.name, one.state),
        );
    }
    text
}

/// Whether somebody has reported about a ref, and all of that is green.
#[must_use]
pub fn is_green(found: &Builds) -> bool {
    !found.contexts.is_empty() && found.contexts.iter().all(|one| one.verdict == "green")
}

/// Which environments have a commit.
#[must_use]
pub fn contains(items: &[Whereabout]) -> String {
    let mut text = String::new();
    for one in items {
        let at = (one.app.as_str(), one.environment.as_str());
        let says = match Containing::from_name(&one.has) {
            Some(found) => chat::containing(at, found),
            // a newer server may know more
            None => format!("`{}` `{}`: {}", one.app, one.environment, one.has),
        };
        let runs = one.runs.as_deref().map(|sha| format!(" (it runs {})", short(sha)));
        line(&mut text, &format!("{says}{}", runs.unwrap_or_default()));
    }
    text
}

/// Whether an environment has the commit, or a copy of it.
#[must_use]
pub fn has_it(one: &Whereabout) -> bool {
    matches!(
        Containing::from_name(&one.has),
        Some(Containing::Itself | Containing::CherryPick)
    )
}

/// Whether anything is new or gone. What cannot be compared is not the same.
#[must_use]
pub fn differs(brings: Option<&Brings>) -> bool {
    brings.is_none_or(|brings| (brings.ahead, brings.behind) != (0, 0))
}

fn short(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::flow::chat::preview::CommitView;

    fn brings(ahead: u64, behind: u64, titles: &[&str]) -> Brings {
        let view = |(at, title): (usize, &&str)| CommitView {
            sha: format!("{at}123456789abcdef"),
            author: (at == 0).then(|| "mona".to_owned()),
            title: (*title).to_owned(),
        };
        Brings {
            ahead,
            behind,
            commits: titles.iter().enumerate().map(view).collect(),
        }
    }

    fn to_staging(replaces: Option<&str>, brings: Option<Brings>) -> Difference {
        Difference {
            app: "site".to_owned(),
            environment: "staging".to_owned(),
            git_ref: "main".to_owned(),
            replaces: replaces.map(str::to_owned),
            url: brings.as_ref().map(|_| "https://github.com/compare".to_owned()),
            brings,
        }
    }

    #[test]
    fn a_difference_says_what_is_new_and_what_is_gone() {
        let all = [
            to_staging(None, None),
            to_staging(Some("fedcba9876543210"), None),
            to_staging(Some("fedcba9876543210"), Some(brings(0, 0, &[]))),
            to_staging(
                Some("fedcba9876543210"),
                Some(brings(3, 1, &["first", "second\u{1b}[2J"])),
            ),
        ];
        let told: Vec<String> = all.iter().map(difference).collect();
        assert_snapshot!(told.join("---\n"), @r"
        nothing is deployed to `staging` yet: all of `main` would be new
        ---
        `main` has nothing in common with what `staging` runs (it runs fedcba98)
        ---
        `staging` runs exactly `main` (it runs fedcba98)
        https://github.com/compare
        ---
        `main` has 3 commits that `staging` lacks, and lacks 1 commit that it has (it runs fedcba98)
          11234567  -                 second
          01234567  mona              first
          and 1 older
        https://github.com/compare
        ");
        let same: Vec<bool> = all.iter().map(|one| differs(one.brings.as_ref())).collect();
        assert_eq!(same, [true, true, false, true]);
    }

    #[test]
    fn a_run_is_told_beside_what_ran_before() {
        let beside = |before: Option<&str>, brings| RunCommits {
            before: before.map(str::to_owned),
            brings,
            ..RunCommits::default()
        };
        let all = [
            beside(None, None),
            beside(Some("fedcba9876543210"), None),
            beside(Some("fedcba9876543210"), Some(brings(0, 0, &[]))),
            beside(Some("fedcba9876543210"), Some(brings(1, 2, &["first"]))),
        ];
        let told: Vec<String> = all.iter().map(brought).collect();
        assert_snapshot!(told.join("---\n"), @r"
        nothing ran there before: all of it was new
        ---
        fedcba98 ran there before; GitHub knows no connection between the two
        ---
        fedcba98 ran there before; nothing is new
        ---
        fedcba98 ran there before; 1 commit new and 2 commits gone
          01234567  mona              first
        ");
    }

    #[test]
    fn a_ref_is_green_once_somebody_has_reported_and_all_of_it_is() {
        let of = |verdicts: &[&str]| Builds {
            git_ref: "main".to_owned(),
            sha: "0123456789abcdef".to_owned(),
            contexts: verdicts
                .iter()
                .map(|verdict| Build {
                    name: format!("ci/{verdict}"),
                    state: "said".to_owned(),
                    verdict: (*verdict).to_owned(),
                })
                .collect(),
        };
        let all = [
            of(&[]),
            of(&["green", "green"]),
            of(&["green", "pending"]),
            of(&["green", "pending", "failed"]),
        ];
        let told: Vec<String> = all.iter().map(builds).collect();
        assert_snapshot!(told.join("---\n"), @r"
        nothing has reported about `main` at 01234567 yet
        ---
        `main` at 01234567 is green: 2 of 2 contexts
          green    ci/green (said)
          green    ci/green (said)
        ---
        `main` at 01234567 is not finished: 1 of 2 contexts are green
          pending  ci/pending (said)
          green    ci/green (said)
        ---
        `main` at 01234567 is red: 1 of 3 contexts
          failed   ci/failed (said)
          pending  ci/pending (said)
          green    ci/green (said)
        ");
        assert_eq!(
            all.iter().map(is_green).collect::<Vec<_>>(),
            [false, true, false, false]
        );
    }

    #[test]
    fn an_environment_has_a_commit_or_a_copy_of_it_or_not() {
        let words = [
            "contains",
            "cherry_pick",
            "not_yet",
            "unrelated",
            "nothing",
            "of another day",
        ];
        let all: Vec<Whereabout> = words
            .iter()
            .map(|has| Whereabout {
                app: "site".to_owned(),
                environment: "live".to_owned(),
                runs: (*has != "nothing").then(|| "0123456789abcdef".to_owned()),
                has: (*has).to_owned(),
            })
            .collect();
        assert_snapshot!(contains(&all), @r"
        `site` `live` contains it (it runs 01234567)
        `site` `live` contains a cherry-pick of it (it runs 01234567)
        `site` `live` does not contain it yet (it runs 01234567)
        `site` `live` runs something that has nothing to do with it (it runs 01234567)
        `site` `live` runs nothing yet
        `site` `live`: of another day (it runs 01234567)
        ");
        let having: Vec<bool> = all.iter().map(has_it).collect();
        assert_eq!(having, [true, true, false, false, false, false]);
    }
}
