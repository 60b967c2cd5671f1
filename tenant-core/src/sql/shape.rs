//! [`StatementShape`]: what a statement gives, as far as its text says.

use sqlparser::ast::{Query, SetExpr, Statement};

use super::{compile::inspect, ddl, decide::check_kind, refusal::Refusal};

/// What a statement gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementShape {
    /// Rows: a query, or a change with RETURNING.
    Rows,
    /// How many rows it changed.
    Count,
    /// A plan, by EXPLAIN.
    Plan,
    /// Nothing, as it changes the schema.
    Schema,
}

/// The shape of a text that is one statement. What the statement names is not decided on.
///
/// # Errors
/// [`Refusal`] if it is none, or several, or does not run on a tenant connection.
pub fn shape(sql: &str) -> Result<StatementShape, Refusal> {
    inspect(sql, |statements| match statements {
        [] => Err(Refusal::Unparseable("there is none".to_owned())),
        [statement] => {
            check_kind(statement)?;
            Ok(of_statement(statement))
        }
        _ => Err(Refusal::Statement("more than one", "run them one by one")),
    })
}

fn of_statement(statement: &Statement) -> StatementShape {
    let gives_rows = match statement {
        Statement::Explain { .. } => return StatementShape::Plan,
        Statement::Query(query) => return of_query(query),
        Statement::Insert(insert) => insert.returning.is_some(),
        Statement::Update(update) => update.returning.is_some(),
        Statement::Delete(delete) => delete.returning.is_some(),
        Statement::Merge(merge) => merge.output.is_some(),
        statement if ddl::is_allowed(statement) => return StatementShape::Schema,
        _ => false,
    };
    match gives_rows {
        true => StatementShape::Rows,
        false => StatementShape::Count,
    }
}

/// Behind a WITH, there may be a change.
fn of_query(query: &Query) -> StatementShape {
    match &*query.body {
        SetExpr::Insert(change)
        | SetExpr::Update(change)
        | SetExpr::Delete(change)
        | SetExpr::Merge(change) => of_statement(change),
        SetExpr::Query(query) => of_query(query),
        _ => StatementShape::Rows,
    }
}

#[cfg(test)]
mod tests {
    use super::{StatementShape::*, *};

    #[test]
    fn a_statement_gives_rows_a_count_or_a_plan() {
        let shapes = [
            ("SELECT 1", Rows),
            ("VALUES (1), (2);", Rows),
            ("(SELECT 1) UNION (SELECT 2) -- RETURNING", Rows),
            ("WITH x AS (DELETE FROM note RETURNING id) SELECT * FROM x", Rows),
            ("INSERT INTO note DEFAULT VALUES", Count),
            ("INSERT INTO note VALUES ('RETURNING')", Count),
            ("INSERT INTO note DEFAULT VALUES RETURNING id", Rows),
            ("WITH x AS (SELECT 1) UPDATE note SET id = 1", Count),
            ("WITH x AS (SELECT 1) UPDATE note SET id = 1 RETURNING *", Rows),
            ("DELETE FROM note", Count),
            ("DELETE FROM note RETURNING id", Rows),
            (
                "MERGE INTO note USING tag ON note.id = tag.id WHEN MATCHED THEN DELETE",
                Count,
            ),
            ("EXPLAIN ANALYZE DELETE FROM note RETURNING id", Plan),
            ("DROP TABLE \"$tenant\".note", Schema),
        ];
        for (sql, expected) in shapes {
            assert_eq!(shape(sql), Ok(expected), "{sql}");
        }
    }

    #[test]
    fn what_is_not_one_statement_of_these_is_refused() {
        for sql in [
            "",
            "-- nothing",
            "SELECT 1; SELECT 2",
            "SELECT 1) SELECT (2",
            "SELECT 1) AS q; --",
            "SET search_path = globex",
            "COMMIT",
            "SELECT '",
        ] {
            assert!(shape(sql).is_err(), "{sql}");
        }
    }
}
