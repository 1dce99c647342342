//! The guide on writing a provider tells the truth: its manifest and configuration are the example's, and run what it says.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io;

use chima::config::{Config, Known};
use chima::flow::rehearse::Rehearsal;
use chima::provider::manifest::Manifest;
use chima::provider::manifest::catalogue::Catalogue;

use crate::config_files::yaml_blocks;
use crate::docs::root;

const EXAMPLE: &str = "examples/own-provider";

fn page() -> String {
    fs::read_to_string(root().join("docs/guides/writing-a-provider.md")).unwrap()
}

/// The blocks of the page: the manifest, the configuration, and parts of another manifest.
fn blocks() -> [String; 3] {
    let blocks: Vec<String> = yaml_blocks(&page()).into_iter().map(|(_, block)| block).collect();
    blocks
        .try_into()
        .unwrap_or_else(|blocks| panic!("other blocks than the tests know: {blocks:?}"))
}

fn example() -> (Config, Catalogue) {
    let path = root().join(EXAMPLE).join("app.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let config = Config::parse(&path, &text, &Known::default()).unwrap_or_else(|error| panic!("{error}"));
    let catalogue = Catalogue::load(&[root().join(EXAMPLE).join("providers")]).unwrap_or_else(|e| panic!("{}", e[0]));
    (config, catalogue)
}

/// What the first task of each environment runs.
fn command_lines(noop: bool) -> Vec<(String, String)> {
    let (config, catalogue) = example();
    let manifest = catalogue.find("rsync").unwrap();
    let app = &config.apps[0];
    let plan = |environment| {
        let rehearsal = Rehearsal {
            app,
            environment,
            manifest,
        };
        let plan = rehearsal.plan(&environment.tasks[0], noop, true).unwrap();
        (environment.name.to_string(), plan.steps[0].argv().join(" "))
    };
    app.environments.iter().map(plan).collect()
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let [manifest, config, _] = blocks();
    let file = |name: &str| fs::read_to_string(root().join(EXAMPLE).join(name)).unwrap();
    assert_eq!(manifest, file("providers/rsync/provider.yaml"));
    let shipped = file("app.yaml");
    let without_comments: String = shipped
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(config, without_comments.trim_start());
}

#[test]
fn the_example_runs_what_the_page_says() {
    for (environment, line) in command_lines(false) {
        let told = format!("  website/{environment}\n      {line}\n");
        assert!(page().contains(&told), "the page does not show:\n{told}");
    }
    let planned = command_lines(true);
    assert_eq!(
        planned[0].1,
        "rsync --archive --dry-run --itemize-changes public/ deploy@www.example.com:/srv/website/staging/"
    );
}

#[test]
fn the_parts_at_the_end_of_the_page_are_a_manifest() {
    let [_, _, parts] = blocks();
    let text = format!("name: release\ndescription: d\n{parts}");
    let nothing = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    let manifest = Manifest::parse("release/provider.yaml", &text, &nothing);
    assert!(manifest.is_ok(), "{}", manifest.unwrap_err());
}
