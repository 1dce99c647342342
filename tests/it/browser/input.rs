//! Mouse and keyboard: events as a person's device makes them.

use serde_json::json;

use crate::browser::page::Page;

/// Where the middle of an element is, once it is in sight; what lies there instead, where it is covered.
const PLACE: &str = "(() => {
  const found = document.querySelector(SELECTOR);
  if (!found) return { fault: 'there is none' };
  found.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
  const box = found.getClientRects()[0];
  if (!box || !box.width || !box.height) return { fault: 'it is not shown' };
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  const top = document.elementFromPoint(x, y);
  if (!top || !(found.contains(top) || top.contains(found) && top.localName === 'label'))
    return { fault: `at ${x}, ${y} there is ${top?.outerHTML.slice(0, 200)}` };
  return { x, y };
})()";

impl Page {
    /// Moves the mouse there, presses and lets go.
    pub async fn click(&self, selector: &str) {
        let shown = format!("document.querySelector({}) !== null", json!(selector));
        self.wait_until(&shown).await;
        let place = self
            .evaluate(&PLACE.replace("SELECTOR", &json!(selector).to_string()))
            .await;
        assert_eq!(place.get("fault"), None, "`{selector}` cannot be clicked");
        for (kind, button) in [
            ("mouseMoved", "none"),
            ("mousePressed", "left"),
            ("mouseReleased", "left"),
        ] {
            let event = json!({"type": kind, "x": place["x"], "y": place["y"], "button": button,
                "clickCount": u8::from(kind != "mouseMoved")});
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Clicks into a field and types.
    pub async fn write(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.evaluate("void document.activeElement.select?.()").await;
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// Chooses in a list, with the arrows.
    pub async fn choose(&self, selector: &str, value: &str) {
        let list = format!("document.querySelector({})", json!(selector));
        let places = self
            .evaluate(&format!(
                "(() => {{ const list = {list}; list.focus(); return [...list.options].map(option => option.value).indexOf({}) - list.selectedIndex; }})()",
                json!(value)
            ))
            .await;
        let places = places.as_i64().expect("a number");
        for _ in 0..places.abs() {
            self.press(if places > 0 { "ArrowDown" } else { "ArrowUp" }).await;
        }
        self.wait_until(&format!("{list}.value === {}", json!(value))).await;
    }

    /// Presses a key by its name, such as `Tab`, `Enter`, `End`, `a`.
    pub async fn press(&self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            " " => (32, " "),
            "Tab" => (9, ""),
            "Escape" => (27, ""),
            "PageUp" => (33, ""),
            "PageDown" => (34, ""),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            letter => (u32::from(letter.to_ascii_uppercase().as_bytes()[0]), letter),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Turns the wheel over an element.
    pub async fn wheel(&self, selector: &str, down: i32) {
        let place = self
            .evaluate(&PLACE.replace("SELECTOR", &json!(selector).to_string()))
            .await;
        assert_eq!(place.get("fault"), None, "`{selector}` cannot be pointed at");
        let event = json!({"type": "mouseWheel", "x": place["x"], "y": place["y"], "deltaX": 0, "deltaY": down});
        self.call("Input.dispatchMouseEvent", event).await;
    }
}
