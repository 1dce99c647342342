//! `/setup` of a server that nobody has set up yet: who may see it, what it sends where, and everything that can go wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};
use insta::assert_snapshot;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::world::stage::World;

const FILES: [&str; 3] = ["client-secret", "private-key.pem", "webhook-secret"];

async fn world() -> World {
    World::setup().bare().start().await
}

/// A browser that follows no redirect by itself.
fn browser() -> Client {
    Client::builder()
        .redirect(Policy::none())
        .user_agent("a browser")
        .build()
        .unwrap()
}

fn page_address(world: &World) -> String {
    format!("{}{}", world.url, world.set_up.as_ref().unwrap().path())
}

async fn open(address: &str) -> (u16, String) {
    let response = browser().get(address).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn attribute(page: &str, before: &str) -> String {
    let value = page
        .split_once(before)
        .unwrap_or_else(|| panic!("no `{before}` in {page}"))
        .1;
    let value = value.split_once('"').unwrap().0;
    value
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

/// What a person does: opens the page and presses the button. Where GitHub sends the browser back to.
async fn sent_back(world: &World) -> String {
    let (status, page) = open(&page_address(world)).await;
    assert_eq!(status, 200, "{page}");
    let manifest = attribute(&page, "name=\"manifest\" value=\"");
    let form = [("manifest", manifest)];
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let posted = browser()
        .post(attribute(&page, "action=\""))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 302);
    posted.headers()["location"].to_str().unwrap().to_owned()
}

/// The page's words: one line for each element that has some.
fn words(page: &str) -> String {
    let main = page.split_once("<article").unwrap().1.split_once('>').unwrap().1;
    let main = main.split_once("</article>").unwrap().0;
    let mut text = String::new();
    let mut inside = false;
    for letter in main.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(letter),
            _ => {}
        }
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace("&#39;", "'")
        .replace("&#96;", "`")
}

fn header(response: &Response, name: &str) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_click_makes_the_app_and_keeps_its_secrets_as_files() {
    let world = world().await;
    let back = sent_back(&world).await;
    assert!(back.starts_with(&format!("{}/setup/callback?", world.url)), "{back}");
    let (status, page) = open(&back).await;
    assert_eq!(status, 200, "{page}");
    let folder = world.path("data/secrets");
    let mut found: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, FILES);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for name in FILES {
        let mode = fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let secret = fs::read_to_string(folder.join(name)).unwrap();
        assert!(!secret.is_empty() && !page.contains(secret.trim()), "{name}");
    }
    let (id, permissions) = world.github.read(|world| (world.app.id, world.app.permissions.clone()));
    let shown = words(&page)
        .replace(&world.folder().display().to_string(), "<folder>")
        .replace(&id.to_string(), "<id>");
    assert_snapshot!(shown, @r"
    The App is made
    done chima-127.0.0.1 is yours. Two things are left to do.
    1. Write this into the configuration
    github:
    app_id: <id>
    private_key: { file: <folder>/data/secrets/private-key.pem }
    webhook_secrets: [{ file: <folder>/data/secrets/webhook-secret }]
    sign_in:
    client_id: Iv23657f2786d6c7f3d9
    client_secret: { file: <folder>/data/secrets/client-secret }
    In place of what github: says of token, app_id, private_key and webhook_secrets; with sign_in, people sign in to the pages. Then start Chima again; chima doctor tells whether all is well.
    2. Install the App on your repositories
    Install chima-127.0.0.1
    Kept, readable by Chima's account alone
    <folder>/data/secrets/private-key.pem
    <folder>/data/secrets/webhook-secret
    <folder>/data/secrets/client-secret
    ");
    assert_eq!(permissions["deployments"], "write");
    assert_eq!(permissions["contents"], "read");
    // once is enough
    let (status, page) = open(&page_address(&world)).await;
    assert_eq!((status, words(&page).lines().next()), (200, Some("Chima is set up")));
    let (_, page) = open(&back).await;
    assert!(page.contains("Chima is set up"), "{page}");
    world.end().await;
}

