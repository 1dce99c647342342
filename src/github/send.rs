//! One request and its whole answer: with the right token, once more with a fresh one where that was refused, and with the clock
//! put right where that was the reason.

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method};
use octocrab::Octocrab;
use reqwest::Certificate;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::domain::ids::InstallationId;
use crate::domain::names::shown;
use crate::github::call::{CallError, asked_to_wait, chain, refusal};
use crate::github::needs::Purpose;
use crate::github::tokens::{Key, Reach, Token, Tokens};
use crate::github::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, GitHub, Identity};

/// Clocks that differ by less are not why something was refused.
const CLOCKS_AGREE: TimeDelta = TimeDelta::seconds(30);

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// What it is where it is no success.
    pub(crate) refusal: Option<CallError>,
}

impl Whole {
    /// Its JSON.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        serde_json::from_str(&self.body).map_err(|error| CallError::Garbled {
            status: self.status,
            detail: shown(&error.to_string()),
        })
    }
}

/// What can be sent, and sent again.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Below the API's address.
    pub(crate) path: &'a str,
    /// JSON.
    pub(crate) body: Option<String>,
    /// The answer that is known already, by GitHub's name of it.
    pub(crate) known: Option<HeaderValue>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
            known: None,
        }
    }

    /// Only what differs from the answer that has this name.
    pub(crate) fn unless(self, known: Option<HeaderValue>) -> Self {
        Self { known, ..self }
    }

    pub(crate) fn patch(path: &'a str, body: String) -> Self {
        Self {
            method: Method::PATCH,
            ..Self::post(path, body)
        }
    }

    pub(crate) fn post(path: &'a str, body: String) -> Self {
        Self {
            method: Method::POST,
            path,
            body: Some(body),
            known: None,
        }
    }
}

/// A client without credentials, and what it is made of. Proxies are those of the environment (`HTTPS_PROXY`, `NO_PROXY`).
pub(crate) fn client(
    api_url: &str,
    authorities: Option<&[u8]>,
) -> Result<(Octocrab, reqwest::Client), Box<dyn std::error::Error + Send + Sync>> {
    let mut http = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(ANSWER_TIMEOUT)
        // octocrab follows those of reads, and takes the token along on the same host only
        .redirect(Policy::none());
    if let Some(pem) = authorities {
        http = http.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
    }
    let builder = Octocrab::builder().base_uri(format!("{api_url}/"))?;
    let http = http.build()?;
    Ok((builder.build_with_reqwest(http.clone())?, http))
}

