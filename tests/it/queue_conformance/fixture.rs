//! One backend with a queue in it, and what a test may do to it behind the queue's back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chima::domain::ids::RunId;
use chima::queue::Queue;
use chima::queue::address::{QueueAddress, WorkerName};
use chima::queue::options::QueueOptions;
use secrecy::SecretString;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;
use ulid::Ulid;

use super::redis_server::RedisServer;

/// A run that is told apart by its number.
pub fn run(number: u64) -> RunId {
    RunId::new(Ulid::from_parts(1_700_000_000_000 + number, u128::from(number)))
}

pub struct Fixture {
    pub backend: Backend,
    pub options: QueueOptions,
    processes: AtomicU64,
}

pub enum Backend {
    Sqlite {
        directory: TempDir,
        lock: Option<SqliteConnection>,
    },
    Redis(RedisServer),
}

impl Fixture {
    pub fn sqlite() -> Self {
        Self::with(Backend::Sqlite {
            directory: tempfile::tempdir().expect("a directory"),
            lock: None,
        })
    }

    pub fn redis() -> Self {
        Self::with(Backend::Redis(RedisServer::start()))
    }

    pub fn with(backend: Backend) -> Self {
        Self {
            backend,
            options: QueueOptions::default(),
            processes: AtomicU64::new(0),
        }
    }

    /// Workers that are missed after two seconds.
    pub fn with_short_heartbeats(mut self) -> Self {
        self.options.heartbeat = Duration::from_secs(1);
        self.options.missed_heartbeats = 2;
        self
    }

    pub fn file(&self) -> PathBuf {
        match &self.backend {
            Backend::Sqlite { directory, .. } => directory.path().join("queue.db"),
            Backend::Redis(_) => unreachable!("a Redis queue has no file"),
        }
    }

    pub fn server(&self) -> &RedisServer {
        match &self.backend {
            Backend::Redis(server) => server,
            Backend::Sqlite { .. } => unreachable!("a SQLite queue has no server"),
        }
    }

    pub fn address(&self) -> QueueAddress {
        match &self.backend {
            Backend::Sqlite { .. } => QueueAddress::Sqlite(self.file()),
            Backend::Redis(server) => QueueAddress::Redis {
                url: SecretString::from(server.url()),
            },
        }
    }

    /// The queue as one more process would have it: connections and a worker name of its own.
    pub async fn queue(&self) -> Queue {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let name = WorkerName::new("test", "boot", Ulid::from_parts(process, 0));
        Queue::open_with(&self.address(), name, self.options.clone())
            .await
            .expect("the queue opens")
    }

    /// Kills Redis; locks the SQLite file.
    pub async fn fail(&mut self) {
        match &mut self.backend {
            Backend::Redis(server) => server.kill(),
            Backend::Sqlite { .. } => self.lock().await,
        }
    }

    /// Freezes Redis; locks the SQLite file.
    pub async fn hang(&mut self) {
        match &self.backend {
            Backend::Redis(server) => server.freeze(),
            Backend::Sqlite { .. } => self.lock().await,
        }
    }

    /// Undoes [`Self::fail`].
    pub async fn recover(&mut self) {
        match &mut self.backend {
            Backend::Redis(server) => server.run(),
            Backend::Sqlite { lock, .. } => {
                let mut connection = lock.take().expect("it was locked");
                sqlx::query("ROLLBACK")
                    .execute(&mut connection)
                    .await
                    .expect("unlocked");
                connection.close().await.expect("closed");
            }
        }
    }

    /// Undoes [`Self::hang`].
    pub async fn wake_up(&mut self) {
        match &self.backend {
            Backend::Redis(server) => server.thaw(),
            Backend::Sqlite { .. } => self.recover().await,
        }
    }

    /// A job whose content is these bytes.
    pub async fn push_raw(&self, number: u64, content: &[u8]) {
        let id = Ulid::from_parts(number, 1).to_string();
        match &self.backend {
            Backend::Sqlite { .. } => {
                let insert = "INSERT INTO Jobs (job, id, job_type, status) VALUES (?, ?, 'chima.run.v1', 'Pending')";
                let query = sqlx::query(insert).bind(content).bind(id);
                query.execute(&mut self.sqlite_connection().await).await.expect("a row");
            }
            Backend::Redis(server) => {
                let mut connection = server.connection().await;
                let fields = [("attempts", "0"), ("max_attempts", "1"), ("status", "Pending")];
                let pushed: redis::RedisResult<()> = redis::pipe()
                    .hset("chima.run.v1:data", &id, content)
                    .hset_multiple(format!("chima.run.v1:meta:{id}"), &fields)
                    .rpush("chima.run.v1:active", &id)
                    .query_async(&mut connection)
                    .await;
                pushed.expect("pushed");
            }
        }
    }

