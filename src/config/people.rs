//! Who is who: whom the configuration links to a login on GitHub.

/// Everybody whom the configuration links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Each name in a chat once.
    pub links: Vec<Link>,
}

/// One name in a chat, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The login on GitHub, as the file spells it.
    pub login: String,
    /// The chat: one of [`crate::domain::actor::CHATS`].
    pub chat: &'static str,
    /// What that chat tells them apart by.
    pub who: String,
}

impl People {
    /// Whose name this is in a chat, letter by letter.
    #[must_use]
    pub fn login_of(&self, chat: &str, who: &str) -> Option<&str> {
        let found = self.links.iter().find(|link| link.chat == chat && link.who == who);
        found.map(|link| link.login.as_str())
    }
}
