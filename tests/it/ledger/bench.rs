//! Does the same to the real ledger and to the model, and compares.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use chima::domain::clock::Timestamp;
use chima::domain::command::{Cancellation, PersonsVerdict};
use chima::domain::delivery::{Disposition, Source};
use chima::domain::deployment::{Deployment, Order};
use chima::domain::ids::{DeliveryId, DeploymentId, Fence, LockId, RepositoryId, RunId};
use chima::domain::lock::{LockRequest, Place};
use chima::domain::person::{Person, Source as Voucher};
use chima::domain::reason::Reason;
use chima::domain::run::{LaneKey, Run, RunState};
use chima::domain::timeline::RunEvent;
use chima::store::Store;
use chima::store::cancel::Recorded as Cancelled;
use chima::store::claims::{Claim, GivenBack};
use chima::store::decisions::{Displaced, Evidence, Rechecked, Recorded};
use chima::store::ends::End;
use chima::store::error::StoreError;
use chima::store::inbox::NewDelivery;
use chima::store::locks::Locked;
use chima::store::outbox::{Kind, Outgoing};
use chima::store::verdict::Heard;
use proptest::sample::Index;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use super::model::{Claimed, Model, One, Op, Said};

const ENVIRONMENTS: [&str; 2] = ["staging", "production"];
const LEASE: Duration = Duration::from_secs(30);
const MOST: u32 = 3;
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// The real ledger, and the model of it.
pub struct Bench {
    _folder: TempDir,
    store: Store,
    model: Model,
    /// The real ones, as they were when they were made.
    made: Vec<(Deployment, Run)>,
    ids: u128,
    seconds: i64,
}

/// In memory where there is such a place: a disk that syncs would be all that is measured.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let in_memory = memory.is_dir().then(|| TempDir::new_in(memory).ok()).flatten();
    in_memory.unwrap_or_else(|| TempDir::new().unwrap())
}

impl Bench {
    /// An empty ledger, for as many benches as there are to be: to make its tables takes longer than what is done with them.
    pub async fn empty_ledger() -> Vec<u8> {
        let folder = folder();
        let path = folder.path().join("chima.db");
        Store::open(&path).await.unwrap().close().await;
        fs::read(path).unwrap()
    }

    pub async fn set(empty_ledger: &[u8]) -> Self {
        let folder = folder();
        let path: PathBuf = folder.path().join("chima.db");
        fs::write(&path, empty_ledger).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let store = Store::open(&path).await.unwrap();
        TaskTracker::new().spawn(store.take_inbox_writer().unwrap().run());
        Self {
            _folder: folder,
            store,
            model: Model::default(),
            made: Vec::new(),
            ids: 0,
            seconds: 1_800_000_000,
        }
    }

    pub async fn clear(self) {
        self.store.close().await;
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(self.seconds, 0).unwrap()
    }

    fn ulid(&mut self) -> Ulid {
        self.ids += 1;
        Ulid::from_parts(u64::try_from(self.seconds).unwrap() * 1000, self.ids)
    }

    /// One step of both; what they differ in.
    pub async fn step(&mut self, op: &Op) -> Result<(), String> {
        self.seconds += 1;
        let before: Vec<One> = self.model.runs.clone();
        if let Op::Enqueue { lane, age, how } = op {
            self.enqueue(*lane, *age, *how).await?;
        } else if !self.made.is_empty() {
            self.command(op).await?;
        }
        self.compare(&before).await
    }

    fn run_of(&self, index: &Index) -> usize {
        index.index(self.made.len())
    }

    fn claim_of(&self, index: &Index) -> Option<Claimed> {
        let claims = &self.model.claims;
        (!claims.is_empty()).then(|| claims[index.index(claims.len())])
    }

    async fn read(&self, run: usize) -> Run {
        self.store.find_run(self.made[run].1.id).await.unwrap().unwrap()
    }

    fn number_of(&self, id: RunId) -> usize {
        self.made.iter().position(|(_, run)| run.id == id).unwrap()
    }

