//! Deployments and their statuses. The rules live in `deploy`; here is only the wire.
//! <https://docs.github.com/en/rest/deployments/deployments>

use serde_json::{Value, json};

use crate::github::deploy::{Contexts, DeploymentRequest, StatusReport};
use crate::github::record;
use crate::github::refused::Refused;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::fields::Fields;
use crate::github::rest::page::Page;
use crate::github::world::{Deployment, Workflow, World};
use crate::message::Answer;

pub(crate) fn create(world: &mut World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("deployments", "write")?;
    let actor = call.actor(world);
    let request = DeploymentRequest {
        creator: Some(actor.login),
        app: actor.app,
        ..parse_request(&call.fields()?)?
    };
    if request.auto_merge {
        // GitHub documents no permission for the merge; it cannot be made without this one
        call.needs("contents", "write")?;
    }
    let id = world.create_deployment(repository, request)?;
    let shown = shown(world, repository, id)?;
    let location = shown["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, &shown).with("location", location))
}

/// GitHub's own defaults, which are not those of [`DeploymentRequest::default`].
fn parse_request(fields: &Fields) -> Result<DeploymentRequest, Refused> {
    let payload = match fields.value("payload") {
        None | Some(Value::Null) => json!(""),
        Some(payload @ (Value::Object(_) | Value::String(_))) => payload.clone(),
        Some(other) => {
            let detail = format!("For 'properties/payload', {other} is not an object or a string.");
            return Err(Refused::malformed(&detail));
        }
    };
    Ok(DeploymentRequest {
        git_ref: fields.required_text("ref")?,
        task: fields.text("task")?.unwrap_or_else(|| "deploy".to_owned()),
        environment: fields
            .text("environment")?
            .filter(|environment| !environment.is_empty())
            .unwrap_or_else(|| "production".to_owned()),
        payload,
        description: fields.text("description")?,
        auto_merge: fields.flag("auto_merge")?.unwrap_or(true),
        // Null violates the documented schema, but clients send it, and GitHub takes it for absent.
        required_contexts: fields
            .texts("required_contexts")?
            .map_or(Contexts::Reported, Contexts::Named),
        transient: fields.flag("transient_environment")?,
        production: fields.flag("production_environment")?,
        creator: None,
        app: None,
        workflow: Workflow::Null,
    })
}

pub(crate) fn list(world: &World, call: &Call<'_>, repository: u64) -> Outcome {
    call.needs("deployments", "read")?;
    let found = world.find(repository)?;
    let wanted = |deployment: &&Deployment| {
        let fields = [
            ("sha", deployment.sha.as_str()),
            ("ref", deployment.git_ref.as_str()),
            ("task", deployment.task.as_str()),
            ("environment", deployment.environment.as_str()),
        ];
        // `none` is GitHub's way of writing that a filter is off.
        fields.iter().all(|(key, value)| {
            call.query(key)
                .is_none_or(|wanted| wanted == *value || wanted == "none")
        })
    };
    let newest_first: Vec<&Deployment> = found.deployments.iter().rev().filter(wanted).collect();
    let page = Page::of(newest_first, call);
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|deployment| record::deployment(world, found, deployment))
        .collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

pub(crate) fn one(world: &World, call: &Call<'_>, repository: u64, number: &str) -> Outcome {
    call.needs("deployments", "read")?;
    Ok(Answer::json(200, &shown(world, repository, parse_number(number)?)?))
}

/// Only what is not active may go, unless it is the only one.
pub(crate) fn delete(world: &mut World, call: &Call<'_>, repository: u64, number: &str) -> Outcome {
    call.needs("deployments", "write")?;
    let number = parse_number(number)?;
    let found = world.find_mut(repository)?;
    let deployment = found.deployment(number).ok_or_else(Refused::not_found)?;
    if deployment.state() == Some("success") && found.deployments.len() > 1 {
        return Err(Refused::new(
            422,
            "We cannot delete an active deployment unless it is the only deployment in a given environment.",
        ));
    }
    found.deployments.retain(|deployment| deployment.id != number);
    Ok(Answer::empty(204))
}

pub(crate) fn report(world: &mut World, call: &Call<'_>, repository: u64, number: &str) -> Outcome {
    call.needs("deployments", "write")?;
    let number = parse_number(number)?;
    world
        .find(repository)?
        .deployment(number)
        .ok_or_else(Refused::not_found)?;
    let fields = call.fields()?;
    let log_url = match fields.text("log_url")? {
        Some(url) => Some(url),
        None => fields.text("target_url")?,
    };
    let report = StatusReport {
        state: fields.required_text("state")?,
        description: fields.text("description")?.unwrap_or_default(),
        log_url: log_url.unwrap_or_default(),
        environment_url: fields.text("environment_url")?.unwrap_or_default(),
        environment: fields.text("environment")?,
        auto_inactive: fields.flag("auto_inactive")?,
    };
    let actor = call.actor(world);
    let id = world.report_status(repository, number, report, &actor)?;
    let shown = shown_status(world, repository, number, id)?;
    let location = shown["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, &shown).with("location", location))
}

pub(crate) fn statuses(world: &World, call: &Call<'_>, repository: u64, number: &str) -> Outcome {
    call.needs("deployments", "read")?;
    let number = parse_number(number)?;
    let found = world.find(repository)?;
    let deployment = found.deployment(number).ok_or_else(Refused::not_found)?;
    let page = Page::of(deployment.statuses.iter().rev().collect(), call);
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|status| record::deployment_status(world, found, number, status))
        .collect();
    Ok(page.linked(Answer::json(200, &json!(shown))))
}

pub(crate) fn status(world: &World, call: &Call<'_>, repository: u64, number: &str, status: &str) -> Outcome {
    call.needs("deployments", "read")?;
    let shown = shown_status(world, repository, parse_number(number)?, parse_number(status)?)?;
    Ok(Answer::json(200, &shown))
}

fn shown(world: &World, repository: u64, number: u64) -> Result<Value, Refused> {
    let found = world.find(repository)?;
    let deployment = found.deployment(number).ok_or_else(Refused::not_found)?;
    Ok(record::deployment(world, found, deployment))
}

fn shown_status(world: &World, repository: u64, number: u64, status: u64) -> Result<Value, Refused> {
    let found = world.find(repository)?;
    let deployment = found.deployment(number).ok_or_else(Refused::not_found)?;
    let status = deployment
        .statuses
        .iter()
        .find(|found| found.id == status)
        .ok_or_else(Refused::not_found)?;
    Ok(record::deployment_status(world, found, number, status))
}

fn parse_number(text: &str) -> Result<u64, Refused> {
    text.parse().map_err(|_| Refused::not_found())
}
