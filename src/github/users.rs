//! Whose a login is now. <https://docs.github.com/en/rest/users/users#get-a-user>

use serde::Deserialize;

use crate::domain::ids::InstallationId;
use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::github::needs::Purpose;
use crate::github::send::Request;

#[derive(Debug, Deserialize)]
struct Account {
    id: u64,
}

impl GitHub {
    /// GitHub's number of whoever has a login now; `None` where nobody has it, or nobody whom we may know of: accounts that an
    /// enterprise manages are hidden from those who have no access to it.
    ///
    /// # Errors
    ///
    /// When GitHub does not say.
    pub async fn account_of(
        &self,
        installation: Option<InstallationId>,
        login: &str,
    ) -> Result<Option<u64>, CallError> {
        let path = format!("/users/{}", encoded(login));
        let answer = self.send(installation, &Request::get(&path), Purpose::Identify).await?;
        match answer.read::<Account>() {
            Ok(account) => Ok(Some(account.id)),
            Err(CallError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
