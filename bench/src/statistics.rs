//! Percentiles of one measurement, and median, minimum and maximum over rounds.

use serde::Serialize;

/// Over the rounds of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without values. The median of an even number is the mean of its two middle ones.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted = values.into_iter().collect::<Vec<_>>();
        sorted.sort_by(f64::total_cmp);
        let min = *sorted.first()?;
        let max = *sorted.last()?;
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { median, min, max })
    }
}

/// Of all answers of one measurement, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    pub(crate) p999: u32,
}

impl Latency {
    /// Exact percentiles by nearest rank; zeros without values.
    pub(crate) fn of(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        let rank = |per_mille: usize| {
            let index = (micros.len() * per_mille).div_ceil(1000).saturating_sub(1);
            micros.get(index).copied().unwrap_or_default()
        };
        Self { p50: rank(500), p99: rank(990), p999: rank(999) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Latency, Spread};

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_both_middles() {
        let spread = Spread::of([5.0, 1.0, 3.0]).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (3.0, 1.0, 5.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let latency = Latency::of((1..=1000).rev().collect());
        assert_eq!(latency, Latency { p50: 500, p99: 990, p999: 999 });
        assert_eq!(Latency::of(vec![7]), Latency { p50: 7, p99: 7, p999: 7 });
        assert_eq!(Latency::of(Vec::new()), Latency::default());
    }
}
