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

use crate::config::{App, Environment, environment};
use crate::domain::clock::Timestamp;
use crate::domain::deployment::Order;
use crate::domain::reason::Reason;
use crate::domain::run::{LaneKey, Run};
use crate::flow::engine::Engine;
use crate::flow::prepare::secrets::GivenSecrets;
use crate::flow::prepare::ssh::SshFiles;
use crate::flow::room;
use crate::flow::traces::told;
use crate::provider::checkout::{CheckoutError, Spent, Wanted};
use crate::provider::environment::{DEFAULT_PATH, RunIdentity, Sources, compose};
use crate::provider::git::{Remote, SshAccess};
use crate::provider::manifest::{Kind, Manifest};
use crate::provider::plan::values::PlanPlaces;
use crate::provider::plan::{Plan, PlanContext, StepPlan, needs_checkout, plan};
use crate::provider::probe::unmet;
use crate::provider::spec::{Graces, LogCaps, RunnerSpec, Secret, StepSpec};
use crate::provider::versions::Versions;

mod secrets;
mod ssh;

/// Where neither the environment nor the manifest names a limit.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// How long a remote may be out of reach before the run is given up.
const UNREACHABLE: Duration = Duration::from_secs(3600);
const PATH: &str = "PATH";
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
    /// Files that Chima gives the commands: the manifest's, secrets, what ssh needs.
    pub own: PathBuf,
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
            own: attempt.join("own"),
            attempt,
        }
    }

    /// The folders that are gone when the attempt has ended.
    #[must_use]
    pub fn scratch(&self) -> Vec<PathBuf> {
        vec![self.home.clone(), self.temporary.clone(), self.own.clone()]
    }
}

/// The file whose lock a lane's runner holds.
#[must_use]
pub fn lock_file(data_dir: &Path, lane: &LaneKey) -> PathBuf {
    let digest = hex::encode(Sha256::digest(lane.as_str()));
    data_dir.join("locks").join(format!("{}.lock", &digest[..32]))
}

/// Whether a person carries out what the run's environment asks for, as far as can be told before it is prepared.
#[must_use]
pub fn is_for_a_person(engine: &Engine, run: &Run) -> bool {
    manifest_of(engine, run).is_some_and(|manifest| manifest.kind == Kind::Manual)
}

/// Whether what carries it out works on other hosts: stopping it here may not stop it there.
#[must_use]
pub fn works_elsewhere(engine: &Engine, run: &Run) -> bool {
    manifest_of(engine, run).is_some_and(|manifest| manifest.remote)
}

fn manifest_of<'e>(engine: &'e Engine, run: &Run) -> Option<&'e Manifest> {
    let order = run.order.as_ref()?;
    let (_, environment) = engine
        .config
        .find(run.repository.as_str(), order.environment.as_str())?;
    engine.manifests.find(&environment.provider)
}

/// Makes a claimed run ready to start.
///
/// # Errors
///
/// The reason with which the run ends.
pub async fn prepare(engine: &Engine, run: &Run, order: &Order, lane: &LaneKey) -> Result<RunnerSpec, Reason> {
    let began = engine.now();
    let mut checkout = None;
    let prepared = make_ready(engine, run, order, lane, &mut checkout).await;
    let trouble = prepared.as_ref().err().map(Reason::code);
    told::prepared(engine, run, (began, engine.now()), checkout, trouble);
    prepared
}

/// `checked_out` gets when the checkout began and what it took.
async fn make_ready(
    engine: &Engine,
    run: &Run,
    order: &Order,
    lane: &LaneKey,
    checked_out: &mut Option<(Timestamp, Spent)>,
) -> Result<RunnerSpec, Reason> {
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
        .ok_or_else(|| unusable(engine.manifests.absence(&environment.provider)))?;
    let places = Places::of(engine, run);
    for folder in [&places.attempt, &places.own, &engine.config.data_dir.join("locks")] {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| Reason::CheckoutFailed {
                detail: format!("cannot make the folder `{}`: {error}", folder.display()),
            })?;
    }
    let secrets = GivenSecrets::read(environment).await?;
    let programs = programs_path(environment);
    let ssh = SshFiles::prepare(environment, &places, &programs).await?;
    let plan_places = PlanPlaces {
        files: places.own.join("files"),
        results: places.own.join("results.jsonl"),
        tmp: places.temporary.clone(),
        ssh: ssh.as_ref().map(|ssh| ssh.places.clone()),
    };
    let (requested, names) = (Map::new(), secrets.names());
    let plain = environment
        .env
        .keys()
        .chain(&environment.inherit_env)
        .map(String::as_str);
    let variables: Vec<&str> = plain.chain(names.iter().copied()).collect();
    let planned = |has_file: &dyn Fn(&str) -> bool| {
        let context = PlanContext {
            requested: &requested,
            places: &plan_places,
            has_file,
            secrets: &names,
            variables: &variables,
            declared: environment.hosts.as_deref().unwrap_or_default(),
        };
        plan(manifest, &environment.with, order, &context).map_err(|error| unusable(error.to_string()))
    };
    // Only where it runs is of interest yet, and that does not depend on what is there.
    let mut plan = planned(&|_| false)?;
    let mut token = None;
    if needs_checkout(&plan.steps) {
        let wanted = (app, environment);
        let began = engine.now();
        let (with, spent) = check_out(
            engine,
            run,
            order,
            wanted,
            ssh.as_ref().and_then(SshFiles::access),
            &places,
        )
        .await?;
        token = with;
        *checked_out = Some((began, spent));
        plan = planned(&|file| places.checkout.join(file).exists())?;
    }
    let path = ssh.as_ref().map_or(programs.clone(), |ssh| ssh.path(&programs));
    refuse_other_versions(&engine.versions, manifest, &plan, &path, &places).await?;

    let timeout = environment.timeout.or(plan.timeout).unwrap_or(DEFAULT_TIMEOUT);
    let mut files = std::mem::take(&mut plan.files);
    let variables = secrets.variables(&plan.secrets, &places.own.join("secrets"), &mut files);
    let mut masked = secrets.into_masks();
    if let Some(ssh) = ssh {
        masked.extend(ssh.key.into_iter().map(|key| ("ssh.key".to_owned(), key)));
        files.extend(ssh.files);
    }
    masked.extend(token.map(|token| ("git token".to_owned(), token)));
    masked.extend(engine.secrets.iter().cloned());
    Ok(RunnerSpec {
        run: run.id,
        fence: run.fence,
        attempt_dir: places.attempt.clone(),
        lock_file: lock_file(&engine.config.data_dir, lane),
        scratch: places.scratch(),
        steps: specs(run, order, environment, &places, plan.steps, &path, &variables),
        files,
        timeout,
        secrets: masked
            .into_iter()
            .map(|(name, value)| Secret {
                name,
                value: value.expose_secret().to_owned(),
            })
            .collect(),
        log: LogCaps::default(),
        graces: Graces::default(),
    })
}

