//! Manifests: what loads, and what is refused with which words.

use super::catalogue::Catalogue;
use super::*;

fn parse(body: &str) -> Result<Manifest, ManifestError> {
    let nothing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    Manifest::parse("p/provider.yaml", &format!("name: p\ndescription: d\n{body}"), &nothing)
}

fn refusal(body: &str) -> String {
    parse(body).unwrap_err().to_string()
}

#[test]
fn what_is_shipped_loads() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let names: Vec<&str> = catalogue.iter().map(|manifest| manifest.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ansible",
            "capistrano",
            "docker-compose",
            "fabric",
            "helm",
            "heroku",
            "http",
            "kamal",
            "kubectl",
            "make",
            "manual",
            "shell",
            "terraform"
        ]
    );
}

#[test]
fn a_folder_adds_and_overrides() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("shell", "ours"), ("make", "new")] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        let manifest = format!("name: {name}\ndescription: {text}\nforms: [{{ command: [make] }}]\n");
        std::fs::write(dir.path().join(name).join("provider.yaml"), manifest).unwrap();
    }
    let catalogue = Catalogue::load(&[dir.path().to_owned()]).unwrap();
    assert_eq!(catalogue.find("shell").unwrap().description, "ours");
    assert_eq!(catalogue.find("make").unwrap().description, "new");
}

#[test]
fn a_manifest_of_another_name_than_its_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("a")).unwrap();
    std::fs::write(
        dir.path().join("a/provider.yaml"),
        "name: b\ndescription: d\nforms: [{ command: [x] }]\n",
    )
    .unwrap();
    let problems = Catalogue::load(&[dir.path().to_owned()]).unwrap_err();
    let text = problems[0]
        .to_string()
        .replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(text, @"
    DIR/a/provider.yaml:1:7: name `b` differs from its folder `a`
      1 | name: b
        |       ^
    hint: give both the same name
    ");
}

