//! The GitHub App of the world: its key, its installations, and the tokens that open the API.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::github::refused::Refused;

/// GitHub accepts a JWT for at most ten minutes.
const JWT_LIFETIME_SECONDS: i64 = 600;

/// The one App.
#[derive(Debug, Clone)]
pub struct App {
    /// What a JWT names in `iss`.
    pub id: u64,
    /// Its bot's login is `<slug>[bot]`.
    pub slug: String,
    /// One for each account that owns a repository.
    pub installations: Vec<Installation>,
    /// What the installations were granted.
    pub permissions: BTreeMap<String, String>,
    /// What the App has subscribed to.
    pub events: Vec<String>,
    /// Repositories, by number, that the App was not installed on.
    pub excluded: BTreeSet<u64>,
    pub(crate) public_key: Option<Vec<u8>>,
}

/// The App in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// GitHub's number.
    pub id: u64,
    /// The owner of the repositories.
    pub account: String,
    /// Its owner has put it aside: it has no tokens until that is undone.
    pub suspended: bool,
}

/// Something that opens the API.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) value: String,
    pub(crate) owner: Identity,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) repositories: Option<BTreeSet<u64>>,
    pub(crate) permissions: BTreeMap<String, String>,
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Without credentials.
    Nobody,
    /// With a JWT.
    App,
    /// With an installation's token.
    Installation(u64),
    /// With a person's token.
    User(String),
}

impl Identity {
    /// For the journal, and the name under which rate limits are counted.
    pub(crate) fn name(&self, app: &App) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::App => format!("app {}", app.id),
            Self::Installation(id) => format!("installation {id}"),
            Self::User(login) => format!("user {login}"),
        }
    }
}

impl App {
    pub(crate) fn new() -> Self {
        let permissions = [
            ("actions", "read"),
            ("checks", "read"),
            ("contents", "write"),
            ("deployments", "write"),
            ("issues", "write"),
            ("members", "read"),
            ("metadata", "read"),
            ("pull_requests", "write"),
            ("statuses", "read"),
        ];
        let events = [
            "check_run",
            "check_suite",
            "deployment",
            "deployment_protection_rule",
            "deployment_status",
            "issue_comment",
            "pull_request",
            "push",
            "repository",
            "status",
            "workflow_run",
        ];
        Self {
            id: 12_345,
            slug: "chima".to_owned(),
            installations: Vec::new(),
            permissions: permissions
                .map(|(name, level)| (name.to_owned(), level.to_owned()))
                .into(),
            events: events.map(str::to_owned).into(),
            excluded: BTreeSet::new(),
            public_key: None,
        }
    }

    /// The installation of an account, made when first asked for.
    pub(crate) fn install(&mut self, account: &str) -> u64 {
        if let Some(id) = self.installation_of(account) {
            return id;
        }
        let id = 77 + self.installations.len() as u64;
        self.installations.push(Installation {
            id,
            account: account.to_owned(),
            suspended: false,
        });
        id
    }

    /// The installation of an account.
    #[must_use]
    pub fn installation_of(&self, account: &str) -> Option<u64> {
        self.installations
            .iter()
            .find(|installation| installation.account.eq_ignore_ascii_case(account))
            .map(|installation| installation.id)
    }

    pub(crate) fn is_suspended(&self, installation: u64) -> bool {
        self.installations
            .iter()
            .any(|found| found.id == installation && found.suspended)
    }

    /// Checks a JWT: form, algorithm, claims, and the signature unless the key was taken away.
    pub(crate) fn verify_jwt(&self, jwt: &str, now: DateTime<Utc>) -> Result<(), Refused> {
        let undecodable = || Refused::new(401, "A JSON web token could not be decoded");
        let (signed, signature) = jwt.rsplit_once('.').ok_or_else(undecodable)?;
        let (header, claims) = signed.split_once('.').ok_or_else(undecodable)?;
        let header = segment(header).ok_or_else(undecodable)?;
        let claims = segment(claims).ok_or_else(undecodable)?;
        if header["alg"] != "RS256" {
            return Err(undecodable());
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| undecodable())?;
        if let Some(key) = &self.public_key {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                .verify(signed.as_bytes(), &signature)
                .map_err(|_| undecodable())?;
        }
        self.check_claims(&claims, now.timestamp())
    }

    fn check_claims(&self, claims: &Value, now: i64) -> Result<(), Refused> {
        let issuer = &claims["iss"];
        let issuer = issuer.as_u64().or_else(|| issuer.as_str()?.parse().ok());
        if issuer != Some(self.id) {
            return Err(Refused::new(401, "Integration not found"));
        }
        match claims["iat"].as_i64() {
            Some(issued) if issued <= now => {}
            Some(_) | None => {
                return Err(Refused::new(
                    401,
                    "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
                ));
            }
        }
        match claims["exp"].as_i64() {
            Some(expires) if expires <= now => Err(Refused::new(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
            )),
            Some(expires) if expires > now + JWT_LIFETIME_SECONDS => Err(Refused::new(
                401,
                "'Expiration time' claim ('exp') is too far in the future",
            )),
            Some(_) => Ok(()),
            None => Err(Refused::new(401, "Missing 'Expiration time' claim ('exp')")),
        }
    }
}

impl Token {
    pub(crate) fn of_user(value: &str, login: &str) -> Self {
        Self {
            value: value.to_owned(),
            owner: Identity::User(login.to_owned()),
            expires_at: None,
            repositories: None,
            permissions: BTreeMap::new(),
        }
    }

    /// Whether the token may touch this repository.
    pub(crate) fn reaches(&self, repository: u64) -> bool {
        self.repositories
            .as_ref()
            .is_none_or(|repositories| repositories.contains(&repository))
    }

    /// Whether the token has a permission. A person's token has them all.
    pub(crate) fn may(&self, permission: &str, level: &str) -> bool {
        match &self.owner {
            Identity::User(_) => true,
            Identity::Installation(_) => self
                .permissions
                .get(permission)
                .is_some_and(|granted| granted == level || granted == "write" || granted == "admin"),
            Identity::Nobody | Identity::App => false,
        }
    }
}

/// A token of the long form that GitHub moves to, so that nobody relies on forty characters.
pub(crate) fn token_value(app: u64, number: u64) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "ES256", "typ": "JWT"}).to_string());
    let claims = URL_SAFE_NO_PAD.encode(json!({"app": app, "jti": number, "aud": "simulator"}).to_string());
    let signature = URL_SAFE_NO_PAD.encode([0x5a_u8; 64]);
    format!("ghs_{app}_{header}.{claims}.{signature}")
}

/// The bytes inside a PEM block.
pub(crate) fn der(pem: &str) -> Option<Vec<u8>> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text.trim()).ok()
}

fn segment(text: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
