//! Decides on columns, which may be calls: `('note_id_seq').nextval` is one.
//! <https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-USAGE>

use squawk_parser::SyntaxKind;

use super::{
    Step, Walk,
    name::{Name, fold},
};
use crate::sql::{
    builtin,
    refusal::Refusal,
    tree::{Node, Token},
};

impl<'t> Walk<'_, 't> {
    /// Decides on `table.column`, `schema.table.column`, `(row).field`, and the same with a star at the end.
    pub(super) fn column(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        if let Some(field) = field(node) {
            builtin::check_field(&fold(field))?;
        }
        // The whole name was looked at with its last field, and something else than names is in it.
        if node
            .parent()
            .is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR)
        {
            return Ok(Step::Into);
        }
        let Some(parts) = dotted(node) else {
            return Ok(Step::Into);
        };
        let has_star = field(node).is_none();
        let name = Name::new(parts)?;
        // `schema.table.*` has a part less than `schema.table.column`.
        match (name.qualifiers(), has_star) {
            ([], _) | ([_], false) => {}
            ([schema], true) | ([schema, _], false) => self.schema(*schema, &name)?,
            _ => {
                return Err(Refusal::Construct(
                    "a column of four or more parts",
                    "write it without the database",
                ));
            }
        }
        Ok(Step::Over)
    }

    /// A word is a column, or a function of PostgreSQL's own that is called without brackets.
    pub(super) fn word(&mut self, node: Node<'t>) -> Step {
        match node.first_token() {
            Some(token) if token.kind() == SyntaxKind::CURRENT_SCHEMA_KW => self.current_schema(node),
            _ => Step::Into,
        }
    }
}

/// Returns the names of `a.b.c` or `a.b.*`, if there is nothing but names before the last dot.
pub(super) fn dotted(mut node: Node<'_>) -> Option<Vec<Token<'_>>> {
    let mut parts = Vec::new();
    while node.kind() == SyntaxKind::FIELD_EXPR {
        parts.extend(field(node));
        node = node.first_child()?;
    }
    if node.kind() != SyntaxKind::NAME_REF {
        return None;
    }
    parts.push(node.first_token()?);
    parts.reverse();
    Some(parts)
}

/// Returns the name after the last dot, which a star is none.
fn field(node: Node<'_>) -> Option<Token<'_>> {
    let last = node.children().nth(1)?;
    last.first_token()
}

/// PostgreSQL takes no schema in `FOR UPDATE OF`.
pub(super) fn locked_tables(node: Node<'_>) -> Result<Step, Refusal> {
    if node.children().all(|child| child.kind() == SyntaxKind::NAME_REF) {
        return Ok(Step::Into);
    }
    Err(Refusal::Construct(
        "a lock of a table with its schema",
        "write the table's alias or its name alone",
    ))
}