    fn word(&mut self, run: &Run, state: RunState) -> Outgoing {
        Outgoing {
            id: self.ulid().to_string(),
            kind: Kind::DeploymentStatus,
            key: format!("status/{}", run.deployment),
            run: Some(run.id),
            terminal: state.is_terminal(),
            says: state.as_str().to_owned(),
            body: json!({ "state": state.as_str() }),
        }
    }

    fn evidence(&mut self) -> Evidence {
        Evidence {
            id: self.ulid().to_string(),
            verdict: "run".to_owned(),
            facts: "{}".to_owned(),
            rules: "{}".to_owned(),
            decision: "{}".to_owned(),
            config_digest: String::new(),
            at: self.now(),
            warrant: None,
        }
    }

    async fn deliver(&mut self) -> DeliveryId {
        let id = DeliveryId::new(self.ulid());
        let delivery = NewDelivery {
            id,
            source: Source::Webhook,
            guid: None,
            event: "deployment".to_owned(),
            hook_id: None,
            host: "github.com".to_owned(),
            repository_id: Some(1),
            repository: Some("octo/hello".to_owned()),
            effect_key: None,
            content_type: None,
            body: Bytes::from_static(b"{}"),
            body_sha256: String::new(),
            received_at: self.now(),
            disposition: Disposition::Received,
            detail: None,
        };
        self.store.accept(delivery).await.unwrap();
        id
    }

    async fn enqueue(&mut self, lane: usize, age: i64, how: u8) -> Result<(), String> {
        let state = if how == 0 { RunState::Held } else { RunState::Queued };
        let delivery = self.deliver().await;
        let number = self.made.len() as u64 + 1;
        let requested_at = Timestamp::from_timestamp(1_700_000_000 + age, 0).unwrap();
        let deployment = Deployment {
            host: "github.com".to_owned(),
            repository_id: RepositoryId(1),
            repository: "octo/hello".to_owned(),
            id: DeploymentId(number),
            sha: SHA.to_owned(),
            git_ref: "main".to_owned(),
            task: "deploy".to_owned(),
            environment: ENVIRONMENTS[lane].to_owned(),
            payload: json!({}),
            description: None,
            creator: Some("mona".to_owned()),
            app_slug: None,
            from_workflow: false,
            installation: None,
            created_at: requested_at,
        };
        let run = run(&deployment, delivery, RunId::new(self.ulid()), state, self.now());
        let one = One {
            lane,
            age: (requested_at.timestamp_millis(), number),
            state,
            fence: 0,
            attempts: 0,
            to_stop: false,
            asks_person: false,
            answered: false,
        };
        let mut displaced = Vec::new();
        for other in self.model.enqueue(one, how == 1) {
            let real = self.made[other].1.clone();
            displaced.push(Displaced {
                run: real.id,
                reason: Reason::Superseded { by: deployment.id },
                outgoing: vec![self.word(&real, RunState::Superseded)],
            });
        }
        let (evidence, word) = (self.evidence(), self.word(&run, state));
        let recorded = self
            .store
            .record_run(&deployment, &run, &evidence, None, &displaced, &[word])
            .await;
        self.made.push((deployment, run));
        same(&Recorded::Written, &recorded.unwrap())
    }

    async fn deliver_again(&mut self, number: usize) -> Result<(), String> {
        let (deployment, first) = self.made[number].clone();
        let again = Run {
            id: RunId::new(self.ulid()),
            delivery: self.deliver().await,
            ..first.clone()
        };
        let evidence = self.evidence();
        let recorded = self
            .store
            .record_run(&deployment, &again, &evidence, None, &[], &[])
            .await;
        same(&Recorded::AlreadyRun(Some(first.id)), &recorded.unwrap())
    }

