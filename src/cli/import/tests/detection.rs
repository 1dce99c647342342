//! Which form a text has, and what is said of one that has none.

use super::{Kind, foreign, refused, refused_as};

#[test]
fn the_content_tells_what_a_file_is() {
    let table = [
        (r#"{ "a": { "repository": "o/r" } }"#, Kind::AppsJson),
        (
            r#"{ "deployment": { "repository": "o/r" }, "config": { "repository": "o/s" } }"#,
            Kind::AppsJson,
        ),
        (
            r#"{ "a": { "repository": "o/r" }, "b": { "provider": "x" } }"#,
            Kind::AppsJson,
        ),
        (r#"{ "deployment": { "payload": {} } }"#, Kind::Heaven),
        (r#"{ "name": "a", "config": { "provider": "heroku" } }"#, Kind::Heaven),
        (r#"[{ "payload": "{}" }]"#, Kind::Heaven),
        (r#"{ "provider": "heroku", "repository": "o/r" }"#, Kind::Heaven),
        (r#"[{ "id": "a", "execute-command": "x" }]"#, Kind::Hooks),
        ("- id: a\n  execute-command: x\n", Kind::Hooks),
        ("DEBUG = True\nREPOS = {}\n", Kind::Pybossa),
    ];
    for (text, kind) in table {
        assert_eq!(foreign::detect(text).unwrap().kind(), kind, "{text}");
    }
}

#[test]
fn a_file_of_no_known_form_is_refused() {
    let told = refused("just words\n");
    insta::assert_snapshot!(told, @"
    `FILE` is nothing that can be imported; expected hubot-deploy's apps.json, a payload for Heaven, the config.py of PYBOSSA's deployments server, or the hooks of adnanh/webhook
    hint: `--from` settles what it is, and then says what is wrong with it
    ");
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "7",
        "[1]",
        "- a\n",
        "X = 1\n",
        r#"{ "hooks": { "Stop": [] } }"#,
    ] {
        assert_eq!(refused(text), told, "{text}");
    }
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    insta::assert_snapshot!(refused("{\n  \"a\": { \"repository\": \"o/r\", }\n}\n"), @"FILE:2: not valid JSON: trailing comma");
    insta::assert_snapshot!(refused("[{ \"id\": \"a\", \"secret\": \"{{ getenv \"X\" | js }}\" }]"), @"
    FILE:1: not valid JSON: expected `,` or `}`
    hint: it looks like a template: replace what stands between `{{` and `}}` by any text first
    ");
    insta::assert_snapshot!(refused_as("- id: a\n  execute-command: \"ghp_0123456789\n", Some(Kind::Hooks)), @"FILE:3: not valid YAML: invalid indentation in multiline quoted scalar");
    insta::assert_snapshot!(refused_as("REPOS = {", Some(Kind::Pybossa)), @"FILE:1: not valid Python: `{` is never closed");
}

#[test]
fn what_a_file_was_said_to_be_settles_it() {
    insta::assert_snapshot!(refused_as("[]", Some(Kind::AppsJson)), @"
    `FILE`, read as hubot-deploy's apps.json, cannot be imported
      the file holds a list; expected a map of apps
    ");
    insta::assert_snapshot!(refused_as("{}", Some(Kind::AppsJson)), @"`FILE`, read as hubot-deploy's apps.json, has nothing that could be deployed; nothing is written");
    insta::assert_snapshot!(refused_as("[]", Some(Kind::Hooks)), @"`FILE`, read as the hooks of adnanh/webhook, has nothing that could be deployed; nothing is written");
    insta::assert_snapshot!(refused_as("a: 1", Some(Kind::Hooks)), @"
    `FILE`, read as the hooks of adnanh/webhook, cannot be imported
      the file holds a map; expected a list of hooks
    ");
    insta::assert_snapshot!(refused_as("7", Some(Kind::Heaven)), @"
    `FILE`, read as a payload for Heaven, cannot be imported
      the file holds a number; expected a deployment or its payload
    ");
    insta::assert_snapshot!(refused_as("X = 1", Some(Kind::Pybossa)), @"
    `FILE`, read as the config.py of PYBOSSA's deployments server, cannot be imported
      the file assigns no `REPOS`; expected a dict of repositories
    ");
}

#[test]
fn an_editors_byte_order_mark_changes_nothing() {
    let text = "\u{feff}{ \"a\": { \"repository\": \"o/r\", \"provider\": \"capistrano\" } }";
    assert!(super::made(text).contains("repository: o/r"));
}

#[test]
fn hostile_files_are_refused_soon() {
    let deep = "[".repeat(100_000);
    let told = refused(&deep);
    assert!(told.contains("not valid JSON"), "{told}");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                g: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    let told = refused_as(bomb, Some(Kind::Hooks));
    assert!(told.contains("not valid YAML") || told.contains("a map"), "{told}");
}
