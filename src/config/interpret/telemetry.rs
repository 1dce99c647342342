//! Who is told of traces.

use crate::config::file;
use crate::config::interpret::Reading;
use crate::config::interpret::addresses::Address;
use crate::config::problem::KeyPath;
use crate::config::{Telemetry, defaults};
use crate::domain::names::shown;

/// Where collectors take traces; it is put behind the address.
const SIGNAL: &str = "/v1/traces";
/// Longer ones are no names.
const NAME_LIMIT: usize = 64;
/// What Chima says itself.
const OURS: [&str; 3] = ["content-type", "content-length", "host"];

impl Reading<'_> {
    pub(super) fn telemetry(&mut self, typed: Option<file::Telemetry>) -> Option<Option<Telemetry>> {
        let Some(typed) = typed else {
            return Some(None);
        };
        let path = KeyPath::of(&["telemetry"]);
        let at = path.key("otlp_endpoint");
        let endpoint = match typed.otlp_endpoint.trim_end_matches('/').strip_suffix(SIGNAL) {
            Some(base) => {
                let text = format!("`{at}` ends with `{SIGNAL}`; expected the address before it");
                self.refuse(&at, text, Some(format!("write `{}`", shown(base))))
            }
            None => self.address(&typed.otlp_endpoint, Address::Base, &at),
        };
        let name = typed.service_name.unwrap_or_else(|| defaults::SERVICE_NAME.to_owned());
        let good = !name.trim().is_empty() && name.len() <= NAME_LIMIT && !name.contains(char::is_control);
        let service_name = if good {
            Some(name)
        } else {
            let at = path.key("service_name");
            let text = format!(
                "`{at}` is `{}`; expected a name of 1 to {NAME_LIMIT} bytes",
                shown(&name)
            );
            self.refuse(&at, text, None)
        };
        let mut headers = Some(Vec::new());
        for (name, secret) in typed.headers.unwrap_or_default() {
            let at = path.key("headers").key(&name);
            let token = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if name.is_empty() || name.len() > NAME_LIMIT || !name.bytes().all(token) {
                let text = format!("`{}` is no name of a header", shown(&name));
                headers = self.refuse_key(&at, text, None);
                continue;
            }
            if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(&name)) {
                let text = format!("`{name}` is a header that Chima sends itself");
                headers = self.refuse_key(&at, text, Some("leave it out".to_owned()));
                continue;
            }
            match (self.plain_secret(Some(secret), &at).flatten(), &mut headers) {
                (Some(source), Some(headers)) => headers.push((name, source)),
                (Some(_) | None, _) => headers = None,
            }
        }
        Some(Some(Telemetry {
            endpoint: endpoint?,
            service_name: service_name?,
            headers: headers?,
            sample_percent: typed.sample_percent.unwrap_or(defaults::SAMPLE_PERCENT),
        }))
    }
}
