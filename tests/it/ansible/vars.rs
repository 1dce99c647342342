//! The form in which variables reach Ansible: JSON with every text marked, which no version evaluates or takes for a number.
//!
//! `!unsafe "1.10"` in YAML is a number in ansible-core 2.19.

use std::fs;

use serde_json::{Value, json};

use crate::docs::root;
use crate::tools::ansible::{Project, playbook_programs};
use crate::tools::sshd::Sshd;

/// Texts that YAML or a template would make something else of.
const TEXTS: [&str; 16] = [
    "{{ lookup('pipe', 'touch evaluated') }}",
    "{% if true %}x{% endif %}",
    "1.10",
    "010",
    "0x1f",
    "1e3",
    "12:30:45",
    "2024-01-01",
    "no",
    "null",
    "~",
    "",
    "[1, 2]",
    "{'a': 1}",
    "!unsafe a: \"b\" # c\n- d \\ \u{263a}",
    " padded ",
];

fn marked(text: &str) -> Value {
    json!({ "__ansible_unsafe": text })
}

#[test]
fn texts_stay_what_they_are() {
    let texts: Vec<Value> = TEXTS.into_iter().map(marked).collect();
    let vars = json!({ "texts": texts, "map": { "deep": { "er": texts } }, "truth": true, "count": 3 });
    let playbook = "\
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - copy: { dest: out, content: '{{ [texts, map, truth, count] | to_json }}' }
";
    for program in playbook_programs() {
        let project = Project::new(&[("site.yml", playbook), ("vars.json", &vars.to_string())]);
        let played = project.play(&program, &["-e", "@vars.json", "site.yml"]);
        assert_eq!(played.code, Some(0), "{played:?}");
        let found: Value = serde_json::from_str(&fs::read_to_string(project.path("out")).unwrap()).unwrap();
        assert_eq!(found, json!([TEXTS, { "deep": { "er": TEXTS } }, true, 3]));
        assert!(!project.path("evaluated").exists());
    }
}

/// What the manifest sets where the app says how to connect.
fn ssh_vars(server: &Sshd) -> String {
    let manifest = fs::read_to_string(root().join("providers/ansible/provider.yaml")).unwrap();
    let manifest: Value = serde_yaml::from_str(&manifest).unwrap();
    let set = manifest["files"]["ssh_vars.json"]["also"].as_object().unwrap();
    let filled = set.iter().map(|(name, text)| {
        let text = text.as_str().unwrap();
        let text = text.replace("{{ssh_config}}", &server.ssh_config().display().to_string());
        let text = text.replace("{{ssh_key}}", &server.key().display().to_string());
        (name.clone(), marked(&text.replace("{{tmp}}", "../tmp")))
    });
    Value::Object(filled.collect()).to_string()
}

/// An inventory that would connect to anybody, with another key, by another program.
const CARELESS: &str = "\
[web:vars]
ansible_ssh_args=-o UserKnownHostsFile=/dev/null
ansible_ssh_common_args=-F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
ansible_ssh_extra_args=-o StrictHostKeyChecking=no
ansible_sftp_extra_args=-o StrictHostKeyChecking=no
ansible_scp_extra_args=-o StrictHostKeyChecking=no
ansible_private_key_file=other
ansible_ssh_private_key_file=other
ansible_host_key_checking=false
ansible_ssh_host_key_checking=false
ansible_ssh_executable=./careless
ansible_control_path=/nowhere/%%C
ansible_control_path_dir=/nowhere
";

#[test]
fn the_app_s_way_to_connect_wins_over_the_inventory_s() {
    for program in playbook_programs() {
        let mut server = Sshd::start();
        let project = Project::new(&[
            (
                "inventory",
                &format!(
                    "[web]\na ansible_host=127.0.0.1 ansible_port={}\n{CARELESS}",
                    server.port()
                ),
            ),
            (
                "site.yml",
                "- hosts: web\n  gather_facts: false\n  tasks:\n    - ping:\n",
            ),
            ("careless", "#!/bin/sh\ntouch careless_was_here\nexec ssh \"$@\"\n"),
            ("ssh_vars.json", &ssh_vars(&server)),
        ]);
        let arguments = ["-i", "inventory", "-e", "@ssh_vars.json", "-vvv", "site.yml"];
        let played = project.play(&program, &arguments);
        assert_eq!(played.code, Some(0), "{played:?}");
        assert_eq!(careless_words(&played.stdout), [""; 0]);

        server.change_host_key();
        let played = project.play(&program, &arguments);
        assert_eq!(played.code, Some(4), "{played:?}");
        assert_eq!(
            played.of("unreachable")[0]["message"],
            "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"
        );
    }
}

/// What of the careless inventory is in the command lines of ssh and sftp.
fn careless_words(log: &str) -> Vec<&str> {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("SSH: EXEC")).collect();
    assert!(!lines.is_empty(), "{log}");
    [
        "KnownHostsFile",
        "StrictHostKeyChecking=no",
        "other",
        "careless",
        "/nowhere",
    ]
    .into_iter()
    .filter(|word| lines.iter().any(|line| line.contains(word)))
    .collect()
}
