//! Whether a statement has the name of a schema in a text that PostgreSQL does not look into: the body of a function, or a
//! string.

/// Whether it has, as a word, whatever its case.
pub(super) fn mentions(sql: &str, schema: &str) -> bool {
    let is_comment = sql.starts_with("COMMENT ON ");
    let is_opaque = sql.starts_with("CREATE FUNCTION ") || sql.starts_with("CREATE PROCEDURE ");
    if is_opaque {
        has_word(sql, schema)
    } else {
        !is_comment && strings(sql).any(|string| has_word(string, schema))
    }
}

/// The strings in a statement. A quote in a string is doubled, which makes two strings of it, and an identifier in double
/// quotes may have one in it, which makes strings of what is none: both find too much, not too little.
fn strings(sql: &str) -> impl Iterator<Item = &str> {
    let is_odd = sql.matches('\'').count() % 2 == 1;
    sql.split('\'')
        .enumerate()
        .filter(move |(place, _)| is_odd || place % 2 == 1)
        .map(|(_, string)| string)
}

/// Whether a text has a word, whatever its case.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(&word).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn bodies_and_strings_are_looked_into() {
        for sql in [
            "CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM acme.note'",
            "CREATE PROCEDURE p() SET search_path TO 'Acme' AS ''",
            "CREATE TABLE t (a text DEFAULT 'acme.note'::text)",
            "CREATE TABLE t (a text DEFAULT 'it''s acme'::text)",
            "CREATE TABLE t (\"it's\" int, a text DEFAULT 'acme'::text)",
        ] {
            assert!(mentions(sql, "acme"), "{sql}");
        }
    }

    #[test]
    fn names_and_longer_words_are_not_taken_for_it() {
        for sql in [
            "CREATE TABLE acme (acme text DEFAULT 'acmed'::text, b text DEFAULT 'my_acme')",
            "CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM acme_notes'",
            "COMMENT ON TABLE t IS 'of acme'",
        ] {
            assert!(!mentions(sql, "acme"), "{sql}");
        }
    }
}
