//! adnanh/webhook's `hooks.json` or `hooks.yaml`: commands that ran when somebody called an address.
//!
//! A hook becomes an app with one environment. What its rule said of branch and repository is carried over; the signature is
//! Chima's own business, and the rest is told. Fields of a request that it passed on become Chima's placeholders, or nothing.

use serde_json::{Map, Value, json};

use crate::cli::import::commands::{Command, FOLDER, Word};
use crate::cli::import::draft::{App, Draft, Environment, Note, Settings};
use crate::cli::import::entry::{named, variable};
use crate::cli::import::hooks::rules::{Findings, Rule};
use crate::cli::import::secrets::{is_secret_name, is_secret_text, told};
use crate::cli::import::shape::{Keys, Reader};
use crate::domain::names::{EnvironmentName, RefName};

mod fields;
mod rules;

/// What a hook said about its HTTP answer and request, which are between GitHub and Chima now.
const HTTP_KEYS: [&str; 9] = [
    "response-message",
    "response-headers",
    "success-http-response-code",
    "trigger-rule-mismatch-http-response-code",
    "trigger-signature-soft-failures",
    "incoming-payload-content-type",
    "http-methods",
    "include-command-output-in-response",
    "include-command-output-in-response-on-error",
];

/// Where programs are that belong to no folder of the user's.
const SYSTEM_FOLDERS: [&str; 7] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "",
];

/// Stands where a hook named no repository. GitHub allows no such owner, so that it is never somebody's by accident.
const OWNER: &str = "__OWNER__";

/// Reads the whole file, or says what is wrong with it.
pub(super) fn draft(hooks: &[Value]) -> Result<Draft, Vec<String>> {
    let mut reader = Reader::default();
    let mut draft = Draft::new(vec![Note::todo(
        "webhook ran a command when anything was sent to it. Chima runs it when GitHub says that a deployment was made: let each \
             repository's webhook send deployments to `/webhooks/github`.",
    )]);
    let mut signed = Vec::new();
    for (index, hook) in hooks.iter().enumerate() {
        let at = format!("[{index}]");
        let Some(map) = reader.map(&at, hook) else {
            continue;
        };
        add(&mut reader, &mut draft, &mut Keys::of(&at, map), &mut signed);
    }
    draft.sections.push(("github", github(&signed)));
    if reader.problems.is_empty() {
        Ok(draft)
    } else {
        Err(reader.problems)
    }
}

fn github(signed: &[String]) -> Settings {
    let mut github = Settings::default();
    github.set_with(
        "token",
        named("GITHUB_TOKEN"),
        vec![Note::todo(
            "put a token into the variable below of Chima's process, or make a GitHub App: Chima reports to GitHub how a \
             deployment ended.",
        )],
    );
    let mut notes = vec![Note::todo(
        "make a secret with `openssl rand -hex 32`, put it into the variable below, and give it to the webhook of each repository.",
    )];
    if !signed.is_empty() {
        notes.push(Note::lost(format!(
            "the secrets in the rules of {}: one for all takes their place, or name several in this list.",
            signed.join(", ")
        )));
    }
    github.set_with("webhook_secrets", vec![named("CHIMA_WEBHOOK_SECRET")], notes);
    github
}

fn add(reader: &mut Reader, draft: &mut Draft, keys: &mut Keys<'_>, signed: &mut Vec<String>) {
    let id = match keys.take("id") {
        Some(Value::Number(number)) => number.to_string(),
        Some(id) => reader.text(&keys.name("id"), id).unwrap_or_default().to_owned(),
        None => String::new(),
    };
    if id.is_empty() {
        reader
            .problems
            .push(format!("`{}` has no `id`; expected a name", keys.at));
        return;
    }
    keys.at = told(&id);
    let rule = keys.take("trigger-rule").map(Rule::of).unwrap_or_default();
    let findings = rule.findings();
    if findings.has_secret {
        signed.push(format!("`{}`", told(&id)));
    }
    let mut app = Settings::default();
    let repository = findings.repository.clone();
    let known = repository.as_deref();
    command(reader, keys, known, &mut app);
    environment_of_the_command(reader, keys, &mut app);
    rest(keys, &mut app);

    let full_name = known.map_or_else(|| format!("{OWNER}/{}", repository_part(&id)), str::to_owned);
    let repository_notes = match known {
        Some(_) => Vec::new(),
        None => vec![Note::todo(
            "no rule of the hook named the repository: write `owner/name`.",
        )],
    };
    let environment = match findings.environment.clone() {
        Some(environment) => environment,
        // a second hook of a repository has another purpose: its own name tells which
        None if draft.has_lane(&full_name, "production") && id.parse::<EnvironmentName>().is_ok() => id.clone(),
        None => "production".to_owned(),
    };
    let settings = environment_settings(&findings);
    draft.add(App {
        name: id,
        repository: full_name,
        repository_notes,
        settings: app,
        environments: vec![Environment {
            name: environment,
            settings,
        }],
    });
}