    async fn command(&mut self, op: &Op) -> Result<(), String> {
        let expected = match op {
            Op::Enqueue { .. } => return Ok(()),
            Op::DeliverAgain(index) => return self.deliver_again(self.run_of(index)).await,
            Op::Crash { worker } => {
                self.model.claims.retain(|claim| claim.worker != *worker);
                return Ok(());
            }
            Op::Renew { worker } => return self.renew(*worker).await,
            Op::Claim { worker, run } => {
                let bell = self.run_of(run);
                (self.model.claim(*worker, bell, MOST), self.claim(*worker, bell).await)
            }
            Op::Adopt { worker, run } => {
                let run = self.run_of(run);
                let seen = self.read(run).await;
                (
                    self.model.adopt(*worker, run, seen.fence.0),
                    self.adopt(*worker, &seen).await,
                )
            }
            Op::Cancel(index) => {
                let run = self.run_of(index);
                let real = self.cancel(run).await;
                (self.model.cancel(run), real)
            }
            Op::Expire(index) => {
                let run = self.run_of(index);
                let real = self.expire(run).await;
                (self.model.move_held(run, RunState::Errored), real)
            }
            Op::Recheck { run, to } => {
                let run = self.run_of(run);
                let to = [RunState::Queued, RunState::Rejected, RunState::Held][usize::from(*to)];
                let real = self.recheck(run, to).await;
                (self.model.move_held(run, to), real)
            }
            Op::Lock(lane) => (self.model.lock(*lane), self.lock(*lane).await),
            Op::Unlock(lane) => (self.model.unlock(*lane), self.unlock(*lane).await),
            Op::Hear(index) => {
                let run = self.run_of(index);
                (self.model.hear(run), self.hear(run).await)
            }
            Op::Progress(index)
            | Op::Requeue(index)
            | Op::AwaitPerson(index)
            | Op::Finish { claim: index, .. }
            | Op::AdoptLate { claim: index, .. } => {
                let Some(claim) = self.claim_of(index) else {
                    return Ok(());
                };
                self.with_claim(op, claim).await
            }
        };
        same(&expected.0, &expected.1)
    }

    /// By somebody who believes to have it.
    async fn with_claim(&mut self, op: &Op, claim: Claimed) -> (Said, Said) {
        let real = self.read(claim.run).await;
        let mine = Run {
            fence: Fence(claim.fence),
            ..real
        };
        let now = self.now();
        match op {
            Op::Progress(_) => {
                let event = RunEvent::CheckedOut { milliseconds: 1 };
                let word = self.word(&mine, RunState::Running);
                let written = self
                    .store
                    .report_progress(mine.id, mine.fence, &[event], &[word], now)
                    .await;
                (self.model.progress(claim), said(written.map(|()| Said::Done)))
            }
            Op::Requeue(_) => {
                let written = self.store.requeue(mine.id, mine.fence, "for a test", now).await;
                let real = said(written.map(|back| match back {
                    GivenBack::Queued => Said::Done,
                    GivenBack::ToStop => Said::ToStop,
                }));
                (self.model.requeue(claim), real)
            }
            Op::AwaitPerson(_) => {
                let written = self.store.await_person(mine.id, mine.fence, "look", &[], now).await;
                (self.model.await_person(claim), said(written.map(|()| Said::Done)))
            }
            Op::AdoptLate { worker, .. } => {
                let real = self.adopt(*worker, &mine).await;
                (self.model.adopt(*worker, claim.run, claim.fence), real)
            }
            Op::Finish { how, .. } => {
                let states = [
                    RunState::Succeeded,
                    RunState::Failed,
                    RunState::Interrupted,
                    RunState::Cancelled,
                ];
                let state = states[usize::from(*how)];
                let word = self.word(&mine, state);
                let end = End {
                    state,
                    reason: None,
                    steps: &[],
                    lock: None,
                    log_trouble: None,
                };
                let written = self.store.finish(&mine, &end, &[word], now).await;
                let real = said(written.map(|next| Said::Next(next.map(|id| self.number_of(id)))));
                (self.model.finish(claim, state), real)
            }
            other => panic!("{other:?} needs no claim"),
        }
    }

    async fn claim(&self, worker: usize, bell: usize) -> Said {
        let id = self.made[bell].1.id;
        let taken = self.store.claim(id, &name(worker), LEASE, MOST, self.now()).await;
        match taken.unwrap() {
            Claim::Taken(run) => Said::Taken(self.number_of(run.id)),
            Claim::GivenUp(run) => Said::GivenUp(self.number_of(run.id)),
            Claim::Busy => Said::Busy,
            Claim::Empty => Said::Empty,
        }
    }

