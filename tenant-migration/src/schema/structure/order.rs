//! The order in which things are made: each after what it needs.

use std::collections::{BTreeSet, HashMap};

/// Sorts nodes so that each comes after those it needs, and keeps their order where that does not matter.
///
/// # Errors
/// A node of a circle.
pub(super) fn sorted(nodes: &[i64], needs: &[(i64, i64)]) -> Result<Vec<i64>, i64> {
    let places: HashMap<_, _> = nodes
        .iter()
        .enumerate()
        .map(|(place, node)| (*node, place))
        .collect();
    let mut missing = vec![0_usize; nodes.len()];
    let mut waiting = vec![Vec::new(); nodes.len()];
    for (node, needed) in needs {
        if let (Some(&place), Some(&needed)) = (places.get(node), places.get(needed)) {
            missing[place] += 1;
            waiting[needed].push(place);
        }
    }
    let mut ready: BTreeSet<_> = (0..nodes.len()).filter(|place| missing[*place] == 0).collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(place) = ready.pop_first() {
        sorted.push(nodes[place]);
        for &next in &waiting[place] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.insert(next);
            }
        }
    }
    let in_circle = (0..nodes.len()).find(|place| missing[*place] > 0);
    in_circle.map_or(Ok(sorted), |place| Err(nodes[place]))
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn what_is_needed_comes_first_and_the_rest_stays_in_order() {
        assert_eq!(sorted(&[5, 3, 1], &[]), Ok(vec![5, 3, 1]));
        assert_eq!(sorted(&[5, 3, 1], &[(5, 1)]), Ok(vec![3, 1, 5]));
        assert_eq!(
            sorted(&[1, 2, 3, 4], &[(1, 3), (3, 4), (1, 9)]),
            Ok(vec![2, 4, 3, 1])
        );
    }

    #[test]
    fn a_circle_has_no_order() {
        assert_eq!(sorted(&[1, 2, 3], &[(2, 3), (3, 2)]), Err(2));
    }
}
