//! Rules of statements and their clauses.

use squawk_parser::{SyntaxKind::*, is_type_func_name_keyword};

use super::{Validity, expressions, is_type};
use crate::sql::tree::{Node, Token};

/// Statements are separated by semicolons.
pub(super) fn statements(text: Node<'_>) -> Validity {
    let following = text.children().skip(1);
    for (statement, next) in text.children().zip(following) {
        let is_ended = statement
            .last_token()
            .is_some_and(|token| token.kind() == SEMICOLON);
        if !is_ended && statement.kind() != EMPTY_STMT && next.kind() != EMPTY_STMT {
            return Err("two statements have no semicolon between them");
        }
    }
    Ok(())
}

/// `SELECT` stands before `FROM`, and a subquery between values has brackets and columns.
pub(super) fn select(select: Node<'_>) -> Validity {
    let clause = select.child(SELECT_CLAUSE);
    let has_columns = clause.is_some_and(|clause| clause.child(TARGET_LIST).is_some());
    match select.parent().map(Node::kind) {
        Some(TUPLE_EXPR) => return Err("a subquery among other values has no brackets"),
        Some(PAREN_EXPR) if !has_columns => return Err("a subquery has no columns"),
        _ => {}
    }
    match (select.child(FROM_CLAUSE), clause) {
        (Some(_), None) => Err("FROM has no SELECT"),
        (Some(from), Some(clause)) if from.text_range().end <= clause.text_range().start => {
            Err("FROM stands before SELECT")
        }
        _ => Ok(()),
    }
}

/// `SELECT ... INTO` is a statement, and no part of one but the first SELECT of a UNION.
pub(super) fn select_into(select: Node<'_>) -> Validity {
    let mut inner = select;
    while let Some(outer) = inner.parent() {
        match outer.kind() {
            EXPLAIN | PREPARE | SOURCE_FILE => return Ok(()),
            PAREN_SELECT => {}
            COMPOUND_SELECT if outer.first_child() == Some(inner) => {}
            _ => break,
        }
        inner = outer;
    }
    Err("SELECT INTO is a part of another statement")
}

/// `SELECT DISTINCT` has columns.
pub(super) fn select_distinct(clause: Node<'_>) -> Validity {
    let mut quantifiers = clause.children().map(Node::kind);
    let quantifier = quantifiers.find(|kind| matches!(kind, ALL | DISTINCT_CLAUSE));
    if quantifier == Some(DISTINCT_CLAUSE) && clause.child(TARGET_LIST).is_none() {
        return Err("SELECT DISTINCT has no columns");
    }
    Ok(())
}

/// `DISTINCT ON (...)` has an expression.
pub(super) fn distinct_on(clause: Node<'_>) -> Validity {
    let first = expressions(clause).next();
    first.map(|_| ()).ok_or("DISTINCT ON has no expression")
}

/// `SET` of an UPDATE sets a column.
pub(super) fn set_columns(list: Node<'_>) -> Validity {
    let mut kinds = list.children().map(Node::kind);
    if kinds.any(|kind| matches!(kind, SET_MULTIPLE_COLUMNS | SET_SINGLE_COLUMN)) {
        return Ok(());
    }
    Err("SET has no column")
}

/// `DEFAULT` is a value for a column, and not for its field or element.
pub(super) fn set_column(column: Node<'_>) -> Validity {
    let is_default = column
        .child(SET_EXPR)
        .is_some_and(|value| value.has_token(DEFAULT_KW));
    let target = column.child(COLUMN_TARGET);
    let mut kinds = target.into_iter().flat_map(Node::children).map(Node::kind);
    if is_default && kinds.any(|kind| matches!(kind, FIELD_ACCESSOR | INDEX_ACCESSOR | SLICE_ACCESSOR)) {
        return Err("a field or an element is set to DEFAULT");
    }
    Ok(())
}

/// A column of a new table has a type, but for a partition and a table of a type.
pub(super) fn create_table(table: Node<'_>) -> Validity {
    if table.child(PARTITION_OF).is_some() || table.child(OF_TYPE).is_some() {
        return Ok(());
    }
    let list = table.child(TABLE_ARG_LIST);
    let mut columns = list.into_iter().flat_map(Node::children);
    let has_no_type = |column: Node<'_>| {
        column.kind() == COLUMN
            && column.child(COLUMN_NAME).is_some()
            && !column.children().any(|child| is_type(child.kind()))
    };
    if columns.any(has_no_type) {
        return Err("a column has no type");
    }
    Ok(())
}

/// A keyword that may be a function, such as `left`, is no table. A table in a schema may be called so.
pub(super) fn table_name(name: Node<'_>) -> Validity {
    let keyword = name.first_token().map(Token::kind);
    if keyword.is_some_and(is_type_func_name_keyword) {
        return Err("a reserved word stands for a table");
    }
    Ok(())
}
