//! Whole files in, whole configurations out: what a person reads, and that it loads.

use std::path::Path;

use super::{Failure, ImportError, Imported, Kind, PROVIDERS, convert_text, foreign};
use crate::config::{Config, Known};
use crate::domain::deployment::Order;
use crate::provider::manifest::catalogue::Catalogue;
use crate::provider::plan::error::PlanError;
use crate::provider::plan::values::PlanPlaces;
use crate::provider::plan::{PlanContext, plan};

mod detection;
mod heaven;
mod hooks;
mod hostile;
mod hubot;
mod pybossa;

/// What is made of a text. It has loaded; each run of a provider that is in the catalogue can be planned, too.
fn made(text: &str) -> String {
    let imported = convert_text(text, "the file", None).unwrap_or_else(|error| panic!("{}", told(error)));
    let config = Config::parse(Path::new("app.yaml"), &imported.yaml, &Known { providers: &PROVIDERS }).unwrap();
    let catalogue = Catalogue::load(&[]).unwrap();
    for app in &config.apps {
        for environment in &app.environments {
            let order = Order {
                app: app.name.clone(),
                environment: environment.name.clone(),
                sha: "0123456789012345678901234567890123456789".parse().unwrap(),
                git_ref: "main".parse().unwrap(),
                task: environment.tasks[0].clone(),
                hosts: Vec::new(),
                noop: false,
            };
            let secrets: Vec<&str> = environment.secrets.keys().map(String::as_str).collect();
            let context = PlanContext {
                requested: &serde_json::Map::new(),
                places: &PlanPlaces::default(),
                has_file: &|_| true,
                secrets: &secrets,
                variables: &[],
                declared: environment.hosts.as_deref().unwrap_or_default(),
            };
            if let Some(manifest) = catalogue.find(&environment.provider) {
                let planned = plan(manifest, &environment.with, &order, &context);
                let asks = imported
                    .yaml
                    .contains("nothing named the Heroku app of this environment");
                let waits_for_a_person = asks && matches!(planned, Err(PlanError::MissingInput { .. }));
                assert!(
                    planned.is_ok() || waits_for_a_person,
                    "{}/{}: {planned:?}\n{}",
                    app.name,
                    environment.name,
                    imported.yaml
                );
            }
        }
    }
    assert!(!imported.yaml.contains("not-to-be-copied"), "{}", imported.yaml);
    imported.yaml
}

/// Only the apps, without what stands above them.
fn apps(text: &str) -> String {
    let yaml = made(text);
    yaml[yaml.find("\napps:\n").unwrap() + 1..].to_owned()
}

fn refused(text: &str) -> String {
    refused_as(text, None)
}

fn refused_as(text: &str, from: Option<Kind>) -> String {
    match convert_text(text, "the file", from) {
        Ok(Imported { yaml, .. }) => panic!("it was imported:\n{yaml}"),
        Err(error) => told(error),
    }
}

fn told(error: ImportError) -> String {
    Failure {
        file: "FILE".into(),
        error,
    }
    .to_string()
}
