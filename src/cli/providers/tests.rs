//! What a person and a script read of a machine with programs that say what the test wants.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::{Machine, NoSuchProvider, survey};
use crate::config::{Config, Known};
use crate::provider::manifest::catalogue::Catalogue;

const TOOL: &str = r#"
name: tool
description: Sends a release to the hosts of a stage, which takes a while where there are many of them, and tells each host.
inputs:
  stage: { type: string, description: The stage., default: "{{environment}}" }
  playbook: { type: path, description: "The playbook, in the checkout.", required: true, must_exist: true, aliases: [book] }
  level: { type: string, description: How much is said., pattern: "[1-4]" }
  more: { type: map, description: Further settings. }
  notes: { type: list, description: What is new. }
secrets:
  TOOL_TOKEN: { description: The token., required: true }
  TOOL_KEY: { description: The key., as: file }
environment: { TOOL_COLOUR: "1" }
programs:
  - name: tool
    version_command: [tool, --version]
    version_pattern: "tool ([0-9.]+)"
    install: { apt: tool, see: https://tool.example/install }
  - { name: helper, optional: true, install: { npm: "@tool/helper" } }
  - { name: odd, version_command: [odd, version], version_pattern: "v([0-9]+)" }
  - { name: silent }
forms:
  - when: [level]
    needs: [{ program: tool, at_least: "2" }]
    command: [tool, "--stage={{stage}}", "--level={{level}}", { when: notes, unless: noop, args: [--note, "{{notes}}"] },
      { each: more, arg: "--{{key}}={{value}}" }, { when: noop, args: [--dry-run] }, "{{playbook}}"]
  - commands: [{ file: tool.lock, command: [helper, install] }, [tool, "{{playbook}}"]]
dry_run: arguments
timeout_seconds: 600
remote: true
"#;

/// A `PATH` of one folder with the programs, each of which prints a text; and manifests beside it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(programs: &[(&str, &str)], manifests: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "home", "own"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for (name, says) in programs {
            let file = folder.path().join("bin").join(name);
            fs::write(&file, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (name, text) in manifests {
            fs::create_dir(folder.path().join("own").join(name)).unwrap();
            fs::write(folder.path().join("own").join(name).join("provider.yaml"), text).unwrap();
        }
        Self { folder }
    }

    fn machine(&self) -> Machine {
        Machine {
            path: self.folder.path().join("bin").display().to_string(),
            home: self.folder.path().join("home"),
        }
    }

    fn config(&self, apps: &str) -> Config {
        let text = format!(
            "providers: [{}]\napps:\n{apps}",
            self.folder.path().join("own").display()
        );
        Config::parse(Path::new("app.yaml"), &text, &Known::default()).unwrap()
    }

    /// What is told, as text and as JSON, and whether nothing is missing.
    async fn told(&self, only: Option<&str>, config: Result<&Config, &str>) -> (String, String, bool) {
        let catalogue = Catalogue::read(&[self.folder.path().join("own")]);
        let machine = self.machine();
        let survey = survey(&catalogue, only, config, &machine).await.unwrap();
        let plain = |text: String| text.replace(&self.folder.path().display().to_string(), "DIR");
        (plain(survey.text()), plain(survey.json()), survey.is_complete())
    }
}

/// What is told of `tool` and after it; what else is shipped is no business of these tests.
fn from_tool(text: &str) -> &str {
    &text[text.find("\ntool  (").unwrap() + 1..]
}

