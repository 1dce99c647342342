//! What people read: statuses, Slack, pages, logs. Ids, addresses and commits are replaced by what a test calls them.

use std::fmt;

use chima_simulator::github::world::DeploymentStatus;

use crate::world::stage::{SITE, World};

impl World {
    /// The statuses of a deployment, one line each.
    pub async fn told(&self, deployment: u64) -> String {
        let statuses = self.github.statuses(SITE, deployment);
        let lines = statuses
            .iter()
            .map(|status| format!("{}: {}", status.state, status.description));
        self.redacted(&lines.collect::<Vec<_>>().join("\n")).await
    }

    /// The states of a deployment's statuses.
    pub fn states(&self, deployment: u64) -> Vec<String> {
        let statuses = self.github.statuses(SITE, deployment);
        statuses.into_iter().map(|status| status.state).collect()
    }

    /// The states that Chima told. GitHub itself marks earlier successes of an environment `inactive`, without words.
    pub fn told_states(&self, deployment: u64) -> Vec<String> {
        let statuses = self.github.statuses(SITE, deployment).into_iter();
        statuses
            .filter(|status| !status.description.is_empty())
            .map(|status| status.state)
            .collect()
    }

    /// The latest status of a deployment.
    pub fn latest(&self, deployment: u64) -> DeploymentStatus {
        let mut statuses = self.github.statuses(SITE, deployment);
        statuses.pop().unwrap_or_else(|| panic!("{deployment} has no status"))
    }

    /// What notifications showed, one message a line.
    pub async fn chat(&self) -> String {
        let texts: Vec<String> = self.slack.messages().into_iter().map(|message| message.text).collect();
        self.redacted(&texts.join("\n")).await
    }

    /// A page or an API answer: status and text.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let answer = client().get(address).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A page that must be there.
    pub async fn page(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// The page of a deployment's run.
    pub async fn run_page(&self, deployment: u64) -> String {
        self.page(&format!("/runs/{}", self.run(deployment).await.id)).await
    }

    /// The log of a deployment's run.
    pub async fn log(&self, deployment: u64) -> String {
        self.page(&format!("/api/v1/runs/{}/log", self.run(deployment).await.id))
            .await
    }

    /// The log as a browser follows it, until the run is over.
    pub async fn followed(&self, deployment: u64) -> String {
        let address = format!("{}/api/v1/runs/{}/log", self.url, self.run(deployment).await.id);
        let request = client().get(address).header("accept", "text/event-stream");
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Replaces what differs from test run to test run.
    pub async fn redacted(&self, text: &str) -> String {
        let mut text = text
            .replace(&self.url, "<chima>")
            .replace(&self.github.url(), "<github>");
        for (name, sha) in &self.commits {
            text = text
                .replace(sha, &format!("<{name}>"))
                .replace(&sha[..8], &format!("<{name}>"));
        }
        let runs = self.runs().await;
        for (number, run) in runs.iter().enumerate() {
            text = text.replace(&run.id.to_string(), &format!("<run {}>", number + 1));
        }
        let deployments: Vec<u64> = self.github.read(|world| {
            let repository = world.repository(SITE).unwrap();
            repository.deployments.iter().map(|deployment| deployment.id).collect()
        });
        for (number, id) in deployments.iter().enumerate() {
            text = text.replace(&id.to_string(), &format!("<{}>", number + 1));
        }
        text.replace(&self.folder().display().to_string(), "<folder>")
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Chima at {}, folder {}", self.url, self.folder().display())?;
        writeln!(f, "{}\n{}", self.github.describe(), self.slack.describe())?;
        write!(f, "journal: {:#?}", self.journal())
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(30))
        .build()
        .unwrap()
}
