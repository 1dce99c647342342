//! With the keyboard alone: everything that can be used is reached, in order, and where one is can be seen.

use std::collections::BTreeSet;

use crate::browser::page::{Page, Scheme, Width};
use crate::browser::stage::Stage;

/// Everything that somebody with a mouse could use, numbered. What is folded away is reached by unfolding.
const USABLE: &str =
    "[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex=\"0\"]')]
  .filter(e => !e.disabled && e.type !== 'hidden' && e.getClientRects().length && e.checkVisibility())
  .map((e, at) => { e.chimaAt = at; return e.outerHTML.slice(0, 120); })";

/// Where the keyboard is, and whether that can be seen.
const HERE: &str = "(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e);
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const box = e.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return { at: e.chimaAt ?? null, group: e.type === 'radio' ? e.name : null, seen: outlined && inside, html: e.outerHTML.slice(0, 120) };
})()";

/// Goes through a page with Tab. Radio buttons of one name are one stop, as in every browser.
async fn is_reached_by_keys(page: &Page, name: &str) {
    let usable = page.evaluate(USABLE).await;
    let usable = usable.as_array().expect("a list");
    let mut reached = BTreeSet::new();
    let mut unseen = Vec::new();
    for _ in 0..=usable.len() {
        page.press("Tab").await;
        let here = page.evaluate(HERE).await;
        if here.is_null() {
            break;
        }
        if let Some(at) = here["at"].as_u64() {
            reached.insert(usize::try_from(at).expect("a small number"));
        }
        if here["seen"] != true {
            unseen.push(here["html"].clone());
        }
    }
    assert!(unseen.is_empty(), "{name}: nobody sees where they are: {unseen:#?}");
    let missed: Vec<&serde_json::Value> = usable
        .iter()
        .enumerate()
        .filter(|(at, html)| {
            !reached.contains(at) && !html.as_str().is_some_and(|html| html.contains("type=\"radio\""))
        })
        .map(|(_, html)| html)
        .collect();
    assert!(missed.is_empty(), "{name}: not reached with Tab: {missed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_with_the_keyboard_and_one_sees_where_one_is() {
    let stage = Stage::busy().await;
    let page = stage.window().await;
    for width in [Width::Desktop, Width::Phone] {
        page.look_as(width, Scheme::Light).await;
        for (name, path) in stage.pages() {
            page.open(&path).await;
            is_reached_by_keys(&page, &name).await;
        }
    }
}
