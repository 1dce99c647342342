//! The documents say what is true: generated pages are fresh, links lead somewhere, and the tests that a page names exist.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chima::cli::args::Args;
use chima::github::needs::{EVENTS, Level, PERMISSIONS};
use clap::{Arg, CommandFactory};

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 3] = ["target", "data", ".git"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Writes what the code makes, and fails where the file said something else.
pub fn keep_fresh(file: &str, made: &str) {
    let path = root().join(file);
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found != made {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
        panic!("`{file}` was stale and is rewritten now: look at the change and commit it");
    }
}

/// Every file of the repository with this extension.
pub fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !FOREIGN.iter().any(|name| path.ends_with(name)) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_chat_page_is_what_is_understood() {
    keep_fresh("docs/reference/chat.md", &chima::chat::manual::page());
}

#[test]
fn the_command_line_page_is_what_the_program_takes() {
    keep_fresh("docs/reference/cli.md", &command_line_page());
}

#[test]
fn the_page_of_permissions_is_what_the_app_is_made_with() {
    keep_fresh("docs/reference/github-app.md", &permissions_page());
}

#[test]
fn the_description_of_the_api_is_what_the_api_is() {
    keep_fresh("docs/reference/openapi.json", &chima::http::api::description::text());
    keep_fresh("docs/reference/api.md", &api_page());
}

/// The description once more, for people.
fn api_page() -> String {
    let mut page = String::from(
        "# API\n\n\
         <!-- Made from the routes in `src/http/api/` by a test. -->\n\n\
         Everything is below `/api/v1`. [openapi.json](openapi.json) has every field; a server answers with the same at\n\
         `/api/openapi.json`. [The guide](../guides/api.md) says how to get in.\n\n\
         | request | what it does | scope | takes |\n|---|---|---|---|\n",
    );
    for route in chima::http::api::api().routes {
        let operation = route.operation();
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let mut takes: Vec<String> = parameters
            .filter(|one| one["in"] != "path")
            .map(|one| format!("`{}`", one["name"].as_str().unwrap()))
            .collect();
        if let Some(body) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() {
            takes.push(format!("a body `{}`", body.rsplit('/').next().unwrap()));
        }
        writeln!(
            page,
            "| `{} {}` | {} | `{}` | {} |",
            route.method,
            route.path,
            route.summary,
            route.needs.as_str(),
            takes.join(", ")
        )
        .unwrap();
    }
    page
}

fn permissions_page() -> String {
    let mut page = String::from(
        "# What the GitHub App may do and hears of\n\n\
         <!-- Made from `src/github/needs.rs` by a test. -->\n\n\
         `chima setup` makes the App with these, and `chima doctor` compares them. *Asks for* is what Chima's own tokens have of it.\n\n\
         ## Permissions\n\n| permission | level | asks for | what for | without it |\n|---|---|---|---|---|\n",
    );
    for one in PERMISSIONS {
        let (level, asked) = (one.of_app.as_str(), one.of_token.map_or("nothing yet", Level::as_str));
        writeln!(
            page,
            "| {} (`{}`) | {level} | {asked} | {} | {} |",
            one.title, one.name, one.purpose, one.without
        )
        .unwrap();
    }
    page.push_str("\n## Events\n\n| event | takes the permission | without it |\n|---|---|---|\n");
    for event in EVENTS {
        writeln!(
            page,
            "| `{}` | `{}` | {} |",
            event.name, event.permission, event.without
        )
        .unwrap();
    }
    page
}

fn command_line_page() -> String {
    let program = Args::command();
    let mut page = String::from(
        "# Command line\n\n<!-- Made from the program by a test: change the comments in `src/cli/args.rs` instead. -->\n\n",
    );
    writeln!(page, "{}.\n", about(&program)).unwrap();
    page.push_str("| command | what it does |\n|---|---|\n");
    let commands: Vec<_> = program.get_subcommands().filter(|one| !one.is_hide_set()).collect();
    for command in &commands {
        let name = command.get_name();
        writeln!(page, "| [`chima {name}`](#chima-{name}) | {} |", about(command)).unwrap();
    }
    page.push_str("\nEvery command also takes these:\n\n");
    options(&mut page, program.get_arguments());
    page.push_str("| `-h`, `--help` | Print help |\n| `-V`, `--version` | Print the version; not after a command |\n");
    page.push_str(
        "\nExit codes: 0 done, 1 the deployment or check failed, 2 wrong use or configuration, 3 something could not be \
         reached or refused.\n",
    );
    for command in commands {
        let name = command.get_name();
        section(&mut page, name, command);
        for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
            section(&mut page, &format!("{name} {}", one.get_name()), one);
        }
    }
    page
}