    /// The name under which the one worker is known.
    pub async fn worker(&self) -> String {
        match &self.backend {
            Backend::Sqlite { .. } => {
                let query = sqlx::query_scalar("SELECT id FROM Workers");
                query
                    .fetch_one(&mut self.sqlite_connection().await)
                    .await
                    .expect("one worker")
            }
            Backend::Redis(server) => {
                let mut query = redis::cmd("ZRANGE");
                query.arg("chima.run.v1:workers").arg(0).arg(0);
                let names: Vec<String> = query.query_async(&mut server.connection().await).await.expect("names");
                names.into_iter().next().expect("one worker")
            }
        }
    }

    /// A job that this worker has fetched and not answered.
    pub async fn push_fetched_by(&self, worker: &str, number: u64) {
        let (id, content) = (Ulid::from_parts(number, 2).to_string(), run(number).to_string());
        match &self.backend {
            Backend::Sqlite { .. } => {
                let insert =
                    "INSERT INTO Jobs (job, id, job_type, status, lock_by) VALUES (?, ?, 'chima.run.v1', 'Queued', ?)";
                let query = sqlx::query(insert)
                    .bind(content.into_bytes())
                    .bind(id)
                    .bind(worker.to_owned());
                query.execute(&mut self.sqlite_connection().await).await.expect("a row");
            }
            Backend::Redis(server) => {
                let fields = [("attempts", "0"), ("max_attempts", "1"), ("status", "Pending")];
                let pushed: redis::RedisResult<()> = redis::pipe()
                    .hset("chima.run.v1:data", &id, content)
                    .hset_multiple(format!("chima.run.v1:meta:{id}"), &fields)
                    .sadd(format!("chima.run.v1:inflight:{worker}"), &id)
                    .query_async(&mut server.connection().await)
                    .await;
                pushed.expect("pushed");
            }
        }
    }

    /// Makes every waiting job one that a worker had fetched which was last seen a day ago.
    pub async fn strand(&self) {
        match &self.backend {
            Backend::Sqlite { .. } => {
                let mut connection = self.sqlite_connection().await;
                for statement in [
                    "INSERT INTO Workers (id, worker_type, storage_name, last_seen) \
                     VALUES ('ghost', 'chima.run.v1', 'SqliteStorage', strftime('%s', 'now') - 80000)",
                    "UPDATE Jobs SET status = 'Queued', lock_by = 'ghost', lock_at = 0",
                ] {
                    sqlx::query(statement).execute(&mut connection).await.expect("stranded");
                }
            }
            Backend::Redis(server) => {
                let mut connection = server.connection().await;
                let jobs: Vec<String> = redis::cmd("HKEYS")
                    .arg("chima.run.v1:data")
                    .query_async(&mut connection)
                    .await
                    .expect("jobs");
                let stranded: redis::RedisResult<()> = redis::pipe()
                    .del(&["chima.run.v1:scheduled", "chima.run.v1:active"])
                    .sadd("chima.run.v1:inflight:ghost", jobs)
                    .zadd("chima.run.v1:workers", "ghost", 1)
                    .query_async(&mut connection)
                    .await;
                stranded.expect("stranded");
            }
        }
    }

    /// How many traces of jobs the backend holds.
    pub async fn traces(&self) -> u64 {
        match &self.backend {
            Backend::Sqlite { .. } => {
                let mut connection = self.sqlite_connection().await;
                let count: i64 = sqlx::query_scalar("SELECT count(*) FROM Jobs")
                    .fetch_one(&mut connection)
                    .await
                    .expect("a count");
                u64::try_from(count).expect("a count")
            }
            Backend::Redis(server) => {
                let mut connection = server.connection().await;
                let fetched: Vec<String> = redis::cmd("KEYS")
                    .arg("chima.run.v1:inflight:*")
                    .query_async(&mut connection)
                    .await
                    .expect("keys");
                let keys: Vec<String> = redis::cmd("KEYS")
                    .arg("chima.run.v1:meta:*")
                    .query_async(&mut connection)
                    .await
                    .expect("keys");
                let (data, done): (u64, u64) = redis::pipe()
                    .hlen("chima.run.v1:data")
                    .scard("chima.run.v1:done")
                    .query_async(&mut connection)
                    .await
                    .expect("counts");
                (fetched.len() + keys.len()) as u64 + data + done
            }
        }
    }

    pub async fn sqlite_connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(self.file())
            .busy_timeout(Duration::from_secs(5));
        options.connect().await.expect("the queue file")
    }

    async fn lock(&mut self) {
        let mut connection = self.sqlite_connection().await;
        sqlx::query("BEGIN EXCLUSIVE")
            .execute(&mut connection)
            .await
            .expect("locked");
        if let Backend::Sqlite { lock, .. } = &mut self.backend {
            *lock = Some(connection);
        }
    }
}
