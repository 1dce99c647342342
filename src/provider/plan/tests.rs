//! Plans as tables: what is typed, and the exact argv that follows.

use serde_json::json;

use super::*;
use crate::domain::names::RefName;
use crate::provider::manifest::catalogue::Catalogue;

const SHA: &str = "0123456789012345678901234567890123456789";

fn order() -> Order {
    Order {
        app: "trelhub".parse().unwrap(),
        environment: "eu west".parse().unwrap(),
        sha: SHA.parse().unwrap(),
        git_ref: "feature/x".parse().unwrap(),
        task: "deploy:migrate".parse().unwrap(),
        hosts: vec!["web1".parse().unwrap(), "web2".parse().unwrap()],
        noop: false,
    }
}

fn with(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn plan_of(manifest: &Manifest, given: Value, requested: Value) -> Result<Vec<StepPlan>, PlanError> {
    whole_plan(manifest, given, requested, &order()).map(|plan| plan.steps)
}

fn whole_plan(manifest: &Manifest, given: Value, requested: Value, order: &Order) -> Result<Plan, PlanError> {
    let requested = with(requested);
    let places = places();
    let context = PlanContext {
        requested: &requested,
        places: &places,
        has_file: &|file| file == "Gemfile",
        secrets: &[],
        variables: &["PYTHONPATH"],
        declared: &[],
    };
    plan(manifest, &with(given), order, &context)
}

fn places() -> PlanPlaces {
    PlanPlaces {
        files: PathBuf::from("/own/files"),
        results: PathBuf::from("/own/results.jsonl"),
        tmp: PathBuf::from("/tmp/run"),
        ssh: None,
    }
}

fn shell(given: Value) -> Result<Vec<StepPlan>, PlanError> {
    plan_of(Catalogue::load(&[]).unwrap().find("shell").unwrap(), given, json!({}))
}

fn manifest(body: &str) -> Manifest {
    let beside = |name: &str| Ok(format!("content of {name}"));
    Manifest::parse("p", &format!("name: p\ndescription: d\n{body}"), &beside).unwrap()
}

#[test]
fn a_command_runs_in_the_checkout_with_values_as_whole_arguments_or_parts() {
    let steps =
        shell(json!({ "command": ["./script/deploy", "{{environment}}", "--at={{sha}}", "{{hosts}}"] })).unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!(
        steps[0].argv(),
        ["./script/deploy", "eu west", &format!("--at={SHA}"), "web1,web2"]
    );
    assert_eq!((steps[0].name.as_str(), &steps[0].cwd), ("deploy", &Cwd::Checkout));
}

#[test]
fn commands_in_a_folder_are_steps_in_order() {
    let given = json!({ "folder": "/srv/site", "commands": [["git", "fetch"], ["git", "checkout", "--detach", "{{sha}}^{commit}"]] });
    let steps = shell(given).unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["1: git", "2: git"]);
    assert_eq!(
        steps[1].argv(),
        ["git", "checkout", "--detach", &format!("{SHA}^{{commit}}")]
    );
    assert!(
        steps
            .iter()
            .all(|step| step.cwd == Cwd::Folder(PathBuf::from("/srv/site")))
    );
}

#[test]
fn a_script_is_a_relative_path_of_the_repository() {
    assert_eq!(
        shell(json!({ "script": "script/deploy.sh" })).unwrap()[0].argv(),
        ["./script/deploy.sh"]
    );
    for bad in [
        "/bin/sh", "../x", "a/../b", "a b", "-x", "a/-x", ".hidden", "", "a\n", "x;id", "$(id)", "a//b",
    ] {
        let error = shell(json!({ "script": bad })).unwrap_err();
        assert!(
            matches!(error, PlanError::PatternMismatch { .. } | PlanError::NoForm { .. }),
            "{bad}: {error}"
        );
    }
}