#[tokio::test]
async fn only_this_page_may_send_a_form_and_only_to_github() {
    let world = world().await;
    let response = browser().get(page_address(&world)).send().await.unwrap();
    let policy = header(&response, "content-security-policy");
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self' {}; frame-ancestors 'none'",
            world.github.url()
        )
    );
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(header(&response, "referrer-policy"), "same-origin");
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    let other = browser().get(&world.url).send().await.unwrap();
    assert!(header(&other, "content-security-policy").contains("form-action 'self'"));
    world.end().await;
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_it() {
    let world = world().await;
    for path in ["/setup", "/setup?token=", "/setup?token=0123456789abcdef"] {
        let (status, page) = open(&format!("{}{path}", world.url)).await;
        assert_eq!(status, 403, "{path}");
        assert!(!page.contains("<form") && !page.contains("state="), "{page}");
    }
    for query in ["", "?code=x", "?code=x&state=", "?code=x&state=0123"] {
        let (status, page) = open(&format!("{}/setup/callback{query}", world.url)).await;
        assert_eq!(status, 400, "{query}");
        assert!(page.contains("belongs to no form"), "{page}");
    }
    assert!(!world.path("data/secrets").exists());
    assert_eq!(world.github.requests().len(), 0);
    world.end().await;
}

#[tokio::test]
async fn who_has_credentials_is_offered_nothing() {
    let world = World::new().await;
    assert!(world.set_up.is_none());
    for (path, expected) in [
        ("/setup", 200),
        ("/setup?token=x", 200),
        ("/setup/callback?code=x&state=y", 410),
    ] {
        let (status, page) = open(&format!("{}{path}", world.url)).await;
        assert_eq!(status, expected);
        let said = "Chima is set up\nThere are credentials for GitHub, so no other App is made here.";
        assert_eq!(words(&page), said);
    }
    world.end().await;
}

#[tokio::test]
async fn an_answer_comes_back_once_and_in_time() {
    let world = world().await;
    let late = sent_back(&world).await;
    world.clock.advance(Duration::from_secs(3600));
    let (status, page) = open(&late).await;
    assert_eq!(status, 400);
    assert_snapshot!(words(&page), @r"
    No App was set up
    This answer belongs to no form that was handed out here, or to one that has come back already.
    Begin again at the address that was printed; an App that GitHub made meanwhile can be deleted there.
    ");
    let back = sent_back(&world).await;
    world
        .github
        .fail(Fault::on("POST", "/conversions", FaultKind::NotFound));
    let (status, page) = open(&back).await;
    assert_eq!(status, 400);
    assert_snapshot!(words(&page), @r"
    No App was set up
    GitHub does not take the code (404: Not Found); a code is good once, and for an hour.
    Begin again at the address that was printed; an App that GitHub made meanwhile can be deleted there.
    ");
    let (status, page) = open(&back).await;
    assert_eq!(status, 400);
    assert!(page.contains("belongs to no form"), "{page}");
    world.end().await;
}

#[tokio::test]
async fn while_github_is_away_the_page_can_be_loaded_again() {
    let world = world().await;
    let back = sent_back(&world).await;
    world
        .github
        .fail(Fault::on("POST", "/conversions", FaultKind::BadGateway));
    let (status, page) = open(&back).await;
    assert_eq!(status, 502);
    assert_snapshot!(words(&page), @r"
    No App was set up
    GitHub answered 502: Bad Gateway.
    Load this page again in a moment.
    ");
    assert_eq!(open(&back).await.0, 200);
    assert!(world.path("data/secrets/private-key.pem").exists());
    world.end().await;
}

#[tokio::test]
async fn secrets_that_are_there_are_not_replaced() {
    let world = world().await;
    let back = sent_back(&world).await;
    let key = world.path("data/secrets/private-key.pem");
    fs::write(&key, "precious").unwrap();
    let (status, page) = open(&page_address(&world)).await;
    assert_eq!(status, 409);
    assert!(page.contains("is there already"), "{page}");
    // nor when it came in between
    let (status, page) = open(&back).await;
    assert_eq!(status, 500);
    assert!(
        page.contains("delete the App at") || page.contains("Delete the App at"),
        "{page}"
    );
    assert_eq!(fs::read_to_string(&key).unwrap(), "precious");
    world.end().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_said_before_anything_is_made() {
    let world = world().await;
    fs::create_dir_all(world.path("data")).unwrap();
    fs::write(world.path("data/secrets"), "a file in the way").unwrap();
    let (status, page) = open(&page_address(&world)).await;
    assert_eq!(status, 500);
    assert!(page.contains("Cannot write") && !page.contains("<form"), "{page}");
    world.end().await;
}
