//! A real browser on a real page: it follows a log that was made to get at it.

use std::time::Duration;

use serde_json::Value;

use crate::browser::Page;
use crate::log_view::is_look;
use crate::log_view::payloads::payloads;
use crate::process::installation::Installation;
use crate::torture::row;

/// Each element of the log as one word: its name and its attributes.
const ELEMENTS: &str = "[...document.querySelectorAll('#log *')].map(e => e.localName + '|' + \
                        [...e.attributes].map(a => a.name + '=' + a.value).join('|'))";
/// What runs, loads or leads elsewhere and is on no page of ours; what is on the page outside the log must not come from the log either.
const FOREIGN: &str = "[...document.querySelectorAll('*')].filter(e =>
  e.matches('script:not([src^=\"/assets/\"]), link:not([href^=\"/assets/\"]), iframe, frame, object, embed, img, video, audio, base, style, template, math')
  || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style' || /^\\s*(javascript|data):/i.test(a.value)))
  .map(e => e.outerHTML.slice(0, 200))";

fn unlisted(elements: &Value) -> Vec<String> {
    let all = elements.as_array().expect("a list").iter().filter_map(Value::as_str);
    let listed = |element: &&str| {
        element
            .strip_prefix("span|class=")
            .is_some_and(|class| class.split(' ').all(is_look))
    };
    all.filter(|element| !listed(element)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_follows_a_hostile_log_has_nothing_but_text_and_listed_spans() {
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let deployment = installation.deploy("printing", "staging").await;
    let run = installation.noted(deployment, "start").await.field("run").to_owned();
    let all = payloads();
    let whole = [all.concat(), b"\x1b[1;32mfirst part\x1b[0m\n".to_vec()].concat();
    installation.print("first", &whole);
    let browser = Page::new(&format!("http://127.0.0.1:{}", installation.port)).await;
    // part of it may be on the page as it was made, the rest comes while it is followed
    browser.open(&format!("/runs/{run}")).await;
    browser
        .wait_until("document.getElementById('follow')?.textContent === 'following'")
        .await;
    browser
        .wait_until("[...document.querySelectorAll('#log .ink2')].some(e => e.textContent === 'first part')")
        .await;
    let again = [all.concat(), b"\x1b[1;33msecond part\x1b[0m\n".to_vec()].concat();
    installation.print("second", &again);
    browser
        .wait_until("[...document.querySelectorAll('#log .ink3')].some(e => e.textContent === 'second part')")
        .await;
    let live = browser.evaluate(ELEMENTS).await;
    assert_eq!(unlisted(&live), Vec::<String>::new());
    let text = browser.evaluate("document.getElementById('log').textContent").await;
    assert!(
        text.as_str()
            .is_some_and(|text| text.matches("<script>alert(1)</script>").count() > 100)
    );
    // what the page is when its run has ended, made by the server alone
    installation.open_gate(deployment);
    assert_eq!(
        installation.concluded(deployment, Duration::from_secs(20)).await,
        "success"
    );
    browser
        .wait_until(
            "document.readyState === 'complete' && document.getElementById('state')?.textContent === 'succeeded' \
             && !document.getElementById('follow')",
        )
        .await;
    let made = browser.evaluate(ELEMENTS).await;
    assert_eq!(unlisted(&made), Vec::<String>::new());
    assert!(made.as_array().is_some_and(|made| made.len() > 100));
    let foreign = browser.evaluate(FOREIGN).await;
    assert_eq!(foreign, serde_json::json!([]));
    assert_eq!(
        browser.noticed().await,
        Vec::<String>::new(),
        "an alert, a line in the console, or a request to others"
    );
    server.stop(Duration::from_secs(10)).await;
    installation.close().await;
    row(
        "hostile logs in Chromium, made by the server and followed live",
        u64::try_from(all.len()).unwrap(),
        format!(
            "{} spans of the list, no other element, no alert, console empty",
            live.as_array().map_or(0, Vec::len)
        ),
        "only listed nodes",
    );
}