const APPS: &str = "
  site:
    repository: o/site
    provider: tool
    with: { playbook: site.yml }
    secrets: { TOOL_TOKEN: { env: ABSENT } }
    environments:
      live: { with: { level: \"2\", notes: [new, fast], more: { user: mona lisa } } }
      test: {}
";

#[tokio::test]
async fn what_is_there_is_listed_with_versions_and_who_uses_it() {
    let programs = [
        ("tool", "tool 2.14.1"),
        ("helper", ""),
        ("odd", "no idea"),
        ("silent", ""),
    ];
    let bench = Bench::new(&programs, &[("tool", TOOL)]);
    let config = bench.config(APPS);
    let (text, _, complete) = bench.told(None, Ok(&config)).await;
    assert!(complete);
    insta::assert_snapshot!(from_tool(&text), @"
    tool  (from DIR/own)
      Sends a release to the hosts of a stage, which takes a while where there are many of them, and
      tells each host.
      kind      command; has a dry run
      programs  tool    2.14.1  DIR/bin/tool
                helper  there   DIR/bin/helper
                odd     ?       DIR/bin/odd; asked for its version, it says `no idea`
                silent  there   DIR/bin/silent
      used by   site/live, site/test

    `chima providers NAME` shows its inputs, and what it would run
    ");
}

#[tokio::test]
async fn what_is_missing_is_told_with_how_to_install_it() {
    let bench = Bench::new(&[("silent", "")], &[("tool", TOOL)]);
    let config = bench.config(APPS);
    let (text, _, complete) = bench.told(None, Ok(&config)).await;
    assert!(!complete);
    insta::assert_snapshot!(from_tool(&text), @"
    tool  (from DIR/own)
      Sends a release to the hosts of a stage, which takes a while where there are many of them, and
      tells each host.
      kind      command; has a dry run
      programs  tool    missing  install it: `apt install tool` or see https://tool.example/install
                helper  missing  for some uses only; install it: `npm install --global @tool/helper`
                odd     missing
                silent  there    DIR/bin/silent
      used by   site/live, site/test

    missing for what is configured
      `tool` needs `tool`; install it: `apt install tool` or see https://tool.example/install
      `tool` needs `odd`

    `chima providers NAME` shows its inputs, and what it would run
    ");
}

#[tokio::test]
async fn one_is_told_whole() {
    let programs = [("tool", "tool 2.14.1"), ("odd", "v3"), ("silent", "")];
    let bench = Bench::new(&programs, &[("tool", TOOL)]);
    let config = bench.config(APPS);
    let (text, _, complete) = bench.told(Some("tool"), Ok(&config)).await;
    assert!(complete);
    insta::assert_snapshot!(text, @"
    tool  (from DIR/own)
      Sends a release to the hosts of a stage, which takes a while where there are many of them, and
      tells each host.

      kind        command
      dry run     the tool's own
      time limit  600 s, where `timeout_seconds` does not say
      remote      works on other hosts: what is stopped here may go on there
      README      none
      programs    tool    2.14.1   DIR/bin/tool
                  helper  missing  for some uses only; install it: `npm install --global @tool/helper`
                  odd     3        DIR/bin/odd
                  silent  there    DIR/bin/silent

    inputs, in `with`
      level     text that matches `[1-4]`
                How much is said.
      more      map
                Further settings.
      notes     list of texts of letters, digits and `. _ / -`, a letter or digit first
                What is new.
      playbook  path of letters, digits, spaces and `. _ @ + -`, without `..`; required; must exist;
                also called `book`
                The playbook, in the checkout.
      stage     text of letters, digits and `. _ / -`, a letter or digit first; default
                `{{environment}}`
                The stage.

    secrets, in `secrets`
      TOOL_KEY    the variable holds the path of a file with it
                  The key.
      TOOL_TOKEN  the variable holds it; required
                  The token.

    variables it sets
      TOOL_COLOUR=1

    what it runs: the first of these that fits
      1.  where `level` is given, in a checkout
            tool --stage={{stage}} --level={{level}} [--note {{notes}} if notes, unless noop]
            [--{{key}}={{value}} for each of more] [--dry-run if noop] {{playbook}}
            needs `tool`: 2 or later
      2.  always, in a checkout
            helper install (if there is a tool.lock)
            tool {{playbook}}

    used by
      site/live
          tool --stage=live --level=2 --note new fast '--user=mona lisa' site.yml
      site/test
          tool site.yml
    ");
}

#[tokio::test]
async fn a_script_reads_one_line_for_each() {
    let bench = Bench::new(&[("tool", "tool 2.14.1")], &[("tool", TOOL), ("bad", "name: bad\n")]);
    let config = bench.config(APPS);
    let (_, json, _) = bench.told(Some("tool"), Ok(&config)).await;
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told["usable"], false);
    assert_eq!(told["programs"][0]["version"], "2.14.1");
    assert_eq!(told["programs"][1]["path"], serde_json::Value::Null);
    assert_eq!(told["used_by"], serde_json::json!(["site/live", "site/test"]));
    let (_, all, _) = bench.told(None, Ok(&config)).await;
    let names: Vec<serde_json::Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(names.iter().all(|line| line["name"].is_string()), "{all}");
}

#[tokio::test]
async fn a_broken_manifest_is_told_and_the_others_are_listed() {
    let manifests = [
        ("tool", TOOL),
        ("bad", "name: bad\ndescription: d\nform: []\n"),
        ("shell", "name: other\n"),
    ];
    let bench = Bench::new(&[], &manifests);
    let (text, _, complete) = bench.told(None, Err("there is no configuration at `app.yaml`")).await;
    assert!(complete, "nobody is known to use them");
    let from = text.find("cannot be used").unwrap();
    insta::assert_snapshot!(&text[from..], @"
    cannot be used
      bad
        DIR/own/bad/provider.yaml:3:1: unknown key `form` at the top level
          3 | form: []
            | ^
        hint: did you mean `forms`?
      shell
        DIR/own/shell/provider.yaml:1:1: the file has no `description`
          1 | name: other
            | ^
        hint: `description`: one sentence for people who choose a provider

    there is no configuration at `app.yaml`
    `chima providers NAME` shows its inputs, and what it would run
    ");
    assert!(text.contains("\nmanual\n"), "{text}");
    let config = bench.config("  a: { repository: o/r, environments: { e: { provider: bad } } }");
    let (text, _, complete) = bench.told(Some("bad"), Ok(&config)).await;
    assert!(!complete);
    assert!(text.starts_with("cannot be used\n  bad\n"), "{text}");
}

#[tokio::test]
async fn a_shipped_one_has_its_page_with_it_and_one_of_ones_own_says_whom_it_replaces() {
    let ours = "name: shell\ndescription: Ours.\nforms: [{ command: [a] }]\n";
    let bench = Bench::new(&[], &[("shell", ours)]);
    let catalogue = Catalogue::read(&[bench.folder.path().join("own")]);
    let machine = bench.machine();
    let manual = survey(&catalogue, Some("manual"), Err("no"), &machine).await.unwrap();
    assert!(manual.readme().starts_with("# manual\n"));
    let (text, ..) = bench.told(Some("shell"), Err("no")).await;
    let heading = text.lines().next().unwrap();
    assert_eq!(heading, "shell  (from DIR/own, in place of the shipped one)");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_told_with_the_nearest() {
    let catalogue = Catalogue::read(&[]);
    let bench = Bench::new(&[], &[]);
    let machine = bench.machine();
    let refused: NoSuchProvider = survey(&catalogue, Some("shel"), Err("no"), &machine).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no provider `shel`; did you mean `shell`?"
    );
}
