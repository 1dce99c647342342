//! The shell provider in all its forms, and how each end of a command is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use crate::world::ending::alive_in;
use crate::world::stage::World;

/// A world whose app has these keys; nothing is required.
async fn app(keys: &str) -> World {
    World::setup().app(&furnished(keys)).start().await
}

fn furnished(keys: &str) -> String {
    format!("provider: shell\nrequired_contexts: []\nenvironments: {{ production: {{}}, staging: {{}} }}\n{keys}")
}

/// A world whose deployed script is this.
async fn script(text: &str) -> World {
    World::setup().script(text).start().await
}

async fn deployed(world: &World) -> u64 {
    let id = world.deploy("staging").await;
    world.settle().await;
    id
}

#[tokio::test]
async fn a_command_gets_the_values_it_names_as_whole_arguments() {
    let world = app("with: { command: [printf, '<%s>', '{{environment}}', '{{sha}}', 'of {{ref}}', '{{task}}', '{{app}}', '$HOME; id'] }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.redacted(&world.log(id).await).await, @"
    $ printf '<%s>' staging <one> 'of main' deploy site '$HOME; id'
    <staging><<one>><of main><deploy><site><$HOME; id>
    ");
    world.end().await;
}

#[tokio::test]
async fn a_script_of_the_repository_runs_in_the_checkout() {
    let world = app("with: { script: script/deploy }\nenv: { JOURNAL: '{folder}' }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.log(id).await, @"
    $ ./script/deploy
    version one
    ");
    world.end().await;
}

#[tokio::test]
async fn commands_in_a_folder_run_in_order_without_a_checkout() {
    let world =
        app("with: { folder: '{folder}/site', commands: [[pwd], [cat, version], [git, rev-parse, HEAD]] }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.redacted(&world.log(id).await).await, @"
    $ pwd
    <folder>/site
    $ cat version
    one
    $ git rev-parse HEAD
    <one>
    ");
    assert!(!world.path("data/mirrors").exists(), "nothing was fetched");
    world.end().await;
}

#[tokio::test]
async fn of_several_commands_the_first_that_fails_is_the_last_that_runs() {
    let world = app("with: { commands: [[echo, one], ['false'], [touch, '{folder}/three']] }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.told(id).await, @"failure: failure: step `2: false` exited with code 1 after 0 s");
    assert_snapshot!(world.log(id).await, @"
    $ echo one
    one
    $ false
    [chima: exited with code 1]
    ");
    assert!(!world.path("three").exists());
    world.end().await;
}

#[tokio::test]
async fn an_exit_code_is_a_failure_that_names_the_code() {
    let world = script("#!/bin/sh\necho cannot reach the database >&2\nexit 7\n").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.told(id).await, @"failure: failure: step `deploy` exited with code 7 after 0 s");
    assert_snapshot!(world.chat().await, @"failed: deploy `site` to `staging`: step `deploy` exited with code 7; read the log, fix the cause, then deploy again; nothing has worked on `staging` yet (`octo/site` at <one> (main), asked for by @mona, took 0 s) <chima>/runs/<run 1>");
    assert!(world.run_page(id).await.contains("cannot reach the database"));
    world.end().await;
}

#[tokio::test]
async fn a_signal_is_a_failure_that_names_the_signal() {
    let world = script("#!/bin/sh\nkill -9 $$\n").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.latest(id).description, @"failure: step `deploy` was ended by signal 9 after 0 s");
    world.end().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error_of_ours() {
    let world = app("with: { command: [no-such-program] }").await;
    let id = deployed(&world).await;
    assert_eq!(
        (world.latest(id).state.as_str(), world.code(id).await),
        ("error", "command_not_started")
    );
    assert!(
        world
            .latest(id)
            .description
            .contains("`no-such-program` could not be started: not found in PATH")
    );
    world.end().await;
}

#[tokio::test]
async fn a_script_that_is_not_there_or_not_executable_is_an_error_that_says_so() {
    let mut world = app("with: { script: script/other }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.redacted(&world.latest(id).description).await, @"error: `./script/other` could not be started: `./script/other` does not exist");
    world.git.write("script/other", "echo hello\n").unwrap();
    world.commit_all("two");
    let id = deployed(&world).await;
    assert!(
        world
            .log(id)
            .await
            .contains("is not executable; set its mode with `git update-index --chmod=+x`")
    );
    assert_eq!(world.latest(id).state, "error");
    world.end().await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let world = app("with: { folder: /nonexistent/site, commands: [[pwd]] }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.latest(id).description, @"error: `pwd` could not be started: the folder `/nonexistent/site` does not exist");
    world.end().await;
}

#[tokio::test]
async fn inputs_that_make_no_command_end_in_an_error_that_names_the_input() {
    let world = app("with: { comand: [pwd] }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.latest(id).description, @"error: the configuration cannot be used: provider `shell` has no input `comand`; inputs: `command`, `commands`, `dry_run`, `folder`, `scrip…");
    world.end().await;
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_stopped_with_everything_it_started() {
    let world = World::setup()
        .with("timeout_seconds: 1")
        .script("#!/bin/sh\nsh -c 'sleep 300 & sleep 300' &\nsetsid sleep 300 &\necho started\nsleep 300\n")
        .start()
        .await;
    let id = deployed(&world).await;
    assert_snapshot!(world.told(id).await, @"failure: timed out after 1 s in step `deploy`");
    assert_eq!(alive_in(world.folder()), Vec::<i32>::new());
    world.end().await;
}

#[tokio::test]
async fn a_command_that_does_not_listen_is_killed_after_a_grace() {
    let world = World::setup()
        .with("timeout_seconds: 1")
        .script("#!/bin/sh\ntrap '' TERM INT HUP\necho deaf\nwhile :; do sleep 0.1; done\n")
        .start()
        .await;
    let id = deployed(&world).await;
    assert!(
        world.latest(id).description.starts_with("timed out after 1 s"),
        "{}",
        world.latest(id).description
    );
    assert_eq!(alive_in(world.folder()), Vec::<i32>::new());
    world.end().await;
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_stopped_and_named_in_the_log() {
    let world = script("#!/bin/sh\nsleep 300 &\necho done\n").await;
    let id = deployed(&world).await;
    assert_eq!(world.latest(id).state, "success");
    assert!(
        world
            .log(id)
            .await
            .contains("[chima: left behind by the command and stopped: sleep (")
    );
    world.end().await;
}

#[tokio::test]
async fn a_secret_is_given_to_the_command_and_shown_nowhere() {
    let secret = "hunter2-hunter2";
    let world = World::setup()
        .app(&furnished(
            "with: { command: [./script/deploy] }\nsecrets: { PASSWORD: { file: '{folder}/password' } }",
        ))
        .script(
            "#!/bin/sh\nprintf '%s' \"$PASSWORD\" > \"$OLDPWD/seen\" 2>/dev/null\n\
             echo \"the password is $PASSWORD\"\nprintf hunter2-; sleep 0.1; echo hunter2\n\
             printf %s \"$PASSWORD\" | base64\n[ \"$PASSWORD\" = hunter2-hunter2 ] && exit 9\n",
        )
        .start()
        .await;
    fs::write(world.path("password"), format!("{secret}\n")).unwrap();
    fs::set_permissions(world.path("password"), fs::Permissions::from_mode(0o600)).unwrap();
    let id = deployed(&world).await;
    assert_snapshot!(world.log(id).await, @"
    $ ./script/deploy
    the password is ***
    ***
    ***
    [chima: exited with code 9]
    ");
    assert!(
        world.latest(id).description.contains("exited with code 9"),
        "it had the right one"
    );
    let shown = [
        world.log(id).await,
        world.run_page(id).await,
        world.github.describe(),
        world.slack.describe(),
    ];
    assert!(shown.iter().all(|text| !text.contains(secret)));
    let kept = format!("data/runs/{}/attempt-1", world.run(id).await.id);
    assert_eq!(files_with(&world.path(&kept), secret), Vec::<String>::new());
    world.end().await;
}

/// The files below a folder that hold a text.
fn files_with(folder: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_secret_that_is_not_there_ends_in_an_error_before_anything_runs() {
    let world = app("with: { command: [pwd] }\nsecrets: { PASSWORD: { file: '{folder}/password' } }").await;
    let id = deployed(&world).await;
    assert_snapshot!(world.redacted(&world.latest(id).description).await, @"error: the configuration cannot be used: the secret `PASSWORD` is not there: file `<folder>/password` is not set");
    world.end().await;
}

#[tokio::test]
async fn a_checkout_goes_away_with_its_run_and_the_log_stays() {
    let world = World::new().await;
    let id = deployed(&world).await;
    let attempt = world.path(&format!("data/runs/{}/attempt-1", world.run(id).await.id));
    assert!(!attempt.join("checkout").exists());
    assert!(attempt.join("log").exists());
    world.end().await;
}
