//! [`Lexeme`]: a token of SQL text with its place, as PostgreSQL's lexer cuts it.

use std::ops::Range;

use squawk_lexer::{Base, LiteralKind, TokenKind, tokenize};

use crate::schema_name::TENANT_MARKER;

/// A token with its bytes in the text.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
}

impl Lexeme {
    /// True for white space and comments.
    pub(super) fn is_trivia(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. }
        )
    }

    /// True for `"$tenant"` in the text that it was cut from.
    pub(super) fn is_marker(&self, sql: &str) -> bool {
        matches!(self.kind, TokenKind::QuotedIdent { .. }) && is_marker(&sql[self.range.clone()])
    }

    /// True for a placeholder, a decimal number or a plain literal, without an error in it.
    pub(super) fn is_value(&self) -> bool {
        let is_whole = |junk: u32| junk as usize == self.range.len();
        match self.kind {
            TokenKind::PositionalParam { trailing_junk_start } => {
                is_whole(trailing_junk_start) && (2..=MAX_PARAMETER_BYTES).contains(&self.range.len())
            }
            TokenKind::Literal { kind } => match kind {
                LiteralKind::Int {
                    base,
                    trailing_junk_start,
                    ..
                } => matches!(base, Base::Decimal) && is_whole(trailing_junk_start),
                LiteralKind::Numeric {
                    empty_exponent_start,
                    trailing_junk_start,
                } => empty_exponent_start.is_none() && is_whole(trailing_junk_start),
                LiteralKind::Str { terminated } => terminated,
                _ => false,
            },
            _ => false,
        }
    }
}

/// Longest placeholder that is a value, in bytes: `$65535` is the last that PostgreSQL's protocol has.
const MAX_PARAMETER_BYTES: usize = 6;

/// Average length of a token in lists of parameters, in bytes, to make room for the tokens at once.
const BYTES_PER_LEXEME: usize = 2;

/// Cuts a text into tokens, which cover all of it.
pub(super) fn all_lexemes(sql: &str) -> Vec<Lexeme> {
    let mut all = Vec::with_capacity(sql.len() / BYTES_PER_LEXEME);
    all.extend(lexemes(sql));
    all
}

/// Cuts a text into tokens, one after the other.
pub(super) fn lexemes(sql: &str) -> impl Iterator<Item = Lexeme> {
    let mut at = 0;
    tokenize(sql).map(move |token| {
        let start = at;
        at += token.len as usize;
        Lexeme {
            kind: token.kind,
            range: start..at,
        }
    })
}

/// Finds the places of `"$tenant"`.
pub(super) fn markers(sql: &str) -> impl Iterator<Item = Range<usize>> {
    // Most texts that are long have none, and need not be cut for that.
    let lexemes = sql.contains(TENANT_MARKER).then(|| lexemes(sql));
    let markers = lexemes
        .into_iter()
        .flatten()
        .filter(|lexeme| lexeme.is_marker(sql));
    markers.map(|lexeme| lexeme.range)
}

/// True for `"$tenant"`.
pub(super) fn is_marker(token: &str) -> bool {
    let quoted = token.strip_prefix('"').and_then(|token| token.strip_suffix('"'));
    quoted == Some(TENANT_MARKER)
}

pub(super) fn quoted_marker() -> String {
    format!("\"{TENANT_MARKER}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        lexemes(sql).map(|lexeme| &sql[lexeme.range]).collect()
    }

    #[test]
    fn lexemes_cover_the_text() {
        for sql in [
            "SELECT a$b, $1::text, 1.5e3, 'ä''b' FROM \"x\"\"y\" -- end",
            "\u{feff}SELECT 1",
            "'open",
            "",
        ] {
            assert_eq!(texts(sql).concat(), sql);
        }
    }

    #[test]
    fn literals_and_comments_are_cut_by_postgresqls_rules() {
        for (sql, expected) in [
            ("'a''b'", vec!["'a''b'"]),
            ("E'\\''", vec!["E'\\''"]),
            ("'a\\'", vec!["'a\\'"]),
            ("$$a'b$$", vec!["$$a'b$$"]),
            ("$t$ $$ $t$", vec!["$t$ $$ $t$"]),
            ("a$$b$$", vec!["a$$b$$"]),
            ("/* a /* b */ c */3", vec!["/* a /* b */ c */", "3"]),
            ("-- c\n1", vec!["-- c", "\n", "1"]),
            ("-- c\r1", vec!["-- c", "\r", "1"]),
            ("$1$ 1 $1$", vec!["$1", "$", " ", "1", " ", "$1", "$"]),
        ] {
            assert_eq!(texts(sql), expected);
        }
    }

    #[test]
    fn markers_in_literals_and_comments_are_none() {
        let sql = "SELECT '\"$tenant\"' /* \"$tenant\" */ FROM \"$tenant\".note";
        let places: Vec<_> = markers(sql).collect();
        assert_eq!(places.len(), 1);
        assert!(sql[places[0].end..].starts_with(".note"));
    }
}
