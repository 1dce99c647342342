//! Who is told of what: `chat.callbacks`, `notify` and the mail server.

use std::collections::BTreeMap;

use crate::config::App;
use crate::config::file;
use crate::config::file::notify::NotifyState;
use crate::config::interpret::Reading;
use crate::config::interpret::addresses::Address;
use crate::config::notify::{Notify, Recipient, Smtp, SmtpTls, Subject, To, callback_line};
use crate::config::problem::KeyPath;
use crate::config::secret::SecretSource;
use crate::domain::names::shown;
use crate::domain::nearest::nearest;
use crate::domain::run::RunState;

/// Longer ones are nobody's.
const ADDRESS_LIMIT: usize = 254;

impl Reading<'_> {
    pub(super) fn callbacks(&mut self, typed: BTreeMap<String, file::Callback>) -> Vec<Recipient> {
        let mut found = Vec::new();
        for (name, callback) in typed {
            let path = KeyPath::of(&["chat", "callbacks"]).key(&name);
            let good = !name.is_empty()
                && name.len() <= 64
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !good {
                let text = format!(
                    "`{}` is no name of a callback; expected letters, digits, `-`, `_` and `.`",
                    shown(&name)
                );
                let _: Option<()> = self.refuse_key(&path, text, None);
            }
            let url = self.address(&callback.url, Address::Page, &path.key("url"));
            let secret = self.strong_secret(Some(callback.secret), &path.key("secret")).flatten();
            if let (true, Some(url), Some(secret)) = (good, url, secret) {
                found.push(Recipient {
                    name: callback_line(&name),
                    to: To::Callback { url, secret },
                });
            }
        }
        found
    }

    pub(super) fn notify(&mut self, typed: Vec<file::notify::Notify>, no_mail: bool, apps: &[App]) -> Vec<Notify> {
        let mut found = Vec::new();
        for (index, one) in typed.into_iter().enumerate() {
            let path = KeyPath::of(&["notify"]).index(index);
            let recipient = self.recipient(one.to, no_mail, &path.key("to"));
            let own_apps = self.known(
                one.apps,
                apps.iter().map(|app| app.name.as_str()).collect(),
                "app",
                &path.key("apps"),
            );
            let about = |app: &&App| {
                let own = own_apps.iter().flatten();
                own_apps.is_none() || own.into_iter().any(|name| *name == app.name.as_str())
            };
            let environments = apps.iter().filter(about).flat_map(|app| &app.environments);
            let environments = environments.map(|environment| environment.name.as_str()).collect();
            let environments = self.known(one.environments, environments, "environment", &path.key("environments"));
            let subjects = one
                .states
                .map(|states| states.into_iter().map(subject).collect::<Vec<_>>());
            if subjects.as_ref().is_some_and(Vec::is_empty) {
                let path = path.key("states");
                let hint = "leave it out for what is usual, or name at least one, such as `failed`";
                let _: Option<()> = self.refuse(&path, format!("`{path}` is an empty list"), Some(hint.to_owned()));
            }
            found.extend(recipient.map(|recipient| Notify {
                recipient,
                apps: own_apps,
                environments,
                subjects,
            }));
        }
        found
    }

    /// Names of a kind, in the spelling of the configuration.
    fn known(
        &mut self,
        typed: Option<Vec<String>>,
        known: Vec<&str>,
        kind: &str,
        path: &KeyPath,
    ) -> Option<Vec<String>> {
        let typed = typed?;
        if typed.is_empty() {
            let hint = format!("leave it out for every {kind}, or name at least one");
            let _: Option<()> = self.refuse(path, format!("`{path}` is an empty list"), Some(hint));
        }
        let mut names = Vec::new();
        for (index, name) in typed.iter().enumerate() {
            match known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                Some(known) => names.push((*known).to_owned()),
                None => {
                    let hint = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                    let text = format!("there is no {kind} `{}`", shown(name));
                    let _: Option<()> = self.refuse(&path.index(index), text, hint);
                }
            }
        }
        Some(names)
    }

    fn recipient(&mut self, to: file::notify::NotifyTo, no_mail: bool, path: &KeyPath) -> Option<Recipient> {
        let file::notify::NotifyTo {
            webhook,
            mattermost,
            rocket_chat,
            discord,
            teams,
            email,
        } = to;
        if let Some(webhook) = webhook {
            let path = path.key("webhook");
            let url = self.plain_secret(Some(webhook.url), &path.key("url")).flatten();
            let secret = self.strong_secret(Some(webhook.secret), &path.key("secret")).flatten();
            let (url, secret) = (url?, secret?);
            return Some(Recipient {
                name: named("webhook", &url),
                to: To::Webhook { url, secret },
            });
        }
        if let Some(email) = email {
            return self.email(email, no_mail, &path.key("email"));
        }
        let rooms = [
            ("mattermost", mattermost, To::Mattermost as fn(SecretSource) -> To),
            ("rocket_chat", rocket_chat, To::RocketChat),
            ("discord", discord, To::Discord),
            ("teams", teams, To::Teams),
        ];
        let (kind, secret, to) = rooms.into_iter().find(|(_, secret, _)| secret.is_some())?;
        let url = self.plain_secret(secret, &path.key(kind)).flatten()?;
        Some(Recipient {
            name: named(kind, &url),
            to: to(url),
        })
    }

    fn email(&mut self, email: file::notify::NotifyEmail, no_mail: bool, path: &KeyPath) -> Option<Recipient> {
        if no_mail {
            let hint =
                "name it, as in `smtp: { host: mail.example.com, username: chima, password: { env: SMTP_PASSWORD } }`";
            let _: Option<()> = self.refuse_key(
                path,
                "`email` without a mail server in `smtp`".to_owned(),
                Some(hint.to_owned()),
            );
        }
        let from = self.mail_address(&email.from, &path.key("from"));
        let addresses = path.key("to");
        if email.to.is_empty() {
            let _: Option<()> = self.refuse(&addresses, format!("`{addresses}` is an empty list"), None);
        }
        let mut to = Vec::new();
        for (index, address) in email.to.iter().enumerate() {
            to.extend(self.mail_address(address, &addresses.index(index)));
        }
        let from = from?;
        (to.len() == email.to.len()).then(|| Recipient {
            name: format!("email/{}", to.join(",")),
            to: To::Email { to, from },
        })
    }

    /// A bare address: what could begin another header or another recipient is none.
    fn mail_address(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        let good = text.split_once('@').is_some_and(|(name, domain)| {
            let plain = |c: u8| c.is_ascii_graphic() && !b"<>()[],;:\\\"@".contains(&c);
            !name.is_empty()
                && domain.split('.').all(|label| !label.is_empty())
                && text.len() <= ADDRESS_LIMIT
                && name.bytes().all(plain)
                && domain.bytes().all(|c| c.is_ascii_alphanumeric() || b"-.".contains(&c))
        });
        if good {
            return Some(text.to_owned());
        }
        let text = format!(
            "`{path}` is `{}`; expected an address such as `ops@example.com`",
            shown(text)
        );
        self.refuse(path, text, None)
    }

    pub(super) fn smtp(&mut self, typed: Option<file::notify::Smtp>) -> Option<Option<Smtp>> {
        let Some(smtp) = typed else {
            return Some(None);
        };
        let path = KeyPath::of(&["smtp"]);
        let (tls, usual) = match smtp.tls.unwrap_or(file::notify::SmtpTls::Starttls) {
            file::notify::SmtpTls::Starttls => (SmtpTls::StartTls, 587),
            file::notify::SmtpTls::Implicit => (SmtpTls::Implicit, 465),
            file::notify::SmtpTls::None => (SmtpTls::None, 25),
        };
        let host = &smtp.host;
        let ip = host.parse::<std::net::IpAddr>();
        let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if !is_name && ip.is_err() {
            let text = format!(
                "`smtp.host` is `{}`; expected a name or an address without port",
                shown(host)
            );
            return self.refuse(
                &path.key("host"),
                text,
                Some("for example `mail.example.com`".to_owned()),
            );
        }
        let password = self.plain_secret(smtp.password, &path.key("password"))?;
        let login = match (smtp.username, password) {
            (None, None) => None,
            (Some(name), Some(password)) => Some((name, password)),
            (Some(_), None) => {
                let hint = "write `password: { env: SMTP_PASSWORD }` beside it";
                return self.refuse_key(
                    &path.key("username"),
                    "`username` without `password`".to_owned(),
                    Some(hint.to_owned()),
                );
            }
            (None, Some(_)) => {
                return self.refuse_key(&path.key("password"), "`password` without `username`".to_owned(), None);
            }
        };
        let here = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
        if tls == SmtpTls::None && login.is_some() && !here {
            let text = format!("`tls: none` would send the password to `{host}` for everybody to read");
            let hint = "write `tls: starttls` or `tls: implicit`";
            return self.refuse(&path.key("tls"), text, Some(hint.to_owned()));
        }
        Some(Some(Smtp {
            host: smtp.host,
            port: smtp.port.unwrap_or(usual),
            login,
            tls,
        }))
    }
}

