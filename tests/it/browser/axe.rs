//! axe: what shuts people out of a page, found by rules. <https://github.com/dequelabs/axe-core>
//!
//! A tool of the tests alone, under the Mozilla Public License; `script/tools` fetches it and nothing of it is kept here. The page's
//! policy of scripts stays as strict as it is: what comes from the tools of developers is not asked.

use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::Value;

use crate::browser::page::Page;
use crate::docs::root;

const FILE: &str = "target/tools/axe/axe.min.js";

/// Everything it knows but what its authors are still trying out.
const RUN: &str = "axe.run(document, { preload: false, resultTypes: ['violations'] })
  .then(({ violations, passes }) => ({ violations, passed: passes.length }))";

impl Page {
    /// What it finds, for people to read.
    pub async fn shut_out(&self, what: &str) -> Option<String> {
        if self.evaluate("typeof window.axe").await == "undefined" {
            self.evaluate(&format!("{}; void 0", source())).await;
        }
        let found = self.evaluate(RUN).await;
        assert!(found["passed"].as_u64() > Some(5), "axe has looked at nothing: {found}");
        let violations = found["violations"].as_array().expect("a list");
        (!violations.is_empty()).then(|| format!("{what}: {}", shown(violations)))
    }
}

fn source() -> &'static str {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let path = root().join(FILE);
        std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("`{FILE}` is not there; run script/tools"))
    })
}

fn shown(violations: &[Value]) -> String {
    let mut text = String::new();
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    for violation in violations {
        let _ = writeln!(text, "{}: {}", word(violation, "id"), word(violation, "help"));
        for node in violation["nodes"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "  {} {}", node["target"], word(node, "html"));
            let _ = writeln!(text, "    {}", word(node, "failureSummary").replace('\n', "\n    "));
        }
    }
    text
}
