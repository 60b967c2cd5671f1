//! The check of a query over many tenants. Its text is put into brackets once for each tenant, and these parts are joined by
//! `UNION ALL`, which goes by the place of columns and takes the names of the first part.

use squawk_parser::SyntaxKind::{
    self, COMPOUND_SELECT, DELETE, INSERT, LOCKING_CLAUSE, MERGE, PAREN_SELECT, SELECT, SELECT_CLAUSE,
    SEMICOLON, STAR, TABLE, TARGET, TARGET_LIST, UPDATE, VALUES,
};

use super::{
    parse::with_tree,
    refusal::Refusal,
    tree::{Element, Node},
};

/// Refuses a text that is no query, or whose columns do not have the same names for each tenant. What it names is decided
/// on elsewhere: [`super::Compiler::compile_fan_out`].
pub(super) fn check(sql: &str) -> Result<(), Refusal> {
    with_tree(sql, |tree, _| {
        tree.descendants_with_tokens()
            .try_for_each(|element| part(element.kind()))?;
        tree.children().try_for_each(columns)
    })
}

/// Refuses parts that have no place anywhere in a query over many tenants.
fn part(kind: SyntaxKind) -> Result<(), Refusal> {
    match kind {
        // PostgreSQL takes none in brackets.
        SEMICOLON => Err(Refusal::FanOut("a semicolon", "leave it out")),
        LOCKING_CLAUSE => Err(Refusal::FanOut(
            "a lock of rows (FOR UPDATE, FOR SHARE)",
            "lock them on the connection of one tenant",
        )),
        INSERT | UPDATE | DELETE | MERGE => Err(not_a_query()),
        _ => Ok(()),
    }
}

/// Refuses a query whose columns have no names in the text.
fn columns(statement: Node<'_>) -> Result<(), Refusal> {
    // No recursion: a chain of thousands of UNIONs is a tree of as many levels.
    let mut queries = vec![statement];
    while let Some(query) = queries.pop() {
        match query.kind() {
            SELECT if has_star(query) => return Err(star()),
            TABLE => return Err(star()),
            SELECT | VALUES => {}
            PAREN_SELECT | COMPOUND_SELECT => {
                let parts = query.children();
                queries.extend(parts.filter(|part| is_query(part.kind())));
            }
            _ => return Err(not_a_query()),
        }
    }
    Ok(())
}

fn is_query(kind: SyntaxKind) -> bool {
    matches!(kind, SELECT | TABLE | VALUES | PAREN_SELECT | COMPOUND_SELECT)
}

/// True for `SELECT *` and `SELECT note.*`, and false for `count(*)`.
fn has_star(select: Node<'_>) -> bool {
    let list = select
        .child(SELECT_CLAUSE)
        .and_then(|clause| clause.child(TARGET_LIST));
    let mut targets = list.into_iter().flat_map(Node::children);
    targets.any(|target| target.kind() == TARGET && ends_with_star(target))
}

fn ends_with_star(target: Node<'_>) -> bool {
    let tokens = target
        .descendants_with_tokens()
        .rev()
        .filter_map(Element::into_token);
    let mut tokens = tokens.filter(|token| !token.kind().is_trivia());
    tokens.next().is_some_and(|last| last.kind() == STAR)
}

fn not_a_query() -> Refusal {
    Refusal::FanOut(
        "a statement other than a query",
        "run it for each tenant with `tenant_migration::for_each_tenant`",
    )
}

