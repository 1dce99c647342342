//! A log of a million lines: whoever scrolls sees lines at once, and neither browser nor server holds them all.

use std::fmt::Write as _;
use std::time::Duration;

use chima::provider::log::writer::LogWriter;
use chima::provider::spec::LogCaps;
use serde_json::Value;

use crate::browser::page::Page;
use crate::process::installation::Installation;
use crate::torture::row;

const LINES: usize = 1_000_000;

/// Scrolls to places all over the log; how long each took until a frame with lines was there, in milliseconds.
const SCROLL: &str = "(async () => {
  const box = document.getElementById('lines');
  const took = [];
  for (let at = 0; at < 80; at += 1) {
    const begun = performance.now();
    box.scrollTop = (box.scrollHeight - box.clientHeight) * ((at * 37) % 80) / 80;
    await new Promise(requestAnimationFrame);
    box.getBoundingClientRect();
    took.push(performance.now() - begun);
  }
  return took.sort((one, other) => one - other);
})()";

/// The numbers of the lines that can be seen, once what they say is there.
const SEEN: &str = "(() => {
  const box = document.getElementById('lines').getBoundingClientRect();
  const rows = [...document.querySelectorAll('#lines .line')].filter(row => {
    const place = row.getBoundingClientRect();
    return place.bottom > box.top + 2 && place.top < box.bottom - 2;
  });
  const right = rows.every(row => row.querySelector('.said').textContent.startsWith('line ' + row.querySelector('.no').textContent + ' '));
  return right && rows.length > 5 ? rows.map(row => Number(row.querySelector('.no').textContent)) : null;
})()";

async fn seen(page: &Page) -> Vec<u64> {
    page.wait_until(&format!("{SEEN} !== null")).await;
    let seen = page.evaluate(SEEN).await;
    seen.as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_u64)
        .collect()
}

/// Puts a longer log in the place of a run's own.
fn lengthen(installation: &Installation, run: &str) {
    let folder = installation.path(&format!("data/runs/{run}/attempt-1/log"));
    std::fs::remove_dir_all(&folder).expect("it has a log");
    // its index counts, too
    let caps = LogCaps {
        tail: 64 << 20,
        ..LogCaps::default()
    };
    let mut log = LogWriter::create(folder, caps).expect("the folder is ours");
    let mut text = String::new();
    for number in 1..=LINES {
        let _ = writeln!(text, "line {number} ok");
        if number % 1000 == 0 {
            log.append(text.as_bytes(), 1_790_000_000_000 + number as u64);
            text.clear();
        }
    }
    assert_eq!(log.finish(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_lines_are_scrolled_searched_and_linked_to_at_once() {
    let installation = Installation::sqlite().await;
    let server = installation.serve().await;
    let deployment = installation.deploy("main", "staging").await;
    assert_eq!(
        installation.concluded(deployment, Duration::from_secs(20)).await,
        "success"
    );
    let run = installation.noted(deployment, "end").await.field("run").to_owned();
    lengthen(&installation, &run);
    let page = Page::new(&format!("http://127.0.0.1:{}", installation.port)).await;
    page.open(&format!("/runs/{run}/log")).await;
    let before = resident(server.pid());
    assert_eq!(seen(&page).await[0], 1);
    let took = page.evaluate(SCROLL).await;
    let took: Vec<f64> = took
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    // a busy machine may delay some; a page that does too much delays most
    assert!(median < 100.0, "{took:?}");
    assert!(page.count("#lines *").await < 2000, "not all lines are elements");
    // the wheel, and the keys
    page.evaluate("void (document.getElementById('lines').scrollTop = 0)")
        .await;
    page.wheel("#lines", 4000).await;
    page.wait_until("document.getElementById('lines').scrollTop > 3000")
        .await;
    let wheeled = seen(&page).await;
    assert!(wheeled[0] > 50 && wheeled[0] < 1000, "{wheeled:?}");
    page.evaluate("document.getElementById('lines').focus()").await;
    page.press("End").await;
    page.wait_until("document.querySelector('#L1000000') !== null").await;
    assert!(seen(&page).await.contains(&1_000_000));
    // a link to a line, and a search
    page.open(&format!("/runs/{run}/log?line=654321#L654321")).await;
    page.wait_until("document.querySelector('#L654321.wanted') !== null")
        .await;
    assert!(seen(&page).await.contains(&654_321));
    page.write("#q", "line 777777 ").await;
    page.leads_on(page.press("Enter")).await;
    page.wait_until("document.querySelector('#L777777') !== null").await;
    assert!(seen(&page).await.contains(&777_777));
    let grown = resident(server.pid()).saturating_sub(before);
    assert!(grown < 64 * 1024, "the server has grown by {grown} KiB");
    row(
        "scrolls through a log of a million lines",
        took.len() as u64,
        format!(
            "median {median:.0} ms, slowest {slowest:.0} ms; the server grew by {} MiB",
            grown / 1024
        ),
        "100 ms",
    );
}

/// Resident memory of a process, in KiB.
fn resident(process: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