/// A command: what it does, how it is typed, what it takes.
fn section(page: &mut String, name: &str, command: &clap::Command) {
    write!(page, "\n## chima {name}\n\n{}.\n", about(command)).unwrap();
    write!(page, "\n```text\nchima {name}").unwrap();
    let (places, named): (Vec<&Arg>, Vec<&Arg>) = command.get_arguments().partition(|arg| arg.is_positional());
    let needed = named.iter().filter(|arg| arg.is_required_set());
    needed.for_each(|arg| write!(page, " {}", spelled(arg)).unwrap());
    if named.iter().any(|arg| !arg.is_required_set()) {
        page.push_str(" [OPTIONS]");
    }
    for arg in places {
        let name = arg.get_id().as_str().to_uppercase();
        let name = if arg.is_required_set() {
            name
        } else {
            format!("[{name}]")
        };
        write!(page, " {name}").unwrap();
    }
    page.push_str("\n```\n");
    if command.get_arguments().next().is_some() {
        page.push('\n');
        options(page, command.get_arguments());
    }
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    page.push_str("| argument | meaning |\n|---|---|\n");
    for arg in arguments {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<String> = arg
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let default = if arg.get_action().takes_values() && !defaults.is_empty() {
            format!("; default {}", defaults.join(", "))
        } else {
            String::new()
        };
        let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
        writeln!(
            page,
            "| {short}`{}` | {}{default} |",
            spelled(arg),
            help.trim_end_matches('.')
        )
        .unwrap();
    }
}

fn spelled(arg: &Arg) -> String {
    let value = arg
        .get_value_names()
        .and_then(|names| names.first())
        .map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
    match arg.get_long() {
        Some(long) if arg.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    }
}

fn about(command: &clap::Command) -> String {
    let text = command.get_about().map(ToString::to_string).unwrap_or_default();
    text.trim_end_matches('.').to_owned()
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in files("md") {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            let shown = || format!("{}: `{link}`", page.strip_prefix(root()).unwrap().display());
            if !target.exists() {
                wrong.push(format!("{} leads nowhere", shown()));
            } else if !anchor.is_empty() && !anchors(&target).contains(anchor) {
                wrong.push(format!("{} names a heading that is not there", shown()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The targets of `[text](target)` outside code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        // what stands between backticks is no link
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for (at, _) in plain.match_indices("](") {
            let target = plain[at + 2..].split([')', ' ']).next().unwrap_or_default();
            found.push(target.to_owned());
        }
    }
    found
}

/// The headings of a page, spelled as GitHub spells them in links.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).unwrap_or_default();
    prose(&text)
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// The lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

#[test]
fn links_and_headings_are_read_as_github_reads_them() {
    let text = "# A `code` heading, 2\n[a](b.md#c) `[no](x)` [d](e \"title\")\n```text\n[no](y)\n```\n";
    assert_eq!(links(text), ["b.md#c", "e"]);
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.md");
    fs::write(&page, text).unwrap();
    assert!(anchors(&page).contains("a-code-heading-2"));
}

/// A line of `ARCHITECTURE.md` that begins with `Proof:` names tests and files of tests. Both must exist.
#[test]
fn every_proof_that_the_architecture_names_exists() {
    let sources: String = files("rs")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut proofs = 0;
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| line.trim_start().starts_with("Proof:")) {
        proofs += 1;
        for word in line.split('`').skip(1).step_by(2) {
            let there = if word.contains('/') {
                root().join(word).exists()
            } else {
                sources.contains(&format!("fn {word}("))
            };
            if !there {
                wrong.push(word);
            }
        }
    }
    assert_eq!(proofs, 12, "one line of proof for each invariant");
    assert!(wrong.is_empty(), "ARCHITECTURE.md names what is not there: {wrong:?}");
}

#[test]
fn the_front_pages_stay_short() {
    for (page, most) in [("README.md", 150), ("ARCHITECTURE.md", 250)] {
        let lines = fs::read_to_string(root().join(page)).unwrap().lines().count();
        assert!(lines <= most, "{page} has {lines} lines; {most} are enough");
    }
}

#[test]
fn the_guide_names_every_answer_of_auto_deploy() {
    let source = fs::read_to_string(root().join("src/domain/auto_deploy.rs")).unwrap();
    let guide = fs::read_to_string(root().join("docs/guides/auto-deploy.md")).unwrap();
    let codes: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.split("=> \"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(codes.len(), 17, "{codes:?}");
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !guide.contains(&format!("| `{code}` |")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
