//! A request with its caller found out.

use crate::github::app::{Identity, Token};
use crate::github::deploy::Actor;
use crate::github::refused::Refused;
use crate::github::rest::fields::Fields;
use crate::github::world::World;
use crate::message::{Request, decoded_parts};

/// What every route gets.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    request: &'a Request,
    /// Without the API prefix, still encoded.
    pub(crate) path: &'a str,
    /// Decoded, without empty ones.
    pub(crate) parts: Vec<String>,
    /// What addresses in `Link` and `Location` begin with: the caller's own way of addressing us.
    pub(crate) base: String,
    pub(crate) identity: Identity,
    token: Option<Token>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(world: &World, request: &'a Request, prefix: &str, path: &'a str) -> Result<Self, Refused> {
        let (identity, token) = identify(world, request)?;
        let base = match request.header("host") {
            Some(host) => format!("http://{host}{prefix}"),
            None => format!("{}{prefix}", world.url),
        };
        Ok(Self {
            request,
            path,
            parts: decoded_parts(path),
            base,
            identity,
            token,
        })
    }

    pub(crate) fn method(&self) -> &str {
        &self.request.method
    }

    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        self.request.query(key)
    }

    pub(crate) fn query_pairs(&self) -> &[(String, String)] {
        &self.request.query
    }

    /// The query as it can be appended to an address.
    pub(crate) fn query_text(&self) -> String {
        if self.request.query.is_empty() {
            return String::new();
        }
        let text = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.request.query)
            .finish();
        format!("?{text}")
    }

    /// A field of a form.
    pub(crate) fn form_field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(&self.request.body)
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body's fields; a missing body has none.
    pub(crate) fn fields(&self) -> Result<Fields, Refused> {
        Fields::parse(&self.request.body)
    }

    /// In whose name the caller acts.
    pub(crate) fn actor(&self, world: &World) -> Actor {
        Actor::of(&self.identity, world)
    }

    /// Refuses a caller whose token lacks a permission.
    pub(crate) fn needs(&self, permission: &str, level: &str) -> Result<(), Refused> {
        let granted = self.token.as_ref().is_some_and(|token| token.may(permission, level));
        if granted {
            Ok(())
        } else {
            Err(Refused::not_accessible())
        }
    }

    /// Refuses a caller who cannot see a repository: with 404, as if it did not exist.
    pub(crate) fn reaches(&self, world: &World, repository: u64) -> Result<(), Refused> {
        let found = world.find(repository)?;
        let visible = match &self.identity {
            Identity::User(_) => true,
            Identity::Installation(id) => {
                world.app.installation_of(found.owner()) == Some(*id)
                    && !world.app.excluded.contains(&repository)
                    && self.token.as_ref().is_some_and(|token| token.reaches(repository))
            }
            Identity::App => return Err(Refused::not_accessible()),
            Identity::Nobody => false,
        };
        if visible { Ok(()) } else { Err(Refused::not_found()) }
    }
}

/// Who asks. The scheme may be `Bearer` or `token`, in any case.
fn identify(world: &World, request: &Request) -> Result<(Identity, Option<Token>), Refused> {
    let Some(header) = request.header("authorization") else {
        return Ok((Identity::Nobody, None));
    };
    let bad = || Refused::new(401, "Bad credentials");
    let (scheme, value) = header.split_once(' ').ok_or_else(bad)?;
    let value = value.trim();
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Err(bad());
    }
    if let Some(token) = world.tokens.iter().find(|token| token.value == value) {
        if token.expires_at.is_some_and(|expires| expires <= world.now()) {
            return Err(bad());
        }
        if let Identity::Installation(id) = token.owner
            && world.app.is_suspended(id)
        {
            return Err(Refused::suspended());
        }
        return Ok((token.owner.clone(), Some(token.clone())));
    }
    // A JWT has three parts; an installation token of the long form has them too, but is known above or worth nothing.
    if value.split('.').count() == 3 && !value.starts_with("gh") {
        world.app.verify_jwt(value, world.now())?;
        return Ok((Identity::App, None));
    }
    Err(bad())
}