/// When it is deployed, and what of the rule is not carried over.
fn environment_settings(findings: &Findings) -> Settings {
    let mut settings = Settings::default();
    for lost in &findings.lost {
        settings.notes.push(Note::lost(format!("the hook asked that {lost}.")));
    }
    settings.set_with(
        "required_contexts",
        json!([]),
        vec![Note::plain("As before: no check was asked for.")],
    );
    match &findings.branches[..] {
        [branch] if findings.lost_a_condition => {
            let name = told(branch);
            settings.notes.push(Note::todo(format!(
                "the hook ran for `{name}`, but not always. To deploy every push to it, write `auto_deploy: {{ branch: {name}, on: \
                 push }}`."
            )));
        }
        [branch] if branch.parse::<RefName>().is_ok() => {
            settings.set("auto_deploy", json!({ "branch": branch, "on": "push" }));
        }
        [] => settings.notes.push(Note::todo(
            "to deploy it by itself, name a branch: `auto_deploy: { branch: main, on: push }`.",
        )),
        several => {
            let names: Vec<String> = several.iter().map(|branch| format!("`{}`", told(branch))).collect();
            settings.notes.push(Note::todo(format!(
                "the hook ran for {}. An environment follows one branch: write `auto_deploy: {{ branch: NAME, on: push }}`, and an \
                 environment for each of the others.",
                names.join(", ")
            )));
        }
    }
    settings
}

fn command(reader: &mut Reader, keys: &mut Keys<'_>, repository: Option<&str>, app: &mut Settings) {
    let at = keys.name("execute-command");
    let program = match keys.take("execute-command") {
        Some(program) => reader.text(&at, program).unwrap_or_default(),
        None => {
            reader
                .problems
                .push(format!("`{}` has no `execute-command`; expected a program", keys.at));
            return;
        }
    };
    let folder_name = keys.name("command-working-directory");
    let folder = keys
        .take("command-working-directory")
        .and_then(|folder| reader.text(&folder_name, folder))
        .filter(|folder| !folder.is_empty());
    let mut notes = Vec::new();
    let folder = folder_of(program, folder, &mut notes);
    // webhook looked for a relative program in the working directory first of all
    let program = if folder.is_some() && !program.starts_with('/') && !program.starts_with("./") {
        format!("./{program}")
    } else {
        program.to_owned()
    };
    let mut words = vec![Word::literal(&program)];
    let at = keys.name("pass-arguments-to-command");
    for argument in keys
        .take("pass-arguments-to-command")
        .and_then(|list| reader.list(&at, list))
        .unwrap_or_default()
    {
        words.push(fields::argument(argument, repository));
    }
    let command = Command::of(&words, "the command", "./script/deploy");
    notes.extend(command.notes.clone());
    if command.argv.iter().any(|word| word.starts_with("refs/heads/{{ref}}")) {
        notes.push(Note::plain(
            "`{{ref}}` is what was asked for: a branch, and when somebody wants it a tag or a commit.",
        ));
    }
    let mut with = Map::new();
    if let Some(folder) = folder {
        with.insert("folder".to_owned(), Value::from(folder));
    }
    with.insert("command".to_owned(), json!(command.argv));
    app.set("provider", "shell");
    app.set_with("with", with, notes);
    app.set_with(
        "inherit_env",
        json!(["HOME", "SSH_AUTH_SOCK"]),
        vec![Note::plain(
            "The command had all variables of webhook's process. Name what else it needs.",
        )],
    );
    command.ask_for_secrets(app);
}

