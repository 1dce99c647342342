//! Who may do what, and who is who.

use super::{accepted, environments, refused, refused_app};
use crate::domain::actor::Named;

#[test]
fn people_are_linked_to_what_chats_know_them_by() {
    let config =
        accepted("people: { mona: { slack: U024BE7LH, chat: [mona.l, \"@mona\"] }, \"@lisa\": { chat: Lisa } }");
    for (chat, who, expected) in [
        ("slack", "U024BE7LH", Some("mona")),
        ("chat", "mona.l", Some("mona")),
        ("chat", "mona", Some("mona")),
        ("chat", "Lisa", Some("lisa")),
        // letter by letter, and in that chat only
        ("slack", "u024be7lh", None),
        ("slack", "mona.l", None),
        ("chat", "lisa", None),
    ] {
        assert_eq!(config.people.login_of(chat, who), expected, "{chat}:{who}");
    }
}

#[test]
fn a_link_that_means_two_or_nobody_is_refused() {
    insta::assert_snapshot!(refused("people: { mona: { slack: U1 }, lisa: { slack: [U2, U1] } }"), @"
    app.yaml:1:26: `U1` is `lisa` already
      1 | people: { mona: { slack: U1 }, lisa: { slack: [U2, U1] } }
        |                          ^
    hint: one name in a chat is one person: keep one of both
    ");
    insta::assert_snapshot!(refused("people: { \"Mona Lisa\": { slack: U1 } }"), @r#"
    app.yaml:1:11: `Mona Lisa` is not a login on GitHub
      1 | people: { "Mona Lisa": { slack: U1 } }
        |           ^
    hint: for example `mona: { slack: U024BE7LH }`
    "#);
    insta::assert_snapshot!(refused("people: { mona: { slack: \"\" } }"), @r#"
    app.yaml:1:26: `people.mona.slack` is ``; expected a name or an id
      1 | people: { mona: { slack: "" } }
        |                          ^
    "#);
    insta::assert_snapshot!(refused("people: { mona: { slak: U1 } }"), @"
    app.yaml:1:19: unknown key `slak` in `people.mona`
      1 | people: { mona: { slak: U1 } }
        |                   ^
    hint: did you mean `slack`?
    ");
}

#[test]
fn deployers_and_admins_are_named_by_what_nobody_can_choose() {
    let all = environments(
        "environments: { production: { provider: shell, deployers: [\"@mona\", octo/web, slack:U1, chat:mona.l], admins: [mona] } }",
    );
    let names: Vec<String> = all[0].deployers.iter().map(Named::to_string).collect();
    assert_eq!(names, ["mona", "octo/web", "slack:U1", "chat:mona.l"]);
    insta::assert_snapshot!(refused_app("environments: { production: { provider: shell, deployers: [mona.l, irc:mona] } }"), @"
    app.yaml:1:93: `mona.l` is not how people are named; expected a GitHub login (`mona`), a team (`octo/web`), or somebody in a chat (`slack:U024BE7LH`, `chat:mona.l`)
      1 | : o/r, environments: { production: { provider: shell, deployers: [mona.l, irc:mona] } } } }
        |                                                                   ^
    hint: a name in a chat can be anybody's: write `slack:ID` or `chat:NAME`, or link it under `people`

    app.yaml:1:101: `irc:mona` is not how people are named; expected a GitHub login (`mona`), a team (`octo/web`), or somebody in a chat (`slack:U024BE7LH`, `chat:mona.l`)
      1 | nvironments: { production: { provider: shell, deployers: [mona.l, irc:mona] } } } }
        |                                                                   ^
    hint: a name in a chat can be anybody's: write `slack:ID` or `chat:NAME`, or link it under `people`
    ");
}
