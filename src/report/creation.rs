//! What came of asking GitHub for a deployment, as one sentence with what to do next.

use crate::domain::creation::Creation;
use crate::report::sentence::states;
use crate::report::words::{plain, quoted, sha8};

/// The sentence. Lower case and without a full stop, as the reasons are.
#[must_use]
pub fn sentence(creation: &Creation, git_ref: &str) -> String {
    let asked = git_ref;
    let git_ref = quoted(git_ref);
    match creation {
        Creation::Created { id, sha } if *sha == asked => format!("deployment {id} of {}", sha8(sha)),
        Creation::Created { id, sha } => format!("deployment {id} of {git_ref} at {}", sha8(sha)),
        Creation::Merged { message } => format!(
            "GitHub keeps merging into {git_ref} and made no deployment ({}); wait until the branch rests, then ask again",
            plain(message)
        ),
        Creation::NothingMade { message } => format!(
            "GitHub accepted the request and made no deployment ({}); ask again in a moment",
            plain(message)
        ),
        Creation::MergeConflict { message } => format!(
            "{git_ref} conflicts with the default branch ({}); merge that into it, then ask again",
            plain(message)
        ),
        Creation::ContextsNotGreen { contexts } if contexts.is_empty() => {
            format!("GitHub insists on contexts of {git_ref} that are not green; make them green, then ask again")
        }
        Creation::ContextsNotGreen { contexts } => format!(
            "GitHub insists on contexts of {git_ref} that are not green: {}; make them green, then ask again",
            states(contexts)
        ),
        Creation::NoRef { .. } => format!("there is no branch, tag or commit {git_ref}; push it, or name another"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::DeploymentId;
    use crate::domain::reason::ContextFinding;

    #[test]
    fn every_answer_is_a_sentence_with_what_to_do() {
        let words = |creation: Creation| sentence(&creation, "topic");
        let message = "Conflict merging main into topic.".to_owned();
        assert_eq!(
            words(Creation::Created {
                id: DeploymentId(7),
                sha: "0123456789".to_owned()
            }),
            "deployment 7 of `topic` at 01234567"
        );
        assert_eq!(
            words(Creation::MergeConflict { message }),
            "`topic` conflicts with the default branch (Conflict merging main into topic.); merge that into it, then ask again"
        );
        let contexts = vec![ContextFinding {
            name: "ci".to_owned(),
            state: "failure".to_owned(),
        }];
        assert_eq!(
            words(Creation::ContextsNotGreen { contexts }),
            "GitHub insists on contexts of `topic` that are not green: `ci` (failure); make them green, then ask again"
        );
        assert_eq!(
            words(Creation::NoRef { message: String::new() }),
            "there is no branch, tag or commit `topic`; push it, or name another"
        );
    }
}
