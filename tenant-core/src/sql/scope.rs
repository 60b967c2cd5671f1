//! Which names are common table expressions at a place of a statement.
//!
//! PostgreSQL's rules: the names of a `WITH` are visible in the query they stand before, and, in the
//! `WITH` itself, in the queries after them; with `RECURSIVE`, in all of them. A name with a schema never
//! means one, nor does the target of INSERT, UPDATE, DELETE and MERGE.
//! <https://www.postgresql.org/docs/current/queries-with.html>

use std::collections::HashMap;

use sqlparser::ast::{Query, With};

use super::name::fold;
use crate::plant::{self, Plant};

/// Follows a walk over a statement.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    frames: Vec<Frame>,
    /// For the query of each common table expression that is still to come: how many names of the
    /// innermost `WITH` it sees. Keyed by the address of the query, which stays where it is while the
    /// tree is borrowed.
    within: HashMap<*const Query, usize>,
}

/// The names of one `WITH`.
#[derive(Debug)]
struct Frame {
    names: Vec<String>,
    visible: usize,
}

impl Scopes {
    /// The walk enters `query`.
    pub(super) fn enter(&mut self, query: &Query) {
        if let (Some(visible), Some(frame)) = (
            self.within.get(&std::ptr::from_ref(query)),
            self.frames.last_mut(),
        ) {
            frame.visible = *visible;
        }
        let names = query.with.as_ref().map(|with| self.declare(with));
        let names = names.unwrap_or_default();
        self.frames.push(Frame {
            visible: names.len(),
            names,
        });
    }

    /// The walk leaves `query`.
    pub(super) fn leave(&mut self, query: &Query) {
        let left = self.frames.pop();
        if plant::is(Plant::ExpressionNeverEnds) {
            self.frames.splice(0..0, left);
        }
        if self.within.remove(&std::ptr::from_ref(query)).is_some()
            && let Some(frame) = self.frames.last_mut()
        {
            frame.visible = frame.names.len();
        }
    }

    /// Whether `name`, without a schema, means a common table expression here.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.frames
            .iter()
            .any(|frame| frame.names[..frame.visible].iter().any(|known| known == name))
    }

    fn declare(&mut self, with: &With) -> Vec<String> {
        let count = with.cte_tables.len();
        for (index, table) in with.cte_tables.iter().enumerate() {
            let visible = if with.recursive { count } else { index };
            self.within.insert(std::ptr::from_ref(&*table.query), visible);
        }
        with.cte_tables
            .iter()
            .map(|table| fold(&table.alias.name))
            .collect()
    }
}