#[test]
fn an_environment_takes_back_what_its_app_asks_for() {
    let inputs = "inputs: { old: { type: bool, description: d } }";
    let manifest = manifest(&format!(
        "{inputs}\nforms: [{{ when: [old], command: [a] }}, {{ command: [b] }}]"
    ));
    let steps = plan_of(&manifest, json!({ "old": false }), json!({})).unwrap();
    assert_eq!(steps[0].argv(), ["b"]);
}

#[test]
fn what_cannot_be_told_is_refused_with_what_can() {
    for (given, words) in [
        (
            json!({}),
            "provider `shell` cannot tell what to run; expected one of `commands` with `folder`, `commands`",
        ),
        (
            json!({ "comand": ["x"] }),
            "provider `shell` has no input `comand`; inputs: `command`, `commands`, `dry_run`, `folder`, `script`",
        ),
        (
            json!({ "command": "x" }),
            "input `command` is a text; expected a list of texts",
        ),
        (
            json!({ "command": ["x"], "script": "y" }),
            "input `command` is not used together with `script`; remove one of them",
        ),
        (json!({ "command": [] }), "provider `shell` cannot tell"),
        (
            json!({ "commands": [[]], "folder": "/x" }),
            "a command of provider `shell` is empty",
        ),
        (
            json!({ "command": ["x", "{{nope}}"] }),
            "`{{nope}}` in input `command` is unknown; known: `environment`",
        ),
        (json!({ "command": ["x", "{{sha"] }), "holds `{{` without a name"),
        (json!({ "command": ["x", "a\u{0}b"] }), "holds a NUL byte"),
        (
            json!({ "command": ["x"], "folder": "srv" }),
            "input `folder` is `srv`; expected text that matches `/",
        ),
    ] {
        let error = shell(given.clone()).unwrap_err().to_string();
        assert!(error.starts_with(words) || error.contains(words), "{given}: {error}");
    }
}

#[test]
fn a_payload_fills_open_inputs_only_and_literally() {
    let manifest = manifest(
        "inputs:\n  role: { type: string, description: d, open: true, pattern: '.*' }\n  tool: { type: string, description: d, default: cap }\n\
         forms: [{ command: [\"{{tool}}\", \"role={{role}}\", { when: role, args: [\"{{role}}\"] }] }]",
    );
    let argv = |requested| plan_of(&manifest, json!({}), requested).map(|steps| steps[0].argv().to_vec());
    assert_eq!(argv(json!({})).unwrap(), ["cap", "role="]);
    assert_eq!(
        argv(json!({ "role": "{{sha}}" })).unwrap(),
        ["cap", "role={{sha}}", "{{sha}}"]
    );
    assert_eq!(
        argv(json!({ "tool": "sh" })),
        Err(PlanError::NotOpen {
            input: "tool".to_owned()
        })
    );
    assert_eq!(
        argv(json!({ "role": "-e" })),
        Err(PlanError::LeadingDash { found: "-e".to_owned() })
    );
}

#[test]
fn the_injection_corpus_does_not_pass_the_default_pattern() {
    let manifest =
        manifest("inputs: { x: { type: string, description: d, open: true } }\nforms: [{ command: [run, \"{{x}}\"] }]");
    for bad in [
        "x;echo${IFS}INJECTED",
        "$(id)",
        "`id`",
        "a|id",
        "a&b",
        "a\"b",
        "a'b",
        "a\nb",
        "a\0b",
        "-x",
        "--require=x",
        "@/etc/hostname",
        "NAME=value",
        "deploy; id",
        "{{ lookup(\"pipe\",\"id\") }}",
        "{% x %}",
        "%{environment}",
        "{{x}}",
        "../../x",
        "%2e%2e",
        "a\u{202e}b",
        "\u{ff21}",
        "ok\n",
        "",
    ] {
        let error = plan_of(&manifest, json!({}), json!({ "x": bad })).unwrap_err();
        assert!(matches!(error, PlanError::PatternMismatch { .. }), "{bad:?}: {error}");
    }
    let long = "a".repeat(256);
    assert!(matches!(
        plan_of(&manifest, json!({}), json!({ "x": long })),
        Err(PlanError::TooLong { .. })
    ));
}