    async fn adopt(&self, worker: usize, seen: &Run) -> Said {
        let taken = self.store.adopt(seen, &name(worker), LEASE, self.now()).await;
        said(taken.map(|_| Said::Done))
    }

    /// Changes nothing but leases, and none of anybody else.
    async fn renew(&self, worker: usize) -> Result<(), String> {
        let all: Vec<RunId> = self.made.iter().map(|(_, run)| run.id).collect();
        let until = self.now() + LEASE * 10;
        self.store.renew_leases(&name(worker), &all, until).await.unwrap();
        for run in self.store.claimed_runs().await.unwrap() {
            let own = run.worker.as_deref() == Some(name(worker).as_str());
            if own != (run.lease_until == Some(until)) {
                return Err(format!("{own} is not whose lease was renewed: {run:?}"));
            }
        }
        Ok(())
    }

    async fn cancel(&mut self, run: usize) -> Said {
        let real = self.read(run).await;
        let word = self.word(&real, RunState::Cancelled);
        let cancelled = self
            .store
            .cancel(&real, &Cancellation::new("mona", None), &[word], self.now())
            .await;
        match cancelled.unwrap() {
            Cancelled::Ended | Cancelled::Requested(_) => Said::Done,
            Cancelled::RequestedBefore(_) => Said::Before,
            Cancelled::Over(_) => Said::Over,
            Cancelled::Moved(run) => panic!("nobody moved {run:?}"),
        }
    }

    async fn expire(&mut self, run: usize) -> Said {
        let held = Run {
            state: RunState::Held,
            ..self.read(run).await
        };
        let reason = Reason::HoldExpired {
            limit_seconds: 1,
            waited_for: "a test".to_owned(),
        };
        let word = self.word(&held, RunState::Errored);
        let ended = self
            .store
            .finish_waiting(&held, RunState::Errored, &reason, &[word], self.now())
            .await;
        if ended.unwrap() { Said::Done } else { Said::Refused }
    }

    async fn recheck(&mut self, run: usize, to: RunState) -> Said {
        let moved = Run {
            state: to,
            ..self.read(run).await
        };
        let (evidence, word) = (self.evidence(), self.word(&moved, to));
        let recorded = self
            .store
            .record_recheck(&moved, &evidence, Some(self.now()), None, &[], &[word])
            .await;
        match recorded.unwrap() {
            Rechecked::Written => Said::Done,
            Rechecked::NotHeld => Said::Refused,
            Rechecked::LaneMoved => panic!("no lane was looked at"),
        }
    }

    async fn lock(&mut self, lane: usize) -> Said {
        let request = LockRequest::new(Person::new(Voucher::Terminal, "mona"), vec![place(lane)], None, None);
        let id = LockId::new(self.ulid());
        match self.store.lock(&request, &[id], self.now()).await.unwrap() {
            Locked::Taken { .. } => Said::Done,
            Locked::InTheWay(_) => Said::Refused,
            waits @ Locked::Waits { .. } => panic!("nobody asked to wait: {waits:?}"),
        }
    }

    async fn unlock(&self, lane: usize) -> Said {
        let by = Person::new(Voucher::Terminal, "mona");
        let unlocked = self.store.unlock(&[place(lane)], &by, self.now()).await.unwrap();
        if unlocked.ended.is_empty() {
            Said::Refused
        } else {
            Said::Done
        }
    }

    async fn hear(&self, run: usize) -> Said {
        let word = PersonsVerdict::new("mona", true, None);
        let heard = self.store.hear(self.made[run].1.id, &word, self.now()).await;
        match heard.unwrap() {
            Heard::Taken(_) => Said::Done,
            Heard::SaidBefore(_) => Said::Before,
            Heard::NotAsked(_) => Said::NotAsked,
        }
    }

