//! Signing in to the pages of a real server: with GitHub, without it, and with a configuration that changes meanwhile.

use std::time::Duration;

use rustix::process::Signal;

use crate::process::child::Chima;
use crate::process::installation::{Installation, eventually};
use crate::world::sign_in::Browser;

const SOON: Duration = Duration::from_secs(10);

fn browser(installation: &Installation) -> Browser {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://127.0.0.1:{}", installation.port);
    Browser::new(&url, &url)
}

/// The configuration, with which people sign in; and further lines of the app.
fn with_sign_in(installation: &Installation, app: &str) -> String {
    let callback = format!("http://127.0.0.1:{}/sign-in/callback", installation.port);
    let (client_id, client_secret) = installation.github.sign_in(&[&callback]);
    installation.write("client-secret", &client_secret);
    let sign_in = format!(
        "sign_in:\n  client_id: {client_id}\n  client_secret: {{ file: client-secret }}\napps:\n  site:\n{app}"
    );
    installation.config().replace("apps:\n  site:\n", &sign_in)
}

async fn read_again(server: &Chima) {
    let words = |server: &Chima| server.stderr().matches("the configuration was read again").count();
    let before = words(server);
    server.signal(Signal::HUP);
    eventually("a word about the configuration", || {
        (words(server) > before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_write_the_ledger_gets_in_while_github_is_down() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    installation.github.down();
    let made = installation.run(&["token", "break-glass"]).await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let told = format!("type this at http://127.0.0.1:{}/sign-in", installation.port);
    assert!(made.stderr.starts_with(&told), "{}", made.stderr);
    let word = made.stdout.trim().to_owned();
    let mut one = browser(&installation);
    assert_eq!(one.get("/").await.status, 303);
    let landed = one.post("/sign-in", &[("word", &word)]).await;
    assert_eq!(landed.status, 303, "{}", landed.text);
    assert_eq!(one.get("/").await.status, 200);
    let mut other = browser(&installation);
    assert_eq!(other.post("/sign-in", &[("word", &word)]).await.status, 403);
    installation.github.up();
    // the server's log has neither word nor cookie
    let told = server.stderr();
    assert!(!told.contains(&word) && !told.contains(&one.cookies["chima"]), "{told}");
    server.stop(SOON).await;
    // and a session outlives the server
    let mut server = installation.serve().await;
    assert_eq!(one.get("/").await.status, 200);
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_write_the_ledger_signs_everybody_out() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let mut browsers = Vec::new();
    for _ in 0..2 {
        let word = installation.run(&["token", "break-glass"]).await.stdout;
        let mut one = browser(&installation);
        let landed = one.post("/sign-in", &[("word", word.trim())]).await;
        assert_eq!(landed.status, 303, "{}", landed.text);
        browsers.push(one);
    }
    // without a word about whom, nobody is meant
    let unclear = installation.run(&["sessions", "end"]).await;
    assert!(
        unclear.code == Some(2) && unclear.stderr.contains("--all"),
        "{unclear:?}"
    );
    assert_eq!(browsers[0].get("/").await.status, 200);
    for expected in ["2 sessions open nothing any more\n", "nobody is signed in\n"] {
        let ended = installation.run(&["sessions", "end", "--all"]).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), expected),
            "{}",
            ended.stderr
        );
    }
    for one in &mut browsers {
        assert_eq!(one.get("/").await.status, 303);
    }
    let told = installation.run(&["audit"]).await.stdout;
    assert!(
        told.contains("(terminal)") && told.contains("ended 2 sessions of everybody"),
        "{told}"
    );
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_configuration_holds_for_whoever_is_signed_in_already() {
    let installation = Installation::sqlite().await;
    let all = with_sign_in(&installation, "    viewers: [mona, lisa]\n");
    installation.write("app.yaml", &all);
    let mut server = installation.serve().await;
    installation.github.at_browser(Some("mona"));
    let mut mona = browser(&installation);
    let landed = mona.sign_in().await;
    assert_eq!(landed.status, 303, "{}", landed.text);
    assert_eq!(mona.get("/").await.status, 200);
    installation.write(
        "app.yaml",
        &all.replace("viewers: [mona, lisa]", "viewers: [lisa]\n    deployers: [lisa]"),
    );
    read_again(&server).await;
    let closed = mona.get("/").await;
    assert!(
        closed.status == 403 && closed.text.contains("may see nothing here"),
        "{}",
        closed.text
    );
    // nobody signs in any more: nobody is
    installation.write("app.yaml", &installation.config());
    read_again(&server).await;
    assert_eq!(mona.get("/").await.status, 303);
    installation.write("app.yaml", &all);
    read_again(&server).await;
    assert_eq!(mona.get("/").await.status, 200);
    server.stop(SOON).await;
    installation.close().await;
}
