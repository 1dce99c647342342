//! What goes wrong with providers is told before a deployment needs them, and stops nobody else.

use std::fs;
use std::time::Duration;

use crate::process::child::{command, output};
use crate::process::installation::Installation;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_what_cannot_be_deployed_and_deploys_the_rest() {
    let installation = Installation::sqlite().await;
    fs::create_dir_all(installation.path("manifests/mine")).unwrap();
    installation.write(
        "manifests/mine/provider.yaml",
        "name: mine\ndescription: Ours.\nform: []\n",
    );
    let config = installation
        .config()
        .replace("workers: 4", "workers: 4\nproviders: [manifests]")
        .replace("qa: {}", "qa: { with: { comand: [x] } }")
        .replace("live: { ", "live: { provider: mine, ");
    installation.write("app.yaml", &config);
    let checked = installation.run(&["check"]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");

    let mut server = installation.serve().await;
    let told = server.stderr();
    for words in [
        "cannot be deployed: manifests/mine/provider.yaml:3:1: unknown key `form` at the top level; did you mean `forms`?",
        "cannot be deployed: `apps.site.environments.qa`: provider `shell` has no input `comand`",
        "cannot be deployed: `apps.site.environments.live`: the manifest of provider `mine` cannot be used",
    ] {
        assert!(told.contains(words), "`{words}` is missing in: {told}");
    }
    let good = installation.deploy("main", "staging").await;
    assert_eq!(installation.concluded(good, SOON).await, "success");
    for environment in ["qa", "live"] {
        let bad = installation.deploy("main", environment).await;
        assert_eq!(installation.concluded(bad, SOON).await, "error", "{environment}");
    }
    server.stop(SOON).await;
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_are_listed_with_and_without_a_configuration() {
    let installation = Installation::sqlite().await;
    let listed = installation.run(&["providers"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(
        listed.stdout.contains("used by   site/staging, site/qa, site/live"),
        "{}",
        listed.stdout
    );
    let config = installation
        .config()
        .replace("workers: 4", "workers: 4\nproviders: [manifests]");
    fs::create_dir_all(installation.path("manifests/mine")).unwrap();
    let manifest = "name: mine\ndescription: Ours.\nprograms: [{ name: is-not-there }]\nforms: [{ command: [x] }]\n";
    installation.write("manifests/mine/provider.yaml", manifest);
    installation.write(
        "app.yaml",
        &config.replace("live: { ", "live: { provider: mine, with: {}, "),
    );
    let lacking = installation.run(&["providers", "mine"]).await;
    assert_eq!(lacking.code, Some(1), "{lacking:?}");
    assert_eq!(installation.run(&["providers", "shell"]).await.code, Some(0));

    let nowhere = command(
        &installation.path(""),
        &["--config", "nowhere.yaml", "providers", "manual", "--readme"],
    );
    let without = output(nowhere, SOON).await;
    assert!(without.stdout.starts_with("# manual\n"), "{without:?}");
    let unknown = installation.run(&["providers", "manul"]).await;
    assert_eq!(
        (unknown.code, unknown.stderr.as_str()),
        (Some(2), "chima: there is no provider `manul`; did you mean `manual`?\n",)
    );
    installation.close().await;
}
