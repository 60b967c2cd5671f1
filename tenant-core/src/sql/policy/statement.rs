//! Decides on kinds of statements.

use squawk_parser::SyntaxKind;

use super::{
    Step, Walk,
    kinds::{Treatment, is_query, treatment},
};
use crate::sql::{refusal::Refusal, tree::Node};

/// Result of a statement, as far as its text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// Rows: a query, or a change with RETURNING.
    Rows,
    /// The number of rows that it changed.
    Count,
    /// A plan, by EXPLAIN.
    Plan,
    /// Nothing, as it changes the schema.
    Schema,
}

impl<'t> Walk<'_, 't> {
    /// Decides on the text, which has to be one statement.
    pub(super) fn text(&mut self, tree: Node<'t>) -> Result<Step, Refusal> {
        let statement = only_statement(tree)?;
        self.decisions.changes_schema = is_schema_change(statement.kind());
        if self.decisions.changes_schema || runs(statement) {
            return Ok(Step::Into);
        }
        Err(refusal(statement.kind()))
    }

    /// Decides on a statement inside of another one, where a change of the schema has no place.
    pub(super) fn statement(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        let is_outermost = node
            .parent()
            .is_some_and(|parent| parent.kind() == SyntaxKind::SOURCE_FILE);
        if is_outermost {
            return Ok(Step::Into);
        }
        Err(refusal(node.kind()))
    }
}

/// Returns the kind of a text that is one statement.
pub(in crate::sql) fn kind_of_only_statement(tree: Node<'_>) -> Result<StatementKind, Refusal> {
    let statement = only_statement(tree)?;
    if is_schema_change(statement.kind()) {
        return Ok(StatementKind::Schema);
    }
    if !runs(statement) {
        return Err(refusal(statement.kind()));
    }
    let has_returning = || {
        let mut children = statement.children();
        children.any(|child| child.kind() == SyntaxKind::RETURNING_CLAUSE)
    };
    Ok(match statement.kind() {
        SyntaxKind::EXPLAIN => StatementKind::Plan,
        SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE
            if !has_returning() =>
        {
            StatementKind::Count
        }
        _ => StatementKind::Rows,
    })
}

fn only_statement(tree: Node<'_>) -> Result<Node<'_>, Refusal> {
    let mut statements = tree
        .children()
        .filter(|child| child.kind() != SyntaxKind::EMPTY_STMT);
    let statement = statements
        .next()
        .ok_or_else(|| Refusal::Unparseable("there is no statement".to_owned()))?;
    match statements.next() {
        None => Ok(statement),
        Some(_) => Err(Refusal::Statement(
            "a text of several statements",
            "run them one by one",
        )),
    }
}

/// True for what runs on each tenant connection.
fn runs(statement: Node<'_>) -> bool {
    match statement.kind() {
        SyntaxKind::EXPLAIN => statement
            .last_child()
            .is_some_and(|explained| is_query(explained.kind())),
        kind => is_query(kind),
    }
}

fn is_schema_change(kind: SyntaxKind) -> bool {
    treatment(kind) == Some(Treatment::Statement) && kind != SyntaxKind::EXPLAIN
}

const UNGUARDED: &str = "run it in `TenantConnection::begin_unguarded`, whose search_path is the tenant's";

/// Refuses a statement by its kind, with what to do instead.
fn refusal(kind: SyntaxKind) -> Refusal {
    let (what, instead) = match kind {
        SyntaxKind::SELECT_INTO => (
            "SELECT INTO",
            "create the table in a migration and use INSERT ... SELECT",
        ),
        SyntaxKind::SET | SyntaxKind::RESET | SyntaxKind::DISCARD => (
            "a change of the session (SET, RESET, DISCARD)",
            "other tenants use the session after this one; `TenantConnection::begin_unguarded` has SET LOCAL",
        ),
        SyntaxKind::SET_TRANSACTION => (
            "SET TRANSACTION",
            "give the isolation level to `begin_with_config`",
        ),
        SyntaxKind::BEGIN
        | SyntaxKind::COMMIT_TRANSACTION
        | SyntaxKind::COMMIT_PREPARED
        | SyntaxKind::ROLLBACK_TRANSACTION
        | SyntaxKind::SAVEPOINT
        | SyntaxKind::RELEASE_SAVEPOINT => (
            "transaction control as SQL",
            "call `begin`, `commit` and `rollback` of the connection",
        ),
        SyntaxKind::COPY => (
            "COPY",
            "it needs `copy_in_raw` or `copy_out_raw` of sqlx, on a connection of your own; insert with `insert_many`",
        ),
        SyntaxKind::TRUNCATE => ("TRUNCATE", "delete the rows, or write a migration"),
        SyntaxKind::LISTEN | SyntaxKind::UNLISTEN | SyntaxKind::NOTIFY => (
            "LISTEN, UNLISTEN or NOTIFY",
            "listen on a connection of its own, and notify with `SELECT pg_notify(...)`",
        ),
        SyntaxKind::PREPARE | SyntaxKind::EXECUTE | SyntaxKind::DEALLOCATE => (
            "PREPARE, EXECUTE or DEALLOCATE",
            "bind values to the statement: the driver prepares it",
        ),
        SyntaxKind::DO | SyntaxKind::CALL | SyntaxKind::LOCK | SyntaxKind::DECLARE => {
            ("DO, CALL, LOCK or DECLARE", UNGUARDED)
        }
        SyntaxKind::CREATE_TABLE_AS => (
            "CREATE TABLE that takes its shape from a query",
            "create the table in a migration and use INSERT ... SELECT",
        ),
        SyntaxKind::EXPLAIN => ("EXPLAIN of this statement", "explain a query or a change of rows"),
        _ => (
            "a statement other than SELECT, INSERT, UPDATE, DELETE, MERGE and EXPLAIN of those",
            "write a migration, or run it in `TenantConnection::begin_unguarded`",
        ),
    };
    Refusal::Statement(what, instead)
}