#[test]
fn an_input_may_stand_before_a_value_of_the_run() {
    let manifest = manifest(
        "inputs:\n  task: { type: string, description: d, default: \"{{task}}\", pattern: '[a-z:]+' }\n  hosts: { type: list, description: d, pattern: '[a-z@:0-9]+' }\n\
         forms: [{ command: [fab, { when: hosts, args: [\"-H={{hosts}}\"] }, \"{{task}}\"] }]",
    );
    let argv = |given| plan_of(&manifest, given, json!({})).unwrap().remove(0).argv().to_vec();
    assert_eq!(argv(json!({})), ["fab", "-H=web1,web2", "deploy:migrate"]);
    // What a request narrows to wins over what the configuration names.
    let hosts = |hosts: &[&str]| {
        let order = Order {
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            ..order()
        };
        let given = json!({ "hosts": ["a", "b"], "task": "x" });
        whole_plan(&manifest, given, json!({}), &order).unwrap().steps[0]
            .argv()
            .join(" ")
    };
    assert_eq!(hosts(&["b"]), "fab -H=b x");
    assert_eq!(hosts(&[]), "fab -H=a,b x");
    let spelled = json!({ "hosts": ["deploy@a:2222", "b"], "task": "x" });
    let order = Order {
        hosts: vec!["A".parse().unwrap()],
        ..order()
    };
    let plan = whole_plan(&manifest, spelled, json!({}), &order).unwrap();
    assert_eq!(plan.steps[0].argv()[1], "-H=deploy@a:2222");
}

/// A tool with every ability of a manifest.
const TOOL: &str = r#"
inputs:
  playbook: { type: path, description: d, default: site.yml, must_exist: true }
  limit: { type: string, description: d }
  tags: { type: list, description: d }
  bundler: { type: string, description: d, default: auto, pattern: 'auto|true|false' }
  requirements: { type: path, description: d }
  args: { type: map, description: d }
  vars: { type: map, description: d }
forms:
  - commands:
      - { when: requirements, command: [galaxy, "{{requirements}}"] }
      - - { when: bundler, is: auto, file: Gemfile, args: [bundle, exec] }
        - { when: bundler, is: "true", args: [bundle, exec] }
        - tool
        - { when: hosts, args: ["--limit={{hosts}}"] }
        - { when: limit, unless: hosts, args: ["--limit={{limit}}"] }
        - { when: tags, args: ["--tags={{tags}}"] }
        - { when: noop, args: [--check] }
        - { each: args, arg: "--{{key}}={{value}}" }
        - "--vars=@{{files}}/vars.yml"
        - "{{playbook}}"
files:
  vars.yml: { vars: vars, also: { sha: "{{sha}}", key: "{{ssh_key}}" } }
  helper.py: { copy: helper.py }
  ssh.json: { when: ssh_config, also: { config: "{{ssh_config}}" } }
environment:
  RESULTS: "{{results}}"
  CONFIG: "{{ssh_config}}"
  PLANNED: { when: noop, value: "yes" }
dry_run: arguments
remote: true
results: ansible
"#;

fn tool(given: Value, change: impl FnOnce(&mut Order)) -> Plan {
    let mut order = order();
    change(&mut order);
    whole_plan(&manifest(TOOL), given, json!({}), &order).unwrap()
}

