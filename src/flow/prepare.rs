//! Everything between the claim and the start of a run: checkout, plan, variables, secrets. Nothing of it has an effect
//! outside the run's own folder, so a run that is interrupted here is simply queued again.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Map;
use sha2::{Digest, Sha256};

use crate::config::secret::{self, SecretSource};
use crate::config::{App, Environment, environment};
use crate::domain::deployment::Order;
use crate::domain::reason::Reason;
use crate::domain::run::{LaneKey, Run};
use crate::flow::engine::Engine;
use crate::provider::checkout::{CheckoutError, Wanted};
use crate::provider::environment::{RunIdentity, Sources, compose};
use crate::provider::git::{Remote, SshAccess};
use crate::provider::plan::{PlanContext, StepPlan, needs_checkout, plan};
use crate::provider::spec::{Graces, LogCaps, RunnerSpec, Secret};

/// Where neither the environment nor the manifest names a limit.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// How long a remote may be out of reach before the run is given up.
const UNREACHABLE: Duration = Duration::from_secs(3600);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What a run may use of the disk.
#[derive(Debug)]
pub struct Places {
    /// Marker, log and result of this attempt.
    pub attempt: PathBuf,
    /// The worktree, where the plan wants one.
    pub checkout: PathBuf,
    /// `HOME` of the commands.
    pub home: PathBuf,
    /// `TMPDIR` of the commands.
    pub temporary: PathBuf,
}

impl Places {
    /// The places of one attempt.
    #[must_use]
    pub fn of(engine: &Engine, run: &Run) -> Self {
        let attempt = engine.attempt_dir(run.id, run.attempts);
        Self {
            checkout: attempt.join("checkout"),
            home: attempt.join("home"),
            temporary: attempt.join("tmp"),
            attempt,
        }
    }
}

/// The file whose lock a lane's runner holds.
#[must_use]
pub fn lock_file(data_dir: &Path, lane: &LaneKey) -> PathBuf {
    let digest = hex::encode(Sha256::digest(lane.as_str()));
    data_dir.join("locks").join(format!("{}.lock", &digest[..32]))
}

/// Makes a claimed run ready to start.
///
/// # Errors
///
/// The reason with which the run ends.
pub async fn prepare(engine: &Engine, run: &Run, order: &Order, lane: &LaneKey) -> Result<RunnerSpec, Reason> {
    let (app, environment) = engine
        .config
        .find(run.repository.as_str(), order.environment.as_str())
        .ok_or_else(|| {
            changed(format!(
                "`{}` of `{}` is not configured any more",
                order.environment, run.repository
            ))
        })?;
    let manifest = engine
        .manifests
        .find(&environment.provider)
        .ok_or_else(|| unusable(format!("there is no provider `{}`", environment.provider)))?;
    let requested = Map::new();
    let context = PlanContext {
        requested: &requested,
        timeout: Some(environment.timeout),
        default_timeout: DEFAULT_TIMEOUT,
    };
    let steps = plan(manifest, &environment.with, order, &context).map_err(|error| unusable(error.to_string()))?;
    let places = Places::of(engine, run);
    for folder in [&places.attempt, &engine.config.data_dir.join("locks")] {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| Reason::CheckoutFailed {
                detail: format!("cannot make the folder `{}`: {error}", folder.display()),
            })?;
    }
    if needs_checkout(&steps) {
        check_out(engine, run, order, (app, environment), &places).await?;
    }
    let secrets = secrets(environment)?;
    let steps = specs(run, order, environment, &places, steps, &secrets);
    let own = engine.secrets.iter().map(|(name, value)| (name.clone(), value.clone()));
    Ok(RunnerSpec {
        run: run.id,
        fence: run.fence,
        attempt_dir: places.attempt,
        lock_file: lock_file(&engine.config.data_dir, lane),
        scratch: vec![places.home, places.temporary],
        steps,
        secrets: secrets
            .into_iter()
            .chain(own)
            .map(|(name, value)| Secret {
                name,
                value: value.expose_secret().to_owned(),
            })
            .collect(),
        log: LogCaps::default(),
        graces: Graces::default(),
    })
}

