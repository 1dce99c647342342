//! The REST API: who asks, whether they may, and which route answers. A pure function of the world and the request.
//!
//! Paths are split before they are decoded, so `feature%2Fx` is one part. GitHub also tolerates raw slashes in refs
//! where nothing else could follow, and so do the slice patterns here.

mod actions;
mod apps;
mod call;
mod checks;
mod comments;
mod commits;
mod deliveries;
mod deployments;
mod fields;
pub(crate) mod manifests;
pub(crate) mod oauth;
mod page;
mod people;
mod pulls;
mod statuses;

use serde_json::json;

use crate::fault::{FaultKind, Hit};
use crate::github::app::Identity;
use crate::github::graph::sha_of;
use crate::github::refused::Refused;
use crate::github::rest::call::Call;
use crate::github::world::World;
use crate::journal::Recorded;
use crate::limits::Cost;
use crate::message::{Answer, Ending, Request};

/// Where GitHub Enterprise Server has its API.
const PREFIX: &str = "/api/v3";

type Outcome = Result<Answer, Refused>;

/// Answers a request, and writes it into the journal.
pub(crate) fn respond(world: &mut World, request: &Request) -> Ending {
    let now = world.now();
    let (prefix, path) = match request.path.strip_prefix(PREFIX) {
        Some(path) if path.is_empty() || path.starts_with('/') => (PREFIX, path),
        Some(_) | None => ("", request.path.as_str()),
    };
    let mut record = Recorded::new(request, path, now);
    let call = Call::new(world, request, prefix, path);
    let name = call
        .as_ref()
        .map_or_else(|_| "nobody".to_owned(), |call| call.identity.name(&world.app));
    record.identity.clone_from(&name);
    if path != "/rate_limit" {
        record.inside_wait_window = world.books.note_arrival(&name, now);
    }
    let hit = world.faults.take(&request.method, path);
    record.faulted = hit.is_some();
    let ending = match &hit {
        Some(hit) if hit.kind == FaultKind::Moved => {
            match call.as_ref().ok().and_then(|call| found_by_number(world, call)) {
                Some(answer) => Ending::Answer(answer),
                None => hit.ending(now),
            }
        }
        Some(hit) if !hit.takes_effect => hit.ending(now),
        Some(_) | None => {
            let (answer, planned) = answer(world, call, &name, request, path);
            record.planned = planned;
            let answer = conditional(request, answer);
            if answer.status == 304 {
                world.books.give_back(&name);
            }
            let answer = world.books.stamped(answer, &name);
            let after = hit.as_ref().map(|hit| hit.ending(now));
            after.unwrap_or(Ending::Answer(dressed(answer, world)))
        }
    };
    let ending = if let (Ending::Answer(answer), Some(_)) = (&ending, &hit) {
        Ending::Answer(dated(answer.clone(), world))
    } else {
        ending
    };
    if let Some(until) = hit.as_ref().and_then(|hit: &Hit| hit.wait(now)) {
        world.books.told_to_wait(&name, until);
    }
    record.ended(&ending);
    world.requests.push(record);
    ending
}

/// The answer without a fault, and whether there is a route for the request.
fn answer(
    world: &mut World,
    call: Result<Call<'_>, Refused>,
    name: &str,
    request: &Request,
    path: &str,
) -> (Answer, bool) {
    if request.header("user-agent").is_none_or(str::is_empty) {
        let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
        return (Answer::text(403, text), true);
    }
    let call = match call {
        Ok(call) => call,
        Err(refused) => return (refused.answer(), true),
    };
    if path != "/rate_limit" {
        let write = !matches!(request.method.as_str(), "GET" | "HEAD");
        let content = write && !path.starts_with("/app/");
        if let Err(answer) = world.books.admit(name, Cost { content, write }, world.clock.now()) {
            return (answer, true);
        }
    }
    match route(world, &call) {
        Some(Ok(answer)) => (answer, true),
        Some(Err(refused)) => (refused.answer(), true),
        None => (Refused::not_found().answer(), false),
    }
}

