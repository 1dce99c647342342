//! How fast output is masked, with a hundred secrets, beside the least that taking it can cost: copying it once.

use std::hint::black_box;
use std::time::Instant;

use chima::provider::mask::{Masker, Patterns};
use chima::provider::spec::Secret;

use crate::Options;

const SIZE: usize = 256 << 20;
/// As the runner reads.
const PIECE: usize = 256 << 10;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Xorshift.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn letters(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| LETTERS[(self.roll() % 64) as usize]).collect()
    }
}

/// Ninety of the size of a token, nine of the size of a key, one of ten thousand letters.
fn secrets(dice: &mut Dice) -> Vec<Secret> {
    let length = |number: usize, dice: &mut Dice| match number {
        0 => 10_000,
        number if number % 11 == 0 => 2_300,
        _ => 16 + (dice.roll() % 50) as usize,
    };
    let secret = |number: usize| {
        let length = length(number, dice);
        Secret {
            name: format!("S_{number}"),
            value: String::from_utf8_lossy(&dice.letters(length)).into_owned(),
        }
    };
    (0..100).map(secret).collect()
}

/// Output of each kind.
fn texts(dice: &mut Dice) -> [(&'static str, Vec<u8>); 4] {
    let words = [
        "TASK [deploy]",
        "ok: [web1]",
        "changed=3",
        "/usr/lib/python3/dist-packages/",
        "2026-11-30T12:00:00Z",
        "INFO",
        "\n",
    ];
    let (mut log, mut coloured) = (Vec::with_capacity(SIZE + 64), Vec::with_capacity(SIZE + 64));
    while log.len() < SIZE {
        let word = words[(dice.roll() % words.len() as u64) as usize].as_bytes();
        log.extend_from_slice(word);
        log.push(b' ');
        if coloured.len() < SIZE {
            coloured.extend_from_slice(b"\x1b[0;32m");
            coloured.extend_from_slice(word);
            coloured.extend_from_slice(b"\x1b[0m ");
        }
    }
    let noise: Vec<u8> = (0..SIZE / 8).flat_map(|_| dice.roll().to_le_bytes()).collect();
    let base64 = dice.letters(SIZE);
    [
        ("a log", log),
        ("coloured", coloured),
        ("random bytes", noise),
        ("base64", base64),
    ]
}

fn rate(text: &[u8], mut take: impl FnMut(&[u8])) -> f64 {
    let begun = Instant::now();
    text.chunks(PIECE).for_each(&mut take);
    text.len() as f64 / f64::from(1 << 20) / begun.elapsed().as_secs_f64()
}

/// Prints the rates.
pub fn measure(options: &Options) -> anyhow::Result<()> {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let begun = Instant::now();
    let patterns = Patterns::new(&secrets(&mut dice))?;
    println!(
        "\nmasking, 100 secrets, prepared in {:.1} ms, MiB/s",
        begun.elapsed().as_secs_f64() * 1e3
    );
    for (name, text) in texts(&mut dice) {
        let mut rates = Vec::new();
        let mut copies = Vec::new();
        for _ in 0..options.rounds {
            let (mut masker, mut out) = (Masker::new(patterns.clone()), Vec::new());
            rates.push(rate(&text, |piece| {
                masker.push(piece, &mut out);
                black_box(&out);
                out.clear();
            }));
            let mut copy = Vec::with_capacity(PIECE);
            copies.push(rate(&text, |piece| {
                copy.clear();
                copy.extend_from_slice(black_box(piece));
                black_box(&copy);
            }));
        }
        for all in [&mut rates, &mut copies] {
            all.sort_by(f64::total_cmp);
        }
        let middle = rates.len() / 2;
        println!(
            "  {name:<14} {:>6.0} ({:.0} to {:.0}); copied once {:>6.0}",
            rates[middle],
            rates[0],
            rates[rates.len() - 1],
            copies[middle]
        );
    }
    Ok(())
}
