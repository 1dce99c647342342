//! The queue on a Redis server.
//!
//! A worker gets a fresh connection each time it starts, and callers share one that is dropped at its first fault: the
//! library's reconnecting connection answers the first call after an outage with the failure of the outage, and never
//! leaves a connection whose other end has vanished without a word.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use apalis_core::error::WorkerError;
use apalis_core::worker::Worker;
use apalis_core::worker::context::WorkerContext;
use apalis_redis::queries::push_tasks;
use apalis_redis::{Config, RedisStorage};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use secrecy::{ExposeSecret, SecretString};
use tower::layer::util::Identity;

use crate::queue::backend::Backend;
use crate::queue::doorkeeper::Doorkeeper;
use crate::queue::error::QueueError;
use crate::queue::findings::{Finding, RedisSettings};
use crate::queue::job::{QUEUE_NAME, RunJob};
use crate::queue::options::QueueOptions;

/// How many jobs one script call touches: far below what a Lua call of Redis takes, and short enough to block nobody.
const SLICE: usize = 500;

/// How long the few words about a worker are kept that only apalis' own listings read.
const WORKER_METADATA_SECONDS: u64 = 86_400;

pub(in crate::queue) struct OnRedis {
    client: Client,
    config: Config,
    name: String,
    callers: Mutex<Option<MultiplexedConnection>>,
    caller_timing: AsyncConnectionConfig,
    worker_timing: AsyncConnectionConfig,
}

impl OnRedis {
    /// Reads the address. Nothing is connected yet.
    pub(in crate::queue) fn open(url: &SecretString, options: &QueueOptions) -> Result<Self, QueueError> {
        let client = Client::open(url.expose_secret()).map_err(QueueError::Address)?;
        let name = match options.installation.as_str() {
            "" => QUEUE_NAME.to_owned(),
            installation => format!("{QUEUE_NAME}.{installation}"),
        };
        let config = Config::default()
            .queue(&name)
            // More than one is a buffer, and a worker with jobs in its buffer sends no heartbeats.
            .batch_size(1)
            .heartbeat_interval(options.heartbeat)
            .missed_heartbeats(usize::try_from(options.missed_heartbeats).unwrap_or(usize::MAX))
            // Fetching already books the job to this worker; leases are for jobs that take longer than a heartbeat, and
            // a lost one ends the worker.
            .lock_tasks(false)
            // Nobody listens: the worker is woken by us.
            .emit_events(false);
        Ok(Self {
            client,
            config,
            name,
            callers: Mutex::new(None),
            caller_timing: timing(options.ring_within),
            worker_timing: timing(options.response),
        })
    }

    /// Does `call` on the callers' connection; once more on a new one when the connection was the trouble. A job that is
    /// pushed twice by that is harmless.
    async fn with_connection<T, F>(
        &self,
        operation: &'static str,
        call: impl Fn(MultiplexedConnection) -> F,
    ) -> Result<T, QueueError>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        if let Some(connection) = self.kept() {
            let doubt = Doubt::about(self);
            match call(connection).await {
                Err(error) if error.is_transient() => drop(doubt),
                answered => {
                    doubt.dispel();
                    return answered;
                }
            }
        }
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&self.caller_timing)
            .await;
        let connection = connection.map_err(QueueError::redis(operation))?;
        self.keep(Some(connection.clone()));
        let doubt = Doubt::about(self);
        let answered = call(connection).await;
        if !answered.as_ref().is_err_and(QueueError::is_transient) {
            doubt.dispel();
        }
        answered
    }

    fn kept(&self) -> Option<MultiplexedConnection> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, connection: Option<MultiplexedConnection>) {
        *self.callers.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    fn fetched_key(&self, worker: &str) -> String {
        format!("{}:{worker}", self.config.inflight_jobs_set())
    }
}

/// Drops the callers' connection unless its call came to an end: also when the caller stopped waiting, because then the
/// other end may have vanished.
struct Doubt<'a>(Option<&'a OnRedis>);

impl<'a> Doubt<'a> {
    fn about(queue: &'a OnRedis) -> Self {
        Self(Some(queue))
    }

    fn dispel(mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.0 {
            queue.keep(None);
        }
    }
}

