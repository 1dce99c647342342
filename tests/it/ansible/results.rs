//! `chima_results.py` tells what became of every host, and disturbs nothing.

use std::path::Path;

use crate::tools::ansible::{Project, playbook_programs};
use crate::tools::sshd::ClosedPort;

const LOCAL: &str = "[web]\na\nb\n[web:vars]\nansible_connection=local\n";

#[test]
fn every_host_is_accounted_for_alike_by_old_and_new() {
    let closed = ClosedPort::new();
    let inventory = format!(
        "{LOCAL}[gone]\ndead ansible_host=127.0.0.1 ansible_port={}\n",
        closed.port()
    );
    let project = Project::new(&[("inventory", &inventory), ("site.yml", include_str!("everything.yml"))]);
    for program in playbook_programs() {
        let played = project.play(&program, &["-i", "inventory", "site.yml"]);
        assert_eq!(played.code, Some(4), "{played:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(without_port(&played.account(), &closed), @r#"
        {"event":"no_hosts","play":"nobody at home"}
        {"event":"unreachable","host":"dead","task":"failed, ignored","message":"ssh: connect to host 127.0.0.1 port PORT: Connection refused"}
        {"event":"failed","host":"a","task":"failed","message":"exit code 4: this"}
        {"event":"failed","host":"b","task":"fails again","message":"this, too, of one"}
        {"event":"host","host":"a","ok":4,"changed":2,"failed":1,"unreachable":0,"skipped":0,"rescued":1,"ignored":1}
        {"event":"host","host":"b","ok":4,"changed":2,"failed":1,"unreachable":0,"skipped":1,"rescued":2,"ignored":1}
        {"event":"host","host":"dead","ok":1,"changed":0,"failed":0,"unreachable":1,"skipped":0,"rescued":0,"ignored":1}
        {"event":"end","plays":2}
        "#);
        }
    }
}

/// The messages of `no_log` tasks, and of a loop that is hidden by an expression only.
#[test]
fn what_no_log_hides_is_not_told() {
    let project = Project::new(&[("inventory", LOCAL), ("site.yml", include_str!("hidden.yml"))]);
    for program in playbook_programs() {
        let played = project.play(&program, &["-i", "inventory", "-l", "a", "site.yml"]);
        assert_eq!(played.of("failed").len(), 3, "{played:?}");
        assert!(!played.account().contains("hunter2"), "{}", played.account());
    }
}

#[test]
fn a_limit_is_held_against_the_inventory() {
    let project = Project::new(&[
        ("inventory", LOCAL),
        (
            "site.yml",
            "- hosts: web\n  gather_facts: false\n  tasks:\n    - debug:\n- name: second\n  hosts: b\n",
        ),
    ]);
    for program in playbook_programs() {
        let played = project.play(&program, &["-i", "inventory", "--limit=a,typo,&web", "site.yml"]);
        // Ansible itself is content.
        assert_eq!(played.code, Some(0), "{played:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(played.account(), @r#"
        {"event":"unmatched","pattern":"typo"}
        {"event":"empty_play","play":"second"}
        {"event":"host","host":"a","ok":1,"changed":0,"failed":0,"unreachable":0,"skipped":0,"rescued":0,"ignored":0}
        {"event":"end","plays":2}
        "#);
        }
    }
}

#[test]
fn an_inventory_without_hosts_is_visible_where_ansible_is_content() {
    let project = Project::new(&[("inventory", ""), ("site.yml", "- name: only\n  hosts: all\n")]);
    for program in playbook_programs() {
        let played = project.play(&program, &["-i", "inventory", "site.yml"]);
        assert_eq!(played.code, Some(0), "{played:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(played.account(), @r#"
        {"event":"no_hosts","play":"only"}
        {"event":"end","plays":1}
        "#);
        }
    }
}

#[test]
fn ansible_s_own_output_is_the_same_with_it() {
    let project = Project::new(&[
        ("inventory", LOCAL),
        (
            "site.yml",
            "- hosts: web\n  gather_facts: false\n  tasks:\n    - debug: msg=here\n    - fail: msg=there\n",
        ),
    ]);
    for program in playbook_programs() {
        let with = project.play(&program, &["-i", "inventory", "site.yml"]);
        let without = project.play_into(&program, &["-i", "inventory", "site.yml"], None);
        assert_eq!(
            (with.code, with.stdout, with.stderr),
            (without.code, without.stdout, without.stderr)
        );
        assert!(!with.events.is_empty());
    }
}

#[test]
fn an_account_that_cannot_be_written_fails_nothing_and_has_no_end() {
    let project = Project::new(&[
        ("inventory", LOCAL),
        ("site.yml", "- hosts: nobody\n- hosts: web\n  gather_facts: false\n"),
    ]);
    for program in playbook_programs() {
        let nowhere = Path::new("/proc/nowhere/results");
        let played = project.play_into(&program, &["-i", "inventory", "site.yml"], Some(nowhere));
        assert_eq!((played.code, played.events.len()), (Some(0), 0), "{played:?}");
        assert!(played.stderr.contains("chima_results stops: "), "{}", played.stderr);
    }
}

#[test]
fn a_playbook_that_ansible_gives_up_has_no_end() {
    let project = Project::new(&[
        ("inventory", LOCAL),
        (
            "site.yml",
            "- hosts: a\n  gather_facts: false\n  tasks:\n    - debug:\n- hosts: a\n  roles: [nowhere]\n",
        ),
        (
            "late.yml",
            "- hosts: a\n  gather_facts: false\n  tasks:\n    - debug:\n- hosts: '{{ nowhere }}'\n",
        ),
    ]);
    for program in playbook_programs() {
        for playbook in ["site.yml", "late.yml"] {
            let played = project.play(&program, &["-i", "inventory", playbook]);
            assert_ne!(played.code, Some(0), "{played:?}");
            assert!(played.of("end").is_empty(), "{played:?}");
        }
    }
}

fn without_port(text: &str, closed: &ClosedPort) -> String {
    text.replace(&format!("port {}", closed.port()), "port PORT")
}
