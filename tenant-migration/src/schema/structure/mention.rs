//! Finding the name of a schema in texts that PostgreSQL does not parse: bodies of functions, and strings.

/// True if a statement has the name of a schema in such a text, in any case: as a word, or in a string as a part of a word,
/// such as the channel `acme_events`.
pub(super) fn mentions(sql: &str, schema: &str) -> bool {
    let is_comment = sql.starts_with("COMMENT ON ");
    let is_opaque = sql.starts_with("CREATE FUNCTION ") || sql.starts_with("CREATE PROCEDURE ");
    if is_opaque {
        has_word(sql, schema) || inner_strings(sql).any(|string| has_part(string, schema))
    } else {
        !is_comment && strings(sql).any(|string| has_part(string, schema))
    }
}

/// True if the description of an object has the name of a schema in such a text, or in a comment. It has the body of a function
/// without quotes around it.
pub(super) fn describes(object: &str, content: &str, schema: &str) -> bool {
    if object.starts_with("comment on ") {
        has_part(content, schema)
    } else {
        let is_function = object.starts_with("function ");
        (is_function && has_word(content, schema)) || strings(content).any(|string| has_part(string, schema))
    }
}

/// The strings in the body of a function, which is a string itself, with its quotes doubled.
fn inner_strings(sql: &str) -> impl Iterator<Item = &str> {
    between(sql, "''")
}

/// The strings in a statement. A quote in a string is doubled, which makes two strings of it, and an identifier in double
/// quotes may have one in it, which makes strings of what is none: both find too much, not too little.
fn strings(sql: &str) -> impl Iterator<Item = &str> {
    between(sql, "'")
}

/// Returns the parts between a quote and the next. With an odd number of quotes, as one in a comment makes it, each part
/// may be in quotes, so all are returned.
fn between<'a>(sql: &'a str, quote: &'a str) -> impl Iterator<Item = &'a str> {
    let is_odd = sql.matches(quote).count() % 2 == 1;
    sql.split(quote)
        .enumerate()
        .filter(move |(place, _)| is_odd || place % 2 == 1)
        .map(|(_, string)| string)
}

fn has_word(text: &str, word: &str) -> bool {
    has_between(text, word, |character| {
        character.is_alphanumeric() || character == '_'
    })
}

fn has_part(text: &str, word: &str) -> bool {
    has_between(text, word, char::is_alphanumeric)
}

/// True if the text has the word, and no character before or after it makes it a part of another word.
fn has_between(text: &str, word: &str, is_part: impl Fn(char) -> bool) -> bool {
    let (text, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    text.match_indices(&word).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !before.is_some_and(&is_part) && !after.is_some_and(&is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::{describes, mentions};

    #[test]
    fn bodies_and_strings_are_looked_into() {
        for sql in [
            "CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM acme.note'",
            "CREATE PROCEDURE p() SET search_path TO 'Acme' AS ''",
            "CREATE TABLE t (a text DEFAULT 'acme.note'::text)",
            "CREATE TABLE t (a text DEFAULT 'it''s acme'::text)",
            "CREATE TABLE t (\"it's\" int, a text DEFAULT 'acme'::text)",
            "CREATE TABLE t (a text DEFAULT 'acme_events'::text)",
            "CREATE FUNCTION f() RETURNS void AS 'SELECT pg_notify(''acme_events'', ''x'')'",
        ] {
            assert!(mentions(sql, "acme"), "{sql}");
        }
    }

    #[test]
    fn descriptions_are_looked_into() {
        for (object, content) in [
            (
                "trigger note.t",
                r#"{"definition": "... EXECUTE FUNCTION f('acme')"}"#,
            ),
            ("default note.space", r#""'Acme_x'::text""#),
            ("function f()", r#"{"prosrc": "SELECT 1 FROM acme.note"}"#),
            (
                "function f()",
                r#"{"prosrc": "PERFORM pg_notify('acme_events', '')"}"#,
            ),
            ("comment on table note", r#""of acme""#),
        ] {
            assert!(describes(object, content, "acme"), "{object}");
        }
        for (object, content) in [
            ("relation acme", r#"{"relname": "acme"}"#),
            ("default note.space", r#""'acmed'::text""#),
            ("function f()", r#"{"prosrc": "SELECT 1 FROM acme_note"}"#),
            ("comment on table note", r#""of acmed""#),
        ] {
            assert!(!describes(object, content, "acme"), "{object}");
        }
    }

    #[test]
    fn names_and_longer_words_are_not_taken_for_it() {
        for sql in [
            "CREATE TABLE acme (acme text DEFAULT 'acmed'::text, b text DEFAULT 'myacme')",
            "CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM acme_notes'",
            "CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM acme_notes WHERE title = ''y'' OR acme_y'",
            "COMMENT ON TABLE t IS 'of acme'",
        ] {
            assert!(!mentions(sql, "acme"), "{sql}");
        }
    }
}
