//! Who is told, with what it takes to tell them. Whoever cannot be reached because a secret is not there is not set up: they are
//! taken out of the configuration, so that nothing is ever written down for them.

use std::collections::BTreeMap;

use anyhow::Context;
use secrecy::SecretString;

use crate::config::Config;
use crate::config::notify::{Recipient, To};
use crate::config::secret::{self, SecretSource};
use crate::flow::notices::{Recipients, Sender};
use crate::notify::discord::Discord;
use crate::notify::email::Email;
use crate::notify::otlp::Collector;
use crate::notify::post::Address;
use crate::notify::room::Room;
use crate::notify::signed::Signed;

/// Reads what it takes. `named` gets the secrets, `missing` a sentence for each recipient who is not set up.
///
/// # Errors
///
/// When a secret is unfit.
pub(crate) fn recipients(
    config: &mut Config,
    named: &mut Vec<(String, SecretString)>,
    missing: &mut Vec<String>,
) -> anyhow::Result<Recipients> {
    let mut senders = BTreeMap::new();
    let mut reading = Reading { named, missing };
    for recipient in config.recipients() {
        if let Some(sender) = reading.sender(config, recipient)? {
            senders.insert(recipient.name.clone(), sender);
        }
    }
    config.keep_recipients(|recipient| senders.contains_key(&recipient.name));
    Ok(Recipients::new(senders))
}

/// The collector of traces. One that wants to be shown what is not there is not set up.
///
/// # Errors
///
/// When a secret is unfit, or cannot be shown.
pub(crate) fn collector(
    config: &Config,
    named: &mut Vec<(String, SecretString)>,
    missing: &mut Vec<String>,
) -> anyhow::Result<Option<Collector>> {
    let Some(telemetry) = &config.telemetry else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    for (name, source) in &telemetry.headers {
        let Some(value) = secret::read(source)? else {
            missing.push(format!(
                "no traces are told: `telemetry.headers.{name}` is not there; put it into {source}"
            ));
            return Ok(None);
        };
        named.push((format!("telemetry.headers.{name}"), value.clone()));
        headers.push((name.clone(), value));
    }
    Ok(Some(Collector::new(&telemetry.endpoint, &headers)?))
}

struct Reading<'a> {
    named: &'a mut Vec<(String, SecretString)>,
    missing: &'a mut Vec<String>,
}

impl Reading<'_> {
    fn sender(&mut self, config: &Config, recipient: &Recipient) -> anyhow::Result<Option<Sender>> {
        let name = &recipient.name;
        Ok(match &recipient.to {
            To::Callback { url, secret } => self.secret(name, secret, true)?.map(|secret| {
                let address = Address::new(
                    SecretString::from(url.as_str()),
                    &format!("`{name}`"),
                    "`chat.callbacks`",
                );
                address.map(|address| Sender::Bot(Signed::new(address, secret)))
            }),
            To::Webhook { url, secret } => {
                let address = self.address(name, url, &format!("`{name}`"))?;
                let secret = self.secret(name, secret, true)?;
                address
                    .zip(secret)
                    .map(|(address, secret)| Ok(Sender::Program(Signed::new(address, secret))))
            }
            To::Mattermost(url) => self
                .address(name, url, "Mattermost")?
                .map(|address| Ok(Sender::Mattermost(Room::new(address)))),
            To::RocketChat(url) => self
                .address(name, url, "Rocket.Chat")?
                .map(|address| Ok(Sender::RocketChat(Room::new(address)))),
            To::Discord(url) => self
                .address(name, url, "Discord")?
                .map(|address| Ok(Sender::Discord(Discord::new(address)))),
            To::Teams(url) => self
                .address(name, url, "Teams")?
                .map(|address| Ok(Sender::Teams(Room::new(address)))),
            To::Email { to, from } => {
                let server = config.smtp.as_ref().context("`email` without `smtp`")?;
                let password = match &server.login {
                    None => None,
                    Some((_, source)) => match self.secret(name, source, false)? {
                        Some(password) => Some(password),
                        None => return Ok(None),
                    },
                };
                let email = Email::new(server, password.as_ref(), from, to);
                Some(email.map(|email| Sender::Email(Box::new(email))))
            }
        }
        .transpose()?)
    }

    fn address(&mut self, name: &str, source: &SecretSource, to: &str) -> anyhow::Result<Option<Address>> {
        let url = self.secret(name, source, false)?;
        let check = format!("the address in {source}");
        Ok(url.map(|url| Address::new(url, to, &check)).transpose()?)
    }

    fn secret(&mut self, name: &str, source: &SecretSource, strong: bool) -> anyhow::Result<Option<SecretString>> {
        let found = if strong {
            secret::read_strong(source)?
        } else {
            secret::read(source)?
        };
        match &found {
            Some(value) => self.named.push((name.to_owned(), value.clone())),
            None => self
                .missing
                .push(format!("`{name}` is told nothing: {source} is not there")),
        }
        Ok(found)
    }
}
