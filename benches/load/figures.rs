//! Medians, percentiles and rows of the table.

use std::time::Duration;

/// Measured values of one thing.
#[derive(Debug, Default, Clone)]
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Milliseconds.
    pub fn push_time(&mut self, time: Duration) {
        self.push(time.as_secs_f64() * 1000.0);
    }

    /// The value below which this part of all values lies; nearest rank.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (part * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.saturating_sub(1))
            .or(sorted.last())
            .copied()
            .unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn last(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `median (lowest to highest)`.
    pub fn shown(&self, digits: usize) -> String {
        format!(
            "{:.digits$} ({:.digits$} to {:.digits$})",
            self.median(),
            self.quantile(0.0),
            self.quantile(1.0)
        )
    }
}

/// One line of the table.
pub fn row(what: &str, value: &str) {
    println!("  {what:<58} {value}");
}

/// The heading of a part.
pub fn heading(text: &str) {
    println!("\n{text}");
}
