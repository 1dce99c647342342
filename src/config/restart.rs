//! What a running process cannot take over from a new configuration.
//!
//! Every key of [`Config`] is decided on here: a new one does not compile without.

use crate::config::{Config, GitHub};

impl Config {
    /// The keys, as the file spells them, that are another than in `new` and that hold from the start of a process to its end:
    /// what is open for as long as it runs, and what tells its runs and locks from those of others.
    #[must_use]
    pub fn restart_keys(&self, new: &Self) -> Vec<&'static str> {
        let Self {
            listen,
            data_dir,
            store,
            queue,
            workers,
            ephemeral,
            github,
            // what every piece of work reads anew
            public_url: _,
            slack: _,
            chat_token: _,
            callbacks: _,
            notify: _,
            smtp: _,
            providers: _,
            nag_after: _,
            sign_in: _,
            people: _,
            retention: _,
            disk: _,
            telemetry: _,
            apps: _,
            digest: _,
            path: _,
        } = self;
        let GitHub {
            // every record of the ledger is of a host
            url,
            host: _,
            api_url: _,
            ca_file: _,
            auth: _,
            webhook_secrets: _,
            writes_per_minute: _,
            writes_per_hour: _,
            known_apps: _,
            polling: _,
        } = github;
        [
            ("server.listen", *listen != new.listen),
            ("data_dir", *data_dir != new.data_dir),
            ("store", *store != new.store),
            ("queue", *queue != new.queue),
            ("workers", *workers != new.workers),
            ("ephemeral", *ephemeral != new.ephemeral),
            ("github.url", *url != new.github.url),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, Known};

    fn config(text: &str) -> Config {
        Config::parse(Path::new("app.yaml"), text, &Known::default()).unwrap()
    }

    #[test]
    fn what_holds_from_start_to_end_is_named_by_its_key() {
        let old = config("server: { listen: 127.0.0.1:8080 }\n");
        let new = config(
            "server: { listen: 127.0.0.1:8081 }\ngithub: { url: https://git.example.com }\ndata_dir: other\n\
             store: sqlite:other.db\nqueue: redis://127.0.0.1:6379\nworkers: 9\nephemeral: true\n",
        );
        let keys = [
            "server.listen",
            "data_dir",
            "store",
            "queue",
            "workers",
            "ephemeral",
            "github.url",
        ];
        assert_eq!(old.restart_keys(&new), keys);
    }

    #[test]
    fn everything_else_is_taken_over() {
        let old = config("{}\n");
        let new = config(
            "server: { public_url: https://deploy.example.com }\n\
             github: { token: { env: OTHER }, webhook_secrets: [{ env: OTHER_SECRET }], polling: true }\n\
             apps: { site: { repository: octo/site, provider: shell, with: { command: [make] }, environments: { live: {} } } }\n",
        );
        assert_eq!(old.restart_keys(&new), Vec::<&str>::new());
    }
}
