//! The median of measurements.

use std::cmp::Ordering;

/// Returns the median. Of an even number of values, it is the larger of the middle two.
///
/// # Panics
/// If there are no values.
pub fn median<T: PartialOrd + Copy>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    values[values.len() / 2]
}