/// Checks out the order's commit. While the remote cannot be reached it is tried again: the deployment waits, it is not lost.
async fn check_out(
    engine: &Engine,
    run: &Run,
    order: &Order,
    (app, environment): (&App, &Environment),
    places: &Places,
) -> Result<(), Reason> {
    let remote = remote(engine, run, app, environment).await;
    let wanted = Wanted {
        repository: run.repository_id,
        remote: &remote,
        sha: &order.sha,
        directory: &places.checkout,
        options: environment.checkout,
    };
    let give_up_at = engine.now() + UNREACHABLE;
    let mut pause = Duration::from_millis(500);
    loop {
        let error = match engine.checkouts.prepare(&wanted).await {
            Ok(()) => return Ok(()),
            Err(CheckoutError::WrongHead { found, .. }) => return Err(Reason::ShaMismatch { found }),
            Err(error) => error,
        };
        let transient = error.is_transient();
        let detail = format!("{:#}", anyhow::Error::from(error));
        if !transient || engine.now() + pause >= give_up_at {
            return Err(Reason::CheckoutFailed { detail });
        }
        tracing::warn!(
            error = detail,
            retry_seconds = pause.as_secs_f64(),
            "cannot check out yet"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Where the app's commits come from, and how to prove who we are there. The token goes to GitHub's own host only. When
/// GitHub hands out none now, a commit that is here already can be deployed all the same.
async fn remote(engine: &Engine, run: &Run, app: &App, environment: &Environment) -> Remote {
    let mut token = None;
    if app.remote.starts_with(&format!("{}/", engine.config.github.url)) {
        // boxed: the client's futures are large
        token = Box::pin(engine.github.git_token(run.installation))
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(error = %error, "GitHub hands out no token for git");
                None
            });
    }
    let ssh = environment
        .ssh
        .as_ref()
        .and_then(|ssh| match (&ssh.key, &ssh.known_hosts) {
            (Some(SecretSource::File(key)), Some(known_hosts)) => Some(SshAccess {
                key: key.clone(),
                known_hosts: known_hosts.clone(),
            }),
            _ => None,
        });
    Remote {
        url: app.remote.clone(),
        token,
        ssh,
    }
}

fn specs(
    run: &Run,
    order: &Order,
    environment: &Environment,
    places: &Places,
    steps: Vec<StepPlan>,
    secrets: &BTreeMap<String, SecretString>,
) -> Vec<crate::provider::spec::StepSpec> {
    let inherited = environment
        .inherit_env
        .iter()
        .filter_map(|name| environment::variable(name).map(|value| (name.clone(), value)))
        .collect();
    let own = |name| environment::variable(name).unwrap_or_default();
    let sources = Sources {
        path: &own("PATH"),
        user: &own("USER"),
        lang: &own("LANG"),
        home: &places.home,
        temporary: &places.temporary,
        inherited: &inherited,
        app: &environment.env,
        secrets,
    };
    let identity = RunIdentity {
        repository: &run.repository,
        deployment: run.deployment,
        run: run.id,
        fence: run.fence,
    };
    steps
        .into_iter()
        .map(|step| {
            let variables = compose(order, &identity, &step.environment, &sources);
            step.into_spec(variables, &places.checkout)
        })
        .collect()
}

fn secrets(environment: &Environment) -> Result<BTreeMap<String, SecretString>, Reason> {
    environment
        .secrets
        .iter()
        .map(|(name, source)| match secret::read(source) {
            Ok(Some(value)) => Ok((name.clone(), value)),
            Ok(None) => Err(unusable(format!(
                "the secret `{name}` is not there: {source} is not set"
            ))),
            Err(error) => Err(unusable(format!("the secret `{name}` cannot be read: {error}"))),
        })
        .collect()
}

fn changed(detail: String) -> Reason {
    Reason::ConfigurationChanged { detail }
}

fn unusable(detail: String) -> Reason {
    Reason::ConfigurationUnusable { detail }
}
