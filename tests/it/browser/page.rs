//! One window of the browser, in a context of its own, and what a person does there.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::browser::chromium::Chromium;

/// Within that everything happens, also where the machine is busy.
const LIMIT: Duration = Duration::from_secs(30);

/// How wide it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    Desktop,
    Phone,
}

/// Which colours the person prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Width {
    pub fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Phone => "phone",
        }
    }

    fn pixels(self) -> (u32, u32) {
        match self {
            Self::Desktop => (1280, 800),
            Self::Phone => (360, 740),
        }
    }
}

impl Scheme {
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A window. What it did and should not have done is told when it is dropped, if the test has not failed anyway.
pub struct Page {
    chromium: Arc<Chromium>,
    context: String,
    session: String,
    /// What addresses begin with.
    base: String,
}

impl Page {
    /// An empty window at desktop width, in light colours. `base` is where the pages are, such as `http://127.0.0.1:8080`.
    pub async fn new(base: &str) -> Self {
        let chromium = Chromium::shared();
        let ask = async |method: &str, params: Value| {
            let answer = chromium.call(None, method, params).await;
            answer.unwrap_or_else(|refused| panic!("{method}: {refused:?}"))
        };
        let text = |answer: Value, key: &str| answer[key].as_str().expect("an id").to_owned();
        let context = text(
            ask("Target.createBrowserContext", json!({"disposeOnDetach": true})).await,
            "browserContextId",
        );
        let target = json!({"url": "about:blank", "browserContextId": context});
        let target = text(ask("Target.createTarget", target).await, "targetId");
        let attach = json!({"targetId": target, "flatten": true});
        let session = text(ask("Target.attachToTarget", attach).await, "sessionId");
        let page = Self {
            chromium,
            context,
            session,
            base: base.to_owned(),
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        // as if somebody looked at this window only
        page.call("Emulation.setFocusEmulationEnabled", json!({"enabled": true}))
            .await;
        page.look_as(Width::Desktop, Scheme::Light).await;
        page
    }

    /// Calls a method of the protocol, which must not refuse.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.chromium.call(Some(&self.session), method, params).await;
        answer.unwrap_or_else(|refused| panic!("{method}: {refused:?}"))
    }

    /// Opens an address below the base, or a whole one, and looks at it once all of it has come.
    pub async fn open(&self, path: &str) {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let opened = self.call("Page.navigate", json!({"url": url})).await;
        assert_eq!(opened["errorText"], Value::Null, "{url}");
        self.has_come().await;
    }

    /// Opens an address that is refused, with its status. Browsers write a line about that into the console.
    pub async fn open_refused(&self, path: &str, status: u16) {
        self.open(path).await;
        let line = format!("status of {status}");
        let (expected, others): (Vec<String>, Vec<String>) =
            self.noticed().await.into_iter().partition(|told| told.contains(&line));
        assert_eq!((expected.len(), others), (1, Vec::new()), "{path}");
    }

    pub async fn has_come(&self) {
        self.wait_until("document.readyState === 'complete'").await;
    }

    /// The value of an expression, also of a promise.
    pub async fn evaluate(&self, expression: &str) -> Value {
        match self.try_evaluate(expression).await {
            Ok(value) => value,
            Err(thrown) => panic!("{expression}: {thrown}"),
        }
    }

    async fn try_evaluate(&self, expression: &str) -> Result<Value, String> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self
            .chromium
            .call(Some(&self.session), "Runtime.evaluate", params)
            .await;
        let mut answer = answer.map_err(|refused| refused.0)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown.to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Waits until a condition holds. What cannot be asked, because another page is just coming, does not hold yet.
    pub async fn wait_until(&self, condition: &str) {
        let begun = Instant::now();
        while self.try_evaluate(condition).await != Ok(json!(true)) {
            if begun.elapsed() > LIMIT {
                let address = self.try_evaluate("location.href").await;
                let shown = self
                    .try_evaluate("document.documentElement.outerHTML.slice(0, 4000)")
                    .await;
                panic!(
                    "never: {condition}\n{address:?}\n{shown:?}\n{:#?}",
                    self.chromium.noticed(&self.session)
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the address is this one, and all of it has come.
    pub async fn wait_for_path(&self, path: &str) {
        let there = format!(
            "location.pathname + location.search === {} && document.readyState === 'complete'",
            json!(path)
        );
        self.wait_until(&there).await;
    }

    /// Does something that leads to another document, and waits for it.
    pub async fn leads_on(&self, act: impl Future<Output = ()>) {
        self.evaluate("void (window.chimaLeft = true)").await;
        act.await;
        self.wait_until("window.chimaLeft !== true && document.readyState === 'complete'")
            .await;
    }

    /// The text that is shown of the first element.
    pub async fn text(&self, selector: &str) -> String {
        let text = self
            .evaluate(&format!(
                "document.querySelector({})?.innerText ?? null",
                json!(selector)
            ))
            .await;
        text.as_str()
            .unwrap_or_else(|| panic!("nothing is `{selector}`"))
            .to_owned()
    }

    /// How many elements there are.
    pub async fn count(&self, selector: &str) -> u64 {
        let count = self
            .evaluate(&format!("document.querySelectorAll({}).length", json!(selector)))
            .await;
        count.as_u64().expect("a number")
    }

    /// How it is looked at from now on. Nothing moves, so that pictures are alike.
    pub async fn look_as(&self, width: Width, scheme: Scheme) {
        let (across, down) = width.pixels();
        let metrics = json!({"width": across, "height": down, "deviceScaleFactor": 1, "mobile": width == Width::Phone});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme.name()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.call("Emulation.setEmulatedMedia", media).await;
    }

    /// From the next page on, as if there were no JavaScript.
    pub async fn without_javascript(&self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": true}))
            .await;
    }

    /// Writes a picture of the page: all of it, or its first so many pixels.
    pub async fn screenshot(&self, path: &Path, most: Option<u32>) {
        let metrics = self.call("Page.getLayoutMetrics", json!({})).await;
        let size = &metrics["cssContentSize"];
        let high = size["height"].as_f64().expect("a number");
        let high = most.map_or(high, |most| high.min(most.into()));
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": high, "scale": 1});
        let params = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.call("Page.captureScreenshot", params).await;
        let bytes = STANDARD
            .decode(picture["data"].as_str().expect("a picture"))
            .expect("base64");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is ours");
        std::fs::write(path, bytes).expect("the folder is ours");
    }

    /// What it did and should not have done, since the last time that was asked.
    pub async fn noticed(&self) -> Vec<String> {
        // events come before the answer to what is asked after them
        let _ = self.try_evaluate("1").await;
        self.chromium.noticed(&self.session)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let context = json!({"browserContextId": self.context});
        self.chromium.say("Target.disposeBrowserContext", &context);
        if !std::thread::panicking() {
            let noticed = self.chromium.noticed(&self.session);
            assert!(noticed.is_empty(), "a page did what it should not: {noticed:#?}");
        }
    }
}
