//! Conversations as people read them: every command, every refusal, every failure. After an answer stands its code, if it has
//! one, and below it what is offered next.

mod commands;
mod failures;
mod refusals;

use serde_json::{Value, json};

use crate::world::stage::{CHAT_TOKEN, World};

impl World {
    /// What people say in the room `deployment`, one `name: words` a line, and what each is answered.
    async fn transcript(&self, lines: &str) -> String {
        let mut all = Vec::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (user, text) = line.split_once(": ").unwrap();
            let body = json!({"user": user, "room": "deployment", "text": text});
            let answer = self.said_with(CHAT_TOKEN, &body).await.1;
            self.github
                .wait_for_deliveries(crate::world::steps::PATIENCE)
                .await
                .unwrap();
            all.push(format!("{user}> {text}\n{}", shown(&answer)));
        }
        super::without_dates(&self.redacted(&all.join("\n")).await)
    }
}

fn shown(answer: &Value) -> String {
    let code = answer["reason"].as_str().map(|code| format!(" [{code}]"));
    let mut text = format!("{}{}", answer["text"].as_str().unwrap(), code.unwrap_or_default());
    for offer in answer["offers"].as_array().into_iter().flatten() {
        let word = |key: &str| offer[key].as_str().unwrap().to_owned();
        text.push_str(&format!("\n  [{}] {}", word("label"), word("text")));
    }
    text
}