#[test]
fn optional_parts_are_in_where_all_their_conditions_hold() {
    let argv = |given, change: fn(&mut Order)| tool(given, change).steps[0].argv().join(" ");
    let nothing = |_: &mut Order| {};
    let no_hosts = |order: &mut Order| order.hosts.clear();
    for (given, change, expected) in [
        (
            json!({}),
            nothing as fn(&mut Order),
            "bundle exec tool --limit=web1,web2 --vars=@/own/files/vars.yml site.yml",
        ),
        (
            json!({ "bundler": "false" }),
            no_hosts,
            "tool --vars=@/own/files/vars.yml site.yml",
        ),
        (
            json!({ "limit": "db" }),
            nothing,
            "bundle exec tool --limit=web1,web2 --vars=@/own/files/vars.yml site.yml",
        ),
        (
            json!({ "limit": "db", "tags": ["a", "b"] }),
            no_hosts,
            "bundle exec tool --limit=db --tags=a,b --vars=@/own/files/vars.yml site.yml",
        ),
        (
            json!({ "args": { "b": "{{ref}}", "a": 1 }, "bundler": "true" }),
            no_hosts,
            "bundle exec tool --a=1 --b=feature/x --vars=@/own/files/vars.yml site.yml",
        ),
        (
            json!({}),
            |order| order.noop = true,
            "bundle exec tool --limit=web1,web2 --check --vars=@/own/files/vars.yml site.yml",
        ),
    ] {
        assert_eq!(argv(given.clone(), change), expected, "{given}");
    }
}

#[test]
fn a_command_that_is_left_out_is_no_step() {
    assert_eq!(tool(json!({}), |_| {}).steps.len(), 1);
    let steps = tool(json!({ "requirements": "req.yml" }), |_| {}).steps;
    assert_eq!(steps[0].argv(), ["galaxy", "req.yml"]);
    // What must be there is looked for before the first step; results are read at the last.
    let told = |step: &StepPlan| (step.must_exist.len(), step.results.is_some());
    assert_eq!((told(&steps[0]), told(&steps[1])), ((1, false), (0, true)));
}

#[test]
fn files_hold_variables_and_copies_and_empty_values_are_left_out() {
    let plan = tool(
        json!({ "vars": { "v": "{{ref}}", "n": { "deep": ["{{task}}", 2] } } }),
        |_| {},
    );
    let files: Vec<(String, &str)> = plan
        .files
        .iter()
        .map(|file| (file.path.display().to_string(), file.content.as_str()))
        .collect();
    let vars = format!(
        "{{\"n\":{{\"deep\":[{{\"__ansible_unsafe\":\"deploy:migrate\"}},2]}},\"sha\":{{\"__ansible_unsafe\":\"{SHA}\"}},\
         \"v\":{{\"__ansible_unsafe\":\"feature/x\"}}}}\n"
    );
    assert_eq!(
        files,
        [
            ("/own/files/helper.py".to_owned(), "content of helper.py"),
            ("/own/files/vars.yml".to_owned(), vars.as_str()),
        ]
    );
    let variables: Vec<_> = plan.steps[0].environment.iter().collect();
    assert_eq!(variables, [("RESULTS", "/own/results.jsonl")]);
}

#[test]
fn values_may_become_a_file_of_json() {
    let manifest = manifest(
        "inputs: { values: { type: map, description: d } }\nforms: [{ command: [a, { each: values, arg: \"{{key}}={{value}}\" }] }]\n\
         files: { values.json: { json: values, also: { sha: \"{{sha}}\", key: \"{{ssh_key}}\" } } }",
    );
    let plan = whole_plan(
        &manifest,
        json!({ "values": { "n": 1, "ref": "{{ref}}" } }),
        json!({}),
        &order(),
    )
    .unwrap();
    assert_eq!(
        plan.files[0].content,
        format!("{{\"n\":1,\"ref\":\"feature/x\",\"sha\":\"{SHA}\"}}\n")
    );
    assert_eq!(plan.steps[0].argv(), ["a", "n=1", "ref=feature/x"]);
}

