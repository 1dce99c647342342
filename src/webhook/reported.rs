//! A status of a deployment, whoever made it.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment_status>

use serde::Deserialize;

use crate::domain::event::Event;
use crate::domain::foreign::{Reported, ReportedStatus};
use crate::webhook::lenient::{self, number, object, text};
use crate::webhook::parse::{ParseError, deployment, time};
use crate::webhook::payload::Creator;

/// More of a description is never shown; GitHub takes 140 characters.
const DESCRIPTION: usize = 200;

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "object")]
    deployment_status: Option<Fields>,
}

#[derive(Debug, Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "number")]
    id: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    state: Option<String>,
    #[serde(default, deserialize_with = "text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "text")]
    environment: Option<String>,
    #[serde(default, deserialize_with = "object")]
    creator: Option<Creator>,
    #[serde(default, deserialize_with = "text")]
    log_url: Option<String>,
    #[serde(default, deserialize_with = "text")]
    target_url: Option<String>,
    #[serde(default, deserialize_with = "text")]
    created_at: Option<String>,
}

/// Reads the body.
pub(crate) fn read(event: &str, json: &[u8], host: &str) -> Result<Event, ParseError> {
    let missing = |field| ParseError::Missing {
        event: event.to_owned(),
        field,
    };
    let body: Body = lenient::document(json).map_err(ParseError::Json)?;
    let fields = body.deployment_status.ok_or_else(|| missing("deployment_status"))?;
    let at = fields
        .created_at
        .ok_or_else(|| missing("deployment_status.created_at"))?;
    let mut deployment = deployment(event, json, host)?;
    // a status may move its deployment
    if let Some(environment) = fields.environment {
        deployment.environment = environment;
    }
    let cut = |text: String| text.chars().take(DESCRIPTION).collect();
    Ok(Event::Reported(Box::new(Reported {
        deployment,
        status: ReportedStatus {
            id: fields.id.ok_or_else(|| missing("deployment_status.id"))?,
            state: fields.state.ok_or_else(|| missing("deployment_status.state"))?,
            description: fields.description.map(cut),
            by: fields.creator.and_then(|creator| creator.login),
            log_url: fields.log_url.or(fields.target_url).filter(|address| is_web(address)),
            at: time("deployment_status.created_at", &at)?,
        },
    })))
}

/// Whether a browser may be sent there: anything else in a link could run code.
fn is_web(address: &str) -> bool {
    let scheme = address.starts_with("https://") || address.starts_with("http://");
    scheme && address.len() <= 2_000 && address.bytes().all(|byte| byte.is_ascii_graphic())
}