    /// Every run as the model has it, and what must hold whatever the model says.
    async fn compare(&self, before: &[One]) -> Result<(), String> {
        let rows = self.store.recent_runs(1000).await.unwrap();
        if rows.len() != self.model.runs.len() {
            return Err(format!("{} runs, expected {}", rows.len(), self.model.runs.len()));
        }
        let mut running: BTreeMap<&str, RunId> = BTreeMap::new();
        for row in &rows {
            let number = self.number_of(row.id);
            let one = &self.model.runs[number];
            let found = One {
                state: row.state,
                fence: row.fence.0,
                attempts: row.attempts,
                to_stop: row.cancel.is_some(),
                asks_person: row.instructions.is_some(),
                answered: row.verdict.is_some(),
                ..one.clone()
            };
            same(one, &found).map_err(|fault| format!("run {number}: {fault}"))?;
            if row.state.is_terminal() && row.lease_until.is_some() {
                return Err(format!("run {number} has a lease: {row:?}"));
            }
            if row.state.is_terminal() != row.finished_at.is_some() {
                return Err(format!("run {number} has not ended as it says: {row:?}"));
            }
            let lane = row.lane.as_ref().unwrap().as_str();
            if row.state == RunState::Running && running.insert(lane, row.id).is_some() {
                return Err(format!("two run in `{lane}`"));
            }
            let Some(earlier) = before.get(number) else {
                self.last_word(number, row).await?;
                continue;
            };
            if row.fence.0 < earlier.fence || (earlier.state.is_terminal() && earlier.state != row.state) {
                return Err(format!("run {number} went back from {earlier:?} to {row:?}"));
            }
            if earlier.state != row.state {
                if !earlier.state.may_become(row.state) && earlier.state != RunState::Queued {
                    return Err(format!("{:?} became {:?}", earlier.state, row.state));
                }
                self.last_word(number, row).await?;
            }
        }
        Ok(())
    }

    /// One last word where it has ended, and none before.
    async fn last_word(&self, number: usize, run: &Run) -> Result<(), String> {
        let rows = self.store.outbox_of(run.id).await.unwrap();
        let last: Vec<&str> = rows
            .iter()
            .filter(|row| row.outgoing.terminal)
            .map(|row| row.outgoing.says.as_str())
            .collect();
        let expected: Vec<&str> = run
            .state
            .is_terminal()
            .then_some(run.state.as_str())
            .into_iter()
            .collect();
        same(&expected, &last).map_err(|fault| format!("last words of run {number}: {fault}"))
    }
}

fn name(worker: usize) -> String {
    format!("worker-{worker}")
}

fn place(lane: usize) -> Place {
    Place {
        app: "hello".parse().unwrap(),
        environment: ENVIRONMENTS[lane].parse().unwrap(),
    }
}

fn run(deployment: &Deployment, delivery: DeliveryId, id: RunId, state: RunState, now: Timestamp) -> Run {
    let order = Order {
        app: "hello".parse().unwrap(),
        environment: deployment.environment.parse().unwrap(),
        sha: SHA.parse().unwrap(),
        git_ref: "main".parse().unwrap(),
        task: "deploy".parse().unwrap(),
        hosts: Vec::new(),
        noop: false,
    };
    Run {
        id,
        delivery,
        host: deployment.host.clone(),
        repository_id: deployment.repository_id,
        repository: "octo/hello".parse().unwrap(),
        deployment: deployment.id,
        installation: None,
        lane: Some(LaneKey::new("github.com", RepositoryId(1), &order.environment, false)),
        order: Some(order),
        environment: deployment.environment.clone(),
        git_ref: deployment.git_ref.clone(),
        sha: deployment.sha.clone(),
        task: deployment.task.clone(),
        creator: deployment.creator.clone(),
        requester: deployment.creator.clone(),
        room: None,
        listener: None,
        state,
        reason: None,
        fence: Fence(0),
        attempts: 0,
        requested_at: deployment.created_at,
        created_at: now,
        started_at: None,
        finished_at: None,
        hold_until: None,
        worker: None,
        lease_until: None,
        cancel: None,
        instructions: None,
        verdict: None,
        passes_lock: None,
        forced: None,
        command: None,
        config_digest: String::new(),
    }
}

fn said(written: Result<Said, StoreError>) -> Said {
    match written {
        Ok(said) => said,
        Err(StoreError::Stale) => Said::Stale,
        Err(error) => panic!("{error}"),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(expected: &T, found: &T) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("found {found:?}, expected {expected:?}"))
    }
}
