//! Whoever looks at a page, as every page's handler is told, and the frame that every page is shown in.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use crate::domain::viewer::{Scope, Viewer};
use crate::http::access::is_local_page;
use crate::http::pages::{harmless, refused};
use crate::http::problem::Problem;
use crate::http::serve::Peer;
use crate::http::session::entered;
use crate::http::sign_in;
use crate::http::state::Surface;

/// Whoever looks.
#[derive(Debug, Clone)]
pub struct Looker {
    /// What they may see and ask for.
    pub viewer: Viewer,
    /// What stands around the page for them.
    pub frame: Frame,
}

impl<S> FromRequestParts<S> for Looker
where
    S: Send + Sync,
    Surface: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let surface = Surface::from_ref(state);
        match entered(&surface, &parts.headers).await {
            Ok(Some(entered)) => {
                let frame = Frame::of(&entered.viewer, &entered.proof);
                if entered.viewer.may(Scope::Read) {
                    let viewer = entered.viewer;
                    return Ok(Self { viewer, frame });
                }
                Err(sign_in::nothing_to_see(frame, entered.untold))
            }
            Ok(None) if is_local_page(&surface, &parts.headers, parts.extensions.get::<Peer>().copied()) => {
                let viewer = Viewer::local();
                let frame = Frame::of(&viewer, "");
                Ok(Self { viewer, frame })
            }
            Ok(None) => Err(to_sign_in(parts)),
            Err(error) => Err(refused(Frame::nobodys(), &Problem::from(error))),
        }
    }
}

/// After that they are where they wanted to go.
fn to_sign_in(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    let looks = parts.method == Method::GET || parts.method == Method::HEAD;
    Redirect::to(&sign_in::address(looks.then_some(wanted))).into_response()
}

/// What stands around a page: the way to the others, and who looks.
#[derive(Debug, Clone)]
pub struct Frame {
    /// To which part of the house the page belongs.
    pub here: Option<Section>,
    /// Who is signed in.
    pub who: Option<String>,
    /// What every form on the page sends along, so that no other site's form is taken for one of ours.
    pub proof: String,
    scopes: Vec<Scope>,
}

/// A part of the house that has a link on every page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What runs where.
    Overview,
    /// What ran.
    History,
    /// What runs and waits, and who holds what.
    Queue,
    /// To ask for a deployment.
    Deploy,
    /// What came from GitHub.
    Deliveries,
    /// How it goes, in numbers.
    Statistics,
}

/// A link to a part of the house.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// What it is called.
    pub name: &'static str,
    /// Where it is.
    pub address: &'static str,
    /// Whether the page is there.
    pub here: bool,
}

impl Section {
    /// Those that are linked, in their order.
    const LINKED: [Self; 6] = [
        Self::Overview,
        Self::History,
        Self::Queue,
        Self::Deploy,
        Self::Deliveries,
        Self::Statistics,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::History => "History",
            Self::Queue => "Queue",
            Self::Deploy => "Deploy",
            Self::Deliveries => "Deliveries",
            Self::Statistics => "Statistics",
        }
    }

    fn address(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::History => "/history",
            Self::Queue => "/queue",
            Self::Deploy => "/deploy",
            Self::Deliveries => "/deliveries",
            Self::Statistics => "/statistics",
        }
    }
}

impl Frame {
    pub(crate) fn of(viewer: &Viewer, proof: &str) -> Self {
        Self {
            here: None,
            who: viewer.name().map(harmless),
            proof: proof.to_owned(),
            scopes: viewer.scopes.clone(),
        }
    }

    /// What stands around a page for whom nobody is known to be: no way to any other.
    pub(crate) fn nobodys() -> Self {
        Self {
            here: None,
            who: None,
            proof: String::new(),
            scopes: Vec::new(),
        }
    }

    /// Whether somebody is signed in, who can sign out.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        !self.proof.is_empty()
    }

    /// Whether nobody is, and they would be sent to sign in anyway.
    #[must_use]
    pub fn is_nobodys(&self) -> bool {
        self.scopes.is_empty() && !self.is_signed_in()
    }

    /// The same, around a page of this part.
    #[must_use]
    pub fn at(self, here: Section) -> Self {
        Self {
            here: Some(here),
            ..self
        }
    }

    /// The ways to the other parts.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let link = |section: Section| Link {
            name: section.name(),
            address: section.address(),
            here: self.here == Some(section),
        };
        let linked = Section::LINKED.into_iter().filter(|_| self.may(Scope::Read));
        linked.map(link).collect()
    }

    /// Whether a button that deploys, cancels or says how a run went would serve them.
    #[must_use]
    pub fn may_deploy(&self) -> bool {
        self.may(Scope::Deploy)
    }

    /// Whether a button that locks would serve them.
    #[must_use]
    pub fn may_lock(&self) -> bool {
        self.may(Scope::Lock)
    }

    /// Whether a button for admins would serve them.
    #[must_use]
    pub fn may_admin(&self) -> bool {
        self.may(Scope::Admin)
    }

    fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| own.covers(scope))
    }
}
