//! Rules of the items in FROM.

use squawk_parser::SyntaxKind::{self, *};

use super::{Validity, is_select};
use crate::sql::tree::Node;

/// `ONLY` stands before a table.
pub(super) fn function(item: Node<'_>) -> Validity {
    if item.has_token(ONLY_KW) {
        return Err("ONLY stands before a function");
    }
    Ok(())
}

/// `LATERAL` stands before a subquery or a function.
pub(super) fn relation(item: Node<'_>) -> Validity {
    if item.has_token(LATERAL_KW) {
        return Err("LATERAL stands before a table");
    }
    Ok(())
}

/// Brackets stand around a subquery, a join, or the table of an `ONLY`.
pub(super) fn brackets(item: Node<'_>) -> Validity {
    if item.has_token(ONLY_KW) && item.has_token(LATERAL_KW) {
        return Err("LATERAL stands before a table");
    }
    if !may_be_in_brackets(item) {
        return Err("brackets stand around a table or a function");
    }
    let is_in_subquery = item.parent().is_some_and(|parent| parent.kind() == PAREN_SELECT);
    if item.child(FROM_ALIAS).is_some() && is_in_subquery {
        return Err("the alias of a subquery stands before a closing bracket");
    }
    Ok(())
}

fn may_be_in_brackets(item: Node<'_>) -> bool {
    if let Some(subquery) = item.child(PAREN_SELECT) {
        return subquery.children().any(|child| is_select(child.kind()));
    }
    match item.child(PAREN_EXPR).and_then(inner) {
        None => true,
        Some(inner) => match inner.kind() {
            JOIN_EXPR => true,
            RELATION_FROM_ITEM => item.has_token(ONLY_KW),
            PAREN_FROM_ITEM => is_join_in_brackets(inner),
            _ => false,
        },
    }
}

/// True for `(a JOIN b ...)`, with any number of brackets, and no alias.
fn is_join_in_brackets(item: Node<'_>) -> bool {
    let mut outer = item;
    loop {
        if outer.child(FROM_ALIAS).is_some() {
            return false;
        }
        match outer.child(PAREN_EXPR).and_then(inner) {
            Some(inner) if inner.kind() == PAREN_FROM_ITEM => outer = inner,
            inner => return inner.is_some_and(|inner| inner.kind() == JOIN_EXPR),
        }
    }
}

/// Returns the item in the brackets.
fn inner(brackets: Node<'_>) -> Option<Node<'_>> {
    brackets.children().find(|child| is_from_item(child.kind()))
}

fn is_from_item(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        EXPR_FROM_ITEM
            | FUNCTION_FROM_ITEM
            | GRAPH_TABLE_FROM_ITEM
            | JOIN_EXPR
            | JSON_TABLE_FROM_ITEM
            | PAREN_FROM_ITEM
            | RELATION_FROM_ITEM
            | ROWS_FROM_ITEM
            | XML_TABLE_FROM_ITEM
    )
}

/// A join has a condition, but for `CROSS JOIN` and `NATURAL JOIN`, which have none.
pub(super) fn join(expression: Node<'_>) -> Validity {
    let Some(join) = expression.child(JOIN) else {
        return Ok(());
    };
    let mut kinds = join.children().map(Node::kind);
    let is_type =
        |kind: &SyntaxKind| matches!(kind, JOIN_CROSS | JOIN_FULL | JOIN_INNER | JOIN_LEFT | JOIN_RIGHT);
    let Some(kind) = kinds.find(is_type) else {
        return Ok(());
    };
    let condition = join
        .children()
        .map(Node::kind)
        .find(|kind| matches!(kind, JOIN_USING_CLAUSE | ON_CLAUSE));
    let takes_none = kind == JOIN_CROSS || join.has_token(NATURAL_KW);
    match condition {
        None if !takes_none => Err("a join has no condition"),
        Some(JOIN_USING_CLAUSE) if takes_none => Err("a CROSS or NATURAL join has a USING"),
        _ => Ok(()),
    }
}