impl GitHub {
    /// Sends a request for an installation, with a token for the repository in its path. A token that is refused was revoked:
    /// one fresh one, one more try.
    pub(crate) async fn send(
        &self,
        installation: Option<InstallationId>,
        request: &Request<'_>,
        purpose: Purpose,
    ) -> Result<Whole, CallError> {
        let path = self.at_present_name(request.path);
        let request = &Request {
            path: &path,
            ..request.clone()
        };
        let installation = match (&*self.identity, installation) {
            (Identity::None, _) => return Err(CallError::NotSetUp),
            (Identity::Token(token), _) => return self.once(installation, request, Some(token)).await,
            (Identity::App(_), None) => return Err(CallError::NoInstallation),
            (Identity::App(_), Some(installation)) => installation,
        };
        self.keep_silence(Some(installation))?;
        let key = Key {
            installation,
            reach: Reach::of_path(request.path),
            purpose,
        };
        let (answer, token) = self.with_token(&key, request).await?;
        match answer.status {
            401 => {
                self.tokens.forget(&key, &token).await;
                Ok(self.with_token(&key, request).await?.0)
            }
            404 if Tokens::may_be_out_of_date(&key, &token, self.githubs_now()) => {
                self.tokens.forget(&key, &token).await;
                Ok(self.with_token(&key, request).await?.0)
            }
            403 => {
                self.tokens.forget_if_lacking(&key, &token).await;
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    async fn with_token(&self, key: &Key, request: &Request<'_>) -> Result<(Whole, Token), CallError> {
        let token = self.token(key).await?;
        let answer = self.once(Some(key.installation), request, Some(&token.value)).await?;
        Ok((answer, token))
    }

    /// Sends a request as the App itself, or as the owner of the one token. Where GitHub refuses the App and its clock is another
    /// than ours, its clock is the one that counts.
    pub(crate) async fn send_as_app(&self, request: &Request<'_>) -> Result<Whole, CallError> {
        let path = self.at_present_name(request.path);
        let request = &Request {
            path: &path,
            ..request.clone()
        };
        let signer = match &*self.identity {
            Identity::None => return Err(CallError::NotSetUp),
            Identity::Token(token) => return self.once(None, request, Some(token)).await,
            Identity::App(signer) => signer,
        };
        let signed = || {
            signer.sign(self.githubs_now()).map_err(|error| CallError::Unreachable {
                detail: error.to_string(),
            })
        };
        let answer = self.once(None, request, Some(&signed()?)).await?;
        if answer.status == 401 && self.learn_time(&answer.headers) {
            return self.once(None, request, Some(&signed()?)).await;
        }
        Ok(answer)
    }

    /// Whether GitHub's clock says something else than we thought. It came over the same connection as everything else we
    /// believe of GitHub, and only decides what our own tokens say.
    fn learn_time(&self, headers: &HeaderMap) -> bool {
        let Some(skew) = self.skew(headers) else {
            return false;
        };
        let known = TimeDelta::seconds(self.ahead.load(Ordering::Relaxed));
        if (skew - known).abs() < CLOCKS_AGREE {
            return false;
        }
        self.ahead.store(skew.num_seconds(), Ordering::Relaxed);
        tracing::warn!(
            ahead_seconds = skew.num_seconds(),
            "GitHub's clock is another than this machine's; going by GitHub's: set this machine's clock, with NTP for example"
        );
        true
    }

    /// By how much GitHub's clock is ahead of ours, by the answer's `Date`.
    pub(crate) fn skew(&self, headers: &HeaderMap) -> Option<TimeDelta> {
        let date = headers.get(DATE)?.to_str().ok()?;
        let date = DateTime::parse_from_rfc2822(date).ok()?;
        Some(date.to_utc() - self.clock.now())
    }

    /// Sends a request once, reads its answer to the end, and notes where it asks to wait.
    pub(crate) async fn once(
        &self,
        installation: Option<InstallationId>,
        request: &Request<'_>,
        token: Option<&SecretString>,
    ) -> Result<Whole, CallError> {
        self.keep_silence(installation)?;
        let sending = async {
            let unreachable = |error: octocrab::Error| CallError::Unreachable { detail: chain(&error) };
            let response = self
                .client
                .execute(prepared(request, token)?)
                .await
                .map_err(unreachable)?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = self.client.body_to_string(response).await.map_err(unreachable)?;
            Ok((status, headers, body))
        };
        let (status, headers, body) =
            tokio::time::timeout(self.answer_timeout, sending)
                .await
                .map_err(|_| CallError::Unreachable {
                    detail: format!("nothing within {} s", self.answer_timeout.as_secs()),
                })??;
        // 304 is what was hoped for: nothing has changed
        let refusal = if (200..300).contains(&status) || status == 304 {
            self.note_answer(installation);
            None
        } else {
            let asked = asked_to_wait(status, &headers, &body, self.clock.now());
            Some(match asked.map(|asked| self.note_silence(installation, asked)) {
                Some(wait) => CallError::RateLimited { wait },
                None => refusal(status, &headers, &body, request),
            })
        };
        Ok(Whole {
            status,
            headers,
            body,
            refusal,
        })
    }
}

fn prepared(request: &Request<'_>, token: Option<&SecretString>) -> Result<http::Request<String>, CallError> {
    let unsendable = |detail: String| CallError::Unreachable { detail };
    let mut prepared = http::Request::builder()
        .method(request.method.clone())
        .uri(request.path);
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| unsendable("the token holds a character that no token has".to_owned()))?;
        value.set_sensitive(true);
        prepared = prepared.header(AUTHORIZATION, value);
    }
    if let Some(known) = &request.known {
        prepared = prepared.header(IF_NONE_MATCH, known);
    }
    if request.body.is_some() {
        prepared = prepared.header(CONTENT_TYPE, "application/json");
    }
    prepared
        .body(request.body.clone().unwrap_or_default())
        .map_err(|error| unsendable(error.to_string()))
}
