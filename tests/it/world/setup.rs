//! What a test furnishes before the app starts, and the configuration that follows from it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chima::config::{Config, Known};
use chima::provider::manifest::catalogue::Catalogue;
use chima_simulator::git::GitRepository;
use chima_simulator::github::{DEFAULT_TOKEN, GitHub};
use chima_simulator::slack::Slack;

use crate::tools::folder::copy_folder;
use crate::world::stage::{APP, CHAT_TOKEN, SCRIPT, SECRET, SITE, SLACK_SECRET, World};

/// What a test furnishes before the app starts.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) app: String,
    auth: String,
    bare: bool,
    slack: bool,
    slack_bot: Option<String>,
    secrets: Vec<String>,
    project: Option<PathBuf>,
    files: BTreeMap<String, String>,
    pub(super) beside: Vec<(String, String)>,
    pub(super) form: bool,
    pub(super) answer_timeout: Option<Duration>,
    polling: String,
    public_url: String,
    pub(super) known_apps: String,
    github: String,
    people: String,
    top: String,
    sign_in: Option<String>,
    more_apps: String,
    callbacks: String,
    pub(super) repository: String,
}

impl World {
    /// What [`World::new`] has: token, Slack, one secret, JSON bodies, [`APP`] and [`SCRIPT`].
    pub fn setup() -> Setup {
        Setup {
            app: APP.to_owned(),
            auth: String::new(),
            bare: false,
            slack: true,
            slack_bot: None,
            secrets: vec![SECRET.to_owned()],
            project: None,
            files: [("script/deploy", SCRIPT), ("version", "one\n")]
                .map(|(path, text)| (path.to_owned(), text.to_owned()))
                .into(),
            beside: Vec::new(),
            form: false,
            answer_timeout: None,
            polling: String::new(),
            public_url: String::new(),
            known_apps: String::new(),
            github: String::new(),
            people: String::new(),
            top: String::new(),
            sign_in: None,
            more_apps: String::new(),
            callbacks: String::new(),
            repository: SITE.to_owned(),
        }
    }
}

impl Setup {
    /// The configuration calls the repository by an old name of it.
    pub fn renamed_from(mut self, old: &str) -> Self {
        old.clone_into(&mut self.repository);
        self
    }

    /// The app's keys instead of [`APP`].
    pub fn app(mut self, yaml: &str) -> Self {
        yaml.clone_into(&mut self.app);
        self
    }

    /// [`APP`] with further lines of the app.
    pub fn with(mut self, yaml: &str) -> Self {
        self.app = format!("{yaml}\n{APP}");
        self
    }

    /// [`APP`], but these contexts are required: a YAML list; empty for the key to be absent.
    pub fn required(mut self, list: &str) -> Self {
        let line = if list.is_empty() {
            String::new()
        } else {
            format!("required_contexts: {list}")
        };
        self.app = APP.replace("required_contexts: []", &line);
        self
    }

    /// Further lines of the app, after [`Setup::required`] too.
    pub fn with_more(mut self, yaml: &str) -> Self {
        self.app = format!("{yaml}\n{}", self.app);
        self
    }

    /// The script that is deployed instead of [`SCRIPT`].
    pub fn script(mut self, text: &str) -> Self {
        self.files.insert("script/deploy".to_owned(), text.to_owned());
        self
    }

    /// The repository holds a copy of this folder, and nothing else but what [`Setup::file`] adds later.
    pub fn project(mut self, folder: &Path) -> Self {
        self.files.clear();
        self.project = Some(folder.to_owned());
        self
    }

    /// The repository holds these files, by path, and nothing else.
    pub fn files(mut self, files: &[(&str, &str)]) -> Self {
        self.files.clear();
        files.iter().fold(self, |setup, (path, text)| setup.file(path, text))
    }

    /// One more file of the repository, or in the place of one.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// A file in the world's folder that is in no repository; only its owner can read it.
    pub fn beside(mut self, name: &str, text: &str) -> Self {
        self.beside.push((name.to_owned(), text.to_owned()));
        self
    }

    /// What deliveries may be signed with; the hook signs with the first. None: not set up.
    pub fn secrets(mut self, secrets: &[&str]) -> Self {
        self.secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self
    }

    /// Acts as the GitHub App instead of the owner of a token.
    pub fn github_app(mut self) -> Self {
        self.auth = chima_simulator::keys::private_key_pem().unwrap();
        self
    }

