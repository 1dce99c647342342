//! `chima setup` and `chima doctor`: from nothing to an App that works, as its owner does it, and what the doctor says of one that
//! does not.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::DeploymentRequest;
use reqwest::Client;
use reqwest::redirect::Policy;
use tempfile::TempDir;

use crate::process::child::{Output, command, output};

const LIMIT: Duration = Duration::from_secs(30);

/// A folder with a configuration that has no credentials, and a GitHub.
struct Place {
    github: GitHub,
    folder: TempDir,
}

impl Place {
    async fn new() -> Self {
        let github = GitHub::start().await.unwrap();
        github.repository("octo/site");
        let place = Self {
            github,
            folder: tempfile::Builder::new().prefix("chima-setup-").tempdir().unwrap(),
        };
        place.configure("");
        place
    }

    /// Writes the configuration with these lines of `github`.
    fn configure(&self, lines: &str) {
        let text = format!(
            "server: {{ public_url: 'https://deploy.example.com' }}\ngithub:\n  url: {}\n{lines}apps:\n  site:\n    \
             repository: octo/site\n    provider: shell\n    with: {{ command: ['true'] }}\n    environments: {{ live: {{}} }}\n",
            self.github.url()
        );
        fs::write(self.folder.path().join("app.yaml"), text).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let arguments = [arguments, &["--config", "app.yaml"]].concat();
        output(command(self.folder.path(), &arguments), LIMIT).await
    }

    /// Starts the set-up; its process, what it prints, and the page's address.
    #[expect(
        clippy::zombie_processes,
        reason = "the caller waits for it; where there is none, the test fails"
    )]
    fn setup(&self, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStdout>, String) {
        let arguments = [&["setup", "--config", "app.yaml", "--no-browser"], arguments].concat();
        let mut child = command(self.folder.path(), &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        loop {
            let mut line = String::new();
            assert_ne!(printed.read_line(&mut line).unwrap(), 0, "it ended without an address");
            if line.trim().starts_with("http://") {
                return (child, printed, line.trim().to_owned());
            }
        }
    }

    fn named(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "<folder>")
            .replace(&self.github.url(), "<github>")
    }

    /// What the doctor says about GitHub: all but the machine's own affairs.
    async fn doctor(&self) -> (Option<i32>, String) {
        let told = self.run(&["doctor"]).await;
        let text = self.named(&told.stdout);
        let place = text.find("MiB free\n").expect("the disk is looked at") + "MiB free\n".len();
        (told.code, text[place..].to_owned())
    }
}

fn attribute(page: &str, before: &str) -> String {
    let value = page.split_once(before).expect("the page has a form").1;
    let value = value.split_once('"').expect("the attribute ends").0;
    value
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#38;", "&")
}

/// Opens the page, presses the button, agrees on GitHub, and comes back.
async fn click(address: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let browser = Client::builder()
        .redirect(Policy::none())
        .user_agent("a browser")
        .build()
        .unwrap();
    let page = browser.get(address).send().await.unwrap().text().await.unwrap();
    let manifest = attribute(&page, "name=\"manifest\" value=\"");
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("manifest", &manifest)
        .finish();
    let form = browser.post(attribute(&page, "action=\"")).body(body);
    let posted = form.send().await.unwrap();
    let back = posted.headers()["location"].to_str().unwrap().to_owned();
    browser.get(back).send().await.unwrap().text().await.unwrap()
}

/// From nothing to an App; the lines for the configuration.
async fn set_up(place: &Place, arguments: &[&str]) -> String {
    let (mut child, mut printed, address) = place.setup(arguments);
    let page = click(&address).await;
    let mut told = String::new();
    while printed.read_line(&mut told).unwrap() > 0 {}
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "{told}");
    let mut errors = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut errors).unwrap();
    for name in ["private-key.pem", "webhook-secret", "client-secret"] {
        let path = place.folder.path().join("secrets").join(name);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
        let secret = fs::read_to_string(&path).unwrap();
        let telling = secret
            .lines()
            .find(|line| line.len() > 15 && !line.starts_with('-'))
            .unwrap();
        for text in [&told, &errors, &page] {
            assert!(!text.contains(telling), "{name} is in {text}");
        }
    }
    told
}

