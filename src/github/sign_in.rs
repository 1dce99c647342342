//! Signing in with GitHub: where a browser is sent, and what its code is exchanged for.
//! <https://docs.github.com/en/apps/creating-github-apps/writing-code-for-a-github-app/building-a-login-with-github-button-with-a-github-app>
//!
//! The person's token is used for one question, whose it is, and forgotten.

use http::header::{ACCEPT, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::names::shown;
use crate::github::GitHub;
use crate::github::call::{CallError, chain};
use crate::github::send::Request;
use crate::github::tokens::secret;

/// What GitHub knows the App by when people sign in with it.
#[derive(Debug, Clone)]
pub struct Client {
    /// What everybody may know.
    pub id: String,
    /// What nobody else may.
    pub secret: SecretString,
}

/// What a browser came back with, and what it was sent with.
#[derive(Debug, Clone, Copy)]
pub struct Code<'a> {
    /// GitHub's, good once and for ten minutes.
    pub code: &'a str,
    /// What its digest was sent of: only who sent the browser knows it.
    pub verifier: &'a str,
    /// Where the browser was to come back to.
    pub redirect_uri: &'a str,
}

/// Somebody whom GitHub vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Somebody {
    /// What they are called now.
    pub login: String,
    /// GitHub's number of them, which stays.
    pub id: u64,
}

/// Why nobody is vouched for.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// GitHub does not take the code, or us.
    #[error("GitHub does not take it: {code}")]
    Refused {
        /// Its code, such as `bad_verification_code`.
        code: String,
    },
    /// GitHub could not be asked.
    #[error(transparent)]
    Unavailable(#[from] CallError),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Exchanged {
    Given {
        #[serde(deserialize_with = "secret")]
        access_token: SecretString,
    },
    Refused {
        error: String,
    },
}

/// Where a browser is sent.
#[must_use]
pub fn authorize_address(
    github_url: &str,
    client_id: &str,
    redirect_uri: &str,
    (state, challenge): (&str, &str),
) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("state", state)
        .append_pair("code_challenge", challenge)
        .append_pair("code_challenge_method", "S256")
        .finish();
    format!("{github_url}/login/oauth/authorize?{query}")
}

impl GitHub {
    /// Who signed in. `github_url`: GitHub's pages, without a slash at the end.
    ///
    /// # Errors
    ///
    /// When GitHub does not take the code, or cannot be asked.
    pub async fn whose_code(
        &self,
        github_url: &str,
        client: &Client,
        code: Code<'_>,
    ) -> Result<Somebody, ExchangeError> {
        let token = self.exchange(github_url, client, code).await?;
        let answer = self.once(None, &Request::get("/user"), Some(&token)).await?;
        Ok(answer.read()?)
    }

    async fn exchange(&self, github_url: &str, client: &Client, code: Code<'_>) -> Result<SecretString, ExchangeError> {
        let form = [
            ("client_id", client.id.as_str()),
            ("client_secret", client.secret.expose_secret().trim()),
            ("code", code.code),
            ("code_verifier", code.verifier),
            ("redirect_uri", code.redirect_uri),
        ];
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let unreachable = |error: reqwest::Error| CallError::Unreachable {
            // without the address, which is the configuration's
            detail: chain(&error.without_url()),
        };
        let sending = async {
            let response = self
                .http
                .post(format!("{github_url}/login/oauth/access_token"))
                .header(ACCEPT, "application/json")
                .header(USER_AGENT, "chima")
                .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body)
                .send()
                .await
                .map_err(unreachable)?;
            let status = response.status().as_u16();
            Ok::<_, CallError>((status, response.text().await.map_err(unreachable)?))
        };
        let (status, text) =
            tokio::time::timeout(self.answer_timeout, sending)
                .await
                .map_err(|_| CallError::Unreachable {
                    detail: format!("nothing within {} s", self.answer_timeout.as_secs()),
                })??;
        let trouble = |message: &str| CallError::Trouble {
            status,
            message: message.to_owned(),
        };
        match status {
            200 => {}
            429 => return Err(trouble("too many people sign in at once").into()),
            500.. => return Err(trouble("it has trouble of its own").into()),
            _ => {
                let message =
                    "it does not take what people sign in with; `sign_in` names another App than GitHub knows"
                        .to_owned();
                return Err(CallError::Refused { status, message }.into());
            }
        }
        match serde_json::from_str(&text) {
            Ok(Exchanged::Given { access_token }) => Ok(access_token),
            Ok(Exchanged::Refused { error }) => Err(ExchangeError::Refused { code: shown(&error) }),
            // what it holds may be a token
            Err(_) => {
                let detail = "no token and no reason why not".to_owned();
                Err(CallError::Garbled { status, detail }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_with_everything_that_ties_it_to_its_way_back() {
        let address = authorize_address(
            "https://github.com",
            "Iv23",
            "https://deploy.example.com/sign-in/callback",
            ("a&b", "c"),
        );
        assert_eq!(
            address,
            "https://github.com/login/oauth/authorize?client_id=Iv23&redirect_uri=https%3A%2F%2Fdeploy.example.com%2Fsign-in%2Fcallback\
             &state=a%26b&code_challenge=c&code_challenge_method=S256"
        );
    }
}