/// Names every answer to a read, and says only that nothing has changed to whoever names it.
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>
fn conditional(request: &Request, answer: Answer) -> Answer {
    if request.method != "GET" || answer.status != 200 {
        return answer;
    }
    let links = answer.headers.iter().find(|(name, _)| name == "link");
    let links = links.map_or("", |(_, value)| value.as_str());
    let digest = sha_of(&format!("{links} {}", String::from_utf8_lossy(&answer.body)));
    let etag = format!("W/\"{digest}\"");
    let known = request
        .header("if-none-match")
        .is_some_and(|known| known.split(',').any(|one| one.trim() == etag));
    let answer = if known { Answer::empty(304) } else { answer };
    answer.with("etag", etag)
}

/// Headers that every answer of GitHub has.
fn dressed(answer: Answer, world: &World) -> Answer {
    let number = world.requests.len();
    dated(answer, world)
        .with("server", "GitHub.com")
        .with("x-github-media-type", "github.v3; format=json")
        .with("x-github-api-version-selected", "2022-11-28")
        .with("x-github-request-id", format!("51A1:{number:04X}"))
}

/// The time by this world's clock: also what goes wrong says it, or callers would take the machine's for GitHub's.
fn dated(answer: Answer, world: &World) -> Answer {
    let date = world.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    answer.with("date", date)
}

fn route(world: &mut World, call: &Call<'_>) -> Option<Outcome> {
    let parts: Vec<&str> = call.parts.iter().map(String::as_str).collect();
    match (call.method(), parts.as_slice()) {
        ("GET", []) => Some(Ok(Answer::json(
            200,
            &json!({"current_user_url": format!("{}/user", world.api_url)}),
        ))),
        ("GET", ["rate_limit"]) => Some(people::rate_limit(world, call)),
        ("GET", ["meta"]) => Some(people::meta()),
        ("POST", ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]) => {
            Some(manifests::submit(world, call))
        }
        ("GET", ["login", "oauth", "authorize"]) => Some(oauth::authorize(world, call)),
        ("POST", ["login", "oauth", "access_token"]) => Some(oauth::exchange(world, call)),
        ("POST", ["app-manifests", code, "conversions"]) => Some(manifests::convert(world, code)),
        _ if call.identity == Identity::Nobody => Some(Err(Refused::new(401, "Requires authentication"))),
        ("GET", ["user"]) => Some(people::myself(world, call)),
        ("GET", ["users", login]) => Some(people::user(world, login)),
        ("GET", ["orgs", organization, "teams", team, "memberships", login]) => {
            Some(people::membership(world, call, organization, team, login))
        }
        (_, ["app", rest @ ..]) => apps::route(world, call, rest),
        ("GET", ["installation", "repositories"]) => Some(apps::repositories(world, call)),
        (_, ["repos", owner, name, rest @ ..]) => in_repository(world, call, &format!("{owner}/{name}"), rest),
        (_, ["repositories", id, rest @ ..]) => {
            let name = id
                .parse()
                .ok()
                .and_then(|id| world.repository_by_id(id))
                .map(|found| found.name.clone());
            match name {
                Some(name) => in_repository(world, call, &name, rest),
                None => Some(Err(Refused::not_found())),
            }
        }
        _ => None,
    }
}

