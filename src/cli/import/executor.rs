//! What Heaven made of an entry: its provider and that provider's keys, as a provider of Chima with its inputs.
//!
//! Inputs are those of the shipped manifests. What Chima has no provider for, and what would run without an input that it had,
//! becomes `manual`: a deployment waits for a person instead of doing something else than before.

use serde_json::{Map, Value, json};

use crate::cli::import::draft::{Environment, Note, Settings};
use crate::cli::import::entry::{Entries, named};
use crate::cli::import::executor::inputs::Inputs;
use crate::cli::import::secrets::{is_secret_text, told};
use crate::cli::import::shape::Keys;

mod inputs;

const BY_HAND: &str = "Deploy it the way it was deployed before, then say that it is finished";

/// Writes provider and inputs: what is the same everywhere at the app, the rest at its environments.
pub(super) fn carry_out(
    entries: &mut Entries,
    keys: &mut Keys<'_>,
    app: &mut Settings,
    environments: &mut [Environment],
) {
    let provider = entries.text(keys, "provider").map(str::to_owned);
    let is_left = |found: fn(&str) -> bool| keys.left().iter().any(|(key, _)| found(key));
    let has_heroku_name = is_left(|key| key.starts_with("heroku_") && key.ends_with("name"));
    let has_script = is_left(|key| key == "deploy_script");
    match provider.as_deref() {
        Some("shell") => shell(entries, keys, app),
        Some("heroku") => heroku(entries, keys, app, environments),
        Some(provider @ ("capistrano" | "bundler_capistrano")) => capistrano(entries, keys, app, provider),
        Some("fabric") => fabric(entries, keys, app),
        Some("ansible") => ansible(entries, keys, app),
        Some(other) => {
            let name = told(other);
            let note = format!(
                "provider `{name}`: an import knows nothing of it. `manual` waits for a person; choose another provider, or write a \
                 manifest for this one."
            );
            by_hand(app, vec![Note::todo(note)]);
        }
        None if has_heroku_name => heroku(entries, keys, app, environments),
        None if has_script => shell(entries, keys, app),
        None => by_hand(
            app,
            vec![Note::todo(
                "there was no `provider`, and Heaven would not have deployed it. `manual` waits for a person; choose a provider.",
            )],
        ),
    }
}

/// A provider that waits for a person.
pub(super) fn by_hand(app: &mut Settings, notes: Vec<Note>) {
    app.set_with("provider", "manual", notes);
    app.set("with", json!({ "instructions": BY_HAND }));
}

fn shell(entries: &mut Entries, keys: &mut Keys<'_>, app: &mut Settings) {
    app.set("provider", "shell");
    let script = entries.text(keys, "deploy_script");
    let command = |path: &str| json!({ "command": [format!("./{path}")] });
    match script.map(|script| script.strip_prefix("./").unwrap_or(script)) {
        Some(script) if is_path_of_the_repository(script) => {
            let note = entries.say("sha").then(|| {
                Note::plain("It still finds `BRANCH`, `SHA`, `DEPLOY_ENV` and `DEPLOY_TASK`; `SHA` has all digits now.")
            });
            app.set_with("with", command(script), note.into_iter().collect());
        }
        Some(_) => app.set_with(
            "with",
            command("script/deploy"),
            vec![Note::todo(
                "`deploy_script` was no path within the repository, which Heaven refused too: name one.",
            )],
        ),
        None => app.set_with(
            "with",
            command("script/deploy"),
            vec![Note::todo(
                "there was no `deploy_script`: name the script of the repository.",
            )],
        ),
    }
}

fn heroku(entries: &mut Entries, keys: &mut Keys<'_>, app: &mut Settings, environments: &mut [Environment]) {
    let note = entries.say("heroku").then(|| {
        Note::todo(
            "Heaven called Heroku's build API with its `HEROKU_API_KEY`. The provider `heroku` pushes with git: give it access \
             as its page, `providers/heroku/README.md`, says.",
        )
    });
    app.set_with("provider", "heroku", note.into_iter().collect());
    let general = entries.text(keys, "heroku_name").map(str::to_owned);
    if let Some(name) = &general {
        app.set("with", json!({ "app": name }));
    }
    // As Heaven had it.
    app.set("secrets", json!({ "HEROKU_API_KEY": { "env": "HEROKU_API_KEY" } }));
    for environment in environments {
        let own = entries.text(keys, &format!("heroku_{}_name", environment.name));
        match own {
            Some(name) => environment.settings.set("with", json!({ "app": name })),
            None if general.is_some() => {}
            None => environment.settings.notes.push(Note::todo(
                "nothing named the Heroku app of this environment: write `with: { app: NAME }`.",
            )),
        }
    }
}

