//! The server of the tests does what the tests rely on.

use super::*;

/// The exit code, and what was printed on both outputs.
fn ssh(config: &Path, options: &[&str], remote: &str) -> (Option<i32>, String) {
    let output = command("ssh")
        .arg("-F")
        .arg(config)
        .args(options)
        .args(["host", remote])
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_remote_command_runs_as_the_tester_in_a_home_of_the_test() {
    let server = Sshd::start();
    let (code, text) = ssh(&server.ssh_config(), &[], r#"echo "$(id -un) $HOME"; exit 7"#);
    assert_eq!(text, format!("{} {}\n", server.user(), server.home().display()));
    assert_eq!(code, Some(7));
}

#[test]
fn a_changed_host_key_an_unknown_host_and_another_key_are_refused() {
    let mut server = Sshd::start();
    let config = server.ssh_config();
    let (code, text) = ssh(&config, &["-o", "UserKnownHostsFile=/dev/null"], "true");
    assert!(code == Some(255) && text.contains("host key is known for"), "{text}");

    server.other_key();
    let other = fs::read_to_string(&config).unwrap().replace("/key\n", "/other\n");
    let other_config = server.path("other_config");
    fs::write(&other_config, other).unwrap();
    let (code, text) = ssh(&other_config, &[], "true");
    assert!(code == Some(255) && text.contains("Permission denied"), "{text}");

    let before = server.host_key();
    server.change_host_key();
    assert_ne!(server.host_key(), before);
    let (code, text) = ssh(&config, &[], "true");
    assert!(
        code == Some(255) && text.contains("IDENTIFICATION HAS CHANGED"),
        "{text}"
    );
}

#[test]
fn a_closed_port_refuses_connections() {
    let server = Sshd::start();
    let closed = ClosedPort::new();
    let (code, text) = ssh(&server.ssh_config(), &["-p", &closed.port().to_string()], "true");
    assert!(code == Some(255) && text.contains("Connection refused"), "{text}");
}

#[test]
fn it_goes_with_everything_that_runs_there() {
    let server = Sshd::start();
    let mut client = command("ssh")
        .arg("-F")
        .arg(server.ssh_config())
        .args(["host", "exec sleep 600"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = i32::try_from(server.process.as_ref().unwrap().id()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let sleeping = loop {
        let below = processes::descendants(pid, &HashSet::new());
        if let Some(found) = below.into_iter().find(|process| process.name == "sleep") {
            break found.id;
        }
        assert!(Instant::now() < deadline, "the remote command does not begin");
        std::thread::sleep(Duration::from_millis(5));
    };
    drop(server);
    assert_eq!(client.wait().unwrap().code(), Some(255));
    while sleeping.is_alive() {
        assert!(Instant::now() < deadline, "the remote command goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
}
