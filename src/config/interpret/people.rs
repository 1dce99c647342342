//! People: who may do what, and who is who.

use std::collections::BTreeMap;

use crate::config::file;
use crate::config::interpret::Reading;
use crate::config::people::{Link, People};
use crate::config::problem::KeyPath;
use crate::domain::actor::{Named, bare, is_chat_name, is_login};
use crate::domain::names::shown;

impl Reading<'_> {
    /// A list of people. An empty one would be read two ways: it is refused, and `meaning` says what to write.
    pub(super) fn named(
        &mut self,
        words: Option<Vec<String>>,
        meaning: &str,
        path: &KeyPath,
    ) -> Option<Option<Vec<Named>>> {
        let Some(words) = self.some_words(words, "", meaning, path)? else {
            return Some(None);
        };
        let mut people = Some(Vec::new());
        for (index, word) in words.iter().enumerate() {
            match (word.parse::<Named>(), &mut people) {
                (Ok(one), Some(people)) => people.push(one),
                (Ok(_), None) => {}
                (Err(invalid), _) => {
                    let hint =
                        "a name in a chat can be anybody's: write `slack:ID` or `chat:NAME`, or link it under `people`";
                    let _: Option<()> = self.refuse(&path.index(index), invalid.to_string(), Some(hint.to_owned()));
                    people = None;
                }
            }
        }
        people.map(Some)
    }

    pub(super) fn people(&mut self, typed: BTreeMap<String, file::Person>) -> People {
        let path = KeyPath::of(&["people"]);
        let mut people = People::default();
        for (login, person) in typed {
            let path = path.key(&login);
            if !is_login(bare(&login)) {
                let text = format!("`{}` is not a login on GitHub", shown(&login));
                let hint = "for example `mona: { slack: U024BE7LH }`";
                let _: Option<()> = self.refuse_key(&path, text, Some(hint.to_owned()));
                continue;
            }
            for (chat, names) in [("slack", person.slack), ("chat", person.chat)] {
                let (names, listed) = match names {
                    None => continue,
                    Some(file::Names::One(name)) => (vec![name], false),
                    Some(file::Names::Several(names)) => (names, true),
                };
                for (index, name) in names.iter().enumerate() {
                    let path = path.key(chat);
                    let path = if listed { path.index(index) } else { path };
                    self.link(&mut people, (bare(&login), chat, bare(name)), &path);
                }
            }
        }
        people
    }

    fn link(&mut self, people: &mut People, (login, chat, who): (&str, &'static str, &str), path: &KeyPath) {
        if !is_chat_name(who) {
            let text = format!("`{path}` is `{}`; expected a name or an id", shown(who));
            let _: Option<()> = self.refuse(path, text, None);
            return;
        }
        if let Some(other) = people.login_of(chat, who) {
            let text = format!("`{}` is `{}` already", shown(who), shown(other));
            let hint = "one name in a chat is one person: keep one of both";
            let _: Option<()> = self.refuse(path, text, Some(hint.to_owned()));
            return;
        }
        people.links.push(Link {
            login: login.to_owned(),
            chat,
            who: who.to_owned(),
        });
    }
}
