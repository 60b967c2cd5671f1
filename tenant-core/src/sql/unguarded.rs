//! Refusals of an unguarded transaction: what ends it, takes the driver's statements away, or makes the driver wait.

use squawk_lexer::TokenKind;

use super::{lexeme::lexemes, refusal::Refusal};

/// Refusal of transaction control. After the end of the transaction, statements would run with the search path of the
/// session and as its user.
const ENDS: Refusal = Refusal::Statement(
    "transaction control as SQL",
    "call `begin`, `commit` and `rollback` of the transaction; SAVEPOINT and ROLLBACK TO are run",
);

/// Refusal of statements that drop the driver's prepared statements, which sqlx would still use.
const DRIVERS: Refusal = Refusal::Statement(
    "a change of the statements that the driver prepared (DEALLOCATE ALL, or a name `sqlx_...`)",
    "name what was prepared",
);

/// Refusal of COPY from and to the client. The driver would wait forever for data.
const COPIES: Refusal = Refusal::Statement(
    "COPY from or to the client",
    "use `copy_in_raw` or `copy_out_raw` of sqlx, on a connection of your own",
);

/// Number of words that identify a statement.
const LEADING_WORDS: usize = 4;

/// Refuses a text with such a statement. It looks at the first words of each statement only, so it finds mistakes and
/// no attacks: a DO block can do the same.
pub(super) fn check(sql: &str) -> Result<(), Refusal> {
    let mut words = Vec::with_capacity(LEADING_WORDS);
    let mut depth = 0_usize;
    let mut copies = false;
    let mut before = "";
    for lexeme in lexemes(sql).filter(|lexeme| !lexeme.is_trivia()) {
        let text = &sql[lexeme.range];
        match lexeme.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            TokenKind::Semi if depth == 0 => {
                check_statement(&words)?;
                words.clear();
                copies = false;
                continue;
            }
            // The body of a function goes on to its own END, after semicolons of its own.
            TokenKind::Ident
                if is(text, "ATOMIC")
                    && is(before, "BEGIN")
                    && words.first().is_some_and(|first| is(first, "CREATE")) =>
            {
                return Ok(());
            }
            TokenKind::Ident if copies && (is(text, "STDIN") || is(text, "STDOUT")) => return Err(COPIES),
            _ => {}
        }
        before = text;
        copies |= words.is_empty() && is(text, "COPY");
        if words.len() < LEADING_WORDS {
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
            "CREATE TABLE atomic (id int); COMMIT",
            "ALTER TABLE note ADD atomic bool; CREATE INDEX ON note (atomic); COMMIT",
        ] {
            assert_eq!(check(sql), Err(ENDS), "{sql}");
        }
    }

    #[test]
    fn copying_from_and_to_the_client_is_refused() {
        for sql in [
            "COPY note FROM STDIN",
            "SELECT 1; copy (SELECT 1) TO stdout WITH (FORMAT csv)",
            "COPY note (id, title) FROM STDIN",
        ] {
            assert_eq!(check(sql), Err(COPIES), "{sql}");
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
            "COPY note FROM '/tmp/stdin'; SELECT stdin FROM copy",
            "SELECT 1 AS commit; SELECT \"commit\" FROM note",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
    }
}
