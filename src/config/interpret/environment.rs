//! One environment: what is carried out, who may ask for it, when it happens by itself.

use std::time::Duration;

use crate::config::file;
use crate::config::interpret::Reading;
use crate::config::interpret::addresses::Address;
use crate::config::interpret::apps::Places;
use crate::config::problem::KeyPath;
use crate::config::{
    AfterCancel, AutoDeploy, AutoDeployOn, CheckoutOptions, Environment, LaneOrder, OnLock, defaults, suggest,
};
use crate::domain::glob::PathGlob;
use crate::domain::names::{EnvironmentName, RefName, TaskName, shown};

/// Tasks that are commands on our own ledger when a deployment asks for them, as hubot-deploy does.
const LOCK_TASKS: [&str; 2] = ["deploy:lock", "deploy:unlock"];

impl Reading<'_> {
    pub(super) fn environment(
        &mut self,
        name: &str,
        settings: file::apps::Environment,
        places: &Places<'_>,
    ) -> Option<Environment> {
        let environment = self.key_name::<EnvironmentName>(name, places.environment);
        let provider = self.provider(settings.provider, places);
        let tasks = self.tasks(settings.tasks, &places.of("tasks"));
        let required_contexts = match settings.required_contexts {
            None => Some(None),
            some => self.words(some, "", &places.of("required_contexts")).map(Some),
        };
        let nobody = "an empty list would let nobody deploy: name somebody, or remove the key to allow everybody";
        let allowed_rooms = self.some_words(
            settings.allowed_rooms,
            "#",
            "an empty list would allow no room at all: name one, or remove the key to allow all",
            &places.of("allowed_rooms"),
        );
        let deployers = self.named(settings.deployers, nobody, &places.of("deployers"));
        let admins = self.named(
            settings.admins,
            "name somebody, or remove the key",
            &places.of("admins"),
        );
        let hosts = self.names(settings.hosts, "name a host, or remove the key", &places.of("hosts"));
        let url = settings
            .url
            .map(|url| self.address(&url, Address::Page, &places.of("url")));
        let slack_channel = self.channel(settings.slack_channel, &places.of("slack_channel"));
        let auto_deploy = self.auto_deploy(settings.auto_deploy, &places.of("auto_deploy"));
        let secrets = self.app_secrets("secrets", settings.secrets.unwrap_or_default(), places);
        let secret_files = self.app_secrets("secret_files", settings.secret_files.unwrap_or_default(), places);
        self.refuse_given_twice(&secrets, &secret_files, places);
        let every = secrets.iter().chain(&secret_files);
        let every = every.map(|(name, source)| (name.clone(), source.clone())).collect();
        let env = self.env(settings.env.unwrap_or_default(), &every, places);
        let inherit_env = self.inherit_env(&settings.inherit_env.unwrap_or_default(), &places.of("inherit_env"));
        let ssh = settings.ssh.map(|ssh| self.ssh(ssh, &places.of("ssh")));
        let checkout = settings.checkout.unwrap_or_default();
        let name = environment?;
        Some(Environment {
            production: settings
                .production
                .unwrap_or_else(|| name.as_str().eq_ignore_ascii_case("production")),
            name,
            provider: provider?,
            with: settings.with.unwrap_or_default(),
            required_contexts: required_contexts?,
            allowed_rooms: allowed_rooms?,
            tasks: tasks?,
            lane: match settings.lane {
                None | Some(file::apps::Lane::Fifo) => LaneOrder::Fifo,
                Some(file::apps::Lane::Latest) => LaneOrder::Latest,
            },
            on_lock: match settings.on_lock {
                None | Some(file::apps::OnLock::Reject) => OnLock::Reject,
                Some(file::apps::OnLock::Wait) => OnLock::Wait,
            },
            after_cancel: match settings.after_cancel {
                None | Some(file::apps::AfterCancel::Release) => AfterCancel::Release,
                Some(file::apps::AfterCancel::Hold) => AfterCancel::Hold,
            },
            timeout: settings.timeout_seconds.map(Duration::from_secs),
            hold_timeout: Duration::from_secs(settings.hold_timeout_seconds.unwrap_or(defaults::HOLD_TIMEOUT_SECONDS)),
            slack_channel: slack_channel?,
            url: match url {
                None => None,
                Some(url) => Some(url?),
            },
            transient: settings.transient.unwrap_or(false),
            auto_deploy: auto_deploy?,
            hosts: hosts?,
            env,
            secrets,
            secret_files,
            inherit_env,
            ssh: match ssh {
                None => None,
                Some(ssh) => Some(ssh?),
            },
            checkout: CheckoutOptions {
                submodules: checkout.submodules.unwrap_or(false),
                lfs: checkout.lfs.unwrap_or(false),
            },
            deployers: deployers?.unwrap_or_default(),
            admins: admins?.unwrap_or_default(),
        })
    }

    fn provider(&mut self, provider: Option<String>, places: &Places<'_>) -> Option<String> {
        let known: Vec<String> = self.providers.iter().cloned().collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let Some(provider) = provider else {
            let text = format!("`{}` has no `provider`, and neither has its app", places.environment);
            let hint = if known.is_empty() {
                None
            } else {
                Some(format!("known: {}", suggest::list(&known)))
            };
            return self.refuse_key(places.environment, text, hint);
        };
        if self.surroundings.known.providers.is_empty() || known.contains(&provider.as_str()) {
            return Some(provider);
        }
        let text = format!("provider `{}` is not known", shown(&provider));
        let hint = suggest::hint(&provider, &known).unwrap_or_else(|| "`chima providers` lists them".to_owned());
        self.refuse(&places.of("provider"), text, Some(hint))
    }

    fn tasks(&mut self, tasks: Option<Vec<String>>, path: &KeyPath) -> Option<Vec<TaskName>> {
        for (index, task) in tasks.iter().flatten().enumerate() {
            if LOCK_TASKS.contains(&task.as_str()) {
                let text = format!("`{task}` is a command of Chima; expected a task that a provider carries out");
                let hint = "remove it: locking works without being listed";
                let _: Option<()> = self.refuse(&path.index(index), text, Some(hint.to_owned()));
            }
        }
        let tasks = self.names::<TaskName>(tasks, "nothing could be deployed: name a task, or remove the key", path)?;
        match tasks {
            Some(tasks) => Some(tasks),
            None => self.name(defaults::TASK, path).map(|task| vec![task]),
        }
    }

    fn auto_deploy(&mut self, typed: Option<file::apps::AutoDeploy>, path: &KeyPath) -> Option<Option<AutoDeploy>> {
        let when = match typed {
            None | Some(file::apps::AutoDeploy::Switch(false)) => return Some(None),
            Some(file::apps::AutoDeploy::Switch(true)) => file::apps::AutoDeployWhen::default(),
            Some(file::apps::AutoDeploy::When(when)) => when,
        };
        let branch = match when.branch {
            None => Some(None),
            Some(branch) => self.name::<RefName>(&branch, &path.key("branch")).map(Some),
        };
        let paths = path.key("paths");
        let globs = self.some_words(
            when.paths,
            "",
            "name a path, or remove the key to count every change",
            &paths,
        );
        let mut matchers = Vec::new();
        for (index, glob) in globs.iter().flatten().flatten().enumerate() {
            match glob.parse::<PathGlob>() {
                Ok(matcher) => matchers.push(matcher),
                Err(invalid) => {
                    let hint = "for example `web/**`".to_owned();
                    let _: Option<()> = self.refuse(&paths.index(index), invalid.to_string(), Some(hint));
                }
            }
        }
        globs?;
        Some(Some(AutoDeploy {
            branch: branch?,
            on: match when.on {
                None | Some(file::apps::AutoDeployOn::Green) => AutoDeployOn::Green,
                Some(file::apps::AutoDeployOn::Push) => AutoDeployOn::Push,
                Some(file::apps::AutoDeployOn::MergedPullRequest) => AutoDeployOn::MergedPullRequest,
            },
            paths: matchers,
        }))
    }
}