#[test]
fn a_list_that_is_not_given_is_no_argument() {
    let manifest =
        manifest("inputs: { names: { type: list, description: d } }\nforms: [{ command: [a, \"{{names}}\"] }]");
    let argv = |given| plan_of(&manifest, given, json!({})).unwrap().remove(0).argv().to_vec();
    assert_eq!(argv(json!({})), ["a"]);
    assert_eq!(argv(json!({ "names": ["b", 3] })), ["a", "b", "3"]);
}

#[test]
fn a_value_in_an_address_is_a_part_of_it_and_nothing_more() {
    let manifest = manifest("inputs: { at: { type: url, description: d } }\nforms: [{ command: [curl, \"{{at}}\"] }]");
    let argv = |given| plan_of(&manifest, given, json!({})).map(|steps| steps[0].argv()[1].clone());
    let at = argv(json!({ "at": "https://a.example/{{environment}}?ref={{ref}}#{{hosts}}" }));
    assert_eq!(at.unwrap(), "https://a.example/eu%20west?ref=feature%2Fx#web1%2Cweb2");
    for bad in ["file:///etc/passwd", "a.example", "https://a b", "-x", "https://"] {
        assert!(
            matches!(argv(json!({ "at": bad })), Err(PlanError::PatternMismatch { .. })),
            "{bad}"
        );
    }
}

#[test]
fn a_map_that_cannot_be_arguments_is_refused() {
    for (args, words) in [
        (
            json!({ "-x": "y" }),
            "entry `-x` of input `args` cannot be an argument; expected a name",
        ),
        (
            json!({ "x": ["y"] }),
            "entry `x` of input `args` cannot be an argument; expected one text",
        ),
    ] {
        let error = whole_plan(&manifest(TOOL), json!({ "args": args }), json!({}), &order()).unwrap_err();
        assert!(error.to_string().starts_with(words), "{error}");
    }
}

#[test]
fn entries_can_be_one_argument_together() {
    let manifest = manifest(
        "inputs: { args: { type: map, description: d } }\nforms:\n  - command: [fab, { onto: \"{{task}}:at={{sha8}}\", \
         each: args, arg: \",{{key}}={{value}}\", without: \",=\" }]",
    );
    let argv = |given| plan_of(&manifest, given, json!({})).map(|steps| steps[0].argv()[1].clone());
    assert_eq!(argv(json!({})).unwrap(), "deploy:migrate:at=01234567");
    assert_eq!(
        argv(json!({ "args": { "b": "{{ref}}", "a": 1 } })).unwrap(),
        "deploy:migrate:at=01234567,a=1,b=feature/x"
    );
    assert_eq!(
        argv(json!({ "args": { "b": "x,y=z" } })).unwrap_err().to_string(),
        "entry `b` of input `args` cannot be an argument; expected a value without any of `,=`"
    );
}

#[test]
fn a_path_leads_down_or_is_absolute() {
    let playbook = |path: &str| whole_plan(&manifest(TOOL), json!({ "playbook": path }), json!({}), &order());
    for good in [
        "site.yml",
        "./a/b.yml",
        ".hidden/x",
        "/etc/ansible/site.yml",
        "with space/x.yml",
    ] {
        assert!(playbook(good).is_ok(), "{good}");
    }
    for bad in ["../x", "a/../b", "-x", "a/-x", "a//b", "@x/..", "", "a\n", "$(id)"] {
        assert!(matches!(playbook(bad), Err(PlanError::PatternMismatch { .. })), "{bad}");
    }
}

#[test]
fn a_plan_without_a_dry_run_is_refused() {
    let noop = Order { noop: true, ..order() };
    let refused = |name: &str, given: Value| {
        let catalogue = Catalogue::load(&[]).unwrap();
        whole_plan(catalogue.find(name).unwrap(), given, json!({}), &noop).map(drop)
    };
    assert_eq!(
        refused("manual", json!({ "instructions": "x" }))
            .unwrap_err()
            .to_string(),
        "provider `manual` has no dry run; deploy without `:plan`"
    );
    assert_eq!(
        refused("shell", json!({ "command": ["x"] })).unwrap_err().to_string(),
        "nothing says that the command obeys `DRY_RUN=1`; make it do so, then set `dry_run: true` in `with`"
    );
    assert_eq!(refused("shell", json!({ "command": ["x"], "dry_run": true })), Ok(()));
}

