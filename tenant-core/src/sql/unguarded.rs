//! What even an unguarded transaction does not run: what ends it, and what takes the driver's statements away.

use super::{
    refusal::Refusal,
    scan::{Kind, scan},
};

/// Where PostgreSQL ended the transaction, what follows would run outside of any: in the schemas of the session and
/// as its user.
const ENDS: Refusal = Refusal::Statement(
    "transaction control as SQL",
    "call `begin`, `commit` and `rollback` of the transaction; SAVEPOINT and ROLLBACK TO are run",
);

/// sqlx goes on to use what it prepared, for whoever has the session next.
const DRIVERS: Refusal = Refusal::Statement(
    "a change of the statements that the driver prepared (DEALLOCATE ALL, or a name `sqlx_...`)",
    "name what was prepared",
);

/// How many words of a statement say what it is.
const TELLING_WORDS: usize = 4;

/// Refuses these where a statement of the text is one. It looks at how statements begin and not into them, so it finds
/// mistakes only: a DO block can do the same.
pub(super) fn check(sql: &str) -> Result<(), Refusal> {
    let mut words = Vec::with_capacity(TELLING_WORDS);
    let mut depth = 0_usize;
    for lexeme in scan(sql).filter(|lexeme| !lexeme.kind.is_space()) {
        let text = &sql[lexeme.range];
        match (lexeme.kind, text) {
            (Kind::Symbol, "(") => depth += 1,
            (Kind::Symbol, ")") => depth = depth.saturating_sub(1),
            (Kind::Symbol, ";") if depth == 0 => {
                check_statement(&words)?;
                words.clear();
                continue;
            }
            // The body of a function goes on to its own END, after semicolons of its own.
            (Kind::Word, word)
                if is(word, "ATOMIC") && words.first().is_some_and(|first| is(first, "CREATE")) =>
            {
                return Ok(());
            }
            _ => {}
        }
        if words.len() < TELLING_WORDS {
            words.push(text);
        }
    }
    check_statement(&words)
}

fn check_statement(words: &[&str]) -> Result<(), Refusal> {
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    let goes_back = || words.iter().any(|word| is(word, "TO"));
    match word(0).to_ascii_uppercase().as_str() {
        "BEGIN" | "START" | "COMMIT" | "END" | "ABORT" => Err(ENDS),
        "ROLLBACK" if !goes_back() => Err(ENDS),
        "PREPARE" if is(word(1), "TRANSACTION") => Err(ENDS),
        "PREPARE" => check_prepared(word(1)),
        "DEALLOCATE" if is(word(1), "PREPARE") => check_prepared(word(2)),
        "DEALLOCATE" => check_prepared(word(1)),
        _ => Ok(()),
    }
}

fn check_prepared(name: &str) -> Result<(), Refusal> {
    let name = name.trim_matches('"').to_ascii_lowercase();
    if name == "all" || name.starts_with("sqlx_") {
        return Err(DRIVERS);
    }
    Ok(())
}

fn is(word: &str, other: &str) -> bool {
    word.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_the_transaction_is_refused() {
        for sql in [
            "COMMIT",
            " /* x */ commit and chain",
            "SELECT 1; END",
            "ROLLBACK",
            "rollback work",
            "ABORT;",
            "BEGIN; SELECT 1",
            "START TRANSACTION",
            "PREPARE TRANSACTION 'x'",
            "SELECT '(' ; COMMIT",
        ] {
            assert_eq!(check(sql), Err(ENDS), "{sql}");
        }
    }

    #[test]
    fn the_statements_of_the_driver_stay() {
        for sql in [
            "DEALLOCATE ALL",
            "DEALLOCATE PREPARE ALL",
            "deallocate \"sqlx_s_1\"",
            "PREPARE sqlx_s_1 AS SELECT 1",
        ] {
            assert_eq!(check(sql), Err(DRIVERS), "{sql}");
        }
    }

    #[test]
    fn everything_else_passes() {
        for sql in [
            "",
            "SAVEPOINT a; SELECT 1; ROLLBACK TO SAVEPOINT a; ROLLBACK TRANSACTION TO a; RELEASE a",
            "DO $$ BEGIN PERFORM 1; END $$",
            "PREPARE a AS SELECT 1; EXECUTE a; DEALLOCATE a",
            "SELECT 'x; COMMIT'; -- ; COMMIT",
            "CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
            "CREATE RULE r AS ON INSERT TO note DO ALSO (DELETE FROM tag; NOTIFY x)",
            "SELECT 1 AS commit; SELECT \"commit\" FROM note",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
    }
}
