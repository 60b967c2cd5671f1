//! The median of what was measured.

use std::cmp::Ordering;

/// The median of at least one value: the upper one of two in the middle.
///
/// # Panics
/// Without a value.
pub fn median<T: PartialOrd + Copy>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    values[values.len() / 2]
}
