//! A small company that deploys: three apps, and something of everything that a page can show.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use chima_simulator::git::GitRepository;
use chima_simulator::github::builder::RepositoryHandle;
use chima_simulator::github::deploy::DeploymentRequest;
use serde_json::Value;

use crate::browser::page::Page;
use crate::process::child::Chima;
use crate::process::installation::{Installation, eventually};

const SOON: Duration = Duration::from_secs(30);

/// Colours, a long line, and what a person wants to find.
const DEPLOY: &str = r#"#!/bin/sh
set -eu
printf '\033[1mDeploying %s (%.8s) to %s\033[0m\n' "$CHIMA_REF" "$CHIMA_SHA" "$CHIMA_ENVIRONMENT"
n=1
for part in 'fetching dependencies' 'compiling assets' 'running migrations' 'uploading' 'restarting web-1' 'restarting web-2'; do
  printf '\033[36m[%d/6]\033[0m %s\n' "$n" "$part"
  printf '      \033[32mdone\033[0m in 0.%d s\n' "$((n * 3))"
  n=$((n + 1))
done
printf '\033[33mwarning\033[0m: %s is deprecated, see https://example.com/a/rather/long/address/that/does/not/fit/into/the/width/of/a/telephone\n' 'the setting "cache"'
if [ -e broken ]; then
  printf '\033[31merror\033[0m: the health check of web-2 answers 502\n' >&2
  exit 7
fi
while [ -e "$GATES/$APP-$CHIMA_ENVIRONMENT" ]; do sleep 0.05; done
printf '\033[1;32mLive.\033[0m\n'
"#;

/// Commits of an app's main branch, oldest first: who, and what they say of it.
pub type History = &'static [(&'static str, &'static str)];

pub const SHOP: History = &[
    ("mona", "Show prices with tax"),
    ("lisa", "Remember the basket for thirty days"),
    ("paul", "Let guests order without an account"),
    (
        "mona",
        "Send the invoice as soon as an order is paid, and not only when it has been packed",
    ),
    ("lisa", "Translate the checkout into French"),
];
const API: History = &[
    ("paul", "Answer lists page by page"),
    ("mona", "Close idle connections after a minute"),
    ("paul", "Refuse tokens that have expired"),
];
const DOCS: History = &[("lisa", "Explain refunds"), ("lisa", "Draw the order's way")];

/// The company, its server, and its deployments by what a test calls them.
pub struct Stage {
    pub installation: Installation,
    pub server: Chima,
    base: String,
    /// Name and run.
    runs: Vec<(&'static str, String)>,
}

impl Stage {
    /// Everybody has been at work: something waits, runs, has failed, is held, is locked.
    pub async fn busy() -> Self {
        let mut stage = Self::idle().await;
        let shop = stage.repository("shop", SHOP);
        let api = stage.repository("api", API);
        stage.repository("docs", DOCS);
        let old = shop.1[1].clone();
        stage
            .deploy("old", "shop", "production", &old, "mona", "succeeded")
            .await;
        stage
            .deploy("good", "shop", "staging", "main", "lisa", "succeeded")
            .await;
        stage
            .deploy("bad", "docs", "production", "pictures", "lisa", "failed")
            .await;
        stage.installation.write("gates/api-staging", "");
        stage.deploy("live", "api", "staging", "main", "paul", "running").await;
        stage
            .deploy("next", "api", "staging", &api.1[1], "mona", "queued")
            .await;
        let head = api.1[2].clone();
        api.0
            .status(&head, "ci/build", "pending")
            .status(&head, "security", "success");
        stage.deploy("held", "api", "production", "main", "mona", "held").await;
        let locked = [
            "lock",
            "shop",
            "production",
            "--for",
            "2h",
            "--reason",
            "database migration",
            "--by",
            "lisa",
        ];
        stage.chima(&locked).await;
        stage
    }

    /// A server without a past. Its apps are there, their repositories not yet.
    pub async fn idle() -> Self {
        Self::at("127.0.0.1").await
    }

    /// The same, under this name of the machine.
    pub async fn at(host: &'static str) -> Self {
        let installation = Installation::sqlite().await;
        let base = format!("http://{host}:{}", installation.port);
        let callback = format!("{base}/sign-in/callback");
        let (client_id, secret) = installation.github.sign_in(&[&callback]);
        installation.write("client-secret", &secret);
        let folder = installation.path("").display().to_string();
        let folder = folder.trim_end_matches('/');
        let whole = installation.config();
        let (head, _) = whole.split_once("apps:\n").expect("it has apps");
        let head = head.replace("server:\n", &format!("server:\n  public_url: {base}\n"));
        let sign_in = format!("sign_in: {{ client_id: {client_id}, client_secret: {{ file: client-secret }} }}\n");
        let mut config = format!("{head}{sign_in}apps:\n");
        for (app, contexts) in [("shop", ""), ("api", "ci/build"), ("docs", "")] {
            config.push_str(&format!(
                "  {app}:\n    repository: octo/{app}\n    remote: {folder}/{app}\n    provider: shell\n    \
                 with: {{ command: [./script/deploy] }}\n    env: {{ GATES: {folder}/gates, APP: {app} }}\n    admins: [mona]\n    \
                 environments:\n      production:\n        production: true\n        url: https://{app}.example.com\n        \
                 required_contexts: [{contexts}]\n      staging: {{ required_contexts: [] }}\n"
            ));
        }
        installation.write("app.yaml", &config);
        let server = installation.serve().await;
        Self {
            installation,
            server,
            base,
            runs: Vec::new(),
        }
    }

