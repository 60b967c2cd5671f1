//! Names of common table expressions in scope at a place of a statement.
//!
//! PostgreSQL's rules: the names of a `WITH` are visible in the query they stand before, and, in the
//! `WITH` itself, in the queries after them; with `RECURSIVE`, in all of them. A name with a schema never
//! means one, nor does the target of INSERT, UPDATE, DELETE and MERGE.
//! <https://www.postgresql.org/docs/current/queries-with.html>

use std::collections::HashMap;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{kinds::is_query, name::fold};
use crate::plant::{self, Plant};

/// Follows a walk over a statement.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    frames: Vec<Frame>,
}

/// The names of one `WITH`.
#[derive(Debug)]
struct Frame {
    /// The query that the names are visible in.
    query: SyntaxNode,
    /// Each name with its place among the expressions. A map, for a text may have tens of thousands.
    names: HashMap<String, usize>,
    /// Number of the expressions that the walk has entered.
    entered: usize,
    /// Number of the expressions that are visible.
    visible: usize,
    is_recursive: bool,
}

impl Scopes {
    /// Follows the walk into `node`.
    pub(super) fn enter(&mut self, node: &SyntaxNode) {
        match node.kind() {
            SyntaxKind::WITH_TABLE => self.enter_expression(),
            kind if is_query(kind) && !is_first_of_compound(node) => {
                if let Some(clause) = with_clause(node) {
                    self.frames.push(Frame::new(node, &clause));
                }
            }
            _ => {}
        }
    }

    /// Follows the walk out of `node`.
    pub(super) fn leave(&mut self, node: &SyntaxNode) {
        if node.kind() == SyntaxKind::WITH_CLAUSE {
            if let Some(frame) = self.frames.last_mut() {
                frame.visible = usize::MAX;
            }
        } else if self.frames.last().is_some_and(|frame| frame.query == *node)
            && !plant::is(Plant::ExpressionNeverEnds)
        {
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

impl Frame {
    fn new(query: &SyntaxNode, clause: &SyntaxNode) -> Self {
        let mut names = HashMap::new();
        for (place, table) in expressions(clause).enumerate() {
            if let Some(name) = name(&table) {
                names.entry(name).or_insert(place);
            }
        }
        let mut tokens = clause.children_with_tokens();
        let is_recursive = tokens.any(|token| token.kind() == SyntaxKind::RECURSIVE_KW);
        Self {
            query: query.clone(),
            visible: if is_recursive { usize::MAX } else { 0 },
            entered: 0,
            names,
            is_recursive,
        }
    }
}

/// The tree has the `WITH` of `WITH a AS (...) SELECT ... UNION SELECT ...` in the first SELECT; for PostgreSQL it
/// belongs to the whole UNION.
fn is_first_of_compound(query: &SyntaxNode) -> bool {
    query.parent().is_some_and(|parent| {
        parent.kind() == SyntaxKind::COMPOUND_SELECT && parent.first_child().as_ref() == Some(query)
    })
}

/// The `WITH` of a query.
fn with_clause(query: &SyntaxNode) -> Option<SyntaxNode> {
    let mut first = query.clone();
    while first.kind() == SyntaxKind::COMPOUND_SELECT {
        first = first.first_child()?;
    }
    if !is_query(first.kind()) {
        return None;
    }
    first
        .children()
        .find(|child| child.kind() == SyntaxKind::WITH_CLAUSE)
}

fn expressions(clause: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> {
    clause
        .children()
        .filter(|child| child.kind() == SyntaxKind::WITH_TABLE)
}

fn name(table: &SyntaxNode) -> Option<String> {
    let name = table
        .children()
        .find(|child| child.kind() == SyntaxKind::CTE_NAME)?;
    name.first_token().map(|token| fold(&token))
}
