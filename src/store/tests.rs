//! What the tests of this room share.

use sqlx::{AssertSqlSafe, Row};

use crate::store::Store;

/// How SQLite finds what a statement asks for in a ledger: its plan, step by step.
pub(super) async fn plan_of(sql: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("chima.db")).await.unwrap();
    let explained = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let rows = explained.fetch_all(&store.read).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    steps.join("; ")
}
