//! [`RowModel`]: the expected rows of one task and tenant.
//!
//! Only the task itself changes these rows, one operation at a time, so the state of each is known. If an operation is
//! dropped or its connection is lost, the outcome of its changes is unknown. The rows that it changed are unsettled:
//! each has its state before or after the change. An unsettled row is never changed again, as the change may still
//! arrive.

use std::collections::BTreeMap;

/// A change of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The item `id` exists, as operation `op` wrote it.
    PutItem {
        id: i64,
        op: i64,
    },
    /// The item and its parts are deleted.
    RemoveItem {
        id: i64,
    },
    PutPart {
        id: i64,
        item: i64,
        op: i64,
    },
    RemovePart {
        id: i64,
    },
}

/// Certainty about an operation's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    Made,
    Unknown,
}

/// The rows that are certain to exist.
#[derive(Debug, Clone, Default)]
struct Rows {
    /// The operation that wrote each item last.
    items: BTreeMap<i64, i64>,
    /// The item of each part, and the operation that wrote the part.
    parts: BTreeMap<i64, (i64, i64)>,
}

impl Rows {
    fn apply(&mut self, change: Change) {
        match change {
            Change::PutItem { id, op } => {
                self.items.insert(id, op);
            }
            Change::RemoveItem { id } => {
                self.items.remove(&id);
                self.parts.retain(|_, (item, _)| *item != id);
            }
            Change::PutPart { id, item, op } => {
                self.parts.insert(id, (item, op));
            }
            Change::RemovePart { id } => {
                self.parts.remove(&id);
            }
        }
    }
}

/// The two operations that may have written a row last. `None`: the row may be absent.
type Either = [Option<i64>; 2];

/// The expected rows of one task and tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowModel {
    rows: Rows,
    unsettled_items: BTreeMap<i64, Either>,
    unsettled_parts: BTreeMap<i64, Either>,
    /// The last id that was reserved.
    last_id: i64,
}

/// Maximal number of new ids of an operation.
pub(crate) const IDS_PER_OPERATION: i64 = 8;

impl RowModel {
    /// Reserves [`IDS_PER_OPERATION`] new ids, and returns the number before the first.
    pub(crate) fn reserve_ids(&mut self) -> i64 {
        let first = self.last_id;
        self.last_id += IDS_PER_OPERATION;
        first
    }

    /// Returns the items that are certain to exist, with the operation that wrote each.
    pub(crate) fn items(&self) -> impl ExactSizeIterator<Item = (i64, i64)> {
        self.rows.items.iter().map(|(id, op)| (*id, *op))
    }

    /// Returns the parts of an item.
    pub(crate) fn parts_of(&self, item: i64) -> impl Iterator<Item = (i64, i64)> {
        let parts = self.rows.parts.iter();
        parts.filter_map(move |(id, (of, op))| (*of == item).then_some((*id, *op)))
    }

    pub(crate) fn unsettled_items(&self) -> usize {
        self.unsettled_items.len()
    }

    /// Applies the changes of an operation.
    pub(crate) fn settle(&mut self, changes: &[Change], certainty: Certainty) {
        let mut after = self.rows.clone();
        changes.iter().for_each(|change| after.apply(*change));
        if certainty == Certainty::Made {
            self.rows = after;
            return;
        }
        for id in keys(&self.rows.items, &after.items) {
            let either = [self.rows.items.get(&id).copied(), after.items.get(&id).copied()];
            if either[0] != either[1] {
                self.unsettled_items.insert(id, either);
                self.rows.items.remove(&id);
            }
        }
        for id in keys(&self.rows.parts, &after.parts) {
            let op = |rows: &Rows| rows.parts.get(&id).map(|(_, op)| *op);
            let either = [op(&self.rows), op(&after)];
            if either[0] != either[1] {
                self.unsettled_parts.insert(id, either);
                self.rows.parts.remove(&id);
            }
        }
    }

    /// Checks that the items that were read are all expected items.
    pub(crate) fn check_items(&self, found: impl IntoIterator<Item = (i64, i64)>) -> Result<(), String> {
        check(
            "item",
            found,
            &self.unsettled_items,
            |id| self.rows.items.get(&id).copied(),
            self.rows.items.len(),
        )
    }

    /// Checks that the parts that were read are all expected parts.
    pub(crate) fn check_parts(&self, found: impl IntoIterator<Item = (i64, i64)>) -> Result<(), String> {
        let op = |id| self.rows.parts.get(&id).map(|(_, op)| *op);
        check("part", found, &self.unsettled_parts, op, self.rows.parts.len())
    }

    /// Checks that an item that was read is expected. `None`: it was absent.
    pub(crate) fn check_item(&self, id: i64, found: Option<i64>) -> Result<(), String> {
        check_row(
            "item",
            id,
            found,
            &self.unsettled_items,
            self.rows.items.get(&id).copied(),
        )
    }

    /// Checks that the parts that were read are the expected parts of one item.
    pub(crate) fn check_parts_of(
        &self,
        item: i64,
        found: impl IntoIterator<Item = (i64, i64)>,
    ) -> Result<(), String> {
        let expected: BTreeMap<_, _> = self.parts_of(item).collect();
        let op = |id: i64| expected.get(&id).copied();
        check("part", found, &self.unsettled_parts, op, expected.len())
    }
}

fn keys<T>(one: &BTreeMap<i64, T>, other: &BTreeMap<i64, T>) -> Vec<i64> {
    let mut keys: Vec<_> = one.keys().chain(other.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn check(
    what: &str,
    found: impl IntoIterator<Item = (i64, i64)>,
    unsettled: &BTreeMap<i64, Either>,
    expected: impl Fn(i64) -> Option<i64>,
    certain: usize,
) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    let mut certain_seen = 0;
    for (id, op) in found {
        if !seen.insert(id) {
            return Err(format!("{what} {id} was read twice"));
        }
        check_row(what, id, Some(op), unsettled, expected(id))?;
        certain_seen += usize::from(expected(id).is_some());
    }
    if certain_seen < certain {
        return Err(format!(
            "an acknowledged write is lost: {certain} {what}s should be there, {certain_seen} of them were read"
        ));
    }
    Ok(())
}

fn check_row(
    what: &str,
    id: i64,
    found: Option<i64>,
    unsettled: &BTreeMap<i64, Either>,
    expected: Option<i64>,
) -> Result<(), String> {
    let is_right = match unsettled.get(&id) {
        Some(either) => either.contains(&found),
        None => found == expected,
    };
    if is_right {
        return Ok(());
    }
    let row = |op: Option<i64>| op.map_or("absent".to_owned(), |op| format!("of operation {op}"));
    let wanted = unsettled.get(&id).map_or_else(
        || row(expected),
        |either| format!("{} or {}", row(either[0]), row(either[1])),
    );
    Err(format!("{what} {id} is {}, but should be {wanted}", row(found)))
}
