//! `chima setup slack` and what `chima doctor` says of Slack.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chima_simulator::slack::socket::DEFAULT_APP_TOKEN;
use chima_simulator::slack::{DEFAULT_TOKEN, Slack};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::child::{Output, command, output};

const LIMIT: Duration = Duration::from_secs(60);

fn folder(config: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix("chima-slack-").tempdir().unwrap();
    for (name, text) in [
        ("token", DEFAULT_TOKEN),
        ("app-token", DEFAULT_APP_TOKEN),
        ("app.yaml", config),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

async fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    let arguments = [arguments, &["--config", "app.yaml"]].concat();
    output(command(folder.path(), &arguments), LIMIT).await
}

/// What the doctor says of Slack.
async fn said(folder: &TempDir) -> String {
    let doctor = run(folder, &["doctor"]).await;
    let mut lines = Vec::new();
    let mut ours = false;
    for line in doctor.stdout.lines() {
        ours = line.contains("Slack") || (ours && line.starts_with("      fix"));
        if ours {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn the_manifest_is_printed_for_the_way_in_which_slack_reaches_the_server() {
    let https = folder("server: { public_url: 'https://deploy.example.com' }\n");
    let printed = run(&https, &["setup", "slack", "--name", "Deploys"]).await;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let manifest: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(manifest["display_information"]["name"], "Deploys");
    let events = &manifest["settings"]["event_subscriptions"];
    assert_eq!(events["request_url"], "https://deploy.example.com/slack/events");
    assert!(printed.stderr.contains("slack.signing_secret"), "{}", printed.stderr);
    let plain = folder("{}\n");
    for printed in [
        run(&https, &["setup", "slack", "--socket"]).await,
        run(&plain, &["setup", "slack"]).await,
    ] {
        let manifest: Value = serde_json::from_str(&printed.stdout).unwrap();
        assert_eq!(manifest["settings"]["socket_mode_enabled"], true);
        assert!(printed.stderr.contains("slack.app_token"), "{}", printed.stderr);
    }
}

#[tokio::test]
async fn the_doctor_looks_at_token_scopes_channels_and_socket() {
    let slack = Slack::start().await.unwrap();
    let _sockets = slack.socket_mode().await.unwrap();
    let config = |more: &str| {
        format!(
            "slack:\n  api_url: {}\n  bot_token: {{ file: token }}\n  channel: C0DEPLOY\n  {more}\n",
            slack.api_url()
        )
    };
    let place = folder(&config("app_token: { file: app-token }"));
    insta::assert_snapshot!(said(&place).await, @"");
    slack.scopes(&["chat:write", "channels:read"]);
    slack.refuse("C0DEPLOY", "channel_not_found");
    insta::assert_snapshot!(said(&folder(&config(""))).await, @"");
    fs::write(place.path().join("token"), "withdrawn").unwrap();
    fs::write(place.path().join("app-token"), "a bot's token").unwrap();
    insta::assert_snapshot!(said(&place).await, @"");
    slack.down();
    insta::assert_snapshot!(said(&place).await.replace(&slack.url(), "<slack>"), @"");
}