    /// Makes an app's repository, in git and on GitHub; its commits, oldest first. Docs also have a branch that cannot be deployed.
    pub fn repository(&self, app: &str, history: History) -> (RepositoryHandle, Vec<String>) {
        let git = GitRepository::create(&self.installation.path(app)).expect("git");
        let github = self.installation.github.repository(&format!("octo/{app}"));
        let mut commits: Vec<String> = Vec::new();
        for (at, (who, message)) in history.iter().enumerate() {
            git.write("script/deploy", DEPLOY).expect("the folder is ours");
            git.write("version", &at.to_string()).expect("the folder is ours");
            let sha = git.commit(message).expect("git");
            let parents: Vec<&str> = commits.last().map(String::as_str).into_iter().collect();
            github.commit(&sha, message, who, &parents);
            commits.push(sha);
        }
        let head = commits.last().expect("a commit");
        github
            .branch("main", head)
            .permission("mona", "write")
            .permission("lisa", "write");
        if app == "docs" {
            git.switch("pictures").expect("git");
            git.write("broken", "").expect("the folder is ours");
            let broken = git.commit("Try other pictures").expect("git");
            github
                .commit(&broken, "Try other pictures", "lisa", &[head])
                .branch("pictures", &broken);
        }
        (github, commits)
    }

    pub async fn chima(&self, arguments: &[&str]) -> String {
        let output = self.installation.run(arguments).await;
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
        output.stdout
    }

    /// Somebody asks GitHub for a deployment, and its run comes so far.
    pub async fn deploy(&mut self, name: &'static str, app: &str, to: &str, git_ref: &str, who: &str, state: &str) {
        let request = DeploymentRequest {
            creator: Some(who.to_owned()),
            ..DeploymentRequest::to(to).of(git_ref)
        };
        let asked = self.installation.github.deploy(&format!("octo/{app}"), request).await;
        let asked = asked.expect("GitHub agrees");
        assert!(asked.deliveries[0].accepted(), "{asked:?}");
        let begun = std::time::Instant::now();
        let run = loop {
            let found = self.listed().await;
            let found = found.iter().find(|run| run["deployment"] == asked.id);
            match found.filter(|run| run["state"] == state) {
                Some(run) => break run["id"].as_str().expect("an id").to_owned(),
                None => assert!(begun.elapsed() < SOON, "never {state}: {found:?}"),
            }
        };
        self.runs.push((name, run));
    }

    async fn listed(&self) -> Vec<Value> {
        let runs = self.chima(&["runs", "--json"]).await;
        runs.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// The run that a test calls so.
    pub fn run(&self, name: &str) -> &str {
        let found = self.runs.iter().find(|(called, _)| *called == name);
        &found.unwrap_or_else(|| panic!("nothing is called `{name}`")).1
    }

    /// A window on this server.
    pub async fn window(&self) -> Page {
        Page::new(&self.base).await
    }

    /// A window of somebody who is signed in.
    pub async fn window_of(&self, login: &str) -> Page {
        let page = self.window().await;
        self.installation.github.at_browser(Some(login));
        page.open("/sign-in").await;
        page.leads_on(page.click("main a.button")).await;
        page.wait_until("document.querySelector('header form.who') !== null")
            .await;
        page
    }

    /// Every page that there is, with the name of its picture: of each run, and what the links lead to, one of a kind. What a run's
    /// buttons lead to asks whether they are meant; that page is the same for all of them.
    pub async fn pages(&self, page: &Page) -> Vec<(String, String)> {
        let runs = self.runs.iter();
        let mut found: Vec<(String, String)> = runs
            .map(|(name, run)| (format!("run-{name}"), format!("/runs/{run}")))
            .collect();
        let running = self.runs.iter().find(|(name, _)| *name == "live");
        found.extend(running.map(|(_, run)| ("cancel".to_owned(), format!("/runs/{run}/cancel"))));
        let mut kinds = BTreeSet::new();
        let first = found.first().map(|(_, path)| path.clone());
        let mut queue: VecDeque<String> = ["/".to_owned()].into_iter().chain(first).collect();
        while let Some(path) = queue.pop_front() {
            let address = path.split('?').next().unwrap_or_default();
            let kind = kind(address);
            if !kinds.insert(kind.clone()) {
                continue;
            }
            page.open(&path).await;
            if kind != "/runs/one" {
                found.push((name(&kind), path.clone()));
            }
            let links = page.evaluate(LINKS).await;
            queue.extend(
                links
                    .as_array()
                    .expect("a list")
                    .iter()
                    .filter_map(|link| link.as_str().map(str::to_owned)),
            );
        }
        assert!(found.len() < 40, "too many kinds of pages: {found:?}");
        found
    }

    /// Lets what waits for it go on.
    pub fn open(&self, gate: &str) {
        std::fs::remove_file(self.installation.path(&format!("gates/{gate}"))).expect("it is closed");
    }

    /// The address with the word that a server without credentials prints.
    pub async fn offered(server: &Chima) -> String {
        eventually("the server offers its set-up", || {
            let said = server.stderr();
            let at = said.find("/setup?token=")?;
            let end = said[at..].find(|letter: char| letter.is_whitespace() || letter == '"')?;
            Some(said[at..at + end].to_owned())
        })
        .await
    }
}

/// Pages of ours that a page leads to.
const LINKS: &str = "[...document.querySelectorAll('a[href]:not([download])')]
  .filter(a => a.origin === location.origin && !a.closest('#acts') && !/^\\/(api|assets|sign-out)\\/|\\.[a-z]+$/.test(a.pathname))
  .map(a => a.pathname + a.search)";

/// An address without what it is the one of.
fn kind(address: &str) -> String {
    let parts = address.split('/').map(|part| {
        let is_id = part.len() == 26 || !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit());
        if is_id { "one" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

fn name(kind: &str) -> String {
    match kind.trim_matches('/').replace('/', "-") {
        name if name.is_empty() => "overview".to_owned(),
        name => name,
    }
}
