//! Check runs of a commit.
//! <https://docs.github.com/en/rest/checks/runs>

use serde_json::{Value, json};

use crate::github::record;
use crate::github::rest::Outcome;
use crate::github::rest::call::Call;
use crate::github::rest::page::Page;
use crate::github::rest::statuses::resolve;
use crate::github::shape;
use crate::github::world::{CheckRun, World};
use crate::message::Answer;

/// With `filter=latest` (the default) only the newest run of every name and App.
pub(crate) fn list(world: &World, call: &Call<'_>, repository: u64, reference: &[&str]) -> Outcome {
    call.needs("checks", "read")?;
    let found = world.find(repository)?;
    let sha = resolve(world, repository, reference)?;
    let all = call.query("filter") == Some("all");
    let mut runs: Vec<&CheckRun> = Vec::new();
    for run in found.check_runs.iter().filter(|run| run.sha == sha) {
        if !all {
            runs.retain(|known| known.name != run.name || known.app != run.app);
        }
        runs.push(run);
    }
    runs.reverse();
    let wanted = |run: &&CheckRun| {
        let app = shape::app(world, &run.app)["id"].to_string();
        let fields = [
            ("check_name", run.name.as_str()),
            ("status", run.status.as_str()),
            ("app_id", app.as_str()),
        ];
        fields
            .iter()
            .all(|(key, value)| call.query(key).is_none_or(|wanted| wanted == *value))
    };
    let runs: Vec<&CheckRun> = runs.into_iter().filter(wanted).collect();
    let total = runs.len();
    let page = Page::of(runs, call);
    let shown: Vec<Value> = page
        .items
        .iter()
        .map(|run| record::check_run(world, found, run))
        .collect();
    Ok(page.linked(Answer::json(200, &json!({"total_count": total, "check_runs": shown}))))
}
