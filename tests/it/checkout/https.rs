//! Private remotes over https, with a real server for git and LFS: the token goes to its own host, whatever the repository says.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use chima::github::call::CallError;
use chima::github::{Credentials, GitHub};

use super::*;

const TOKEN: &str = "not-a-real-token-0123456789";
/// `x-access-token:` and the token, in base64.
const HEADER: &str = "Basic eC1hY2Nlc3MtdG9rZW46bm90LWEtcmVhbC10b2tlbi0wMTIzNDU2Nzg5";

/// A server for the bare repositories of one folder.
struct Server {
    child: Child,
    _stdin: ChildStdin,
    port: u16,
    root: PathBuf,
}

impl Server {
    fn start(rig: &Rig, name: &str, authorization: &[&str]) -> Self {
        let (root, certificate) = (rig.path(name), rig.path("certificate.pem"));
        fs::create_dir_all(&root).unwrap();
        if !certificate.exists() {
            make_certificate(&certificate);
        }
        #[expect(clippy::disallowed_methods, reason = "the server is not Chima")]
        let mut command = Command::new("python3");
        let mut child = command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/checkout/server.py"))
            .arg(&root)
            .arg(&certificate)
            .arg(root.join("journal"))
            .args(authorization)
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
            root,
        }
    }

    fn url(&self, repository: &str) -> String {
        format!("https://127.0.0.1:{}/{repository}.git", self.port)
    }

    /// Copies a repository of the rig onto the server.
    fn push(&self, rig: &Rig, name: &str) -> PathBuf {
        let bare = self.root.join(format!("{name}.git"));
        rig.git_in(name, &["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()], b"");
        bare
    }

    /// Who asked for what; each once.
    fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.root.join("journal")).unwrap_or_default();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines.dedup();
        lines
    }
}

