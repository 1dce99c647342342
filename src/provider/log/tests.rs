//! The log: caps hold, offsets stay true, nothing is ever in the wrong place.

use std::path::Path;

use proptest::prelude::*;

use super::reader::{LogReader, gap_marker};
use super::writer::LogWriter;
use super::*;
use crate::provider::spec::LogCaps;

const SMALL: LogCaps = LogCaps {
    head: 1000,
    tail: 4000,
    segment: 1000,
};

fn write(dir: &Path, caps: LogCaps, pieces: &[&[u8]]) {
    let mut writer = LogWriter::create(dir.to_owned(), caps).unwrap();
    for (index, piece) in pieces.iter().enumerate() {
        writer.append(piece, 1000 + index as u64);
    }
    assert_eq!(writer.finish(), None);
}

fn disk_use(dir: &Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

#[test]
fn a_small_log_is_kept_whole_with_the_time_of_every_line() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), LogCaps::default(), &[b"one\ntw", b"o\n\nthree"]);
    let reader = LogReader::open(dir.path().to_owned());
    assert_eq!(reader.whole().unwrap(), b"one\ntwo\n\nthree");
    assert_eq!(reader.size().unwrap(), 14);
    let lines: Vec<(u64, u64)> = reader
        .lines(0, 9)
        .unwrap()
        .iter()
        .map(|line| (line.offset, line.at_ms))
        .collect();
    assert_eq!(lines, [(0, 1000), (4, 1000), (8, 1001), (9, 1001)]);
    let chunk = reader.read(4, 3).unwrap();
    assert_eq!(
        (chunk.start, chunk.bytes.as_slice(), chunk.skipped, chunk.is_last),
        (4, &b"two"[..], None, false)
    );
    let chunk = reader.read(9, 100).unwrap();
    assert_eq!((chunk.bytes.as_slice(), chunk.is_last), (&b"three"[..], true));
}

#[test]
fn a_log_that_goes_on_is_not_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let reader = LogReader::open(dir.path().join("log"));
    assert_eq!(
        reader.read(0, 10).unwrap(),
        reader::Chunk {
            start: 0,
            bytes: vec![],
            skipped: None,
            is_last: false
        }
    );
    let mut writer = LogWriter::create(dir.path().join("log"), SMALL).unwrap();
    writer.append(b"abc", 1);
    assert_eq!(reader.read(1, 10).unwrap().bytes, b"bc");
    assert!(!reader.read(3, 10).unwrap().is_last);
    writer.finish();
    assert!(reader.read(3, 10).unwrap().is_last);
}

#[test]
fn the_middle_is_left_out_with_a_line_that_says_how_much() {
    let dir = tempfile::tempdir().unwrap();
    let text: String = (0..2000).map(|n| format!("line number {n}\n")).collect();
    write(dir.path(), SMALL, &[text.as_bytes()]);
    assert!(disk_use(dir.path()) <= 5000 + 60, "{}", disk_use(dir.path()));
    let reader = LogReader::open(dir.path().to_owned());
    assert_eq!(reader.size().unwrap(), text.len() as u64);
    let whole = String::from_utf8(reader.whole().unwrap()).unwrap();
    assert!(whole.starts_with("line number 0\n") && whole.ends_with("line number 1999\n"));
    let marker = whole.lines().find(|line| line.starts_with('[')).unwrap();
    let left_out: u64 = marker
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap();
    assert_eq!(
        whole.len() as u64 - marker.len() as u64 - 1 + left_out,
        text.len() as u64
    );
    // Cut where lines end, since they are short.
    assert!(
        whole
            .lines()
            .all(|line| line == marker || text.contains(&format!("{line}\n")))
    );
}

#[test]
fn one_endless_line_and_only_line_feeds_are_ordinary_input() {
    for piece in [vec![b'x'; 700], vec![b'\n'; 700], vec![0; 700], vec![0xff; 700]] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), SMALL, &vec![piece.as_slice(); 100]);
        assert!(
            disk_use(dir.path()) <= 5000 + 60,
            "{:?} {}",
            piece[0],
            disk_use(dir.path())
        );
        let reader = LogReader::open(dir.path().to_owned());
        assert_eq!(reader.size().unwrap(), 70_000);
        assert!(reader.read(69_999, 10).unwrap().bytes == piece[..1]);
    }
}

#[test]
fn a_gap_is_written_for_people() {
    assert_eq!(gap_marker(12_345_678), "[chima: 12 345 678 bytes left out here]");
    assert_eq!(gap_marker(7), "[chima: 7 bytes left out here]");
}

#[test]
fn a_disk_that_takes_nothing_costs_log_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path().join("log"), SMALL).unwrap();
    std::fs::remove_dir(dir.path().join("log")).unwrap();
    writer.append(b"lost\n", 1);
    std::fs::create_dir(dir.path().join("log")).unwrap();
    writer.append(b"also lost\n", 500);
    writer.append(b"kept\n", 2000);
    let trouble = writer.finish().unwrap();
    assert!(
        trouble.starts_with("15 bytes of the log could not be written"),
        "{trouble}"
    );
    let reader = LogReader::open(dir.path().join("log"));
    assert_eq!(reader.whole().unwrap(), b"[chima: 15 bytes left out here]\nkept\n");
}

