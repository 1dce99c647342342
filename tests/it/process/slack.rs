//! Slack with the real program: its set-up, what the doctor says of it, and a death in the middle of what somebody asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::slack::socket::DEFAULT_APP_TOKEN;
use chima_simulator::slack::{DEFAULT_TOKEN, Slack};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::child::{Output, command, output};
use crate::process::installation::{Installation, eventually};

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
    insta::assert_snapshot!(said(&place).await, @"
    ok    Slack: the bot is `chima` in the workspace `octo`
    ok    Slack: the bot is in channel `C0DEPLOY`
    ok    Slack: Socket Mode can be opened
    ");
    slack.scopes(&["chat:write", "channels:read"]);
    slack.refuse("C0DEPLOY", "channel_not_found");
    insta::assert_snapshot!(said(&folder(&config(""))).await, @"
    ok    Slack: the bot is `chima` in the workspace `octo`
    warn  Slack: the bot lacks `app_mentions:read` (hear who mentions the bot), `channels:history` (look for its own message where an answer of Slack was lost), `chat:write.public` (the same in public channels that nobody invited it to), `commands` (the slash command), `groups:history` (as `channels:history`, in private channels), `groups:read` (know private channels by name), `im:history` (hear what is written to the bot alone), `im:read` (know such conversations), `users:read` (know people by name)
          fix: compare the app's scopes with what `chima setup slack` prints, and install it again
    FAIL  Slack: channel `C0DEPLOY`: Slack answered `channel_not_found`; there is no such channel, or the bot does not see it: invite the bot there (`/invite @chima`), or name another one with `slack.channel`
          fix: do what the text says; until then Slack hears nothing
    warn  Slack: commands are not heard
          fix: set `slack.signing_secret`, or `slack.app_token` where Slack cannot reach this server
    ");
    fs::write(place.path().join("token"), "withdrawn").unwrap();
    fs::write(place.path().join("app-token"), "a bot's token").unwrap();
    insta::assert_snapshot!(said(&place).await, @"
    FAIL  Slack: the bot: Slack answered `invalid_auth`; install the Slack app again and put its new token into `slack.bot_token`
          fix: do what the text says; until then Slack hears nothing
    FAIL  Slack: Socket Mode: Slack answered `not_allowed_token_type`; that is a token of another kind: a bot's begins with `xoxb-`, an app's with `xapp-`
          fix: do what the text says; until then Slack hears nothing
    ");
    slack.down();
    let away = said(&place).await;
    assert_eq!(away.matches("warn  Slack: ").count(), 2, "{away}");
    assert_eq!(away.matches("Slack did not answer").count(), 2, "{away}");
}

const SIGNING: &str = "0123456789abcdef0123456789abcdef";

/// The server dies while GitHub is asked for what somebody said in Slack; `made` tells whether GitHub has made it by then.
async fn dies_while_it_asks(made: bool) {
    let installation = Installation::sqlite().await;
    let slack = Slack::start().await.unwrap();
    installation.write("slack-token", DEFAULT_TOKEN);
    installation.write("slack-signing", SIGNING);
    let config = format!(
        "{}slack:\n  api_url: {}\n  bot_token: {{ file: slack-token }}\n  signing_secret: {{ file: slack-signing }}\n",
        installation.config(),
        slack.api_url()
    );
    installation.write("app.yaml", &config);
    let mut server = installation.serve().await;
    let silence = Fault::on("POST", "/deployments", FaultKind::Timeout);
    let silence = if made { silence.with_effect() } else { silence };
    installation.github.fail(silence);
    let events = format!("http://127.0.0.1:{}/slack/events", installation.port);
    let said = json!({"type": "app_mention", "user": "U0MONA", "text": "<@U0BOT> deploy site/main to staging", "ts": "1.5",
                      "channel": "C0DEPLOY"});
    for _ in 0..2 {
        // Slack says it again, and that is nothing new
        assert_eq!(
            slack.send_event(&events, SIGNING, "Ev1", &said).await.unwrap().status,
            200
        );
    }
    let asked = || {
        let requests = installation.github.requests();
        let asked = requests
            .iter()
            .filter(|one| one.method == "POST" && one.path.ends_with("/deployments"));
        asked.count()
    };
    eventually("GitHub is asked", || (asked() == 1).then_some(())).await;
    server.kill();
    installation.github.heal();
    let mut next = installation.serve().await;
    eventually("the end is told in Slack", || {
        let told = slack.messages();
        told.iter().any(|one| one.text.starts_with("succeeded: ")).then_some(())
    })
    .await;
    let journal = fs::read_to_string(installation.path("journal")).unwrap();
    let starts = journal.lines().filter(|line| line.contains("start")).count();
    assert_eq!(starts, 1, "one deployment: {journal}");
    assert_eq!(asked(), if made { 1 } else { 2 });
    let answers = slack.messages();
    let answers = answers.iter().filter(|one| one.text.starts_with("deployment ")).count();
    assert_eq!(answers, 1, "one answer");
    next.stop(LIMIT).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_of_a_server_that_died_is_made_once() {
    dies_while_it_asks(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_had_made_when_the_server_died_is_not_made_again() {
    dies_while_it_asks(true).await;
}
