//! The stage: one repository, one app, two environments.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once};
use std::thread::ThreadId;
use std::time::Duration;

use chima::app::start::{Started, Surroundings, start};
use chima::config::Config;
use chima::flow::engine::Engine;
use chima::flow::set_up::SetUp;
use chima::http::router;
use chima::http::serve::serve;
use chima::http::state::Surface;
use chima_simulator::git::GitRepository;
use chima_simulator::github::GitHub;
use chima_simulator::github::builder::HookHandle;
use chima_simulator::slack::Slack;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::world::clock::HandClock;
use crate::world::setup::Setup;

/// The one repository.
pub const SITE: &str = "octo/site";
/// What deliveries are signed with unless a test says otherwise.
pub const SECRET: &str = "a webhook secret of the world tests";

/// What a bot shows at the bridge.
pub const CHAT_TOKEN: &str = "a chat token of the world tests";

/// What Slack signs with.
pub const SLACK_SECRET: &str = "a signing secret of the world tests";

/// What the deployed script does: notes that it began, waits while `hold` is there, shows its version, notes its end.
pub const SCRIPT: &str = r#"#!/bin/sh
set -eu
echo "begin $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
while [ -e "$JOURNAL/hold" ]; do sleep 0.01; done
echo "version $(cat version)"
echo "end $CHIMA_ENVIRONMENT $CHIMA_DEPLOYMENT_ID" >> "$JOURNAL/journal"
"#;

/// The app's keys below `repository` and `remote`, unless a test says otherwise. `{folder}` is the world's folder.
pub const APP: &str = "
provider: shell
with: { command: [./script/deploy] }
env: { JOURNAL: '{folder}' }
required_contexts: []
environments:
  production: { url: 'https://site.example.com' }
  staging: {}
";

/// The app, the stand-ins and the folder. Must be ended.
pub struct World {
    pub github: GitHub,
    pub slack: Slack,
    pub git: GitRepository,
    pub clock: HandClock,
    pub engine: Engine,
    pub hook: HookHandle,
    /// Where Chima listens.
    pub url: String,
    /// What is offered while nothing is set up.
    pub set_up: Option<Arc<SetUp>>,
    /// Commits by what a test calls them.
    pub(super) commits: Vec<(String, String)>,
    pub(super) thread: ThreadId,
    pub(super) ended: bool,
    folder: TempDir,
    setup: Setup,
}

impl World {
    /// A world with the defaults.
    pub async fn new() -> Self {
        Self::setup().start().await
    }

    pub(super) async fn start(setup: Setup) -> Self {
        // two worlds may begin at once; the first choice stays
        let _ = rustls::crypto::ring::default_provider().install_default();
        watch_for_panics();
        let folder = tempfile::Builder::new().prefix("chima-world-").tempdir().unwrap();
        let clock = HandClock::new();
        let git = GitRepository::create(&folder.path().join("site")).unwrap();
        setup.write_content(&git);
        let sha = git.commit("one").unwrap();
        let (github, slack) = (GitHub::start().await.unwrap(), Slack::start().await.unwrap());
        github.set_clock(clock.simulators());
        slack.set_clock(clock.simulators());
        // six digits are seen in texts, and are part of no other number
        github.number_from(700_000);
        let repository = github.repository(SITE);
        if setup.repository != SITE {
            repository.rename(&setup.repository).rename(SITE);
        }
        repository.commit(&sha, "one", "mona", &[]).branch("main", &sha);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let secret = setup.first_secret();
        let hook = github.hook(&format!("{url}/webhooks/github"), secret);
        if setup.form {
            hook.form();
        }
        let config = setup.write_config(folder.path(), &url, &github, &slack);
        let (engine, set_up) = open(&config, &clock, Some(listener), setup.answer_timeout).await;
        Self {
            github,
            slack,
            git,
            clock,
            engine,
            hook,
            url,
            set_up,
            commits: vec![("one".to_owned(), sha)],
            thread: std::thread::current().id(),
            ended: false,
            folder,
            setup,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the app and starts it again with other keys of the app, on the same ledger.
    pub async fn restart_with(&mut self, app: &str) {
        self.stop().await;
        app.clone_into(&mut self.setup.app);
        self.open_again().await;
    }

    /// Stops the app and starts it again with one more App whose deployments are its own.
    pub async fn know_app(&mut self, slug: &str) {
        self.stop().await;
        slug.clone_into(&mut self.setup.known_apps);
        self.open_again().await;
    }

    /// Stops the app and starts it again on the same ledger, without a file that stood beside the configuration.
    pub async fn restart_without(&mut self, file: &str) {
        self.stop().await;
        self.setup.beside.retain(|(name, _)| name != file);
        std::fs::remove_file(self.path(file)).unwrap();
        self.open_again().await;
    }

    /// On another port: somebody else may have the old one by now.
    async fn open_again(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.url = format!("http://{}", listener.local_addr().unwrap());
        self.hook.url(&format!("{}/webhooks/github", self.url));
        let config = (self.setup).write_config(self.folder.path(), &self.url, &self.github, &self.slack);
        (self.engine, self.set_up) = open(&config, &self.clock, Some(listener), self.setup.answer_timeout).await;
    }

    /// A second process of the same installation, as far as the ledger can tell: its own engine, without a port.
    pub async fn second_worker(&self) -> Engine {
        open(&self.engine.config, &self.clock, None, self.setup.answer_timeout)
            .await
            .0
    }

    /// Stops the app: it lets go of everything; runners go on.
    pub async fn stop(&self) {
        self.engine.stop.cancel();
        self.engine.tasks.close();
        // the task that stores deliveries ends with the last handle to the store, which is ours
        self.until("every task but one has ended", || {
            (self.engine.tasks.len() <= 1).then_some(())
        })
        .await;
        self.engine.store.close().await;
    }
}

async fn open(
    config: &Config,
    clock: &HandClock,
    listener: Option<TcpListener>,
    answer_timeout: Option<Duration>,
) -> (Engine, Option<Arc<SetUp>>) {
    let surroundings = Surroundings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_chima")),
        clock: Arc::new(clock.clone()),
        answer_timeout,
    };
    let Started { engine, .. } = start(config, &surroundings).await.unwrap();
    let set_up = engine.doors.set_up.clone();
    let Some(listener) = listener else {
        return (engine, set_up);
    };
    let writer = engine.store.take_inbox_writer().unwrap();
    drop(engine.tasks.spawn(writer.run()));
    let surface = Surface::new(engine.clone(), CancellationToken::new());
    let (tasks, stop) = (engine.tasks.clone(), engine.stop.clone());
    drop(engine.tasks.spawn(serve(listener, router(surface), tasks, stop)));
    (engine, set_up)
}

/// Panics by the thread they happened on: every world lives on the one thread of its test.
static PANICS: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if let Ok(mut panics) = PANICS.lock() {
                panics.push((std::thread::current().id(), info.to_string()));
            }
            usual(info);
        }));
    });
}

/// What panicked on a thread.
pub fn panics_on(thread: ThreadId) -> Vec<String> {
    let panics = PANICS.lock().unwrap();
    let own = panics.iter().filter(|(on, _)| *on == thread);
    own.map(|(_, text)| text.clone()).collect()
}
