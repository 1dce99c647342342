//! Plots, as where everything on them stands: whoever draws them adds nothing. What they show is said in a table beside them too.

use crate::domain::histogram::LENGTHS;

/// How large a plot is, in its own units.
pub const WIDTH: f64 = 720.0;
/// Its height.
pub const HEIGHT: f64 = 180.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;
/// So many names stand below.
const NAMED: usize = 8;

/// A plot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plot {
    /// Bars, from the left.
    pub bars: Vec<Bar>,
    /// Lines, each in pieces: what is unknown leaves a gap.
    pub lines: Vec<Line>,
    /// Levels.
    pub levels: Vec<Level>,
    /// Names below.
    pub names: Vec<Name>,
}

/// A bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its left.
    pub x: f64,
    /// Its top.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// Whether it shows what went wrong.
    pub bad: bool,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// `x,y x,y`.
    pub points: String,
    /// Where its points are.
    pub dots: Vec<(f64, f64)>,
    /// Whether it is the second of two.
    pub second: bool,
}

/// A level, with its name at the left.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// How high.
    pub y: f64,
    /// What it is called.
    pub name: String,
}

/// A name below.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// Where.
    pub x: f64,
    /// What.
    pub name: String,
}

/// Bars of two parts: what went well, and what went wrong on top of it.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a plot is no more exact than its pixels")]
pub fn bars(names: &[String], values: &[(u64, u64)]) -> Plot {
    let most = values.iter().map(|(good, bad)| good + bad).max().unwrap_or(0);
    let (top, levels) = levels(most as f64, |value| format!("{value:.0}"));
    let step = step(values.len());
    let width = (step * 0.7).min(36.0);
    let mut plot = Plot {
        levels,
        names: named(names),
        ..Plot::default()
    };
    for (at, (good, bad)) in values.iter().enumerate() {
        let x = middle(at, values.len()) - width / 2.0;
        let mut y = HEIGHT - BOTTOM;
        for (count, bad) in [(*good, false), (*bad, true)] {
            if count == 0 {
                continue;
            }
            let height = count as f64 / top * (HEIGHT - TOP - BOTTOM);
            y -= height;
            plot.bars.push(Bar {
                x,
                y,
                width,
                height,
                bad,
            });
        }
    }
    plot
}

/// Two lines of lengths in seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a plot is no more exact than its pixels")]
pub fn lines(names: &[String], values: &[(Option<i64>, Option<i64>)], name: impl Fn(i64) -> String) -> Plot {
    let all = values.iter().flat_map(|(usual, long)| [*usual, *long]);
    let most = all.flatten().max().unwrap_or(0);
    // round as people count time
    let top = LENGTHS
        .into_iter()
        .find(|length| *length >= most)
        .unwrap_or(most)
        .max(2);
    let levels = at_levels(&[0, top / 2, top], top, name);
    let top = top as f64;
    let mut plot = Plot {
        levels,
        names: named(names),
        ..Plot::default()
    };
    let usual: Vec<Option<i64>> = values.iter().map(|(usual, _)| *usual).collect();
    let long: Vec<Option<i64>> = values.iter().map(|(_, long)| *long).collect();
    for (line, second) in [(long, true), (usual, false)] {
        let mut dots: Vec<(f64, f64)> = Vec::new();
        for at in 0..=line.len() {
            if let Some(value) = line.get(at).copied().flatten() {
                let y = HEIGHT - BOTTOM - value as f64 / top * (HEIGHT - TOP - BOTTOM);
                dots.push((middle(at, line.len()), y));
            } else if !dots.is_empty() {
                let points: Vec<String> = dots.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
                plot.lines.push(Line {
                    points: points.join(" "),
                    dots: std::mem::take(&mut dots),
                    second,
                });
            }
        }
    }
    plot
}

#[expect(clippy::cast_precision_loss, reason = "there are few")]
fn step(count: usize) -> f64 {
    (WIDTH - LEFT - RIGHT) / count.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "there are few")]
fn middle(at: usize, count: usize) -> f64 {
    LEFT + step(count) * (at as f64 + 0.5)
}

/// What stands at the left, by how high it is.
#[expect(clippy::cast_precision_loss, reason = "a plot is no more exact than its pixels")]
fn at_levels(values: &[i64], top: i64, name: impl Fn(i64) -> String) -> Vec<Level> {
    let level = |value: &i64| Level {
        y: HEIGHT - BOTTOM - *value as f64 / top as f64 * (HEIGHT - TOP - BOTTOM),
        name: name(*value),
    };
    values.iter().map(level).collect()
}

/// A round number that is no less, and what stands at the left.
fn levels(most: f64, name: impl Fn(f64) -> String) -> (f64, Vec<Level>) {
    let mut top = 1.0;
    'found: for power in 0..9 {
        for first in [1.0, 2.0, 4.0, 6.0] {
            top = first * 10.0_f64.powi(power);
            if top >= most {
                break 'found;
            }
        }
    }
    let at = |share: f64| Level {
        y: HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM),
        name: name(top * share),
    };
    let shares: &[f64] = if top < 2.0 { &[0.0, 1.0] } else { &[0.0, 0.5, 1.0] };
    (top, shares.iter().map(|share| at(*share)).collect())
}

fn named(names: &[String]) -> Vec<Name> {
    let every = names.len().div_ceil(NAMED).max(1);
    let some = names.iter().enumerate().filter(|(at, _)| at % every == 0);
    some.map(|(at, name)| Name {
        x: middle(at, names.len()),
        name: name.clone(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_within_the_plot() {
        let names: Vec<String> = (0..30).map(|day| format!("{day}")).collect();
        let values: Vec<(u64, u64)> = (0..30).map(|day| (day, day % 3)).collect();
        let plot = bars(&names, &values);
        for bar in &plot.bars {
            assert!(bar.x >= LEFT && bar.x + bar.width <= WIDTH, "{bar:?}");
            assert!(bar.y >= TOP && bar.y + bar.height <= HEIGHT - BOTTOM + 0.001, "{bar:?}");
        }
        assert_eq!(plot.bars.iter().filter(|bar| bar.bad).count(), 20);
        assert!(plot.names.len() <= NAMED);
        assert_eq!(plot.levels[2].name, "40");
    }

    #[test]
    fn what_is_unknown_leaves_a_gap() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let values = [
            (Some(10), Some(20)),
            (None, None),
            (Some(30), Some(60)),
            (Some(5), Some(7)),
        ];
        let plot = lines(&names, &values, |seconds| format!("{seconds} s"));
        let pieces: Vec<(bool, usize)> = plot.lines.iter().map(|line| (line.second, line.dots.len())).collect();
        assert_eq!(pieces, [(true, 1), (true, 2), (false, 1), (false, 2)]);
        assert_eq!(plot.levels[2].name, "60 s");
        assert_eq!(lines(&[], &[], |_| String::new()).lines, Vec::new());
    }
}
