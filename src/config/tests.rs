//! What a configuration file means, and what is said of a bad one.

mod addresses;
mod apps;
mod folding;
mod form;
mod notify;
mod people;
mod secrets;
mod sign_in;
mod telemetry;
mod yaml;

use std::ffi::OsString;
use std::path::Path;

use super::interpret::Surroundings;
use super::{App, Config, Environment, Known};

const PROVIDERS: [&str; 5] = ["ansible", "capistrano", "fabric", "manual", "shell"];

/// The variables of the tests: one of each length that matters.
fn variable(name: &str) -> Option<OsString> {
    let value = match name {
        "LONG" => "0123456789abcdef0123456789abcdef",
        "FIFTEEN" => "0123456789abcde",
        "SEVEN" => "0123456",
        "EMPTY" => "",
        "REDIS" => "redis://:hunter2hunter2@127.0.0.1:6379",
        "NOT_REDIS" => "amqp://hunter2hunter2",
        _ => return None,
    };
    Some(OsString::from(value))
}

fn parse(text: &str) -> Result<Config, String> {
    let surroundings = Surroundings {
        known: Known { providers: &PROVIDERS },
        variable: &variable,
    };
    Config::parse_with(Path::new("app.yaml"), text, &surroundings).map_err(|error| error.to_string())
}

fn accepted(text: &str) -> Config {
    parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// What is said of a file that must be refused.
fn refused(text: &str) -> String {
    parse(text)
        .map(|config| format!("accepted: {config:#?}"))
        .unwrap_or_else(|problems| problems)
}

/// What is said of a file with one app, whose keys are given in YAML's flow form.
fn refused_app(keys: &str) -> String {
    refused(&app_with(keys))
}

fn app_with(keys: &str) -> String {
    format!("apps: {{ site: {{ repository: o/r, {keys} }} }}")
}

/// The environments of a file with one app.
fn environments(keys: &str) -> Vec<Environment> {
    let App { environments, .. } = accepted(&app_with(keys)).apps.remove(0);
    environments
}
