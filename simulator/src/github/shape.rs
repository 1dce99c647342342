//! GitHub's JSON shapes of accounts, repositories and Apps, with all the fields that its own examples have: clients must
//! cope with the bulk of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::github::graph::{number_of, sha_of};
use crate::github::world::{Repository, World};

/// A moment as GitHub writes it.
pub(crate) fn time(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An opaque identifier of the older form.
pub(crate) fn node_id(kind: &str, id: u64) -> String {
    STANDARD.encode(format!("0{}:{kind}{id}", kind.len()))
}

/// An account, from its login alone.
pub(crate) fn user(world: &World, login: &str) -> Value {
    let id = world.account_of(login);
    let escaped = login.replace('[', "%5B").replace(']', "%5D");
    let api = format!("{}/users/{escaped}", world.api_url);
    let bot = login.ends_with("[bot]");
    json!({
        "login": login,
        "id": id,
        "node_id": node_id(if bot { "Bot" } else { "User" }, id),
        "avatar_url": format!("{}/avatars/u/{id}?v=4", world.url),
        "gravatar_id": "",
        "url": api,
        "html_url": if bot { format!("{}/apps/{}", world.url, login.trim_end_matches("[bot]")) } else { format!("{}/{escaped}", world.url) },
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": if bot { "Bot" } else { "User" },
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// A repository in full.
pub(crate) fn repository(world: &World, repository: &Repository) -> Value {
    let api = format!("{}/repos/{}", world.api_url, repository.name);
    let html = format!("{}/{}", world.url, repository.name);
    let host = world.url.trim_start_matches("http://");
    let made = repository
        .commits
        .values()
        .map(|commit| commit.at)
        .min()
        .unwrap_or_default();
    let mut shape = Map::new();
    let mut put = |key: &str, value: Value| shape.insert(key.to_owned(), value);
    put("id", json!(repository.id));
    put("node_id", json!(node_id("Repository", repository.id)));
    put("name", json!(repository.short_name()));
    put("full_name", json!(repository.name));
    put("private", json!(repository.private));
    put("owner", user(world, repository.owner()));
    put("html_url", json!(html));
    put("url", json!(api));
    for (key, rest) in API_LINKS {
        put(key, json!(format!("{api}{rest}")));
    }
    put("git_url", json!(format!("git://{host}/{}.git", repository.name)));
    put("ssh_url", json!(format!("git@{host}:{}.git", repository.name)));
    put("clone_url", json!(format!("{html}.git")));
    put("svn_url", json!(html));
    put("created_at", json!(time(made)));
    put("updated_at", json!(time(made)));
    put("pushed_at", json!(time(made)));
    put("default_branch", json!(repository.default_branch));
    put(
        "visibility",
        json!(if repository.private { "private" } else { "public" }),
    );
    put("archived", json!(repository.archived));
    for key in ["description", "homepage", "language", "mirror_url", "license"] {
        put(key, Value::Null);
    }
    for key in ["fork", "disabled", "is_template", "has_pages", "has_discussions"] {
        put(key, json!(false));
    }
    for key in [
        "has_issues",
        "has_projects",
        "has_downloads",
        "has_wiki",
        "allow_forking",
    ] {
        put(key, json!(true));
    }
    for key in COUNTS {
        put(key, json!(0));
    }
    put("web_commit_signoff_required", json!(false));
    put("topics", json!([]));
    put("custom_properties", json!({}));
    Value::Object(shape)
}

const COUNTS: [&str; 8] = [
    "forks",
    "forks_count",
    "open_issues",
    "open_issues_count",
    "size",
    "stargazers_count",
    "watchers",
    "watchers_count",
];

const API_LINKS: [(&str, &str); 36] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// An App, as deployments and check runs carry it: GitHub's description of those does not know every event there.
pub(crate) fn carried_app(world: &World, slug: &str) -> Value {
    let mut shown = app(world, slug);
    if let Some(events) = shown["events"].as_array_mut() {
        events.retain(|event| event != "deployment_protection_rule");
    }
    shown
}

/// An App, as it is shown by itself.
pub(crate) fn app(world: &World, slug: &str) -> Value {
    let id = if slug == world.app.slug {
        world.app.id
    } else {
        number_of(slug, 1_000_000) + 1
    };
    json!({
        "id": id,
        "client_id": format!("Iv23{}", &sha_of(slug)[..16]),
        "slug": slug,
        "node_id": node_id("App", id),
        "owner": user(world, "octo"),
        "name": slug,
        "description": "",
        "external_url": format!("{}/apps/{slug}", world.url),
        "html_url": format!("{}/apps/{slug}", world.url),
        "created_at": "2024-01-02T03:04:05Z",
        "updated_at": "2024-01-02T03:04:05Z",
        "permissions": world.app.permissions,
        "events": world.app.events,
    })
}
