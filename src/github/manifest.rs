//! Making an App with one click: what GitHub is asked for, and what it gives back for the code that it sends the browser back
//! with. <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::github::GitHub;
use crate::github::call::{CallError, encoded};
use crate::github::needs::{EVENTS, of_app};
use crate::github::send::Request;
use crate::github::tokens::secret;

/// GitHub takes no longer names of Apps.
pub const NAME_CHARACTERS: usize = 34;

/// What differs between one App of Chima's and another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest<'a> {
    /// What the App is called; unique on all of GitHub.
    pub name: &'a str,
    /// Where people and GitHub reach Chima, without a slash at its end.
    pub public_url: &'a str,
    /// Where the browser is sent with the code.
    pub redirect_url: &'a str,
    /// Whether some app lets GitHub merge before it deploys.
    pub merges: bool,
}

impl Manifest<'_> {
    /// What the form's only field holds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let permissions = of_app(self.merges);
        let permissions: Map<String, Value> = permissions
            .into_iter()
            .map(|(name, level)| (name.to_owned(), json!(level.as_str())))
            .collect();
        let name: String = self.name.chars().take(NAME_CHARACTERS).collect();
        json!({
            "name": name.trim_end(),
            "url": self.public_url,
            "description": "Executes this account's deployments.",
            "hook_attributes": { "url": format!("{}/webhooks/github", self.public_url), "active": true },
            "redirect_url": self.redirect_url,
            "callback_urls": [format!("{}/sign-in/callback", self.public_url)],
            "public": false,
            "default_permissions": permissions,
            "default_events": EVENTS.map(|event| event.name),
        })
    }
}

/// Where the form goes: the person's own account, or an organization's.
#[must_use]
pub fn form_address(github_url: &str, organization: Option<&str>, state: &str) -> String {
    match organization {
        None => format!("{github_url}/settings/apps/new?state={state}"),
        Some(organization) => format!(
            "{github_url}/organizations/{}/settings/apps/new?state={state}",
            encoded(organization)
        ),
    }
}

/// An App that GitHub has made, with everything secret about it.
#[derive(Debug, Deserialize)]
pub struct Made {
    /// GitHub's number.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its page.
    pub html_url: String,
    /// What people sign in with it by.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The same, secret.
    #[serde(default, deserialize_with = "optional_secret")]
    pub client_secret: Option<SecretString>,
    /// What its deliveries are signed with; GitHub makes it.
    #[serde(default, deserialize_with = "optional_secret")]
    pub webhook_secret: Option<SecretString>,
    /// Its private key.
    #[serde(deserialize_with = "secret")]
    pub pem: SecretString,
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

impl GitHub {
    /// Exchanges a code for the App that it stands for. A code is good once, and for an hour.
    ///
    /// # Errors
    ///
    /// When GitHub does not know the code (404, 422), or cannot be asked.
    pub async fn convert_manifest(&self, code: &str) -> Result<Made, CallError> {
        let path = format!("/app-manifests/{}/conversions", encoded(code));
        let answer = self.once(None, &Request::post(&path, String::new()), None).await?;
        answer.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, merges: bool) -> Value {
        let manifest = Manifest {
            name,
            public_url: "https://deploy.example.com",
            redirect_url: "http://127.0.0.1:4000/setup/callback",
            merges,
        };
        manifest.to_json()
    }

    #[test]
    fn an_app_is_asked_for_with_what_chima_needs_and_no_more() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&manifest("chima", false)).unwrap(), @r#"
        {
          "name": "chima",
          "url": "https://deploy.example.com",
          "description": "Executes this account's deployments.",
          "hook_attributes": {
            "url": "https://deploy.example.com/webhooks/github",
            "active": true
          },
          "redirect_url": "http://127.0.0.1:4000/setup/callback",
          "callback_urls": [
            "https://deploy.example.com/sign-in/callback"
          ],
          "public": false,
          "default_permissions": {
            "actions": "read",
            "checks": "read",
            "contents": "read",
            "deployments": "write",
            "issues": "write",
            "members": "read",
            "metadata": "read",
            "pull_requests": "write",
            "statuses": "read"
          },
          "default_events": [
            "deployment",
            "deployment_status",
            "deployment_protection_rule",
            "status",
            "check_run",
            "check_suite",
            "push",
            "pull_request",
            "workflow_run",
            "issue_comment",
            "repository"
          ]
        }
        "#);
        assert_eq!(manifest("chima", true)["default_permissions"]["contents"], "write");
    }

    #[test]
    fn a_long_name_is_cut_where_github_would_refuse_it() {
        let name = manifest("chima of a machine with a very long name", false);
        assert_eq!(name["name"], "chima of a machine with a very lon");
    }

    #[test]
    fn the_form_goes_to_the_person_or_the_organization() {
        for (organization, expected) in [
            (None, "https://github.com/settings/apps/new?state=s"),
            (
                Some("octo"),
                "https://github.com/organizations/octo/settings/apps/new?state=s",
            ),
            (
                Some("../x?y"),
                "https://github.com/organizations/..%2Fx%3Fy/settings/apps/new?state=s",
            ),
        ] {
            assert_eq!(form_address("https://github.com", organization, "s"), expected);
        }
    }
}
