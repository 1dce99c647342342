//! Letters through a mail server. 4xx means later, 5xx never. <https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1>

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use crate::config::notify::{Smtp, SmtpTls};
use crate::domain::names::shown;
use crate::notify::post::SendError;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// As errors call it.
const SERVER: &str = "the mail server";

/// A mail server, and who writes to whom.
#[derive(Debug, Clone)]
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    to: Vec<String>,
    from: String,
}

/// Says that no person wrote it, so that nobody's absence is answered. <https://www.rfc-editor.org/rfc/rfc3834#section-5>
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Email {
    /// A sender of letters from one address to some others.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(server: &Smtp, password: Option<&SecretString>, from: &str, to: &[String]) -> Result<Self, SendError> {
        let parameters = || {
            TlsParameters::new(server.host.clone()).map_err(|error| SendError::Unusable {
                to: SERVER.to_owned(),
                detail: error.to_string(),
                check: "`smtp`".to_owned(),
            })
        };
        let tls = match server.tls {
            SmtpTls::StartTls => Tls::Required(parameters()?),
            SmtpTls::Implicit => Tls::Wrapper(parameters()?),
            SmtpTls::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(ANSWER_TIMEOUT));
        if let (Some((name, _)), Some(password)) = (&server.login, password) {
            let password = password.expose_secret().trim().to_owned();
            transport = transport.credentials(Credentials::new(name.clone(), password));
        }
        Ok(Self {
            transport: transport.build(),
            to: to.to_vec(),
            from: from.to_owned(),
        })
    }

    /// Sends one letter. `id` is that of the message, and the same for every try.
    ///
    /// # Errors
    ///
    /// Unless the server took it, for all.
    pub async fn send(&self, id: &str, subject: &str, body: &str) -> Result<(), SendError> {
        let letter = self.letter(id, subject, body).map_err(|detail| SendError::Unusable {
            to: SERVER.to_owned(),
            detail,
            check: "`email`".to_owned(),
        })?;
        let Err(error) = self.transport.send(letter).await else {
            return Ok(());
        };
        let words = shown(&described(&error));
        let to = SERVER.to_owned();
        if error.is_permanent() {
            return Err(SendError::Refused {
                to,
                answer: words,
                status: None,
                check: "`smtp`, and `from` and `to` of the entry in `notify`".to_owned(),
            });
        }
        Err(if error.is_transient() {
            SendError::Trouble {
                to,
                answer: words,
                status: None,
            }
        } else {
            SendError::Unreachable { to, detail: words }
        })
    }

    fn letter(&self, id: &str, subject: &str, body: &str) -> Result<Message, String> {
        let wrong = |error: lettre::address::AddressError| error.to_string();
        let domain = self.from.split_once('@').map_or("localhost", |(_, domain)| domain);
        let mut letter = Message::builder()
            .from(self.from.parse().map_err(wrong)?)
            .message_id(Some(format!("<{id}@{domain}>")))
            .subject(subject)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN);
        for address in &self.to {
            letter = letter.to(address.parse().map_err(wrong)?);
        }
        letter.body(body.to_owned()).map_err(|error| error.to_string())
    }
}

/// The server's own words are the source of lettre's.
fn described(error: &lettre::transport::smtp::Error) -> String {
    let mut text = match error.status() {
        Some(code) => code.to_string(),
        None => error.to_string(),
    };
    if let Some(source) = std::error::Error::source(error) {
        text = format!("{text}: {source}");
    }
    text
}
