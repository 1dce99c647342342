//! The files that are made from the configuration's structs are fresh, and every example of a configuration loads and can
//! be planned with the providers that are really there.
#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::Path;

use chima::config::{Config, Known, reference, schema};
use chima::flow::rehearse::{self, SettingFault};
use chima::provider::manifest;
use chima::provider::manifest::catalogue::{self, Catalogue};

use crate::docs::{files, keep_fresh, root};

/// Loads a configuration and plans every task of its environments: inputs are the provider's business, so that a file may
/// load and still not be able to deploy.
fn load(path: &Path, text: &str) -> Config {
    let names = catalogue::shipped_names();
    let config = Config::parse(path, text, &Known { providers: &names }).unwrap_or_else(|error| panic!("{error}"));
    let catalogue = Catalogue::load(&config.providers).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let faults = rehearse::faults(&config, &catalogue);
    let lines: Vec<String> = faults.iter().map(SettingFault::line).collect();
    assert!(lines.is_empty(), "{}: {}", path.display(), lines.join("\n"));
    config
}

#[test]
fn the_schema_file_is_what_the_code_makes() {
    keep_fresh("config/app.schema.json", &schema::json());
}

#[test]
fn the_reference_page_is_what_the_code_makes() {
    keep_fresh("docs/reference/configuration.md", &reference::markdown());
}

#[test]
fn the_schema_file_of_manifests_is_what_the_code_makes() {
    keep_fresh("providers/provider.schema.json", &manifest::schema::json());
}

#[test]
fn every_shipped_manifest_tells_editors_its_schema_and_has_a_page() {
    for folder in fs::read_dir(root().join("providers")).unwrap().flatten() {
        let manifest = folder.path().join("provider.yaml");
        let Ok(text) = fs::read_to_string(&manifest) else {
            assert!(folder.path().is_file(), "{} has no manifest", folder.path().display());
            continue;
        };
        assert!(
            text.starts_with("# yaml-language-server: $schema=../provider.schema.json\n"),
            "{} begins otherwise",
            manifest.display()
        );
        assert!(
            folder.path().join("README.md").is_file(),
            "{} has no README.md",
            folder.path().display()
        );
    }
}

#[test]
fn the_reference_page_of_manifests_is_what_the_code_makes() {
    keep_fresh("docs/reference/provider-manifest.md", &manifest::reference::markdown());
}

#[test]
fn the_shipped_configuration_loads_as_it_stands() {
    let path = root().join("config/app.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# yaml-language-server: $schema=./app.schema.json\n"));
    let config = load(&path, &text);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    let (app, environment) = config.find("Oursky/TrelHub", "PandaWork").unwrap();
    assert_eq!((app.name.as_str(), environment.provider.as_str()), ("trelhub", "shell"));
}

#[test]
fn the_shipped_configuration_shows_every_key() {
    let text = fs::read_to_string(root().join("config/app.yaml")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema::json()).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    let objects = definitions
        .values()
        .chain([&schema])
        .filter_map(|object| object["properties"].as_object());
    let missing: Vec<&String> = objects
        .flat_map(|object| object.keys())
        .filter(|key| !text.contains(&format!("{key}:")))
        .collect();
    assert!(missing.is_empty(), "`config/app.yaml` does not show {missing:?}");
}

#[test]
fn every_key_that_is_commented_out_in_the_shipped_configuration_is_good() {
    let text = fs::read_to_string(root().join("config/app.yaml")).unwrap();
    // A comment that begins as a key does is YAML. An App and a token exclude each other; the folder is not there.
    let uncommented: Vec<String> = text
        .lines()
        .filter(|line| !line.contains("  token: { env: GITHUB_TOKEN }") && !line.contains("providers: ["))
        .map(|line| match line.split_once("# ") {
            Some((indent, rest)) if indent.trim().is_empty() && is_key(rest) => format!("{indent}{rest}"),
            _ => line.to_owned(),
        })
        .collect();
    let config = load(Path::new("uncommented app.yaml"), &uncommented.join("\n"));
    assert_eq!(config.apps.len(), 3);
    assert_eq!(config.github.known_apps, ["my-release-bot"]);
    assert_eq!((config.notify.len(), config.callbacks.len()), (6, 1));
}

fn is_key(text: &str) -> bool {
    let entry = text.trim_start();
    let Some((key, _)) = entry.strip_prefix("- ").unwrap_or(entry).split_once(':') else {
        return false;
    };
    // Prose begins with a capital; keys have none, variables nothing else.
    let one_case = key == key.to_lowercase() || key == key.to_uppercase();
    let is_word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    one_case && is_word && !text.starts_with("on:")
}

#[test]
fn every_configuration_in_the_documents_loads() {
    let schema: serde_json::Value = serde_json::from_str(&schema::json()).unwrap();
    let keys: Vec<String> = schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(|key| format!("{key}:"))
        .collect();
    let mut found = 0;
    for page in files("md") {
        let text = fs::read_to_string(&page).unwrap();
        for (line, block) in yaml_blocks(&text) {
            let first = block
                .lines()
                .find(|line| !line.trim().is_empty() && !line.starts_with('#'))
                .unwrap_or_default();
            // Blank lines before the block, so that a problem is told at its line of the page.
            if keys.iter().any(|key| first.starts_with(key.as_str())) {
                load(&page, &format!("{}{block}", "\n".repeat(line)));
                found += 1;
            } else if first.starts_with("provider:") {
                load(&page, &in_an_environment(line, &block));
                found += 1;
            }
        }
    }
    assert!(found >= 5, "only {found} configurations found: did the documents move?");
}

/// What pages show of an environment alone, as a whole configuration.
fn in_an_environment(line: usize, block: &str) -> String {
    let indented: String = block.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "{}apps:\n  a:\n    repository: o/r\n    environments:\n      e:\n{indented}",
        "\n".repeat(line.saturating_sub(5))
    )
}

#[test]
fn every_example_loads_as_it_stands() {
    let examples: Vec<_> = files("yaml")
        .into_iter()
        .filter(|path| path.starts_with(root().join("examples")) && path.ends_with("app.yaml"))
        .collect();
    assert!(examples.len() >= 2, "{examples:?}");
    for path in examples {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !load(&path, &text).apps.is_empty(),
            "{} deploys nothing",
            path.display()
        );
    }
}

/// The fenced YAML blocks of a page, each with the number of lines before its first, and without the indent that a block
/// has inside a list.
pub fn yaml_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        match &mut open {
            None if matches!(line.trim(), "```yaml" | "```yml") => open = Some((index + 1, indent, String::new())),
            None => {}
            Some(_) if line.trim_start().starts_with("```") => {
                blocks.extend(open.take().map(|(line, _, block)| (line, block)));
            }
            Some((_, cut, block)) => {
                block.push_str(line.get(*cut..).unwrap_or_default());
                block.push('\n');
            }
        }
    }
    blocks
}

#[test]
fn blocks_are_found_with_their_line() {
    let found = yaml_blocks("# x\n\n```yaml\na: 1\n```\n```sh\nno\n```\n1. y\n\n   ```yaml\n   b:\n     - 2\n   ```\n");
    assert_eq!(found, [(3, "a: 1\n".to_owned()), (11, "b:\n  - 2\n".to_owned())]);
}