/// Where the command runs; without one it runs in a fresh checkout.
fn folder_of(program: &str, folder: Option<&str>, notes: &mut Vec<Note>) -> Option<String> {
    if let Some(folder) = folder {
        let (is_whole, is_template) = (folder.starts_with('/'), folder.contains("{{"));
        if is_whole && !is_template {
            return Some(folder.to_owned());
        }
        notes.push(Note::todo(
            "`command-working-directory` was no whole path, and so depended on where webhook was started: write the whole path.",
        ));
        return Some(if is_template {
            FOLDER.to_owned()
        } else {
            format!("{FOLDER}/{folder}")
        });
    }
    let of_program = program.rsplit_once('/').map_or("", |(folder, _)| folder);
    if of_program.starts_with('/') && !SYSTEM_FOLDERS.contains(&of_program) && !of_program.contains("{{") {
        notes.push(Note::todo(
            "it ran where webhook was started. This is the folder of the program; without a `folder` it runs in a fresh checkout of \
             the commit.",
        ));
        return Some(of_program.to_owned());
    }
    notes.push(Note::todo(
        "it ran where webhook was started. Here it runs in a fresh checkout of the commit, unless there is a `folder`.",
    ));
    None
}

fn environment_of_the_command(reader: &mut Reader, keys: &mut Keys<'_>, app: &mut Settings) {
    let at = keys.name("pass-environment-to-command");
    let Some(list) = keys.take("pass-environment-to-command") else {
        return;
    };
    for argument in reader.list(&at, list).unwrap_or_default() {
        let name = fields::text(argument, "name").unwrap_or_default();
        let named_so = fields::text(argument, "envname").filter(|name| !name.is_empty());
        let target = named_so.map_or_else(|| format!("HOOK_{name}"), str::to_owned);
        let is_variable = target == variable(&target) || (is_word(&target) && !target.starts_with("CHIMA_"));
        let shown_target = told(&target);
        if fields::text(argument, "source") == Some("string") && is_variable {
            if is_secret_name(&target) || is_secret_text(name) {
                app.extend(
                    "secrets",
                    [(target.clone(), named(&target))],
                    vec![Note::todo(format!(
                        "put what the hook gave as `{shown_target}` into that variable of Chima's process."
                    ))],
                );
            } else {
                app.extend("env", [(target, Value::from(name))], Vec::new());
            }
            continue;
        }
        let note = match fields::found_in(argument) {
            Some(place) => Note::todo(format!("the variable `{shown_target}`: the command finds {place}.")),
            None => Note::lost(format!(
                "the variable `{shown_target}`: it was {}.",
                fields::describe(argument)
            )),
        };
        app.notes.push(note);
    }
}

fn rest(keys: &mut Keys<'_>, app: &mut Settings) {
    if keys.take("pass-file-to-command").is_some() {
        app.notes.push(Note::lost(
            "`pass-file-to-command`: a command gets nothing of what was sent.",
        ));
    }
    let parsed = keys
        .take("parse-parameters-as-json")
        .map(|_| "`parse-parameters-as-json`");
    let http = HTTP_KEYS
        .iter()
        .filter(|key| keys.take(key).is_some())
        .map(|key| format!("`{key}`"));
    let answered: Vec<String> = http.chain(parsed.map(str::to_owned)).collect();
    if !answered.is_empty() {
        app.notes.push(Note::lost(format!(
            "{}: Chima reads what GitHub sends and answers it by itself.",
            answered.join(", ")
        )));
    }
    let others: Vec<String> = keys.left().iter().map(|(key, _)| format!("`{}`", told(key))).collect();
    if !others.is_empty() {
        app.notes
            .push(Note::lost(format!("{}: no such key here.", others.join(", "))));
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn repository_part(id: &str) -> String {
    let part: String = id
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '-'
            }
        })
        .skip_while(|c| matches!(c, '.' | '-'))
        .take(90)
        .collect();
    if part.is_empty() { "NAME".to_owned() } else { part }
}
