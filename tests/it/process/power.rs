//! The power is cut: what was not synced is gone, and with it every process. Nothing that was acknowledged is lost, nothing begins a
//! second time, and the ledger is whole.
//!
//! A kill proves nothing here, because the kernel still writes what a dead process had not synced. A library between the program and
//! its disk remembers what was synced, and the machine is switched on again with that and nothing else.

mod shadow;

use std::path::Path;
use std::time::Duration;

use crate::dice::{Dice, fresh_seed};
use crate::process::child::Chima;
use crate::process::installation::{ENVIRONMENTS, Installation, eventually};
use crate::process::power::shadow::{Names, Shadow};
use crate::torture::{rounds, row, setting};

const SETTLED: Duration = Duration::from_secs(60);

/// Another program than ours says whether the ledger is whole. It looks at a copy.
fn is_whole(installation: &Installation) {
    let script = "import shutil, sqlite3, sys, tempfile\n\
                  with tempfile.TemporaryDirectory() as folder:\n\
                  \x20   for end in ('', '-wal'):\n\
                  \x20       try: shutil.copy(sys.argv[1] + end, folder + '/chima.db' + end)\n\
                  \x20       except FileNotFoundError: pass\n\
                  \x20   print(sqlite3.connect(folder + '/chima.db').execute('PRAGMA integrity_check').fetchone()[0])\n";
    #[expect(clippy::disallowed_methods, reason = "a judge of its own")]
    let said = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(installation.path("data/ledger/chima.db"))
        .output()
        .expect("`python3` is installed");
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "ok", "{said:?}");
}

fn forget_queue(installation: &mut Installation) {
    if let Some(redis) = &mut installation.redis {
        redis.kill();
        redis.forget();
        redis.run();
        return;
    }
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(installation.path(&format!("data/ledger/queue.db{end}")));
    }
}

fn start(installation: &Installation, shadow: &Shadow) -> Chima {
    let serve = shadow.under(installation.command(&["serve"]));
    Chima::start(serve, installation.path("serve.err"))
}

/// Asks for deployments until the lights go out, some of them two at once; those that were not acknowledged, by GUID.
async fn work(installation: &Installation, dice: &mut Dice, lost: &mut Vec<String>) {
    for _ in 0..=dice.roll(3) {
        let environment = ENVIRONMENTS[usize::try_from(dice.roll(3)).unwrap()];
        let branch = ["main", "slow"][usize::try_from(dice.roll(2)).unwrap()];
        let (_, status, guid) = installation.deliver(branch, environment).await;
        if status != 202 {
            lost.push(guid);
        }
        dice.pause(1..300).await;
    }
    dice.pause(1..600).await;
}

#[expect(clippy::print_stderr, reason = "the seed repeats a storm that found something")]
async fn cuts(queue: &str, mut installation: Installation) {
    let seed: u64 = setting("CHIMA_TEST_SEED")
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(fresh_seed);
    let count = rounds(5, 100);
    eprintln!("CHIMA_TEST_SEED={seed}");
    let mut dice = Dice(seed);
    let config = installation
        .config()
        .replace("sqlite:data/chima.db", "sqlite:data/ledger/chima.db")
        .replace("writes_per_minute: 80", "writes_per_minute: 100000");
    installation.write("app.yaml", &config);
    let real = installation.path("data");
    std::fs::create_dir(&real).unwrap();
    let shadow = Shadow::of(real, Path::new(&installation.path("")));
    let mut lost: Vec<String> = Vec::new();
    let mut forgotten = 0;
    for round in 0..count {
        let mut server = start(&installation, &shadow);
        // the first cuts come while it starts for the first time
        if round > 0 && round % 5 != 4 {
            installation.ready(&mut server).await;
            for guid in std::mem::take(&mut lost) {
                let again = installation.github.redeliver(&guid).await;
                if !again[0].accepted() {
                    lost.push(guid);
                }
            }
        }
        work(&installation, &mut dice, &mut lost).await;
        server.kill();
        installation.kill_everything();
        assert_eq!(installation.live_runners(), []);
        shadow.cut([Names::Lost, Names::Kept][usize::try_from(round % 2).unwrap()]);
        if round % 3 == 2 {
            forget_queue(&mut installation);
            forgotten += 1;
        }
        if installation.path("data/ledger/chima.db").exists() {
            is_whole(&installation);
        }
    }
    let mut server = start(&installation, &shadow);
    installation.ready(&mut server).await;
    installation.deliver_again(&lost).await;
    let mut succeeded = 0;
    let all = installation.deployments();
    for deployment in &all {
        let state = installation.concluded(*deployment, SETTLED).await;
        let begun = installation.journal().count(*deployment, "start");
        let told = installation.description(*deployment);
        succeeded += u64::from(state == "success");
        let known = state == "success" && begun == 1
            || state == "error" && begun <= 1 && told.starts_with("error: interrupted")
            || state == "error" && begun == 0 && told.contains("took its worker down");
        assert!(known, "deployment {deployment}: {state}, begun {begun} times: {told}");
    }
    // what the last ones leave is removed after their end is told
    eventually("the folders of ended attempts are removed", || {
        installation.leftovers().is_empty().then_some(())
    })
    .await;
    server.stop(Duration::from_secs(10)).await;
    is_whole(&installation);
    installation.close().await;
    row(
        &format!("power cuts (what was not synced is gone), queue on {queue}"),
        count,
        format!(
            "{forgotten} with the queue lost as well; {} deployments: 0 lost, 0 begun twice, each with a last status ({succeeded} \
             succeeded); integrity check clean each time",
            all.len()
        ),
        "0 acknowledged deliveries lost, integrity check clean",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_lose_and_repeat_nothing_on_sqlite() {
    cuts("SQLite", Installation::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_lose_and_repeat_nothing_on_redis() {
    cuts("Redis", Installation::redis().await).await;
}
