//! Somebody moves, removes and shadows branches of the remote all the time, from before the webhook until after the checkout.
//! Each deployment runs exactly its commit or says why it cannot. The judge is what the deployed script itself found: `HEAD`, and
//! a file of the tree.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chima_simulator::git::GitRepository;
use futures_util::future::join_all;

use crate::dice::Dice;
use crate::process::installation::{ENVIRONMENTS, Installation, REPOSITORY};
use crate::torture::{rounds, row};

const SETTLED: Duration = Duration::from_secs(90);

/// Says which tree it is of, in the journal.
const WORK: &str = "printf 'content env=%s deployment=%s version=%s\\n' \"$CHIMA_ENVIRONMENT\" \"$CHIMA_DEPLOYMENT_ID\" \
                    \"$(cat version)\" >> \"$JOURNAL\"\n";

/// A commit that is deployed, and the branch that it was the head of.
#[derive(Debug, Clone)]
struct Wanted {
    branch: String,
    sha: String,
}

fn commit(git: &GitRepository, branch: &str) -> Wanted {
    git.switch(branch).expect("git");
    git.write("version", branch).expect("the folder is ours");
    git.write("script/work", WORK).expect("the folder is ours");
    let sha = git.commit(branch).expect("git");
    Wanted {
        branch: branch.to_owned(),
        sha,
    }
}

/// One act of sabotage: `of` shall be taken for `evil`, or not be found.
fn sabotage(git: &GitRepository, dice: &mut Dice, of: &Wanted, evil: &str) {
    let Wanted { branch, sha } = of;
    let short = &sha[..8];
    let set = |name: String| git.git(&["update-ref", &name, evil]);
    // whatever git refuses, or finds locked, was not done
    let _ = match dice.index(13) {
        0 | 1 => set(format!("refs/heads/{branch}")),
        2 => git.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]),
        3 => git.git(&["update-ref", &format!("refs/heads/{branch}"), sha]),
        4 => set(format!("refs/heads/{sha}")),
        5 => set(format!("refs/tags/{sha}")),
        6 => set(format!("refs/{sha}")),
        7 => set(format!("refs/heads/{short}")),
        8 => set(format!("refs/tags/{short}")),
        9 => set("refs/heads/HEAD".to_owned()),
        10 => set(format!("refs/heads/refs/heads/{branch}")),
        11 => set(format!("refs/replace/{sha}")),
        _ => git.git(&["symbolic-ref", "HEAD", "refs/heads/evil"]),
    };
}

/// Until the word is given.
fn saboteur(git: &GitRepository, targets: &Mutex<Vec<Wanted>>, evil: &str, over: &AtomicBool) -> u64 {
    let (mut dice, mut acts) = (Dice(0x2545_f491_4f6c_dd1d), 0);
    while !over.load(Ordering::Relaxed) {
        let target = {
            let targets = targets.lock().expect("nobody panics with it");
            targets.get(dice.index(targets.len().max(1))).cloned()
        };
        match target {
            Some(target) => sabotage(git, &mut dice, &target, evil),
            None => std::thread::sleep(Duration::from_millis(1)),
        }
        acts += 1;
        std::thread::sleep(Duration::from_millis(dice.index(8) as u64));
    }
    acts
}

/// As what GitHub is asked for it: branches of every name that git could take for something else.
fn asked_as(number: usize, wanted: &Wanted) -> String {
    match number % 5 {
        0 => wanted.branch.clone(),
        1 => wanted.sha.clone(),
        2 => wanted.sha[..8].to_owned(),
        3 => "HEAD".to_owned(),
        _ => format!("refs/heads/{}", wanted.branch),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_moves_branches_meanwhile_no_other_commit_runs() {
    let count = usize::try_from(rounds(18, 500)).expect("a small number");
    let installation = Installation::sqlite().await;
    let git = GitRepository::create(&installation.path("site")).expect("git");
    // the last one that is made is where the work tree stays
    let all: Vec<Wanted> = (0..count)
        .map(|number| commit(&git, &format!("race-{number}")))
        .collect();
    let evil = commit(&git, "evil").sha;
    let (targets, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let mut server = installation.serve().await;
    let mut asked: Vec<(u64, Wanted)> = Vec::new();
    let mut refused = 0;
    let acts = std::thread::scope(|scope| {
        let saboteur = scope.spawn(|| saboteur(&git, &targets, &evil, &over));
        let racing = async {
            for (batch, wanted) in all.chunks(ENVIRONMENTS.len()).enumerate() {
                *targets.lock().expect("nobody panics with it") = wanted.to_vec();
                let mut ids = Vec::new();
                for (wanted, environment) in wanted.iter().zip(ENVIRONMENTS) {
                    let name = asked_as(batch + ids.len(), wanted);
                    let repository = installation.github.repository(REPOSITORY);
                    repository
                        .commit(&wanted.sha, &wanted.branch, "mona", &[])
                        .branch(&name, &wanted.sha);
                    let id = installation.deploy(&name, environment).await;
                    ids.push(id);
                    asked.push((id, wanted.clone()));
                }
                let ends = join_all(ids.iter().map(|id| installation.concluded(*id, SETTLED))).await;
                for (id, end) in ids.iter().zip(ends) {
                    let told = installation.description(*id);
                    let gone = end == "error" && told.contains("has no commit");
                    assert!(end == "success" || gone, "{id}: {end}: {told}");
                    refused += u64::from(gone);
                }
            }
            over.store(true, Ordering::Relaxed);
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(racing));
        saboteur.join().expect("the saboteur does not panic")
    });
    let journal = installation.journal();
    for (id, wanted) in &asked {
        for note in journal.of(*id) {
            match note.what.as_str() {
                "content" => assert_eq!(note.field("version"), wanted.branch, "{id}"),
                _ => assert_eq!(note.field("sha"), wanted.sha, "{id}"),
            }
        }
    }
    let ran = journal.notes.iter().filter(|note| note.what == "content").count() as u64;
    assert_eq!(ran + refused, count as u64);
    assert!(ran > 0 && acts > count as u64, "{ran} ran, {acts} acts");
    server.stop(Duration::from_secs(20)).await;
    installation.close().await;
    row(
        "whoever_moves_branches_meanwhile_no_other_commit_runs",
        count as u64,
        format!("{ran} ran their commit, {refused} said that it was gone, {acts} acts of sabotage"),
        "0 runs of another commit",
    );
}
