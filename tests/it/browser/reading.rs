//! Without JavaScript: every page can be read, and says the same.

use crate::browser::stage::Stage;

/// Words of the page as they are read, without what a script alone is for.
const WORDS: &str =
    "[...document.querySelectorAll('main h1, main h2, main th, main dt, main td:first-child, main label')]
  .filter(e => e.getClientRects().length).map(e => e.innerText.trim().replace(/[0-9]+ (s|min)/g, '… s')).filter(text => text)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_read_without_javascript() {
    let stage = Stage::busy().await;
    let (with, without) = (stage.window_of("mona").await, stage.window_of("mona").await);
    without.without_javascript().await;
    for (name, path) in stage.pages(&with).await {
        with.open(&path).await;
        without.open(&path).await;
        let (one, other) = (with.evaluate(WORDS).await, without.evaluate(WORDS).await);
        assert_eq!(one, other, "{name}");
        assert!(!without.text("h1").await.is_empty(), "{name} has a heading");
        assert_eq!(without.count("h1").await, 1, "{name}");
    }
    let page = without;
    page.open(&format!("/runs/{}", stage.run("good"))).await;
    assert!(page.text("#log").await.contains("Live."), "its log can be read");
}
