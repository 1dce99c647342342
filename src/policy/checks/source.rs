//! The forms of the ref and the SHA: what is to be checked out. Whether the commit exists is for git to say.

use crate::domain::deployment::Deployment;
use crate::domain::names::{RefName, Sha, shown};
use crate::domain::reason::Reason;
use crate::policy::checks::{Finding, kept};
use crate::policy::decision::CheckName;

pub(crate) fn git_ref(deployment: &Deployment) -> Finding<RefName> {
    let text = deployment.git_ref.as_str();
    match text.parse() {
        Ok(name) => Finding::passed(CheckName::Ref, shown(text), "a ref name".to_owned(), name),
        Err(invalid) => {
            let expected = invalid.expected.to_owned();
            let reason = Reason::RefMalformed {
                found: kept(text),
                expected: expected.clone(),
            };
            Finding::rejected(CheckName::Ref, shown(text), expected, reason)
        }
    }
}

pub(crate) fn sha(deployment: &Deployment) -> Finding<Sha> {
    let text = deployment.sha.as_str();
    match text.parse() {
        Ok(sha) => Finding::passed(CheckName::Sha, shown(text), "a full commit SHA".to_owned(), sha),
        Err(invalid) => {
            let expected = invalid.expected.to_owned();
            let reason = Reason::ShaMalformed {
                found: kept(text),
                expected: expected.clone(),
            };
            Finding::rejected(CheckName::Sha, shown(text), expected, reason)
        }
    }
}