    /// Nothing is set up yet: no credentials, and no secret of a webhook.
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self.secrets.clear();
        self
    }

    /// Nothing is delivered: GitHub is asked for new deployments, so often.
    pub fn polling(mut self, seconds: u64) -> Self {
        self.polling = format!("\n  polling: {{ interval_seconds: {seconds} }}");
        self.secrets(&[])
    }

    /// Where browsers reach Chima, as the configuration has it.
    pub fn public_url(mut self, url: &str) -> Self {
        self.public_url = format!("  public_url: {url}\n");
        self
    }

    pub fn without_slack(mut self) -> Self {
        self.slack = false;
        self
    }

    /// Slack's bot, with a signing secret, instead of the incoming webhook; and further keys of `slack`.
    pub fn slack_bot(mut self, more: &str) -> Self {
        self.slack_bot = Some(more.to_owned());
        self
    }

    /// The hook packs its bodies into a form field.
    pub fn form(mut self) -> Self {
        self.form = true;
        self
    }

    /// One more key below `github`.
    pub fn github(mut self, line: &str) -> Self {
        self.github.push_str(&format!("  {line}\n"));
        self
    }

    /// Who is who, as YAML in one line.
    pub fn people(mut self, yaml: &str) -> Self {
        self.people = format!("people: {yaml}\n");
        self
    }

    /// Further lines of the configuration, at the top level. `{folder}` is the world's folder.
    pub fn top(mut self, yaml: &str) -> Self {
        self.top.push_str(yaml);
        self.top.push('\n');
        self
    }

    /// People sign in with GitHub; and further keys of `sign_in`.
    pub fn sign_in(mut self, more: &str) -> Self {
        self.sign_in = Some(more.to_owned());
        self
    }

    /// A second app, of a repository of its own, with further keys.
    pub fn another_app(mut self, name: &str, repository: &str, yaml: &str) -> Self {
        self.more_apps.push_str(&format!(
            "  {name}:\n    repository: {repository}\n    remote: {{folder}}/site\n"
        ));
        for line in yaml.lines() {
            self.more_apps.push_str(&format!("    {line}\n"));
        }
        self
    }

    /// A bot that takes later news there, signed with this secret.
    pub fn callback(mut self, name: &str, url: &str, secret: &str) -> Self {
        if !self.callbacks.is_empty() {
            self.callbacks.push_str(", ");
        }
        let file = format!("callback-{name}");
        self.callbacks.push_str(&format!(
            "{name}: {{ url: '{url}', secret: {{ file: '{{folder}}/{file}' }} }}"
        ));
        self.beside(&file, secret)
    }

    /// Chima waits for GitHub's answers no longer than this.
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = Some(timeout);
        self
    }

    /// Where browsers reach Chima.
    fn public_address(&self, url: &str) -> String {
        let said = self.public_url.trim().strip_prefix("public_url: ");
        said.unwrap_or(url).to_owned()
    }

    pub async fn start(self) -> World {
        World::start(self).await
    }

    /// What the first commit holds.
    pub(super) fn write_content(&self, git: &GitRepository) {
        if let Some(project) = &self.project {
            copy_folder(project, git.path());
        }
        for (path, text) in &self.files {
            git.write(path, text).unwrap();
        }
    }

    /// What the hook signs with.
    pub(super) fn first_secret(&self) -> &str {
        self.secrets.first().map_or(SECRET, String::as_str)
    }

    pub(super) fn write_config(&self, folder: &Path, url: &str, github: &GitHub, slack: &Slack) -> Config {
        let put = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        for (name, text) in &self.beside {
            put(name, text);
        }
        let mut secrets = Vec::new();
        for (number, secret) in self.secrets.iter().enumerate() {
            put(&format!("secret-{number}"), secret);
            secrets.push(format!("{{ file: {}/secret-{number} }}", folder.display()));
        }
        let auth = if self.bare {
            String::new()
        } else if self.auth.is_empty() {
            put("token", DEFAULT_TOKEN);
            format!("token: {{ file: {}/token }}", folder.display())
        } else {
            put("key.pem", &self.auth);
            let id = github.read(|world| world.app.id);
            format!("app_id: {id}\n  private_key: {{ file: {}/key.pem }}", folder.display())
        };
        put("chat-token", CHAT_TOKEN);
        put("slack", &slack.webhook_url());
        put("slack-token", chima_simulator::slack::DEFAULT_TOKEN);
        put("slack-signing", SLACK_SECRET);
        let slack = if let Some(more) = &self.slack_bot {
            let folder = folder.display();
            format!(
                "slack:\n  api_url: {}\n  bot_token: {{ file: {folder}/slack-token }}\n  signing_secret: {{ file: {folder}/slack-signing }}\n{}",
                slack.api_url(),
                more.lines()
                    .map(|line| format!("  {line}\n"))
                    .collect::<String>()
                    .replace("{folder}", &folder.to_string()),
            )
        } else if self.slack {
            format!("slack: {{ incoming_webhook: {{ file: {}/slack }} }}", folder.display())
        } else {
            String::new()
        };
        let top = self.top.replace("{folder}", &folder.display().to_string());
        let public = self.public_address(url);
        let (client_id, client_secret) = github.sign_in(&[&format!("{public}/sign-in/callback")]);
        let sign_in = self.sign_in.as_ref().map(|more| {
            let file = folder.join("client-secret");
            fs::write(&file, client_secret).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            let lines: String = more.lines().map(|line| format!("  {line}\n")).collect();
            format!(
                "sign_in:\n  client_id: {client_id}\n  client_secret: {{ file: {} }}\n{lines}",
                file.display()
            )
        });
        let more_apps = self.more_apps.replace("{folder}", &folder.display().to_string());
        let callbacks = self.callbacks.replace("{folder}", &folder.display().to_string());
        let app = self.app.replace("{folder}", &folder.display().to_string());
        let app: Vec<String> = app.lines().map(|line| format!("    {line}")).collect();
        let text = format!(
            "server:
  listen: {listen}
{public}data_dir: {folder}/data
ephemeral: true
github:
  url: {github}
  api_url: {api}
  {auth}
  webhook_secrets: [{secrets}]
  known_apps: [{known}]{polling}
{more}{slack}
{people}chat: {{ token: {{ file: {folder}/chat-token }}, callbacks: {{ {callbacks} }} }}
{top}
{sign_in}apps:
  site:
    repository: {repository}
    remote: {folder}/site
{app}
{more_apps}",
            listen = url.trim_start_matches("http://"),
            folder = folder.display(),
            github = github.url(),
            api = github.api_url(),
            secrets = secrets.join(", "),
            known = self.known_apps,
            more = self.github,
            people = self.people,
            polling = self.polling,
            public = self.public_url,
            repository = self.repository,
            app = app.join("\n"),
            sign_in = sign_in.unwrap_or_default(),
        );
        let catalogue = Catalogue::load(&[]).unwrap();
        let providers: Vec<&str> = catalogue.iter().map(|manifest| manifest.name.as_str()).collect();
        Config::parse(&folder.join("app.yaml"), &text, &Known { providers: &providers })
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }
}
