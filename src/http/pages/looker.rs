//! Whoever looks at a page, as every page's handler is told, and the frame that every page is shown in.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::domain::viewer::{Scope, Viewer};
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
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let viewer = Viewer::local();
        let frame = Frame::of(&viewer);
        Ok(Self { viewer, frame })
    }
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
    const LINKED: [Self; 1] = [Self::Overview];

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
    fn of(viewer: &Viewer) -> Self {
        Self {
            here: None,
            who: None,
            proof: String::new(),
            scopes: viewer.scopes.clone(),
        }
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
        Section::LINKED.into_iter().map(link).collect()
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
