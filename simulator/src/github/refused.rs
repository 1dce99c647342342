//! What GitHub says when it does not do what was asked.
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>

use serde_json::{Value, json};

use crate::message::Answer;

/// A refusal, in GitHub's own form. `202` stands among them: it means that no deployment was made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("GitHub answered {status}: {message}")]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// `message`.
    pub message: String,
    /// `errors`; empty where GitHub leaves it out.
    pub errors: Vec<Value>,
}

impl Refused {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
        }
    }

    /// 404, which GitHub also uses for what the caller may not see.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 403 for a permission that a token lacks.
    pub(crate) fn not_accessible() -> Self {
        Self::new(403, "Resource not accessible by integration")
    }

    /// 403 for whatever is done for an installation that its owner has suspended.
    pub(crate) fn suspended() -> Self {
        Self::new(403, "This installation has been suspended")
    }

    /// 422 about one field.
    pub(crate) fn invalid(resource: &str, field: &str, message: &str) -> Self {
        Self {
            status: 422,
            message: "Validation Failed".to_owned(),
            errors: vec![json!({"resource": resource, "field": field, "code": "custom", "message": message})],
        }
    }

    /// 422 about the form of the request, before its meaning was looked at.
    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(422, format!("Invalid request.\n\n{detail}"))
    }

    pub(crate) fn answer(&self) -> Answer {
        let mut body = json!({
            "message": self.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": self.status.to_string(),
        });
        if self.status == 202 {
            body = json!({"message": self.message});
        } else if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors.clone());
        }
        Answer::json(self.status, &body)
    }
}
