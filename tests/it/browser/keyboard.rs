//! With the keyboard alone: everything that can be used is reached, in order, and where one is can be seen.

use std::collections::BTreeSet;

use crate::browser::page::{Page, Scheme, Width};
use crate::browser::stage::Stage;

/// Everything that somebody with a mouse could use. What is folded away is reached by unfolding.
const USABLE: &str =
    "[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex=\"0\"]')]
  .filter(e => !e.disabled && e.type !== 'hidden' && e.getClientRects().length && e.checkVisibility())
  .map(e => e.outerHTML.slice(0, 160))";

/// Where the keyboard is, and whether that can be seen.
const HERE: &str = "(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e);
  // a date has fields of the browser's own inside, which show where one is by themselves
  const outlined = e.type === 'date' || style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const box = e.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return { seen: outlined && inside, html: e.outerHTML.slice(0, 160) };
})()";

/// Goes through a page with Tab. Radio buttons of one name are one stop, as in every browser.
async fn is_reached_by_keys(page: &Page, name: &str) {
    // what a script fetches has come
    page.wait_until("![...document.querySelectorAll('#lines .said')].some(line => line.textContent === '…')")
        .await;
    let usable = page.evaluate(USABLE).await;
    let usable = usable.as_array().expect("a list");
    let mut reached = BTreeSet::new();
    let mut unseen = Vec::new();
    // a date has several stops of its own
    for _ in 0..usable.len() * 2 + 20 {
        page.press("Tab").await;
        let here = page.evaluate(HERE).await;
        if here.is_null() {
            break;
        }
        reached.insert(here["html"].to_string());
        if here["seen"] != true {
            unseen.push(here["html"].clone());
        }
    }
    assert!(unseen.is_empty(), "{name}: nobody sees where they are: {unseen:#?}");
    let radio = |html: &&serde_json::Value| html.to_string().contains("type=\\\"radio");
    let missed: Vec<&serde_json::Value> = usable
        .iter()
        .filter(|html| !reached.contains(&html.to_string()) && !radio(html))
        .collect();
    assert!(missed.is_empty(), "{name}: not reached with Tab: {missed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_with_the_keyboard_and_one_sees_where_one_is() {
    let stage = Stage::busy().await;
    let page = stage.window_of("mona").await;
    let pages = stage.pages(&page).await;
    for width in [Width::Desktop, Width::Phone] {
        page.look_as(width, Scheme::Light).await;
        for (name, path) in &pages {
            page.open(path).await;
            is_reached_by_keys(&page, name).await;
        }
    }
}