#[test]
fn an_unknown_placeholder_is_refused_with_the_known_ones() {
    let body =
        "inputs: { x: { type: string, description: d } }\nforms:\n  - command:\n      - a\n      - \"{{nope}}\"\n";
    insta::assert_snapshot!(refusal(body), @r#"
    p/provider.yaml:7:9: form 1: `nope` is neither an input nor a value of the run; known: `x`, `environment`, `sha`, `ref`, `task`, `hosts`, `app`, `sha8`, `all_hosts`, `noop`, `files`, `results`, `tmp`, `ssh_config`, `ssh_key`, `known_hosts`
      7 |       - "{{nope}}"
        |         ^
    "#);
}

#[test]
fn a_bad_pattern_is_refused() {
    let text = refusal("inputs: { x: { type: string, description: d, pattern: \"(\" } }\nforms: [{ command: [a] }]");
    insta::assert_snapshot!(text, @r#"
    p/provider.yaml:3:55: input `x`: pattern `(` is not a regular expression: unclosed group
      3 | inputs: { x: { type: string, description: d, pattern: "(" } }
        |                                                       ^
    "#);
}

#[test]
fn a_payload_never_brings_a_command() {
    let text = refusal("inputs: { x: { type: argv, description: d, open: true } }\nforms: [{ command: [\"{{x}}\"] }]");
    assert!(text.contains("a payload never brings a command"), "{text}");
}

#[test]
fn a_command_cannot_be_a_part_of_an_argument() {
    let text = refusal("inputs: { x: { type: argv, description: d } }\nforms: [{ command: [a, \"-x={{x}}\"] }]");
    assert!(text.contains("cannot be a part of one argument"), "{text}");
}

#[test]
fn a_mistake_is_refused_with_what_is_expected() {
    let form = "forms: [{ command: [a] }]";
    for (body, words) in [
        (format!("dry_run: environment\n{form}"), "needs an input `dry_run` of type `bool`"),
        (
            format!("inputs: {{ x: {{ type: string, description: d, must_exist: true }} }}\n{form}"),
            "`must_exist` is for `path`, not for `string`",
        ),
        (
            format!("inputs: {{ noop: {{ type: string, description: d }} }}\n{form}"),
            "has the name of a value that every manifest has",
        ),
        ("forms: [{ command: [a, { args: [b] }] }]".to_owned(), "optional arguments depend on nothing"),
        ("forms: [{ command: [a, { when: zz, args: [b] }] }]".to_owned(), "`zz` is neither an input"),
        ("forms: [{ command: [a, { file: ../x, args: [b] }] }]".to_owned(), "leaves the folder"),
        ("forms: [{ command: [a, { each: x, arg: \"-{{key}}\" }] }]".to_owned(), "not an input of type `map`"),
        (
            "inputs: { x: { type: map, description: d } }\nforms: [{ command: [a, { each: x, arg: \"{{value}}={{key}}\" }] }]"
                .to_owned(),
            "begins with a value, which could make it an option",
        ),
        (format!("files: {{ x: {{}} }}\n{form}"), "expected one of `copy`, `vars`, `json` and `also`"),
        (format!("files: {{ ../x: {{ copy: x }} }}\n{form}"), "expected a plain file name"),
        (format!("causes: [{{ pattern: \"(\", says: x }}]\n{form}"), "cause 1: pattern `(`"),
        (format!("secrets: {{ a-b: {{ description: d }} }}\n{form}"), "expected a variable's name"),
        (
            "forms: [{ command: [a], needs: [{ program: fab, at_least: \"2\" }] }]".to_owned(),
            "not among `programs` with a `version_command`",
        ),
        ("kind: manual\nforms: [{ command: [a] }]".to_owned(), "a person carries it out"),
        ("kind: manual\nforms: [{ checkout: false }]".to_owned(), "has no `instructions`"),
        ("forms: [{ command: [a], instructions: x }]".to_owned(), "are for kind `manual`"),
    ] {
        let text = refusal(&body);
        assert!(text.contains(words), "{body}: {text}");
    }
}

#[test]
fn a_file_that_is_not_beside_the_manifest_is_named() {
    let text = refusal("files: { x.py: { copy: y.py } }\nforms: [{ command: [a] }]");
    insta::assert_snapshot!(text, @"
    p/provider.yaml:3:24: file `x.py`: cannot read `y.py` beside the manifest: entity not found
      3 | files: { x.py: { copy: y.py } }
        |                        ^
    ");
}

#[test]
fn a_form_runs_somewhere_and_runs_something() {
    for (body, words) in [
        (
            "forms: [{ command: [a], checkout: false }]",
            "neither a `folder` nor a checkout",
        ),
        (
            "forms: [{ command: [a], folder: /x }]",
            "both a `folder` and a checkout",
        ),
        ("forms: [{ checkout: true }]", "neither `command` nor `commands`"),
        ("forms: [{ command: [] }]", "an empty command"),
        ("forms: []", "none given"),
        ("shell: true\nforms: [{ command: [a] }]", "shell"),
    ] {
        let text = refusal(body);
        assert!(text.contains(words), "{body}: {text}");
    }
}

#[test]
fn other_tools_fit_the_same_struct() {
    let manifest = parse(
        r#"
inputs:
  playbook: { type: string, description: the playbook, required: true, aliases: [ansible_playbook] }
  inventory: { type: string, description: where }
  extra_vars: { type: map, description: variables }
  roles: { type: list, description: roles, open: true }
forms:
  - command: [ansible-playbook, { when: inventory, args: [-i, "{{inventory}}"] }, "{{playbook}}", { when: hosts, args: [--limit, "{{hosts}}"] }]
environment: { ANSIBLE_NOCOLOR: "1", BRANCH: "{{sha}}" }
programs: [{ name: ansible-playbook, version_command: [ansible-playbook, --version], version_pattern: 'core ([0-9.]+)' }]
timeout_seconds: 3600
remote: true
leftover: stop
results: exit_code
"#,
    )
    .unwrap();
    assert_eq!(manifest.find_input("ansible_playbook").unwrap().0, "playbook");
}

#[test]
fn an_argument_that_is_none_is_told_what_one_may_be() {
    let body = "forms:\n  - command: [a, [b], { wen: x, args: [c] }, { args: c, when: d }, { each: x }, { x: y }]\n";
    insta::assert_snapshot!(refusal(body), @"
    p/provider.yaml:4:18: `forms[0].command[1]` is a list; expected a text, `{ when: …, args: […] }` (or `is`, `unless`, `file`), or `{ each: …, arg: … }`
      4 |   - command: [a, [b], { wen: x, args: [c] }, { args: c, when: d }, { each: x }, { x: y }]
        |                  ^

    p/provider.yaml:4:25: unknown key `wen` in `forms[0].command[2]`
      4 |   - command: [a, [b], { wen: x, args: [c] }, { args: c, when: d }, { each: x }, { x: y }]
        |                         ^
    hint: did you mean `when`?

    p/provider.yaml:4:54: `forms[0].command[3].args` is text `c`; expected a list
      4 |   - command: [a, [b], { wen: x, args: [c] }, { args: c, when: d }, { each: x }, { x: y }]
        |                                                      ^
    hint: write a list: `[c]`

    p/provider.yaml:4:68: `forms[0].command[4]` has no `arg`
      4 |  - command: [a, [b], { wen: x, args: [c] }, { args: c, when: d }, { each: x }, { x: y }]
        |                                                                   ^
    hint: `arg`: the argument, in which `{{key}}` and `{{value}}` stand for the entry

    p/provider.yaml:4:81: `forms[0].command[5]` is a map; expected a text, `{ when: …, args: […] }` (or `is`, `unless`, `file`), or `{ each: …, arg: … }`
      4 | a, [b], { wen: x, args: [c] }, { args: c, when: d }, { each: x }, { x: y }]
        |                                                                   ^
    ");
}

#[test]
fn everything_wrong_with_a_manifest_is_told_with_its_line() {
    let body = r#"
kind: comand
inputs:
  stage: { type: text, description: d }
  branch: { type: string }
forms:
  - comand: [a]
  - commands: [{ when: stage, command: [a] }, 5, "{{stages}}"]
timeout_seconds: 1h
"#;
    insta::assert_snapshot!(refusal(body), @"
    p/provider.yaml:4:7: `kind` is text `comand`; expected one of `command`, `manual`, `http`
      4 | kind: comand
        |       ^
    hint: did you mean `command`?

    p/provider.yaml:6:18: `inputs.stage.type` is text `text`; expected one of `string`, `path`, `url`, `argv`, `argv_list`, `map`, `list`, `bool`, `integer`
      6 |   stage: { type: text, description: d }
        |                  ^

    p/provider.yaml:7:3: `inputs.branch` has no `description`
      7 |   branch: { type: string }
        |   ^
    hint: `description`: one sentence for whoever writes `with:`

    p/provider.yaml:9:5: unknown key `comand` in `forms[0]`
      9 |   - comand: [a]
        |     ^
    hint: did you mean `command`?

    p/provider.yaml:11:18: `timeout_seconds` is text `1h`; expected a whole number of at least 0
      11 | timeout_seconds: 1h
         |                  ^
    ");
}

#[test]
fn every_part_that_breaks_a_rule_is_told() {
    let body = r#"
inputs:
  Stage: { type: string, description: d }
  hosts: { type: map, description: d }
forms:
  - when: [stage]
    command: [a]
  - command: [a]
    folder: /srv
environment: { X: "{{y}}" }
causes: [{ pattern: "[", says: x }]
"#;
    insta::assert_snapshot!(refusal(body), @r#"
    p/provider.yaml:5:3: input `Stage`: expected lower-case letters, digits, `_` and `-` as its name
      5 |   Stage: { type: string, description: d }
        |   ^

    p/provider.yaml:6:3: input `hosts`: has the name of a value of every run but not its form
      6 |   hosts: { type: map, description: d }
        |   ^

    p/provider.yaml:8:12: form 1: `stage` is neither an input nor a value of the run; known: `Stage`, `environment`, `sha`, `ref`, `task`, `hosts`, `app`, `sha8`, `all_hosts`, `noop`, `files`, `results`, `tmp`, `ssh_config`, `ssh_key`, `known_hosts`
      8 |   - when: [stage]
        |            ^

    p/provider.yaml:10:5: form 2: has both a `folder` and a checkout; set `checkout: false`
      10 |   - command: [a]
         |     ^

    p/provider.yaml:12:19: environment `X`: `y` is neither an input nor a value of the run; known: `Stage`, `environment`, `sha`, `ref`, `task`, `hosts`, `app`, `sha8`, `all_hosts`, `noop`, `files`, `results`, `tmp`, `ssh_config`, `ssh_key`, `known_hosts`
      12 | environment: { X: "{{y}}" }
         |                   ^

    p/provider.yaml:13:21: cause 1: pattern `[` is not a regular expression: unclosed character class
      13 | causes: [{ pattern: "[", says: x }]
         |                     ^
    "#);
}