/// A form that means something else to another generation of its tool is not run with that.
async fn refuse_other_versions(
    versions: &Versions,
    manifest: &Manifest,
    plan: &Plan,
    path: &str,
    places: &Places,
) -> Result<(), Reason> {
    for need in &plan.needs {
        let Some(program) = manifest.programs.iter().find(|program| program.name == need.program) else {
            continue;
        };
        let home = ("HOME".to_owned(), places.home.display().to_string());
        let found = versions.probe(program, path, &[home]).await;
        if let Some(detail) = unmet(need, &found) {
            return Err(unusable(detail));
        }
    }
    Ok(())
}

/// Where programs are looked for: where the app says, else where the server finds its own.
fn programs_path(environment: &Environment) -> String {
    let own = environment.env.get(PATH).cloned();
    own.or_else(|| environment::variable(PATH))
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| DEFAULT_PATH.to_owned())
}

/// Checks out the order's commit, and says with which token. While the remote cannot be reached it is tried again: the deployment waits, it is not lost.
async fn check_out(
    engine: &Engine,
    run: &Run,
    order: &Order,
    (app, environment): (&App, &Environment),
    ssh: Option<SshAccess>,
    places: &Places,
) -> Result<(Option<SecretString>, Spent), Reason> {
    room::make(engine, run.repository_id).await?;
    let remote = remote(engine, run, app, environment.checkout.submodules, ssh).await;
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
            Ok(spent) => {
                if spent.fetch.is_some() {
                    let engine = engine.clone();
                    engine.tasks.clone().spawn(async move { room::trim(&engine).await });
                }
                return Ok((remote.token, spent));
            }
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
/// GitHub hands out none now, a commit that is here already can be deployed all the same. With `submodules` the token opens the
/// installation's other repositories too.
async fn remote(engine: &Engine, run: &Run, app: &App, submodules: bool, ssh: Option<SshAccess>) -> Remote {
    let mut token = None;
    if let Some(path) = app.remote.strip_prefix(&format!("{}/", engine.config.github.url)) {
        // usually the deployment's own repository, which may have another name by now
        let fetched = path.trim_end_matches('/').trim_end_matches(".git").parse();
        let fetched = fetched.unwrap_or_else(|_| app.repository.clone());
        // boxed: the client's futures are large
        token = Box::pin(engine.github.git_token(run.installation, &fetched, submodules))
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(error = %error, "GitHub hands out no token for git");
                None
            });
    }
    Remote {
        url: present_address(engine, app),
        token,
        ssh,
    }
}

/// Where the repository is now: GitHub redirects from its old name only until somebody else takes it.
fn present_address(engine: &Engine, app: &App) -> String {
    let github = &engine.config.github.url;
    let usual = app.remote.strip_prefix(&format!("{github}/{}", app.repository));
    match (usual, engine.github.present_name(app.repository.as_str())) {
        (Some(rest @ ("" | ".git")), Some(now)) => format!("{github}/{now}{rest}"),
        _ => app.remote.clone(),
    }
}

fn specs(
    run: &Run,
    order: &Order,
    environment: &Environment,
    places: &Places,
    steps: Vec<StepPlan>,
    path: &str,
    secrets: &BTreeMap<String, SecretString>,
) -> Vec<StepSpec> {
    // whoever sets it again means the whole of it, also what `ssh:` has put first
    let whole = |name: &String, value: String| if name == PATH { path.to_owned() } else { value };
    let inherited = environment
        .inherit_env
        .iter()
        .filter_map(|name| environment::variable(name).map(|value| (name.clone(), whole(name, value))))
        .collect();
    let app = environment.env.iter();
    let app = app
        .map(|(name, value)| (name.clone(), whole(name, value.clone())))
        .collect();
    let own = |name| environment::variable(name).unwrap_or_default();
    let sources = Sources {
        path,
        user: &own("USER"),
        lang: &own("LANG"),
        home: &places.home,
        temporary: &places.temporary,
        inherited: &inherited,
        app: &app,
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

fn changed(detail: String) -> Reason {
    Reason::ConfigurationChanged { detail }
}

fn unusable(detail: String) -> Reason {
    Reason::ConfigurationUnusable { detail }
}
