//! A job of GitHub Actions asks whether it may deploy.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment_protection_rule>

use serde::Deserialize;

use crate::domain::event::Event;
use crate::domain::protection::ProtectionRequest;
use crate::webhook::lenient::{self, text};
use crate::webhook::parse::{ParseError, deployment};

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "text")]
    environment: Option<String>,
    #[serde(default, deserialize_with = "text")]
    deployment_callback_url: Option<String>,
}

/// Reads the body. Of the address that is to be called only the number of the workflow run is taken: an address from a body
/// is never called.
pub(crate) fn read(event: &str, json: &[u8], host: &str) -> Result<Event, ParseError> {
    let missing = |field| ParseError::Missing {
        event: event.to_owned(),
        field,
    };
    let body: Body = lenient::document(json).map_err(ParseError::Json)?;
    let workflow_run = body
        .deployment_callback_url
        .as_deref()
        .and_then(workflow_run)
        .ok_or_else(|| missing("deployment_callback_url"))?;
    let mut deployment = deployment(event, json, host)?;
    if let Some(environment) = body.environment {
        deployment.environment = environment;
    }
    deployment.from_workflow = true;
    Ok(Event::Protection(Box::new(ProtectionRequest {
        deployment,
        workflow_run,
    })))
}

/// `…/actions/runs/123/deployment_protection_rule`
fn workflow_run(address: &str) -> Option<u64> {
    let (_, rest) = address.split_once("/actions/runs/")?;
    let (number, rest) = rest.split_once('/')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && rest == "deployment_protection_rule")
        .then(|| number.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_is_taken_from_the_address() {
        let read = |path: &str| workflow_run(&format!("https://evil.example{path}"));
        assert_eq!(
            read("/repos/o/r/actions/runs/123/deployment_protection_rule"),
            Some(123)
        );
        for bad in [
            "/repos/o/r/actions/runs/deployment_protection_rule",
            "/repos/o/r/actions/runs/+1/deployment_protection_rule",
            "/repos/o/r/actions/runs/1/../../x",
            "/repos/o/r/actions/runs/1",
            "/repos/o/r/actions/runs/99999999999999999999/deployment_protection_rule",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
