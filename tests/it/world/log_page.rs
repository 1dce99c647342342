//! The page of a log: windows of its lines, where a text stands in it, and the same through the API.

use crate::world::stage::World;

/// A thousand lines and three odd ones. Before them stands the command itself.
const SCRIPT: &str = r#"#!/bin/sh
i=1
while [ $i -le 1000 ]; do echo "line number $i"; i=$((i+1)); done
printf '\033[31mNee\033[0mdle </span><script>alert(1)</script>\n'
printf '10 %%\r20 %%\r\n'
echo "the end"
"#;

impl World {
    /// The address of a run's log, with what is asked of it.
    async fn log_at(&self, deployment: u64, query: &str) -> String {
        format!("/runs/{}/log{query}", self.run(deployment).await.id)
    }
}

#[tokio::test]
async fn a_log_is_shown_a_window_at_a_time() {
    let world = World::setup().script(SCRIPT).start().await;
    let id = world.deploy("staging").await;
    world.settle_all().await;
    let first = world.page(&world.log_at(id, "").await).await;
    assert!(first.contains(r#"id="L1""#) && first.contains(r#"id="L300""#) && !first.contains(r#"id="L301""#));
    assert!(
        first.contains("1004 lines") && !first.contains("Earlier lines"),
        "{first}"
    );
    let later = world.log_at(id, "?from=301").await;
    assert!(first.contains(&format!(r#"href="{later}""#)), "{first}");
    let later = world.page(&later).await;
    assert!(later.contains(r#"id="L301""#) && later.contains("Earlier lines") && later.contains("Later lines"));
    // whoever follows a link to a line sees it, with some before it
    let named = world.page(&world.log_at(id, "?line=1004#L1004").await).await;
    assert!(named.contains(r#"<div class="line wanted" id="L1004">"#), "{named}");
    assert!(named.contains("the end") && named.contains(r#"id="L990""#) && !named.contains("Later lines"));
    // nothing in a log becomes an element, and what was printed over stays in its line
    assert!(!named.contains("<script>alert"), "{named}");
    assert!(
        named.contains(r#"<span class="ink1">Nee</span>dle &#60;/span"#),
        "{named}"
    );
    assert!(named.contains("10 %\u{240d}20 %"), "{named}");
    for odd in [
        "?from=0",
        "?from=x&line=&q=",
        "?line=99999999999999999999",
        "?%ff&line=5000",
    ] {
        assert_eq!(world.get(&world.log_at(id, odd).await).await.0, 200, "{odd}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_text_is_found_and_what_is_not_there_is_said() {
    let world = World::setup().script(SCRIPT).start().await;
    let id = world.deploy("staging").await;
    world.settle_all().await;
    let find = async |query: &str| world.page(&world.log_at(id, query).await).await;
    let found = find("?q=needle&find=next&at=0").await;
    assert!(found.contains(r#"<div class="line wanted hit" id="L1002">"#), "{found}");
    assert!(found.contains(r#"value="needle""#) && found.contains(r#"name="at" id="at" value="1002""#));
    let found = find("?q=number+99&find=previous&at=999").await;
    assert!(found.contains(r#"<div class="line wanted hit" id="L998">"#), "{found}");
    let found = find("?q=needle&find=next&at=1002").await;
    assert!(found.contains("it stands in no line after line 1002"), "{found}");
    let found = find("?q=%3Cb%3E%E2%80%AEx&find=next").await;
    assert!(found.contains("&#60;b&#62;") && !found.contains('\u{202e}'), "{found}");
    world.end().await;
}

#[tokio::test]
async fn programs_get_the_same_lines() {
    let world = World::setup().script(SCRIPT).start().await;
    let id = world.deploy("staging").await;
    world.settle_all().await;
    let base = format!("/api/v1/runs/{}/log", world.run(id).await.id);
    let json = async |path: &str| -> serde_json::Value {
        serde_json::from_str(&world.page(&format!("{base}{path}")).await).unwrap()
    };
    let shown = json("/lines?from=1001&count=2").await;
    assert_eq!(shown["kept"], serde_json::json!([[1, 1004]]));
    assert_eq!(shown["ended"], true);
    assert_eq!(shown["lines"][0]["text"], "line number 1000");
    assert_eq!(shown["lines"][1]["looks"], serde_json::json!([[3, "ink1"], [36, ""]]));
    assert_eq!(shown["lines"][2], serde_json::Value::Null);
    assert_eq!(json("/search?q=NEEDLE").await["line"], 1002);
    assert_eq!(
        json("/search?q=needle&from=1002&backwards=true").await["line"],
        serde_json::Value::Null
    );
    for (path, status) in [
        ("/lines?count=0", 400),
        ("/lines?count=1001", 400),
        ("/search?w=x", 400),
        ("/lines?from=x", 400),
    ] {
        assert_eq!(world.get(&format!("{base}{path}")).await.0, status, "{path}");
    }
    assert_eq!(world.get("/api/v1/runs/nothing/log/lines").await.0, 404);
    world.end().await;
}

#[tokio::test]
async fn a_log_that_is_not_there_is_a_page_that_says_so() {
    let world = World::new().await;
    let (status, text) = world.get("/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/log").await;
    assert!(status == 404 && text.contains("<h1>"), "{text}");
    world.hold();
    let id = world.deploy("staging").await;
    world.intake().await;
    let page = world.page(&world.log_at(id, "").await).await;
    assert!(
        page.contains("There is no log yet") && page.contains("reload to see more"),
        "{page}"
    );
    world.release();
    world.settle_all().await;
    world.end().await;
}