proptest! {
    #[test]
    fn what_is_kept_stands_at_its_offset(
        pieces in prop::collection::vec(prop::collection::vec(prop_oneof![5 => any::<u8>(), 1 => Just(b'\n')], 0..900), 1..25),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        write(dir.path(), SMALL, &slices);
        let stream = pieces.concat();
        let reader = LogReader::open(dir.path().to_owned());
        prop_assert_eq!(reader.size().unwrap(), stream.len() as u64);
        prop_assert!(disk_use(dir.path()) <= 5000 + 60);
        let mut from = 0;
        let mut kept = 0;
        loop {
            let chunk = reader.read(from, 333).unwrap();
            let start = usize::try_from(chunk.start).unwrap();
            prop_assert_eq!(&stream[start..start + chunk.bytes.len()], chunk.bytes.as_slice());
            kept += chunk.bytes.len();
            from = chunk.next();
            if chunk.bytes.is_empty() || chunk.is_last { break; }
        }
        prop_assert_eq!(from, stream.len() as u64);
        prop_assert!(kept >= stream.len().min(500));
        for line in reader.lines(0, usize::MAX).unwrap() {
            let at = usize::try_from(line.offset).unwrap();
            prop_assert!(at == 0 || stream[at - 1] == b'\n');
        }
    }
}

fn numbered(lines: std::ops::Range<u64>) -> Vec<u8> {
    lines.flat_map(|n| format!("line number {n}\n").into_bytes()).collect()
}

#[test]
fn lines_keep_their_numbers_when_those_before_them_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), SMALL, &[&numbered(1..2001)]);
    let reader = LogReader::open(dir.path().to_owned());
    let window = reader.lines_from(1999, 10).unwrap();
    let told: Vec<(u64, String)> = window
        .lines
        .iter()
        .map(|line| (line.number, String::from_utf8(line.bytes.clone()).unwrap()))
        .collect();
    let expected = [1999, 2000].map(|n| (n, format!("line number {n}\n")));
    assert_eq!(told, expected);
    assert!(window.ended);
    // the head, a gap, the tail
    let [(1, head), (tail, rest)] = window.kept.as_slice() else {
        panic!("{:?}", window.kept);
    };
    assert!(1 + head < *tail && tail + rest == 2001, "{:?}", window.kept);
    // what is asked for in the gap begins behind it, and says how much is missing
    let window = reader.lines_from(1 + head, 1).unwrap();
    assert_eq!(window.lines[0].number, *tail);
    assert!(window.lines[0].gap.is_some());
}

#[test]
fn a_window_is_no_larger_than_what_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        LogCaps::default(),
        &[&numbered(1..1001), &[b'x'; 100_000], b"\nend"],
    );
    let reader = LogReader::open(dir.path().to_owned());
    let window = reader.lines_from(0, 3).unwrap();
    let numbers: Vec<u64> = window.lines.iter().map(|line| line.number).collect();
    assert_eq!(
        (numbers.as_slice(), window.kept.as_slice()),
        (&[1, 2, 3][..], &[(1, 1002)][..])
    );
    let window = reader.lines_from(1001, 9).unwrap();
    assert_eq!(
        (window.lines[0].bytes.len() as u64, window.lines[0].cut),
        (lines::LONGEST, 100_001 - lines::LONGEST)
    );
    assert_eq!(window.lines[1].bytes, b"end");
    assert!(reader.lines_from(1003, 9).unwrap().lines.is_empty());
    assert!(
        LogReader::open(dir.path().join("none"))
            .lines_from(1, 9)
            .unwrap()
            .kept
            .is_empty()
    );
}

#[test]
fn a_line_goes_on_in_the_next_file() {
    let dir = tempfile::tempdir().unwrap();
    let caps = LogCaps {
        head: 1000,
        tail: 1 << 20,
        segment: 2000,
    };
    write(dir.path(), caps, &[b"one\n", &[b'y'; 5000], b"\nthree\n"]);
    let window = LogReader::open(dir.path().to_owned()).lines_from(2, 9).unwrap();
    assert_eq!(window.lines[0].bytes.len(), 5001);
    assert_eq!(
        (window.lines[1].number, window.lines[1].bytes.as_slice()),
        (3, &b"three\n"[..])
    );
}

#[test]
fn what_is_looked_for_is_found_in_both_directions() {
    let dir = tempfile::tempdir().unwrap();
    let text = b"Alpha\nbeta\n\x1b[31mal\x1b[0mpha a.c\ngamma\nalpha\n";
    write(
        dir.path(),
        LogCaps {
            head: 30,
            tail: 1 << 20,
            segment: 256,
        },
        &[text],
    );
    let reader = LogReader::open(dir.path().to_owned());
    for (wanted, from, backwards, expected) in [
        ("ALPHA", 1, false, Some(1)),
        ("alpha", 2, false, Some(3)),
        ("alpha", 4, false, Some(5)),
        ("alpha", 6, false, None),
        ("alpha", 5, true, Some(3)),
        ("alpha", 3, true, Some(1)),
        ("alpha", 1, true, None),
        ("a.c", 1, false, Some(3)),
        ("abc", 1, false, None),
        ("", 1, false, None),
        ("\n", 1, false, None),
    ] {
        assert_eq!(
            reader.search(wanted, from, backwards).unwrap(),
            expected,
            "{wanted} {from} {backwards}"
        );
    }
}
