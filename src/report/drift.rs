//! How what runs stands to the default branch, in words.

use crate::domain::drift::{Ci, Standing};
use crate::report::needs::counted;
use crate::report::words::quoted;

/// How many commits behind which branch.
#[must_use]
pub fn drift(branch: &str, standing: Standing) -> String {
    let branch = quoted(branch);
    let commits = |count| counted(count, "commit", "commits");
    match standing {
        Standing::Compared { behind: 0, ahead: 0 } => format!("up to date with {branch}"),
        Standing::Compared { behind, ahead: 0 } => format!("{} behind {branch}", commits(behind)),
        Standing::Compared { behind: 0, ahead } => format!("{} ahead of {branch}", commits(ahead)),
        Standing::Compared { behind, ahead } => {
            format!(
                "{} behind {branch}, and {} ahead of it",
                commits(behind),
                commits(ahead)
            )
        }
        Standing::Apart => format!("has nothing in common with {branch}, or is gone"),
    }
}

/// What has been reported about a commit.
#[must_use]
pub fn ci(ci: Ci) -> &'static str {
    match ci {
        Ci::None => "no checks",
        Ci::Pending => "checks pending",
        Ci::Green => "checks green",
        Ci::Red => "checks red",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_told_from_where_it_runs() {
        for ((behind, ahead), expected) in [
            ((0, 0), "up to date with `main`"),
            ((1, 0), "1 commit behind `main`"),
            ((12, 0), "12 commits behind `main`"),
            ((0, 3), "3 commits ahead of `main`"),
            ((12, 1), "12 commits behind `main`, and 1 commit ahead of it"),
        ] {
            assert_eq!(drift("main", Standing::Compared { behind, ahead }), expected);
        }
    }
}
