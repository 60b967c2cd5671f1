//! Names of common table expressions in scope at a place of a statement.
//!
//! PostgreSQL's rules: the names of a `WITH` are visible in the query they stand before, and, in the
//! `WITH` itself, in the queries after them; with `RECURSIVE`, in all of them. A name with a schema never
//! means one, nor does the target of INSERT, UPDATE, DELETE and MERGE.
//! <https://www.postgresql.org/docs/current/queries-with.html>

use std::{borrow::Cow, collections::HashMap};

use squawk_parser::SyntaxKind;

use super::{kinds::is_query, name::fold};
use crate::sql::tree::Node;

/// Follows a walk over a statement.
#[derive(Debug, Default)]
pub(super) struct Scopes<'t> {
    frames: Vec<Frame<'t>>,
}

/// The names of one `WITH`.
#[derive(Debug)]
struct Frame<'t> {
    /// The query that the names are visible in.
    query: Node<'t>,
    /// Each name with its place among the expressions. A map, for a text may have tens of thousands.
    names: HashMap<Cow<'t, str>, usize>,
    /// Number of the expressions that the walk has entered.
    entered: usize,
    /// Number of the expressions that are visible.
    visible: usize,
    is_recursive: bool,
}

impl<'t> Scopes<'t> {
    /// Follows the walk into `node`.
    pub(super) fn enter(&mut self, node: Node<'t>) {
        match node.kind() {
            SyntaxKind::WITH_TABLE => self.enter_expression(),
            kind if is_query(kind) && !is_first_of_compound(node) => {
                if let Some(clause) = with_clause(node) {
                    self.frames.push(Frame::new(node, clause));
                }
            }
            _ => {}
        }
    }

    /// Follows the walk out of `node`.
    pub(super) fn leave(&mut self, node: Node<'t>) {
        if node.kind() == SyntaxKind::WITH_CLAUSE {
            if let Some(frame) = self.frames.last_mut() {
                frame.visible = usize::MAX;
            }
        } else if self.frames.last().is_some_and(|frame| frame.query == node) {
            self.frames.pop();
        }
    }

    /// True if `name`, without a schema, means a common table expression here.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.frames
            .iter()
            .any(|frame| frame.names.get(name).is_some_and(|place| *place < frame.visible))
    }

    fn enter_expression(&mut self) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if !frame.is_recursive {
            frame.visible = frame.entered;
        }
        frame.entered += 1;
    }
}

impl<'t> Frame<'t> {
    fn new(query: Node<'t>, clause: Node<'t>) -> Self {
        let mut names = HashMap::new();
        for (place, table) in expressions(clause).enumerate() {
            if let Some(name) = name(table) {
                names.entry(name).or_insert(place);
            }
        }
        let is_recursive = clause.has_token(SyntaxKind::RECURSIVE_KW);
        Self {
            query,
            visible: if is_recursive { usize::MAX } else { 0 },
            entered: 0,
            names,
            is_recursive,
        }
    }
}

/// The tree has the `WITH` of `WITH a AS (...) SELECT ... UNION SELECT ...` in the first SELECT; for PostgreSQL it
/// belongs to the whole UNION.
fn is_first_of_compound(query: Node<'_>) -> bool {
    query.parent().is_some_and(|parent| {
        parent.kind() == SyntaxKind::COMPOUND_SELECT && parent.first_child() == Some(query)
    })
}

/// The `WITH` of a query.
fn with_clause(query: Node<'_>) -> Option<Node<'_>> {
    let mut first = query;
    while first.kind() == SyntaxKind::COMPOUND_SELECT {
        first = first.first_child()?;
    }
    if !is_query(first.kind()) {
        return None;
    }
    first.child(SyntaxKind::WITH_CLAUSE)
}

fn expressions(clause: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    clause
        .children()
        .filter(|child| child.kind() == SyntaxKind::WITH_TABLE)
}

fn name(table: Node<'_>) -> Option<Cow<'_, str>> {
    let name = table.child(SyntaxKind::CTE_NAME)?;
    name.first_token().map(fold)
}
