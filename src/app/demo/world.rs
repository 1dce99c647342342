//! What the demo happens in: a temporary folder, a small real repository, and the stand-ins.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chima_simulator::git::GitRepository;
use chima_simulator::github::GitHub;
use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::slack::Slack;
use serde_json::json;
use tempfile::TempDir;

use crate::app::demo::teller::Teller;
use crate::config::{Config, Known};

/// The repository that is deployed.
pub const REPOSITORY: &str = "octo/hello";
/// What the stand-in accepts as a token.
pub const TOKEN: &str = "simulator-token";

const DEPLOY_SCRIPT: &str = r#"#!/bin/sh
# Deploys index.html into the folder that stands for a server.
set -eu
echo "deploying $CHIMA_REF ($CHIMA_SHA) to $CHIMA_ENVIRONMENT"
for part in checking building uploading; do
  echo "$part ..."
  sleep 0.2
done
mkdir -p "$TARGET"
cp index.html "$TARGET/index.html"
echo "live: $(cat "$TARGET/index.html")"
"#;

const BROKEN_SCRIPT: &str = r#"#!/bin/sh
echo "deploying $CHIMA_REF to $CHIMA_ENVIRONMENT"
echo "cannot reach the database" >&2
exit 7
"#;

/// The stage of the demo. Cheap to clone; the folder goes with the last clone.
#[derive(Debug, Clone)]
pub struct DemoWorld {
    /// The stand-in for GitHub.
    pub github: GitHub,
    /// The stand-in for Slack.
    pub slack: Slack,
    /// The commit of `main`.
    pub sha: String,
    folder: Arc<TempDir>,
    secret: String,
}

impl DemoWorld {
    /// Makes everything but the server.
    ///
    /// # Errors
    ///
    /// When there is no git, no loopback or no temporary folder.
    pub async fn create() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("chima-demo-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let git = GitRepository::create(&folder.path().join("hello"))?;
        git.write("index.html", "hello, world\n")?;
        git.write("script/deploy", DEPLOY_SCRIPT)?;
        let sha = git.commit("Say hello")?;
        git.switch("broken")?;
        git.write("script/deploy", BROKEN_SCRIPT)?;
        let broken = git.commit("Break the deployment")?;
        git.switch("main")?;
        let github = GitHub::start().await.context("cannot start the stand-in for GitHub")?;
        let repository = github.repository(REPOSITORY);
        repository.commit(&sha, "Say hello", "mona", &[]).branch("main", &sha);
        // whoever tries signing in out
        repository.permission("mona", "write");
        github.at_browser(Some("mona"));
        repository
            .commit(&broken, "Break the deployment", "hubot", &[&sha])
            .branch("broken", &broken);
        let slack = Slack::start().await.context("cannot start the stand-in for Slack")?;
        // a secret of its own for every demo, of two ids' randomness
        let secret = format!("{}{}", ulid::Ulid::generate(), ulid::Ulid::generate());
        let world = Self {
            github,
            slack,
            sha,
            folder: Arc::new(folder),
            secret,
        };
        world.put("webhook-secret", &world.secret)?;
        world.put("github-token", TOKEN)?;
        world.put("slack-webhook", &world.slack.webhook_url())?;
        Ok(world)
    }

    /// The temporary folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration, as a person would have written it.
    ///
    /// # Errors
    ///
    /// When `queue` is no queue.
    pub fn config(&self, listen: SocketAddr, queue: &str) -> anyhow::Result<Config> {
        let folder = self.path().display();
        let (client_id, client_secret) = self.github.sign_in(&[&format!("http://{listen}/sign-in/callback")]);
        self.put("client-secret", &client_secret)?;
        let text = format!(
            r"server:
  listen: {listen}
data_dir: {folder}/data
store: sqlite:{folder}/data/chima.db
ephemeral: true
queue: {queue}
github:
  url: {github}
  api_url: {api}
  token: {{ file: {folder}/github-token }}
  webhook_secrets: [{{ file: {folder}/webhook-secret }}]
sign_in:
  client_id: {client_id}
  client_secret: {{ file: {folder}/client-secret }}
slack:
  incoming_webhook: {{ file: {folder}/slack-webhook }}
apps:
  hello:
    repository: {REPOSITORY}
    remote: {folder}/hello
    provider: shell
    with: {{ command: [./script/deploy] }}
    env: {{ TARGET: {folder}/server }}
    required_contexts: []
    allowed_rooms: [deploys]
    environments:
      production: {{ url: 'https://hello.example.com' }}
      staging: {{ lane: latest }}
",
            github = self.github.url(),
            api = self.github.api_url(),
        );
        let path = self.put("app.yaml", &text)?;
        Ok(Config::parse(&path, &text, &Known::default())?)
    }

    /// Tells the stand-in where webhooks go.
    pub fn hook(&self, url: &str) {
        self.github.hook(url, &self.secret);
    }

    /// Creates the deployment, which sends the webhook.
    ///
    /// # Errors
    ///
    /// When the stand-in refuses.
    pub async fn deploy(&self, teller: &mut Teller) -> anyhow::Result<()> {
        let request = DeploymentRequest {
            payload: json!({ "name": "hello", "notify": { "room": "deploys", "user_name": "mona" } }),
            description: Some("chima demo".to_owned()),
            ..DeploymentRequest::to("production")
        };
        let deployed = self
            .github
            .deploy(REPOSITORY, request)
            .await
            .map_err(|refused| anyhow::anyhow!("the stand-in for GitHub refused: {refused:?}"))?;
        teller.asked(deployed.id)?;
        for delivered in &deployed.deliveries {
            teller.delivered(delivered)?;
        }
        Ok(())
    }

    fn put(&self, name: &str, text: &str) -> anyhow::Result<std::path::PathBuf> {
        let path = self.path().join(name);
        fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }
}
