//! Turns what happened to a run into rows of the outbox: the status for GitHub, the message for Slack.

use serde_json::json;

use crate::domain::run::Run;
use crate::flow::engine::Engine;
use crate::flow::outbox::StatusMessage;
use crate::github::statuses::{NewStatus, Target};
use crate::report::slack;
use crate::report::status::{self, Links, Place};
use crate::store::outbox::{Kind, Outgoing};

/// What is to be sent now that `run` is in its state.
#[must_use]
pub fn announce(engine: &Engine, run: &Run, place: Option<&Place>) -> Vec<Outgoing> {
    let links = links(engine, run);
    let body = status::deployment_status(run, place, &links);
    let target = Target {
        repository: run.repository.to_string(),
        deployment: run.deployment,
        installation: run.installation,
    };
    let terminal = run.state.is_terminal();
    let mut outgoing = vec![Outgoing {
        id: engine.fresh_id(),
        kind: Kind::DeploymentStatus,
        key: format!("status/{}/{}/{}", run.host, run.repository_id, run.deployment),
        run: run.id,
        terminal,
        says: body.state.as_str().to_owned(),
        body: json!(StatusMessage {
            target,
            status: NewStatus {
                state: body.state.as_str().to_owned(),
                description: body.description,
                log_url: body.log_url,
                environment_url: body.environment_url,
            },
        }),
    }];
    if engine.slack.is_some() && slack::notifies(run.state) {
        outgoing.push(Outgoing {
            id: engine.fresh_id(),
            kind: Kind::SlackWebhook,
            key: format!("slack/{}", run.id),
            run: run.id,
            terminal,
            says: run.state.as_str().to_owned(),
            body: json!(slack::message(run, run.requester.as_deref(), &links)),
        });
    }
    outgoing
}

/// Where a run and its environment can be looked at.
#[must_use]
pub fn links(engine: &Engine, run: &Run) -> Links {
    let environment_url = run
        .order
        .as_ref()
        .and_then(|order| engine.config.find(run.repository.as_str(), order.environment.as_str()))
        .and_then(|(_, environment)| environment.url.clone());
    Links {
        log_url: Some(engine.run_url(run.id)),
        environment_url,
    }
}
