//! Numbers of a run: medians, spreads, percentiles.

use std::fmt;
use std::time::Duration;

/// Measurements of one thing, one for each turn.
#[derive(Debug, Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds a measurement.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The quotients of measurements made in the same turn.
    pub fn over(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(
            pairs
                .filter(|(_, below)| **below > 0.0)
                .map(|(above, below)| above / below)
                .collect(),
        )
    }

    /// The middle measurement; the mean of the two middle ones of an even number.
    pub fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            length if length % 2 == 1 => Some(sorted[middle]),
            _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl fmt::Display for Series {
    /// `median (least–most)`, with three significant digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.sorted();
        match (self.median(), sorted.as_slice()) {
            (Some(median), [least, .., most]) => {
                write!(f, "**{}** ({}–{})", digits(median), digits(*least), digits(*most))
            }
            (Some(median), _) => write!(f, "**{}**", digits(median)),
            (None, _) => f.write_str("–"),
        }
    }
}

/// Three significant digits.
pub fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The time within which `part` (0 to 1) of all were done.
pub fn percentile(times: &[Duration], part: f64) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort();
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank between 0 and the number of measurements"
    )]
    let rank = (part * last as f64).ceil() as usize;
    sorted.get(rank.min(last)).copied()
}

/// Milliseconds with three significant digits.
pub fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(
        || "–".to_owned(),
        |time| format!("{} ms", digits(time.as_secs_f64() * 1e3)),
    )
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series(values.to_vec())
    }

    #[test]
    fn the_median_is_in_the_middle_and_the_spread_at_the_ends() {
        assert_eq!(series(&[3.0, 1.0, 2.0]).to_string(), "**2.00** (1.00–3.00)");
        assert_eq!(series(&[1.0, 2.0, 3.0, 100.0]).median(), Some(2.5));
        assert_eq!(series(&[123.4]).to_string(), "**123**");
        assert_eq!(series(&[]).to_string(), "–");
    }

    #[test]
    fn ratios_are_of_the_same_turn() {
        assert_eq!(series(&[1.0, 4.0]).over(&series(&[2.0, 2.0])).0, [0.5, 2.0]);
        assert_eq!(series(&[1.0, 4.0]).over(&series(&[0.0, 2.0])).0, [2.0]);
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 0.5), Some(Duration::from_millis(51)));
        assert_eq!(percentile(&times, 0.99), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&times, 0.0), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
