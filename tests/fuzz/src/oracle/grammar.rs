//! Reads a statement with squawk-syntax, whose validation the library states in rules of its own.

use squawk_syntax::SourceFile;

/// The statement, which compiles, has no error for squawk-syntax.
pub(super) fn is_valid(sql: &str) {
    let errors = SourceFile::parse(sql).errors();
    assert!(errors.is_empty(), "{sql}\n{errors:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_rule_is_found() {
        for sql in [
            "SELECT * FROM note JOIN tag",
            "SELECT DEFAULT",
            "SELECT 1 IN ()",
            "SELECT 'a' 'b'",
            "SELECT 1 FROM",
        ] {
            assert!(std::panic::catch_unwind(|| is_valid(sql)).is_err(), "{sql}");
        }
        is_valid("SELECT * FROM note JOIN tag ON true");
    }
}
