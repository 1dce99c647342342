//! What people read, word for word, and that no text from outside can break out of it.

mod hostile;
mod slack;
mod status;

use chrono::{DateTime, TimeDelta};
use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::domain::deployment::Order;
use crate::domain::ids::{DeliveryId, DeploymentId, Fence, RepositoryId, RunId};
use crate::domain::reason::Reason;
use crate::domain::run::{Run, RunState};
use crate::report::status::Links;

const SHA: &str = "4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a";

fn at(seconds: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
}

/// `main` of the app `hello` to `staging`, claimed at second 10; if it is over, since second 51.
pub(super) fn run(state: RunState, reason: Option<Reason>) -> Run {
    let started = !matches!(
        state,
        RunState::Held | RunState::Queued | RunState::Rejected | RunState::Superseded
    );
    Run {
        id: RunId::new(Ulid::from_parts(0, 1)),
        delivery: DeliveryId::new(Ulid::from_parts(0, 2)),
        host: "github.com".to_owned(),
        repository_id: RepositoryId(1),
        repository: "octo/hello".parse().unwrap(),
        deployment: DeploymentId(1234),
        installation: None,
        order: Some(Order {
            app: "hello".parse().unwrap(),
            environment: "staging".parse().unwrap(),
            sha: SHA.parse().unwrap(),
            git_ref: "main".parse().unwrap(),
            task: "deploy".parse().unwrap(),
            hosts: Vec::new(),
            noop: false,
        }),
        environment: "Staging".to_owned(),
        git_ref: "main".to_owned(),
        sha: SHA.to_owned(),
        task: "deploy".to_owned(),
        creator: Some("mona".to_owned()),
        requester: Some("mona".to_owned()),
        room: None,
        listener: None,
        lane: None,
        state,
        reason,
        fence: Fence(0),
        attempts: 1,
        requested_at: at(0),
        created_at: at(1),
        started_at: started.then(|| at(10)),
        finished_at: (started && state.is_terminal()).then(|| at(51)),
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

fn links() -> Links {
    Links {
        log_url: Some("https://deploy.example.com/runs/1".to_owned()),
        environment_url: Some("https://staging.example.com/?a=1&b=2".to_owned()),
        runs_now: None,
    }
}