/// By the place of its address: that is no secret, and stays when the file is put in another order.
fn named(kind: &str, url: &SecretSource) -> String {
    match url {
        SecretSource::Env(name) => format!("{kind}/{name}"),
        SecretSource::File(path) => format!("{kind}/{}", path.display()),
        SecretSource::Command(argv) => format!("{kind}/{}", argv.join(" ")),
    }
}

fn subject(state: NotifyState) -> Subject {
    match state {
        NotifyState::Held => Subject::Run(RunState::Held),
        NotifyState::Queued => Subject::Run(RunState::Queued),
        NotifyState::Running => Subject::Run(RunState::Running),
        NotifyState::Succeeded => Subject::Run(RunState::Succeeded),
        NotifyState::Failed => Subject::Run(RunState::Failed),
        NotifyState::Errored => Subject::Run(RunState::Errored),
        NotifyState::Rejected => Subject::Run(RunState::Rejected),
        NotifyState::Cancelled => Subject::Run(RunState::Cancelled),
        NotifyState::Interrupted => Subject::Run(RunState::Interrupted),
        NotifyState::Superseded => Subject::Run(RunState::Superseded),
        NotifyState::Lock => Subject::Lock,
        NotifyState::OtherDeployment => Subject::OtherDeployment,
        NotifyState::Watchdog => Subject::Watchdog,
    }
}