fn capistrano(entries: &mut Entries, keys: &mut Keys<'_>, app: &mut Settings, provider: &str) {
    let mut notes = Vec::new();
    if entries.say("capistrano") {
        notes.push(Note::todo(
            "the Capfile finds the commit to deploy in `BRANCH`, as in `set :branch, ENV[\"BRANCH\"]`. Heaven's `-s branch=…` of \
             Capistrano 2 is gone.",
        ));
    }
    notes.extend(ssh(entries));
    let with = if provider == "bundler_capistrano" {
        json!({ "bundler": "auto" })
    } else {
        json!({})
    };
    write(entries, keys, app, ("capistrano", notes, with));
    bundler_credentials(entries, keys, app);
}

/// Bundler finds the credentials of a gem server in a variable that is named after it.
/// <https://bundler.io/man/bundle-config.1.html#CREDENTIALS-FOR-GEM-SOURCES>
fn bundler_credentials(entries: &mut Entries, keys: &mut Keys<'_>, app: &mut Settings) {
    let source = entries.text(keys, "bundler_private_source");
    let credentials = keys.take("bundler_private_credentials").is_some();
    if source.is_none() && !credentials {
        return;
    }
    let host = source.map(|source| source.split_once("://").map_or(source, |(_, rest)| rest));
    let host = host.and_then(|rest| rest.split(['/', '?']).next()?.rsplit('@').next());
    let is_host = |host: &&str| {
        !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
    };
    let Some(host) = host.filter(is_host) else {
        app.notes.push(Note::todo(
            "`bundler_private_credentials`: name the gem server's variable of Bundler here, as in `secrets: { \
             BUNDLE_GEMS__EXAMPLE__COM: { env: BUNDLER_PRIVATE_CREDENTIALS } }`.",
        ));
        return;
    };
    let name = format!("BUNDLE_{}", host.to_uppercase().replace('.', "__").replace('-', "___"));
    let note = "put the credentials of the private gem server into the variable `BUNDLER_PRIVATE_CREDENTIALS` of Chima's process.";
    app.extend(
        "secrets",
        [(name, named("BUNDLER_PRIVATE_CREDENTIALS"))],
        vec![Note::todo(note)],
    );
}

fn fabric(entries: &mut Entries, keys: &mut Keys<'_>, app: &mut Settings) {
    if let Some(format) = entries.text(keys, "deploy_command_format") {
        let (command, note) = match command_of(format) {
            Some(command) => (
                command,
                Note::plain(
                    "`deploy_command_format` as a list of arguments: no shell reads it. `%{ref}` is the commit now.",
                ),
            ),
            None => (
                vec!["./script/deploy".to_owned()],
                Note::todo(
                    "`deploy_command_format` was a line for a shell, which is not carried over. Write it as the script \
                     `./script/deploy`.",
                ),
            ),
        };
        app.set_with("provider", "shell", ssh(entries).into_iter().collect());
        app.set_with("with", json!({ "command": command }), vec![note]);
        return;
    }
    let mut notes = Vec::new();
    if entries.say("fabric") {
        notes.push(Note::todo(
            "`branch_name` is the commit now, so that exactly what was asked for is deployed: a fabfile that runs `git pull` with \
             it must run `git checkout`. `legacy` is Fabric 1's way; for Fabric 2 and newer remove it.",
        ));
    }
    notes.extend(ssh(entries));
    let with = json!({ "legacy": true, "args": { "branch_name": "{{sha}}" } });
    write(entries, keys, app, ("fabric", notes, with));
}

fn ansible(entries: &mut Entries, keys: &mut Keys<'_>, app: &mut Settings) {
    let mut notes = Vec::new();
    if entries.say("ansible") {
        notes.push(Note::plain(
            "Heaven ran `ansible/site.yml` with the inventory `ansible/hosts`. Playbooks still find `heaven_deploy_sha`.",
        ));
    }
    notes.extend(ssh(entries));
    let with = json!({ "inventory": "ansible/hosts", "playbook": "ansible/site.yml" });
    write(entries, keys, app, ("ansible", notes, with));
}

