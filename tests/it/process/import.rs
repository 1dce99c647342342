//! `chima import` as a person types it: what is printed, what is written, and what is left alone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::process::child::{Output, command, output};

const SOON: Duration = Duration::from_secs(10);

const APPS: &str = r#"{
  "site": {
    "provider": "shell",
    "repository": "octo/site",
    "auto_merge": false,
    "environments": ["staging", "production"],
    "deploy_script": "script/deploy",
    "github_token": "not-to-be-copied",
    "colour": "green"
  }
}"#;

async fn chima(folder: &Path, arguments: &[&str]) -> Output {
    output(command(folder, arguments), SOON).await
}

fn folder_with(file: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(file), text).expect("the folder is ours");
    folder
}

#[tokio::test]
async fn what_is_imported_is_good_for_check() {
    let folder = folder_with("apps.json", APPS);
    let told = chima(folder.path(), &["import", "apps.json", "--out", "app.yaml"]).await;
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    insta::assert_snapshot!(told.stdout, @r#"
    app.yaml is written from hubot-deploy's apps.json: 1 app, 2 environments
    comments that begin with "Not carried over": 2, with "To do": 4
    then: chima check app.yaml
    "#);
    let written = fs::read_to_string(folder.path().join("app.yaml")).expect("it was written");
    assert!(!written.contains("not-to-be-copied"), "{written}");
    assert_eq!(chima(folder.path(), &["check", "app.yaml"]).await.code, Some(0));
    let printed = chima(folder.path(), &["import", "apps.json"]).await;
    assert_eq!((printed.code, printed.stdout), (Some(0), written));
}

#[tokio::test]
async fn a_file_that_is_there_is_left_alone() {
    let folder = folder_with("apps.json", APPS);
    let out = folder.path().join("app.yaml");
    fs::write(&out, "mine\n").expect("the folder is ours");
    let told = chima(folder.path(), &["import", "apps.json", "--out", "app.yaml"]).await;
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    insta::assert_snapshot!(told.stderr, @"
    chima: `app.yaml` is there already; expected a name that is free
    hint: move it away, or name another with `--out`
    ");
    assert_eq!(fs::read_to_string(&out).expect("it is there"), "mine\n");
    // a link is not followed, not even one that leads nowhere
    std::os::unix::fs::symlink("elsewhere", folder.path().join("link")).expect("the folder is ours");
    let told = chima(folder.path(), &["import", "apps.json", "--out", "link"]).await;
    assert_eq!(told.code, Some(2));
    assert!(!folder.path().join("elsewhere").exists());
}

#[tokio::test]
async fn what_cannot_be_imported_writes_nothing() {
    let folder = folder_with(
        "apps.json",
        r#"{ "a": { "repository": 7 }, "b": { "repository": "o/r", "environments": "x" } }"#,
    );
    for (arguments, words) in [
        (
            &["import", "apps.json"][..],
            "`b.environments` is a text; expected a list",
        ),
        (
            &["import", "apps.json", "--from", "hooks"],
            "the file holds a map; expected a list of hooks",
        ),
        (
            &["import", "nowhere.json"],
            "cannot read `nowhere.json`: No such file or directory",
        ),
        (&["import", "."], "cannot read `.`: Is a directory"),
        (&["import", "/dev/zero"], "`/dev/zero` is larger than 4194304 bytes"),
        (
            &["import", "apps.json", "--from", "jenkins"],
            "possible values: apps-json, pybossa, heaven, hooks",
        ),
    ] {
        let told = chima(folder.path(), &[arguments, &["--out", "app.yaml"]].concat()).await;
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""), "{told:?}");
        assert!(told.stderr.contains(words), "`{words}` is missing in: {}", told.stderr);
        assert!(!folder.path().join("app.yaml").exists(), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told() {
    let folder = folder_with("apps.json", APPS);
    let told = chima(folder.path(), &["import", "apps.json", "--out", "nowhere/app.yaml"]).await;
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(
        told.stderr.contains("cannot write `nowhere/app.yaml`: No such file"),
        "{}",
        told.stderr
    );
}