/// The columns of a table may be in another order for another tenant, after migrations in another order.
fn star() -> Refusal {
    Refusal::FanOut(
        "`*` for all columns, as in `SELECT *` and `TABLE`",
        "name the columns, because those of the first tenant would give their names to all",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Compiler, compile_tests::rules};

    fn refusal(sql: &str) -> Refusal {
        match Compiler::new(rules()).compile_fan_out(sql) {
            Ok(_) => panic!("{sql} was not refused"),
            Err(refusal) => refusal,
        }
    }

    #[test]
    fn queries_with_named_columns_pass() {
        for sql in [
            r#"SELECT "note"."id", "note"."title" FROM "$tenant"."note" WHERE "note"."id" > $1 ORDER BY "note"."id" LIMIT $2"#,
            "SELECT count(*), count(note.*) AS notes, 2 * 3 FROM note",
            "SELECT count(*) * 2 FROM note -- a comment",
            "(SELECT id FROM note) UNION ALL (SELECT id FROM tag ORDER BY id LIMIT 1)",
            "VALUES (1), (2)",
            "WITH n AS (SELECT * FROM note) SELECT n.id FROM n WHERE EXISTS (SELECT * FROM tag)",
            "((WITH n AS (SELECT id FROM note) SELECT id FROM n))",
            "SELECT current_schema(), ';', '*', 'FOR UPDATE' /* ; */ FROM note",
        ] {
            let passed = Compiler::new(rules()).compile_fan_out(sql);
            assert!(passed.is_ok(), "{sql}: {passed:?}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for sql in [
            "DELETE FROM note RETURNING id",
            "INSERT INTO note (id) VALUES (1) RETURNING id",
            "UPDATE note SET id = 1 RETURNING id",
            "MERGE INTO note USING tag ON true WHEN MATCHED THEN DELETE",
            "WITH gone AS (DELETE FROM note RETURNING id) SELECT id FROM gone",
            "(WITH gone AS (UPDATE note SET id = 1 RETURNING id) SELECT id FROM gone) UNION ALL SELECT 1",
            "EXPLAIN SELECT id FROM note",
            "EXPLAIN ANALYZE SELECT id FROM note",
            "SELECT id FROM note FOR UPDATE",
            "SELECT id FROM (SELECT id FROM note FOR SHARE) x",
            "SELECT id FROM note FOR NO KEY UPDATE SKIP LOCKED",
            "SELECT id FROM note;",
            "; SELECT id FROM note",
        ] {
            let refusal = refusal(sql);
            assert!(matches!(refusal, Refusal::FanOut(..)), "{sql}: {refusal}");
        }
        for sql in [
            "DROP TABLE \"$tenant\".note",
            "SELECT id INTO x FROM note",
            "SELECT 1; SELECT 2",
            "",
        ] {
            refusal(sql);
        }
    }

    #[test]
    fn columns_without_names_are_refused() {
        for sql in [
            "SELECT * FROM note",
            "SELECT id, note.* FROM note",
            "SELECT (note).* FROM note",
            "SELECT \"note\" . /* all */ * FROM note",
            "TABLE note",
            "(SELECT id FROM note) UNION ALL (TABLE tag)",
            "SELECT id FROM note UNION SELECT * FROM tag",
            "((SELECT id FROM note) UNION ALL (((SELECT tag.* FROM tag))))",
            "WITH n AS (SELECT id FROM note) TABLE n",
        ] {
            let refusal = refusal(sql);
            assert_eq!(refusal, star(), "{sql}");
        }
    }

    /// Each of these would end the bracket that it is put into, or hide its end.
    #[test]
    fn texts_that_leave_their_brackets_are_refused() {
        for sql in [
            "SELECT 1) x UNION ALL SELECT 'globex' FROM (SELECT 2",
            "SELECT 1) AS \"$tenant\" UNION ALL SELECT 1, 'globex' FROM (SELECT 1",
            "SELECT 1 /*",
            "SELECT 1 /* /* */",
            "SELECT '",
            "SELECT E'\\'",
            "SELECT $x$",
            "SELECT \"",
            "SELECT (1",
            "SELECT 1)",
            "SELECT 1 AS \"$tenant\"",
            "SELECT id FROM globex.note",
            "WITH note AS (SELECT 1 AS id) SELECT id FROM globex.note",
            "SELECT id FROM note UNION ALL SELECT id FROM globex.note",
        ] {
            refusal(sql);
        }
    }

    #[test]
    fn a_long_chain_of_unions_takes_no_stack() {
        let sql = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(20_000));
        let small_stack = std::thread::Builder::new().stack_size(256 * 1024);
        let check = small_stack.spawn(move || check(&sql)).unwrap();
        check.join().unwrap().unwrap();
    }
}