#[test]
fn a_variable_that_the_provider_needs_for_itself_is_refused() {
    let manifest = manifest("reserved: [PYTHONPATH]\nforms: [{ command: [a] }]");
    assert_eq!(
        plan_of(&manifest, json!({}), json!({})).unwrap_err().to_string(),
        "provider `p` sets `PYTHONPATH` itself; remove it from `env`, `secrets` and `inherit_env`"
    );
}

#[test]
fn a_person_is_told_what_to_do() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let given = json!({ "instructions": "release {{ref}}" });
    let plan = whole_plan(catalogue.find("manual").unwrap(), given, json!({}), &order()).unwrap();
    assert_eq!(
        plan.steps[0].action,
        Action::Manual {
            instructions: "release feature/x".to_owned()
        }
    );
    assert!(!needs_checkout(&plan.steps));
    assert_eq!(plan.timeout, Some(Duration::from_secs(7 * 24 * 3600)));
}

#[test]
fn a_secret_that_the_tool_cannot_do_without_is_asked_for() {
    let manifest = manifest("secrets: { API_KEY: { description: d, required: true } }\nforms: [{ command: [a] }]");
    assert_eq!(
        plan_of(&manifest, json!({}), json!({})).unwrap_err().to_string(),
        "provider `p` needs the secret `API_KEY`; say in `secrets` where it is found"
    );
}

/// What reaches a tool of the corpus is a ref, of plain letters: and of the whole plan it changes only where it stands.
#[test]
fn a_hostile_ref_is_one_text_in_its_place_whatever_the_tool() {
    let all = chima_simulator::hostile::texts("/tmp/canary");
    let refs: Vec<&String> = all.iter().filter(|text| text.parse::<RefName>().is_ok()).collect();
    assert!(refs.len() > 20);
    let catalogue = Catalogue::load(&[]).unwrap();
    let argv = json!({"command": ["./deploy", "{{ref}}", "--ref={{ref}}", "a {{ref}} b"]});
    let vars = json!({"inventory": "hosts", "extra_vars": {"x": {"y": ["{{ref}}"]}}});
    for (provider, given) in [
        ("shell", argv),
        ("ansible", vars),
        ("fabric", json!({"args": {"x": "{{ref}}"}})),
        ("capistrano", json!({})),
    ] {
        let planned = |git_ref: &str| {
            let order = Order {
                git_ref: git_ref.parse().unwrap(),
                environment: "staging".parse().unwrap(),
                task: "deploy".parse().unwrap(),
                ..order()
            };
            let (nothing, places) = (with(json!({})), places());
            let context = PlanContext {
                requested: &nothing,
                places: &places,
                has_file: &|_| false,
                secrets: &[],
                variables: &[],
                declared: &[],
            };
            let plan = plan(
                catalogue.find(provider).unwrap(),
                &with(given.clone()),
                &order,
                &context,
            )
            .unwrap();
            let argv: Vec<Vec<String>> = plan.steps.iter().map(|step| step.argv().to_vec()).collect();
            (argv, plan.files)
        };
        let (plain, files) = planned("PLAIN");
        for text in refs.iter().step_by(3) {
            let (argv, own) = planned(text);
            let expected = plain
                .iter()
                .map(|line| line.iter().map(|word| word.replace("PLAIN", text)).collect());
            assert_eq!(argv, expected.collect::<Vec<Vec<String>>>(), "{provider}");
            for (file, own) in files.iter().zip(own) {
                assert_eq!(
                    own.content,
                    file.content.replace("PLAIN", text),
                    "{provider}: {}",
                    file.path.display()
                );
            }
        }
    }
}
