//! An `sshd` of one test: a loopback port, its own keys and its own configuration, for the account that runs the tests.
//!
//! It listens in less than 100 ms, so every test can have its own. `root` needs it as much as anybody: no account, key or
//! configuration of the machine is used, and what a remote command leaves in its `HOME` goes with the test.

use std::collections::HashSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chima::provider::processes::{self, Process};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use rustix::process::Signal;
use tempfile::TempDir;

/// sshd runs itself again for every connection and wants to know where it lies; an ordinary user's `PATH` has none of these.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"];

/// A running server.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    user: String,
    port: u16,
    process: Option<Child>,
}

impl Sshd {
    pub fn start() -> Self {
        let mut server = Self {
            folder: tempfile::tempdir().expect("a folder"),
            user: said(command("id").arg("-un")),
            port: 0,
            process: None,
        };
        server.make_key("key");
        server.make_key("host");
        fs::create_dir(server.path("home")).expect("the folder is ours");
        // Another process may take the port between our look and the server's.
        for _ in 0..5 {
            server.port = free_port();
            if server.try_run() {
                server.write_client_files();
                return server;
            }
        }
        unreachable!("sshd found no free port in five attempts");
    }

    /// Listens again with another host key, as a rebuilt host, or a stranger in its place. `known_hosts` keeps the old one.
    pub fn change_host_key(&mut self) {
        self.stop();
        for file in ["host", "host.pub"] {
            fs::remove_file(self.path(file)).expect("the folder is ours");
        }
        self.make_key("host");
        assert!(self.try_run(), "sshd does not start again on port {}", self.port);
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The only account that can log in: the one that runs the test.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The private key that it accepts.
    pub fn key(&self) -> PathBuf {
        self.path("key")
    }

    /// The public half of its host key, as `known_hosts` has it.
    pub fn host_key(&self) -> String {
        let text = fs::read_to_string(self.path("host.pub")).expect("ssh-keygen wrote it");
        text.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    /// A private key that it does not accept.
    pub fn other_key(&self) -> PathBuf {
        if !self.path("other").exists() {
            self.make_key("other");
        }
        self.path("other")
    }

    /// Holds the host key that it began with.
    pub fn known_hosts(&self) -> PathBuf {
        self.path("known_hosts")
    }

    /// For `ssh -F`: this port, this user, this key, these known hosts, and no questions.
    pub fn ssh_config(&self) -> PathBuf {
        self.path("ssh_config")
    }

    /// What remote commands find in `HOME`.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// What runs for those who logged in, also after they have gone.
    pub fn remote_processes(&self) -> Vec<Process> {
        let home = format!("HOME={}\0", self.home().display());
        let ours = |process: &Process| {
            let variables = fs::read(format!("/proc/{}/environ", process.id.pid)).unwrap_or_default();
            !process.is_zombie && String::from_utf8_lossy(&variables).contains(&home)
        };
        processes::all().into_iter().filter(ours).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make_key(&self, name: &str) {
        said(
            command("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
                .arg(self.path(name)),
        );
    }

    fn try_run(&mut self) -> bool {
        let root = rustix::process::geteuid().is_root();
        if root {
            // Where it locks itself in before a login. Systemd makes it for the machine's own server only.
            fs::create_dir_all("/run/sshd").expect("root may");
        }
        fs::write(self.path("sshd_config"), self.server_config(root)).expect("the folder is ours");
        let _ = fs::remove_file(self.path("pid"));
        let program = PROGRAMS
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("`sshd` is not installed; run script/test, or `apt-get install openssh-server`");
        let mut process = command(program)
            .args(["-D", "-E"])
            .arg(self.path("log"))
            .arg("-f")
            .arg(self.path("sshd_config"))
            .stdout(Stdio::null())
            .stderr(File::create(self.path("stderr")).expect("the folder is ours"))
            .spawn()
            .expect("sshd can be run");
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && process.try_wait().is_ok_and(|ended| ended.is_none()) {
            // It is written after the port is open, and unlike an answer on the port it is certainly ours.
            if self.path("pid").exists() {
                self.process = Some(process);
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = process.kill();
        let _ = process.wait();
        false
    }

    fn server_config(&self, root: bool) -> String {
        let folder = self.folder.path().display();
        format!(
            "Port {port}\n\
             ListenAddress 127.0.0.1\n\
             HostKey {folder}/host\n\
             PidFile {folder}/pid\n\
             AuthorizedKeysFile {folder}/key.pub\n\
             StrictModes no\n\
             UsePAM {pam}\n\
             AllowUsers {user}\n\
             PermitRootLogin prohibit-password\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n\
             UseDNS no\n\
             PrintMotd no\n\
             PrintLastLog no\n\
             MaxStartups 200\n\
             LogLevel VERBOSE\n\
             SetEnv HOME={folder}/home\n\
             Subsystem sftp internal-sftp\n",
            port = self.port,
            user = self.user,
            // Without PAM it refuses the keys, too, of an account whose password is locked.
            pam = if root && is_locked(&self.user) { "yes" } else { "no" },
        )
    }

    fn write_client_files(&self) {
        let known = format!("[127.0.0.1]:{} {}\n", self.port, self.host_key());
        fs::write(self.known_hosts(), known).expect("the folder is ours");
        let config = format!(
            "Host *\n\
             \x20 HostName 127.0.0.1\n\
             \x20 Port {}\n\
             \x20 User {}\n\
             \x20 IdentityFile {}\n\
             \x20 IdentitiesOnly yes\n\
             \x20 UserKnownHostsFile {}\n\
             \x20 GlobalKnownHostsFile /dev/null\n\
             \x20 StrictHostKeyChecking yes\n\
             \x20 BatchMode yes\n",
            self.port,
            self.user,
            self.key().display(),
            self.known_hosts().display(),
        );
        fs::write(self.ssh_config(), config).expect("the folder is ours");
    }

    /// Stops it with every connection it has, and what runs there.
    fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let pid = i32::try_from(process.id()).expect("a process number");
        let mut below = processes::descendants(pid, &HashSet::new());
        let _ = process.kill();
        let _ = process.wait();
        below.extend(self.remote_processes());
        for process in below {
            processes::signal(process.id, Signal::KILL);
        }
    }
}

impl Drop for Sshd {
    #[expect(clippy::print_stderr, reason = "the log is what explains a failed test")]
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            for name in ["stderr", "log"] {
                let path = self.path(name);
                eprintln!(
                    "--- {}\n{}",
                    path.display(),
                    fs::read_to_string(&path).unwrap_or_default()
                );
            }
        }
    }
}

/// A loopback port that refuses every connection for as long as this lives: bound, so that nobody else gets it.
#[derive(Debug)]
pub struct ClosedPort(OwnedFd);

impl ClosedPort {
    pub fn new() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a local port");
        Self(socket)
    }

    pub fn port(&self) -> u16 {
        let address = getsockname(&self.0).expect("bound");
        SocketAddrV4::try_from(address).expect("an address of IPv4").port()
    }
}

fn is_locked(user: &str) -> bool {
    fs::read_to_string("/etc/shadow").is_ok_and(|text| text.lines().any(|line| line.starts_with(&format!("{user}:!"))))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a local port");
    listener.local_addr().expect("bound").port()
}

fn command(program: &str) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the test brings its own server")]
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// What a short command prints; it must succeed.
fn said(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run script/test, which installs what is missing"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

mod tests;