impl Backend for OnRedis {
    fn push(&self, job: RunJob) -> BoxFuture<'_, Result<(), QueueError>> {
        let operation = "ring the queue's bell";
        self.with_connection(operation, move |mut connection| async move {
            let pushed = push_tasks(&mut connection, &self.config, &[job.task()]).await;
            pushed.map(drop).map_err(QueueError::apalis(operation))
        })
        .boxed()
    }

    fn attend(&self, worker: WorkerContext, doorkeeper: Doorkeeper) -> BoxFuture<'static, Result<(), WorkerError>> {
        let (client, timing, config) = (self.client.clone(), self.worker_timing.clone(), self.config.clone());
        async move {
            let connection = client.get_multiplexed_async_connection_with_config(&timing).await;
            let connection = connection.map_err(|error| WorkerError::BackendError(error.into()))?;
            let storage = RedisStorage::new(connection).with_config(config);
            Worker::<Vec<u8>, _, _, _>::new(worker, storage, doorkeeper, Identity::new())
                .run()
                .await
        }
        .boxed()
    }

    fn give_back<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, Result<(), QueueError>> {
        let operation = "give fetched jobs back";
        self.with_connection(operation, move |mut connection| async move {
            let returned: Result<u64, RedisError> = Script::new(include_str!("give_back.lua"))
                .key(self.fetched_key(worker))
                .key(self.config.active_jobs_list())
                .key(self.config.job_data_hash())
                .key(self.config.job_meta_hash())
                .key(self.config.workers_set())
                .key(metadata_key(&self.name, worker))
                .arg(worker)
                .invoke_async(&mut connection)
                .await;
            returned.map(drop).map_err(QueueError::redis(operation))
        })
        .boxed()
    }

    fn tidy<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, Result<(), QueueError>> {
        let operation = "tidy the queue";
        self.with_connection(operation, move |mut connection| async move {
            loop {
                let more: u64 = Script::new(include_str!("tidy.lua"))
                    .key(self.config.done_jobs_set())
                    .key(self.config.dead_jobs_set())
                    .key(self.config.job_data_hash())
                    .key(self.config.job_meta_hash())
                    .key(self.config.scheduled_jobs_set())
                    .key(self.config.active_jobs_list())
                    .key(metadata_key(&self.name, worker))
                    .arg(SLICE)
                    .arg(WORKER_METADATA_SECONDS)
                    .invoke_async(&mut connection)
                    .await
                    .map_err(QueueError::redis(operation))?;
                if more == 0 {
                    return Ok(());
                }
            }
        })
        .boxed()
    }

    fn waiting(&self, _enough: u32) -> BoxFuture<'_, Result<u64, QueueError>> {
        let operation = "count the waiting jobs";
        self.with_connection(operation, move |mut connection| async move {
            let counts: Result<(u64, u64), RedisError> = redis::pipe()
                .llen(self.config.active_jobs_list())
                .zcard(self.config.scheduled_jobs_set())
                .query_async(&mut connection)
                .await;
            counts
                .map(|(active, due)| active + due)
                .map_err(QueueError::redis(operation))
        })
        .boxed()
    }

    fn findings(&self) -> BoxFuture<'_, Result<Vec<Finding>, QueueError>> {
        let operation = "read the settings of Redis";
        self.with_connection(operation, move |mut connection| async move {
            let info: String = redis::cmd("INFO")
                .query_async(&mut connection)
                .await
                .map_err(QueueError::redis(operation))?;
            // Hosted servers often refuse CONFIG. That is a finding, not a fault.
            let fsync: Result<Vec<String>, RedisError> = redis::cmd("CONFIG")
                .arg("GET")
                .arg("appendfsync")
                .query_async(&mut connection)
                .await;
            let fsync = fsync.ok().and_then(|answer| answer.into_iter().nth(1));
            Ok(RedisSettings::read(&info, fsync).findings())
        })
        .boxed()
    }
}

/// The name that apalis gives to the few words about a worker.
fn metadata_key(queue: &str, worker: &str) -> String {
    format!("{queue}:workers:metadata:{worker}")
}

fn timing(response: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(response))
        .set_response_timeout(Some(response))
}

impl fmt::Debug for OnRedis {
    /// The address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnRedis")
            .field("queue", &self.name)
            .finish_non_exhaustive()
    }
}
