//! How every page looks: wide and narrow, light and dark, judged by axe, and its picture for people to look at.

use crate::browser::page::{Page, Scheme, Width};
use crate::browser::stage::Stage;
use crate::docs::root;
use crate::process::installation::Installation;
use crate::torture::setting;

const WIDTHS: [Width; 2] = [Width::Desktop, Width::Phone];
const SCHEMES: [Scheme; 2] = [Scheme::Light, Scheme::Dark];

/// How far the page itself is wider than its window. What is wide scrolls within its own box.
const TOO_WIDE: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

impl Page {
    /// Takes its pictures; what is wrong with it.
    pub async fn faults(&self, name: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for width in WIDTHS {
            for scheme in SCHEMES {
                self.look_as(width, scheme).await;
                let shown = format!("{name}-{}-{}", width.name(), scheme.name());
                let path = root().join("target/screenshots").join(format!("{shown}.png"));
                self.screenshot(&path, None).await;
                faults.extend(self.shut_out(&shown).await);
                let wider = self.evaluate(TOO_WIDE).await;
                if wider != 0 {
                    faults.push(format!("{shown}: the page is {wider} pixels wider than its window"));
                }
            }
        }
        faults
    }
}

/// The pictures of the documents: their names, how the pages are looked at, and how much of them is shown.
const PICTURES: [(&str, Width, Scheme, u32); 3] = [
    ("overview", Width::Desktop, Scheme::Light, 1110),
    ("run", Width::Desktop, Scheme::Light, 1240),
    ("phone", Width::Phone, Scheme::Dark, 740),
];
const PICTURE_LIMIT: u64 = 150 * 1024;

/// Makes them anew.
async fn take_pictures(stage: &Stage, page: &Page) {
    for (name, width, scheme, high) in PICTURES {
        page.look_as(width, scheme).await;
        let path = match name {
            "run" => format!("/runs/{}", stage.run("live")),
            _ => "/".to_owned(),
        };
        page.open(&path).await;
        let picture = root().join(format!("docs/pictures/{name}.png"));
        page.screenshot(&picture, Some(high)).await;
        let size = std::fs::metadata(&picture).expect("it is there").len();
        assert!(size <= PICTURE_LIMIT, "{name}.png has {size} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_used_by_everybody_at_every_width() {
    let stage = Stage::busy().await;
    let page = stage.window_of("mona").await;
    let mut found = Vec::new();
    for (name, path) in stage.pages(&page).await {
        page.open(&path).await;
        found.extend(page.faults(&name).await);
    }
    if setting("CHIMA_PICTURES").is_some() {
        take_pictures(&stage, &page).await;
    }
    page.open_refused("/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404).await;
    found.extend(page.faults("missing").await);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let mut server = stage.server;
    server.stop(std::time::Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_page_of_a_server_that_nobody_has_set_up_can_be_used_by_everybody() {
    let installation = Installation::sqlite().await;
    let config: Vec<String> = installation
        .config()
        .lines()
        .filter(|line| !line.contains("token:") && !line.contains("webhook_secrets:"))
        .map(str::to_owned)
        .collect();
    installation.write("app.yaml", &config.join("\n"));
    let server = installation.serve().await;
    let page = Page::new(&format!("http://127.0.0.1:{}", installation.port)).await;
    let mut found = Vec::new();
    for (name, path) in [("first", "/".to_owned()), ("setup", Stage::offered(&server).await)] {
        page.open(&path).await;
        found.extend(page.faults(name).await);
    }
    // the button leads to GitHub, where somebody agrees, and back
    page.leads_on(page.click("button")).await;
    assert_eq!(page.text("h1").await, "The App is made");
    found.extend(page.faults("setup-made").await);
    assert!(found.is_empty(), "{}", found.join("\n"));
}