fn ssh(entries: &mut Entries) -> Option<Note> {
    entries.say("ssh").then(|| {
        Note::todo(
            "Heaven logged in with its `DEPLOYMENT_PRIVATE_KEY` and believed every host. Put that key into a file and name it with \
             `ssh: { key: { file: PATH }, known_hosts: PATH }`, or let the account's own be used with `inherit_env: [HOME, \
             SSH_AUTH_SOCK]`.",
        )
    })
}

/// Writes a provider with what the entry says laid over its usual inputs.
fn write(
    entries: &mut Entries,
    keys: &mut Keys<'_>,
    app: &mut Settings,
    (provider, mut notes, usual): (&'static str, Vec<Note>, Value),
) {
    let Inputs {
        with,
        unreadable,
        secrets,
    } = inputs::of(entries, keys, provider);
    if !unreadable.is_empty() {
        notes.push(Note::todo(format!(
            "{}: a secret, or what would be a placeholder here, is in it. Without it `{provider}` would do something else than \
             before, so that `manual` waits for a person.",
            unreadable.join(", ")
        )));
        by_hand(app, notes);
        return;
    }
    app.set_with("provider", provider, notes);
    let mut all: Map<String, Value> = usual.as_object().cloned().unwrap_or_default();
    for (input, value) in with {
        match (all.get_mut(&input), value) {
            // arguments beside Heaven's own
            (Some(Value::Object(usual)), Value::Object(own)) => usual.extend(own),
            (_, value) => _ = all.insert(input, value),
        }
    }
    if !all.is_empty() {
        app.set("with", all);
    }
    for (variable, at) in secrets {
        let note = format!(
            "`{at}` looks like a secret. Put it into the variable `{variable}` of Chima's process, and let the playbook or task read \
             that."
        );
        app.extend(
            "secrets",
            [(variable.clone(), named(&variable))],
            vec![Note::todo(note)],
        );
    }
}

/// Heaven allowed fewer; the pattern of Chima's own `script` is the border here.
fn is_path_of_the_repository(path: &str) -> bool {
    path.split('/').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    })
}

/// The arguments of Heaven's format of a command line, where a shell would have made nothing else of it.
fn command_of(format: &str) -> Option<Vec<String>> {
    const FIELDS: [(&str, &str); 3] = [
        ("%{environment}", "{{environment}}"),
        ("%{task}", "{{task}}"),
        ("%{ref}", "{{sha}}"),
    ];
    let mut command = Vec::new();
    for word in format.split_whitespace() {
        let put = |with: fn(&'static str) -> &'static str| {
            FIELDS.iter().fold(word.to_owned(), |word, (field, placeholder)| {
                word.replace(field, with(placeholder))
            })
        };
        let is_inert = put(|_| "")
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | ':' | '=' | ',' | '@' | '+' | '-'));
        if !is_inert || is_secret_text(word) {
            return None;
        }
        command.push(put(|placeholder| placeholder));
    }
    // `NAME=value program` is a shell's way to set a variable
    let is_program = |word: &String| !word.contains(['=', '{']) && !word.starts_with('-');
    command.first().is_some_and(is_program).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::{command_of, is_path_of_the_repository};

    #[test]
    fn a_command_format_becomes_arguments_or_nothing() {
        let table: [(&str, Option<&[&str]>); 11] = [
            (
                "fab -R %{environment} %{task}:branch_name=%{ref}",
                Some(&["fab", "-R", "{{environment}}", "{{task}}:branch_name={{sha}}"]),
            ),
            ("fab  deploy ", Some(&["fab", "deploy"])),
            ("fab deploy; rm -rf /", None),
            ("fab deploy && true", None),
            ("fab $(id)", None),
            ("fab '%{task}'", None),
            ("fab deploy:{{x}}", None),
            ("fab deploy --password=x", None),
            ("PATH=/x fab deploy", None),
            ("%{task} x", None),
            ("", None),
        ];
        for (format, expected) in table {
            let expected = expected.map(|words| words.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(command_of(format), expected, "{format}");
        }
    }

    #[test]
    fn only_paths_of_the_repository_are_scripts() {
        for path in ["deploy", "script/deploy.sh", "a/b-c/d_e.rb"] {
            assert!(is_path_of_the_repository(path), "{path}");
        }
        for path in [
            "",
            "/bin/sh",
            "../deploy",
            "a/../b",
            "-x",
            "a b",
            "a;b",
            "a//b",
            ".hidden",
        ] {
            assert!(!is_path_of_the_repository(path), "{path}");
        }
    }
}
