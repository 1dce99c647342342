//! All of it as on a GitHub of one's own: an App, https everywhere, and an authority that only `github.ca_file` names.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::checkout::https::watch_processes;
use crate::docs::root;
use crate::process::installation::{Installation, REPOSITORY};

const SOON: Duration = Duration::from_secs(20);

/// The stand-in for GitHub behind TLS, and git beside it.
struct Front {
    child: Child,
    _stdin: ChildStdin,
    port: u16,
    journal: PathBuf,
}

impl Front {
    fn before(installation: &Installation) -> Self {
        make_certificates(&installation.path(""));
        let (served, journal) = (installation.path("served"), installation.path("front-journal"));
        fs::create_dir_all(served.join("octo")).unwrap();
        symlink(installation.path("site/.git"), served.join(format!("{REPOSITORY}.git"))).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the server is not Chima")]
        let mut child = Command::new("python3")
            .arg(root().join("tests/it/checkout/server.py"))
            .args([&served, &installation.path("leaf.all"), &journal])
            .args(["", installation.github.url().as_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        Self {
            _stdin: child.stdin.take().unwrap(),
            port: port.trim().parse().unwrap(),
            child,
            journal,
        }
    }

    /// What git asked for: the token, whether it was let in, and what for.
    fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.journal).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority of our own, and a certificate for this machine.
fn make_certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    fs::write(folder.join("leaf.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    for arguments in [
        format!("req -x509 {key} -subj /CN=authority -keyout ca.key -out ca.pem"),
        format!("req {key} -subj /CN=127.0.0.1 -keyout leaf.key -out leaf.csr"),
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem"
            .to_owned(),
    ] {
        #[expect(clippy::disallowed_methods, reason = "certificates for the tests' own server")]
        let made = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    fs::write(folder.join("leaf.all"), read("leaf.key") + &read("leaf.pem")).unwrap();
}

/// The configuration of an installation, moved behind the front and spoken for by the App.
fn moved(installation: &Installation, front: &Front) -> String {
    let id = installation.github.read(|world| world.app.id);
    let lines = installation.config();
    let lines = lines.lines().filter(|line| !line.trim_start().starts_with("remote:"));
    let lines = lines.map(|line| match line.trim_start().split(':').next() {
        Some("url") => format!("  url: https://127.0.0.1:{}", front.port),
        Some("api_url") => format!("  api_url: https://127.0.0.1:{}/api/v3\n  ca_file: ca.pem", front.port),
        Some("token") => format!("  app_id: {id}\n  private_key: {{ file: app.pem }}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every file below a folder, as far as it is text.
fn files_below(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(files_below(&path));
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            found.push((path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_deploys_over_https_and_its_tokens_are_nowhere_else() {
    let installation = Installation::sqlite().await;
    let front = Front::before(&installation);
    installation.write("app.pem", &chima_simulator::keys::private_key_pem().unwrap());
    installation.write("app.yaml", &moved(&installation, &front));
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch_processes(Arc::clone(&stop));
    let mut server = installation.serve().await;
    let said = installation
        .run(&["deploy", "site/main", "to", "staging", "--by", "mona"])
        .await;
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("line 00009\n"), "{}", said.stdout);
    let deployment = installation.deployments()[0];
    assert_eq!(installation.concluded(deployment, SOON).await, "success");
    assert_eq!(
        installation.github.read(|world| {
            let made = world.deployment(REPOSITORY, deployment).unwrap();
            made.creator.clone()
        }),
        Some("chima[bot]".to_owned())
    );
    stop.store(true, Ordering::Relaxed);
    let seen = watching.join().unwrap();
    server.stop(SOON).await;

    let tokens = installation.github.installation_tokens();
    let journal = front.journal();
    let fetched = journal
        .iter()
        .find(|line| line.ends_with("POST /octo/site.git/git-upload-pack"));
    let fetched = fetched.unwrap_or_else(|| panic!("nothing was fetched: {journal:?}"));
    let (token, how) = fetched.split_once(' ').unwrap();
    assert!(how.starts_with("True"), "{fetched}");
    let granted: Vec<String> = tokens[token]
        .iter()
        .map(|(name, level)| format!("{name}: {level}"))
        .collect();
    assert_eq!(
        granted,
        ["contents: read", "metadata: read"],
        "it may read and nothing else"
    );
    for token in tokens.keys() {
        let mut paths = journal.iter().filter_map(|line| line.split_once(' '));
        assert!(
            paths.all(|(_, rest)| !rest.contains(token.as_str())),
            "an address holds a token"
        );
        assert!(
            seen.iter().all(|text| !text.contains(token.as_str())),
            "a process shows a token"
        );
        let told = [said.stdout.as_str(), said.stderr.as_str()];
        assert!(
            told.iter().all(|text| !text.contains(token.as_str())),
            "the terminal shows a token"
        );
        for (path, text) in files_below(&installation.path("")) {
            assert!(
                path == front.journal || !text.contains(token.as_str()),
                "{}",
                path.display()
            );
        }
    }
    assert!(
        seen.iter().any(|text| text.contains("CHIMA_ASKPASS=chima-askpass-")),
        "git was not watched"
    );
    drop(front);
    installation.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_authority_nothing_is_believed() {
    let installation = Installation::sqlite().await;
    let front = Front::before(&installation);
    installation.write("app.pem", &chima_simulator::keys::private_key_pem().unwrap());
    let unbelieving = moved(&installation, &front).replace("  ca_file: ca.pem\n", "");
    installation.write("app.yaml", &unbelieving);
    let said = installation
        .run(&["deploy", "site/main", "to", "staging", "--by", "mona"])
        .await;
    assert_eq!(said.code, Some(3), "{}{}", said.stdout, said.stderr);
    assert!(said.stderr.contains("certificate"), "{}", said.stderr);
    assert_eq!(installation.deployments(), Vec::<u64>::new());
    drop(front);
    installation.close().await;
}