fn in_repository(world: &mut World, call: &Call<'_>, name: &str, rest: &[&str]) -> Option<Outcome> {
    if let Some(moved) = moved(world, call, name) {
        return Some(Ok(moved));
    }
    let Some(id) = world.repository(name).map(|found| found.id) else {
        return Some(Err(Refused::not_found()));
    };
    if let (Identity::App, ["installation"]) = (&call.identity, rest) {
        return Some(apps::installation_of(world, id));
    }
    if let Err(refused) = call.reaches(world, id) {
        return Some(Err(refused));
    }
    match (call.method(), rest) {
        ("GET", []) => Some(commits::repository(world, id)),
        ("GET", ["installation"]) => Some(Err(Refused::new(401, "A JSON web token could not be decoded"))),
        ("POST", ["deployments"]) => Some(deployments::create(world, call, id)),
        ("GET", ["deployments"]) => Some(deployments::list(world, call, id)),
        ("GET", ["deployments", number]) => Some(deployments::one(world, call, id, number)),
        ("DELETE", ["deployments", number]) => Some(deployments::delete(world, call, id, number)),
        ("POST", ["deployments", number, "statuses"]) => Some(deployments::report(world, call, id, number)),
        ("GET", ["deployments", number, "statuses"]) => Some(deployments::statuses(world, call, id, number)),
        ("GET", ["deployments", number, "statuses", status]) => {
            Some(deployments::status(world, call, id, number, status))
        }
        ("GET", ["commits", reference @ .., "status"]) => Some(statuses::combined(world, call, id, reference)),
        ("GET", ["commits", reference @ .., "statuses"]) => Some(statuses::list(world, call, id, reference)),
        ("POST", ["statuses", sha]) => Some(statuses::create(world, call, id, sha)),
        ("GET", ["commits", reference @ .., "check-runs"]) => Some(checks::list(world, call, id, reference)),
        ("GET", ["commits"]) => Some(commits::list(world, call, id)),
        ("GET", ["commits", reference @ ..]) => Some(commits::one(world, call, id, reference)),
        ("GET", ["branches"]) => Some(commits::branches(world, call, id)),
        ("GET", ["branches", branch @ ..]) => Some(commits::branch(world, call, id, branch)),
        ("GET", ["git", "ref" | "refs", reference @ ..]) => Some(commits::reference(world, call, id, reference)),
        ("GET", ["compare", range @ ..]) => Some(commits::compare(world, call, id, range)),
        ("GET", ["pulls"]) => Some(pulls::list(world, call, id)),
        ("GET", ["pulls", number]) => Some(pulls::one(world, call, id, number)),
        ("GET", ["issues", "comments"]) => Some(comments::list_all(world, call, id)),
        ("GET", ["issues", number, "comments"]) => Some(comments::list(world, call, id, number)),
        ("POST", ["issues", number, "comments"]) => Some(comments::create(world, call, id, number)),
        ("PATCH", ["issues", "comments", comment]) => Some(comments::edit(world, call, id, comment)),
        ("GET", ["activity"]) => Some(comments::activity(world, call, id)),
        ("POST", ["merges"]) => Some(commits::merge(world, call, id)),
        ("GET", ["collaborators", login, "permission"]) => Some(people::permission(world, id, login)),
        ("POST", ["actions", "runs", run, "deployment_protection_rule"]) => Some(actions::review(world, call, id, run)),
        (_, ["hooks", rest @ ..]) => deliveries::of_repository(world, call, id, rest),
        _ => None,
    }
}

/// A renamed repository redirects: with 301 for reads, with 307 for writes so that the method is kept.
fn moved(world: &World, call: &Call<'_>, name: &str) -> Option<Answer> {
    let known = world.repository(name).is_some();
    let id = world.renamed.get(&name.to_ascii_lowercase()).filter(|_| !known)?;
    Some(elsewhere(call, *id))
}

/// The same for a repository that still has its name.
fn found_by_number(world: &World, call: &Call<'_>) -> Option<Answer> {
    let [_, owner, name, ..] = call.parts.as_slice() else {
        return None;
    };
    Some(elsewhere(call, world.repository(&format!("{owner}/{name}"))?.id))
}

fn elsewhere(call: &Call<'_>, id: u64) -> Answer {
    let rest: Vec<&str> = call.path.split('/').skip(4).collect();
    let slash = if rest.is_empty() { "" } else { "/" };
    let location = format!(
        "{}/repositories/{id}{slash}{}{}",
        call.base,
        rest.join("/"),
        call.query_text()
    );
    let status = if call.method() == "GET" { 301 } else { 307 };
    let body =
        json!({"message": if status == 301 { "Moved Permanently" } else { "Temporary Redirect" }, "url": location});
    Answer::json(status, &body).with("location", location)
}