impl Server {
    /// Whether nobody has said who they are.
    fn asked_by_nobody(&self) -> bool {
        self.journal().iter().all(|line| line.starts_with("None "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn make_certificate(path: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a certificate for the tests' own server")]
    let mut command = Command::new("openssl");
    let made = command
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-keyout")
        .arg(path)
        .arg("-out")
        .arg(path.with_extension("crt"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let certificate = fs::read(path.with_extension("crt")).unwrap();
    fs::OpenOptions::new()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(&certificate)
        .unwrap();
}

/// A rig whose git believes the servers' certificate, and whose remote is on this server.
fn rig_at(server: impl FnOnce(&Rig) -> Server) -> (Rig, Server) {
    let mut rig = Rig::with_everything();
    let server = server(&rig);
    let certificate = rig.path("certificate.crt").display().to_string();
    rig.checkouts
        .git
        .environment
        .insert("GIT_SSL_CAINFO".to_owned(), certificate);
    rig.remote.url = server.url("remote");
    rig.remote.token = Some(TOKEN.into());
    (rig, server)
}

fn private(rig: &Rig) -> Server {
    Server::start(rig, "private", &[HEADER])
}

const CONTENT: &[u8] = b"large \0 content";

#[tokio::test]
async fn the_token_goes_with_everything_of_its_host_and_with_nothing_else() {
    let (rig, server) = rig_at(private);
    let public = Server::start(&rig, "public", &[]);
    for (name, to) in [("lib", &server), ("other", &public)] {
        rig.repository(name);
        rig.commit_in(name, "file", name);
        to.push(&rig, name);
    }
    let head = |name: &str| rig.git_in(name, &["rev-parse", "HEAD"], b"").parse::<Sha>().unwrap();
    submodules::describe(&rig, "remote", "lib", "url = ../lib.git");
    submodules::describe(&rig, "remote", "other", &format!("url = {}", public.url("other")));
    fs::write(rig.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
    fs::write(rig.path("remote/big.bin"), lfs::pointer(CONTENT)).unwrap();
    rig.git(&["add", "."]);
    rig.record("remote", "lib", &head("lib"));
    rig.record("remote", "other", &head("other"));
    let sha = rig.commit_index_in("remote");
    lfs::store(&server.push(&rig, "remote"), CONTENT);

    let checkout = rig.checkout(&sha, "a").await.unwrap();
    assert_eq!(fs::read(checkout.join("big.bin")).unwrap(), CONTENT);
    assert_eq!(
        (read(&checkout, "lib/file"), read(&checkout, "other/file")),
        ("lib".into(), "other".into())
    );
    let with_token = |line: &&String| line.starts_with(HEADER);
    for part in [
        "/remote.git/git-upload-pack",
        "/lib.git/git-upload-pack",
        "/objects/batch",
    ] {
        assert!(
            server
                .journal()
                .iter()
                .filter(with_token)
                .any(|line| line.ends_with(part)),
            "{part}"
        );
    }
    assert!(!public.journal().is_empty() && public.asked_by_nobody());
    // The second time nobody is asked.
    fs::remove_file(server.root.join("journal")).unwrap();
    rig.checkout(&sha, "b").await.unwrap();
    assert_eq!(server.journal(), [""; 0]);
}

/// What `/proc` shows of every process but this one, until told to stop: argument lists and variables.
pub(crate) fn watch_processes(stop: Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let pid: Option<u32> = entry.file_name().to_str().and_then(|name| name.parse().ok());
                if pid.is_none_or(|pid| pid == std::process::id()) {
                    continue;
                }
                for file in ["cmdline", "environ"] {
                    let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
                    seen.insert(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
        seen.into_iter().collect()
    })
}

fn holds_token(text: &str) -> bool {
    text.contains(TOKEN) || text.contains(HEADER.trim_start_matches("Basic "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_in_no_argument_no_variable_and_no_file() {
    let (rig, server) = rig_at(private);
    fs::write(rig.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
    let sha = rig.commit("big.bin", &lfs::pointer(CONTENT));
    lfs::store(&server.push(&rig, "remote"), CONTENT);
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch_processes(Arc::clone(&stop));
    let checkout = rig.checkout(&sha, "a").await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let seen = watching.join().unwrap();
    assert_eq!(fs::read(checkout.join("big.bin")).unwrap(), CONTENT);
    assert!(server.journal().iter().any(|line| line.starts_with(HEADER)));
    // It did look while git was at work, and at what git had started to ask.
    assert!(seen.iter().any(|text| text.contains("CHIMA_ASKPASS=chima-askpass-")));
    // The tests' own servers are told what to expect.
    let of_chima = seen.iter().filter(|text| !text.contains("checkout/server.py"));
    let telling: Vec<&String> = of_chima.filter(|text| holds_token(text)).collect();
    assert!(telling.is_empty(), "{telling:?}");
    for (path, content) in files_below(&rig.path("mirrors"))
        .into_iter()
        .chain(files_below(&checkout))
    {
        assert!(!holds_token(&content), "{}", path.display());
    }
}

fn files_below(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push((
                path.clone(),
                String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned(),
            ));
        }
    }
    found
}

fn openssl(rig: &Rig, arguments: &str) {
    #[expect(clippy::disallowed_methods, reason = "certificates for the tests' own server")]
    let made = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(rig.path(""))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[tokio::test]
async fn the_api_believes_the_authority_that_is_configured_for_git_too() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let rig = Rig::new();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(
        &rig,
        &format!("req -x509 {key} -subj /CN=authority -keyout ca.key -out ca.pem"),
    );
    openssl(
        &rig,
        &format!("req {key} -subj /CN=127.0.0.1 -keyout leaf.key -out leaf.csr"),
    );
    fs::write(rig.path("leaf.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(
        &rig,
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem",
    );
    let read = |name: &str| fs::read_to_string(rig.path(name)).unwrap();
    fs::write(rig.path("certificate.pem"), read("leaf.key") + &read("leaf.pem")).unwrap();
    let server = Server::start(&rig, "api", &[]);
    let asked = async |authorities: Option<&[u8]>| {
        let clock = std::sync::Arc::new(chima::app::clock::SystemClock::default());
        let credentials = Credentials::Token(TOKEN.into());
        let url = format!("https://127.0.0.1:{}", server.port);
        let github = GitHub::new(&url, &credentials, authorities, clock).unwrap();
        github
            .repository(None, &"octo/site".parse().unwrap())
            .await
            .unwrap_err()
    };
    let error = asked(Some(read("ca.pem").as_bytes())).await;
    assert!(matches!(error, CallError::Refused { status: 404, .. }), "{error}");
    let error = asked(None).await.to_string();
    assert!(error.contains("certificate"), "{error}");
    let clock = std::sync::Arc::new(chima::app::clock::SystemClock::default());
    let bad = GitHub::new(
        "https://127.0.0.1",
        &Credentials::None,
        Some(b"-----BEGIN CERTIFICATE-----\nx\n"),
        clock,
    );
    assert!(bad.is_err());
}

#[tokio::test]
async fn the_repository_chooses_no_lfs_server_and_no_program() {
    let (rig, server) = rig_at(private);
    let foreign = Server::start(&rig, "foreign", &[]);
    let canary = format!("touch {}", rig.path("canary").display());
    let settings = format!(
        "[lfs]\n\turl = {url}/info/lfs\n\tpushurl = {url}\n\tstandalonetransferagent = evil\n\tconcurrenttransfers = 1\n\
         \tskipdownloaderrors = true\n\tfetchexclude = *\n[remote \"origin\"]\n\tlfsurl = {url}/info/lfs\n\turl = {url}\n\
         [lfs \"customtransfer.evil\"]\n\tpath = sh\n\targs = -c '{canary}'\n[lfs \"extension.evil\"]\n\tclean = {canary}\n\
         \tsmudge = {canary}\n\tpriority = 0\n[lfs \"{ours}/info/lfs\"]\n\taccess = negotiate\n\
         [credential]\n\thelper = \"!{canary}\"\n[core]\n\taskpass = {canary}\n\tsshCommand = {canary}\n\
         [http]\n\tproxy = {url}\n\textraHeader = \"Authorization: Basic bad\"\n[url \"{url}\"]\n\tinsteadOf = {ours}\n",
        url = foreign.url("remote"),
        ours = server.url("remote"),
    );
    fs::write(rig.path("remote/.lfsconfig"), &settings).unwrap();
    fs::write(rig.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
    let sha = rig.commit("big.bin", &lfs::pointer(CONTENT));
    lfs::store(&server.push(&rig, "remote"), CONTENT);
    rig.checkout(&sha, "a").await.unwrap();
    // Nor does what a command leaves in the mirror and in the store beside it.
    fs::write(rig.mirror().join("config"), &settings).unwrap();
    fs::remove_dir_all(rig.path("mirrors/7.lfs/objects")).unwrap();
    fs::create_dir_all(rig.path("mirrors/7.lfs/room.git")).unwrap();
    fs::write(rig.path("mirrors/7.lfs/room.git/config"), &settings).unwrap();
    let checkout = rig.checkout(&sha, "b").await.unwrap();
    assert_eq!(fs::read(checkout.join("big.bin")).unwrap(), CONTENT);
    assert_eq!(foreign.journal(), [""; 0]);
    assert!(!rig.path("canary").exists());
}

#[tokio::test]
async fn what_the_lfs_server_does_not_give_is_said_without_the_token() {
    let (mut rig, server) = rig_at(private);
    fs::write(rig.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
    let sha = rig.commit("big.bin", &lfs::pointer(CONTENT));
    server.push(&rig, "remote");
    let mut said = vec![rig.refusal(&sha).await];
    rig.remote.token = Some("another-token-0123456789".into());
    said.push(rig.refusal(&sha).await);
    let bin = rig.path("bin");
    fs::create_dir(&bin).unwrap();
    #[expect(clippy::disallowed_methods, reason = "to find the git of this machine")]
    let found = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    std::os::unix::fs::symlink(String::from_utf8(found.stdout).unwrap().trim(), bin.join("git")).unwrap();
    rig.checkouts
        .git
        .environment
        .insert("PATH".to_owned(), bin.display().to_string());
    said.push(rig.refusal(&sha).await);
    let said = said.join("\n").replace(&format!(":{}", server.port), ":443");
    insta::assert_snapshot!(said, @"
    cannot fetch `big.bin` from LFS: git lfs: [c37d43c8f90c4a6672a689e822be8daa6e617f358d9538de6c99d5205f014af5] Object does not exist: [404] Object does not exist; push it with `git lfs push --all`, or check who may read there
    cannot fetch `big.bin` from LFS: git lfs: could not read Username for 'https://127.0.0.1:443': terminal prompts disabled; push it with `git lfs push --all`, or check who may read there
    `git-lfs` is not installed, needed by `checkout: { lfs: true }`; install the package `git-lfs`
    ");
}

#[tokio::test]
async fn a_private_submodule_of_another_host_is_named() {
    let (rig, server) = rig_at(private);
    let other = Server::start(&rig, "other", &["Basic another"]);
    submodules::describe(&rig, "remote", "lib", &format!("url = {}", other.url("lib")));
    rig.record("remote", "lib", &ABSENT.parse().unwrap());
    let sha = rig.commit_index_in("remote");
    server.push(&rig, "remote");
    let said = rig.refusal(&sha).await.replace(&format!(":{}", other.port), ":443");
    insta::assert_snapshot!(said, @"submodule `lib`: `https://127.0.0.1:443/lib.git` does not let Chima in; there is no token for its host: set up `github`, or use an ssh address and `ssh: { key, known_hosts }`");
    assert!(other.asked_by_nobody());
}

#[tokio::test]
async fn a_redirect_takes_the_token_nowhere() {
    let (mut rig, server) = rig_at(private);
    let public = Server::start(&rig, "public", &[]);
    let closed = Server::start(&rig, "closed", &["Basic another"]);
    fs::write(rig.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
    let sha = rig.commit("big.bin", &lfs::pointer(CONTENT));
    rig.remote.url = server.url("to/remote");
    for other in [&public, &closed] {
        lfs::store(&other.push(&rig, "remote"), CONTENT);
        fs::write(server.root.join("redirect"), other.url("").trim_end_matches("/.git")).unwrap();
        let made = rig.checkout(&sha, "a").await;
        assert!(
            !other.journal().is_empty() && other.asked_by_nobody(),
            "{:?}",
            other.journal()
        );
        match made {
            Ok(checkout) => assert_eq!(fs::read(checkout.join("big.bin")).unwrap(), CONTENT),
            Err(error) => {
                let said = error.to_string().replace(&format!(":{}", server.port), ":443");
                insta::assert_snapshot!(said, @"`https://127.0.0.1:443/to/remote.git` has moved, and the token is not sent on; write its new address");
            }
        }
        rig.remove("a").await;
        fs::remove_dir_all(rig.path("mirrors")).unwrap();
    }
}