fn config_of(told: &str) -> String {
    let lines = told.lines().skip_while(|line| *line != "github:").skip(1);
    lines
        .take_while(|line| line.starts_with("  "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_click_makes_an_app_that_the_doctor_finds_well() {
    let place = Place::new().await;
    let told = set_up(&place, &[]).await;
    let id = place.github.read(|world| world.app.id);
    let shown = place
        .named(&told[told.find("The App").unwrap()..])
        .replace(&id.to_string(), "<id>");
    insta::assert_snapshot!(shown, @r"
    The App `chima-deploy.example.com` is made. Its secrets are kept, readable by this account alone:

      <folder>/secrets/private-key.pem
      <folder>/secrets/webhook-secret
      <folder>/secrets/client-secret

    Write this into the configuration, in place of other credentials:

    github:
      app_id: <id>
      private_key: { file: <folder>/secrets/private-key.pem }
      webhook_secrets: [{ file: <folder>/secrets/webhook-secret }]
    sign_in:
      client_id: Iv23d444912b10500d3a
      client_secret: { file: <folder>/secrets/client-secret }

    Then install the App on your repositories:

      <github>/apps/chima-deploy.example.com/installations/new

    `chima doctor` tells whether all is well.
    ");
    let secrets = place.folder.path().join("secrets");
    assert_eq!(fs::metadata(secrets).unwrap().permissions().mode() & 0o777, 0o700);
    place.configure(&config_of(&told));
    let (code, said) = place.doctor().await;
    insta::assert_snapshot!(said, @r"
    warn  pages: nobody can look at them, because nobody can sign in
          fix: set up `sign_in` in the configuration; until then `chima token break-glass` lets you in for an hour
    ok    GitHub takes the key of the App `chima-deploy.example.com`
    ok    this machine's clock agrees with GitHub's
    ok    the App has every permission that it needs
    ok    the App subscribes to every event that it needs
    ok    the App delivers to `https://deploy.example.com/webhooks/github`, signed, as json
    ok    `octo/site`: there, and open to us
    ");
    assert_eq!(code, Some(0));
    assert!(place.github.unplanned().is_empty(), "{}", place.github.describe());

    // what is there is not replaced
    let again = place.run(&["setup", "--no-browser"]).await;
    assert_eq!(again.code, Some(2));
    insta::assert_snapshot!(place.named(&again.stderr), @r"
    chima: `<folder>/secrets/private-key.pem` is there already; an App was made already: name its files in the configuration, or move them away, or use `--force`
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_of_an_organization_is_asked_for_there() {
    let place = Place::new().await;
    set_up(&place, &["--org", "octo", "--name", "our deployer"]).await;
    let asked = place.github.requests();
    assert!(
        asked
            .iter()
            .any(|request| request.path == "/organizations/octo/settings/apps/new")
    );
    assert_eq!(place.github.read(|world| world.app.slug.clone()), "our-deployer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_come_back_is_told_so() {
    let place = Place::new().await;
    let ended = place.run(&["setup", "--no-browser", "--timeout-seconds", "0"]).await;
    assert_eq!(ended.code, Some(3));
    insta::assert_snapshot!(ended.stderr, @r"
    chima: nobody came back from GitHub within 0 s; nothing was changed here; an App that GitHub made all the same can be deleted in GitHub's settings, Developer settings
    ");
    let nowhere = place.run(&["setup", "--no-browser", "--dir", "app.yaml/secrets"]).await;
    assert_eq!(nowhere.code, Some(2));
    insta::assert_snapshot!(place.named(&nowhere.stderr), @r"
    chima: cannot write `<folder>/app.yaml/secrets`: Not a directory (os error 20); name another folder with `--dir`, or let this account write there
    ");
    let odd = place.run(&["setup", "--public-url", "deploy.example.com"]).await;
    assert_eq!(odd.code, Some(2));
    insta::assert_snapshot!(odd.stderr, @r"
    chima: `--public-url` is `deploy.example.com`; expected an address without a path, for example `https://deploy.example.com`
    ");
    let fresh = tempfile::tempdir().unwrap();
    let unreachable = output(command(fresh.path(), &["setup", "--no-browser"]), LIMIT).await;
    assert_eq!(unreachable.code, Some(2));
    insta::assert_snapshot!(unreachable.stderr, @r"
    chima: GitHub cannot deliver to `http://127.0.0.1:8080`, which leads nowhere but to this machine; name the address at which GitHub reaches Chima: `server.public_url` in the configuration, or `chima setup --public-url https://…`
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_everything_that_is_wrong_with_an_app() {
    let place = Place::new().await;
    let told = set_up(&place, &[]).await;
    place.configure(&config_of(&told));
    // nobody listens on this port
    place
        .github
        .change(|world| world.hooks.last_mut().unwrap().url = "http://127.0.0.1:1/".to_owned());
    place
        .github
        .deploy("octo/site", DeploymentRequest::to("live"))
        .await
        .unwrap();
    place.github.repository("octo/site").archive();
    place.github.change(|world| {
        world.app.permissions.remove("checks");
        // nothing hangs on teams here, so nobody is bothered with it
        world.app.permissions.remove("members");
        world
            .app
            .permissions
            .insert("deployments".to_owned(), "read".to_owned());
        world
            .app
            .events
            .retain(|event| event != "push" && event != "deployment");
        let hook = world.hooks.last_mut().unwrap();
        hook.url = "https://old.example.com/webhooks/github".to_owned();
        hook.secret = None;
        hook.insecure_ssl = true;
    });
    let (code, said) = place.doctor().await;
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(said, @r"
    warn  pages: nobody can look at them, because nobody can sign in
          fix: set up `sign_in` in the configuration; until then `chima token break-glass` lets you in for an hour
    ok    GitHub takes the key of the App `chima-deploy.example.com`
    ok    this machine's clock agrees with GitHub's
    FAIL  the App lacks the permission `Deployments: write`: no deployment is heard of, and no status is reported
          fix: grant it at <github>/settings/apps/chima-deploy.example.com/permissions, then let the owner of each installation accept it
    warn  the App lacks the permission `Checks: read`: deployments with required contexts are held until their time is up, auto-deployments that wait for green do not come, and the overview knows neither how the newest commit stands nor how far behind what runs is
          fix: grant it at <github>/settings/apps/chima-deploy.example.com/permissions, then let the owner of each installation accept it
    FAIL  the App does not subscribe to `deployment`: no deployment is heard of
          fix: subscribe at <github>/settings/apps/chima-deploy.example.com/permissions
    warn  the App does not subscribe to `push`: auto-deployments come up to five minutes late, and the overview shows up to a quarter of an hour late what is new and how far behind what runs is
          fix: subscribe at <github>/settings/apps/chima-deploy.example.com/permissions
    warn  the App delivers to `https://old.example.com/webhooks/github`, and Chima's address is `https://deploy.example.com/webhooks/github`
          fix: correct `server.public_url`, or the Webhook URL at <github>/settings/apps/chima-deploy.example.com
    FAIL  the App's webhook has no secret, so every delivery is refused with 401
          fix: set one of `github.webhook_secrets` at <github>/settings/apps/chima-deploy.example.com
    warn  the App delivers to whoever has that address, also with a bad certificate
          fix: enable SSL verification at <github>/settings/apps/chima-deploy.example.com
    warn  of the newest 1 deliveries 1 failed: 1 × failed to connect to host
          fix: look at <github>/settings/apps/chima-deploy.example.com/advanced, mend what it says, and press Redeliver; a deployment runs once all the same
    FAIL  `octo/site` is archived: GitHub takes no deployments of it
          fix: unarchive it, or remove its apps from the configuration
    ");
    place.github.suspend("octo", true);
    assert!(
        place
            .doctor()
            .await
            .1
            .contains("`octo/site`: the App's installation is suspended")
    );
    place.github.suspend("octo", false);
    place.github.repository("octo/site").without_app();
    assert!(
        place
            .doctor()
            .await
            .1
            .contains("`octo/site`: the App is not installed there")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_when_github_cannot_be_asked() {
    let place = Place::new().await;
    let bare = place.doctor().await;
    assert_eq!(bare.0, Some(0));
    insta::assert_snapshot!(bare.1, @r"
    warn  pages: nobody can look at them, because nobody can sign in
          fix: set up `sign_in` in the configuration; until then `chima token break-glass` lets you in for an hour
    warn  GitHub: there are no credentials yet, so nothing is reported
          fix: `chima setup` makes a GitHub App; or name a token as `github.token`
    ");
    fs::write(place.folder.path().join("token"), "simulator-token").unwrap();
    fs::set_permissions(place.folder.path().join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    place.configure("  token: { file: token }\n");
    let with_token = place.doctor().await;
    assert_eq!(with_token.0, Some(0));
    insta::assert_snapshot!(with_token.1, @r"
    warn  pages: nobody can look at them, because nobody can sign in
          fix: set up `sign_in` in the configuration; until then `chima token break-glass` lets you in for an hour
    warn  `github.webhook_secrets`: none is there, so deliveries are answered with 503
          fix: `openssl rand -hex 32` makes one; give it to GitHub's webhook and to Chima
    ok    GitHub takes the token of `chima-bot`, with the scopes repo, repo_deployment, admin:repo_hook
    ok    this machine's clock agrees with GitHub's
    ok    `octo/site`: there, and open to us
    ");
    place.github.repository("octo/site").rename("octo/website");
    assert!(
        place
            .doctor()
            .await
            .1
            .contains("warn  `octo/site` is called `octo/website` now")
    );
    place.github.fail(Fault::on("GET", "/user", FaultKind::Unauthorized));
    let refused = place.doctor().await;
    assert_eq!(refused.0, Some(1));
    assert!(refused.1.contains("Bad credentials"), "{}", refused.1);
    let json = place.run(&["doctor", "--json"]).await;
    assert!(
        json.stdout
            .lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );
    place.github.shutdown();
    let away = place.doctor().await;
    assert_eq!(away.0, Some(1));
    assert!(
        away.1.contains("FAIL  GitHub at") && away.1.contains("fix: see that this machine reaches it"),
        "{}",
        away.1
    );
}
