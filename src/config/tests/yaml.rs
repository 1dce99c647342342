//! What YAML itself brings: places, spellings, aliases, and texts that are no YAML.

use serde_json::json;

use super::super::tree;
use super::{environments, refused, refused_app};

#[test]
fn what_is_no_yaml_is_refused_at_its_place() {
    insta::assert_snapshot!(refused("apps:\n  site: [o/r\n"), @"
    app.yaml:2:9: not valid YAML: unclosed bracket '['
      2 |   site: [o/r
        |         ^
    ");
    insta::assert_snapshot!(refused("apps:\n\tsite: {}\n"), @"
    app.yaml:2:2: not valid YAML: tabs disallowed within this context (block indentation)
      2 |  site: {}
        |  ^
    ");
    insta::assert_snapshot!(refused("workers: *nobody\n"), @"
    app.yaml:1:10: not valid YAML: while parsing node, found unknown anchor
      1 | workers: *nobody
        |          ^
    ");
    insta::assert_snapshot!(refused("workers: 1\n---\nworkers: 2\n"), @"
    app.yaml:2:1: a second document begins here; expected one
      2 | ---
        | ^
    hint: remove the line `---`
    ");
    insta::assert_snapshot!(refused("workers: !!int 4\n"), @"
    app.yaml:1:16: the tag `!!int` has no meaning here
      1 | workers: !!int 4
        |                ^
    hint: remove it; quote a value to keep it text
    ");
    insta::assert_snapshot!(refused("? [a]\n: 1\n"), @"
    app.yaml:1:3: a key that is a list, a map or an alias; expected text
      1 | ? [a]
        |   ^
    ");
}

#[test]
fn columns_count_characters_and_lines_survive_crlf() {
    insta::assert_snapshot!(refused("apps:\r\n  \"é\": { repositry: o/r }\r\n"), @r#"
    app.yaml:2:3: `apps.é` has no `environments`
      2 |   "é": { repositry: o/r }
        |   ^
    hint: `environments`: the environments, by the name GitHub shows

    app.yaml:2:10: unknown key `repositry` in `apps.é`
      2 |   "é": { repositry: o/r }
        |          ^
    hint: did you mean `repository`?
    "#);
}

#[test]
fn a_long_line_is_cut_around_the_caret() {
    let rooms = "0123456789, ".repeat(20);
    insta::assert_snapshot!(refused_app(&format!("required_contexts: [{rooms}x], lan: fifo, environments: {{ a: {{ provider: shell }} }}")), @"
    app.yaml:1:298: unknown key `lan` in `apps.site`
      1 | , 0123456789, 0123456789, 0123456789, 0123456789, 0123456789, x], lan: fifo, environments: { a: { pr
        |                                                                   ^
    hint: did you mean `lane`?
    ");
}

#[test]
fn values_keep_their_spelling_where_text_is_asked_for() {
    let environment = environments(
        "provider: shell, env: { A: 010, B: yes, C: 1.10, D: true, E: \"\", F: 0x1F, G: 1e3 },
         environments: { a: { with: { v: 1.10, n: 8080, f: 1.5, b: true, s: no, z: ~, m: 0755, q: \"12\", t: !!str 7 } } }",
    )
    .remove(0);
    assert_eq!(
        json!(environment.env),
        json!({ "A": "010", "B": "yes", "C": "1.10", "D": "true", "E": "", "F": "0x1F", "G": "1e3" })
    );
    assert_eq!(
        json!(environment.with),
        json!({ "v": "1.10", "n": 8080, "f": 1.5, "b": true, "s": "no", "z": null, "m": "0755", "q": "12", "t": "7" })
    );
}

#[test]
fn anchors_and_merge_keys_work() {
    let all = environments(
        "provider: shell, environments: { a: &a { lane: latest, env: { X: 1 } }, b: *a, c: { <<: *a, lane: fifo } }",
    );
    assert_eq!(all[0].lane, all[1].lane);
    assert_ne!(all[0].lane, all[2].lane);
    assert_eq!(all[2].env, all[0].env);
}

#[test]
fn aliases_cannot_ask_for_more_than_a_file_can_hold() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let problem = tree::parse(&text).unwrap_err();
    assert_eq!(
        problem.text,
        "more than 100000 values, aliases counted as what they name"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_can_make_reading_panic(text in "(apps|github|[a-z]{0,3}|[:\\-\\[\\]{}#&*!|>'\"%@` \n\t~<,?])*") {
        let _ = refused(&text);
    }
}
