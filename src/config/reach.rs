//! From where Chima can be reached, as far as the configuration tells.

use std::net::IpAddr;

use url::Url;

use crate::config::Config;

impl Config {
    /// Whether nobody is meant to get here but whoever sits at this machine: the port is open to nobody else, and nobody is told
    /// another address.
    #[must_use]
    pub fn is_for_this_machine(&self) -> bool {
        let public = Url::parse(&self.public_url).ok();
        let public_is_here = public.as_ref().and_then(Url::host_str).is_some_and(names_this_machine);
        self.listen.ip().is_loopback() && public_is_here
    }
}

/// Whether a host is this machine's own, and not a name that leads here.
#[must_use]
pub fn names_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, Known};

    #[test]
    fn what_others_reach_is_not_for_this_machine() {
        for (server, expected) in [
            ("{}", true),
            ("{ listen: 127.0.0.1:1, public_url: http://localhost:1 }", true),
            ("{ listen: '[::1]:1' }", true),
            ("{ listen: 0.0.0.0:1 }", false),
            ("{ listen: 0.0.0.0:1, public_url: http://127.0.0.1:1 }", false),
            ("{ public_url: https://deploy.example.com }", false),
            ("{ public_url: http://localhost.evil.example }", false),
        ] {
            let text = format!("server: {server}\n");
            let config = Config::parse(Path::new("app.yaml"), &text, &Known::default()).unwrap();
            assert_eq!(config.is_for_this_machine(), expected, "{server}");
        }
    }
}
