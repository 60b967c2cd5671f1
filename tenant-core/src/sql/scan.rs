//! Cuts SQL text into lexemes by PostgreSQL's own rules, without taking anything apart.
//!
//! It allocates nothing for a lexeme, so that it is cheap on the longest texts, and it is faithful where it
//! matters: what is a literal, a comment, a quoted identifier, and what is not.
//! <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>

use std::ops::Range;

/// What a lexeme is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Space,
    Comment,
    /// `'...'`, and what follows the prefix in `E'...'`.
    Literal,
    /// `$tag$...$tag$`.
    DollarQuoted,
    /// `"..."`.
    QuotedIdentifier,
    Word,
    Number,
    /// `$1`.
    Placeholder,
    /// One character of anything else.
    Symbol,
}

impl Kind {
    /// Whether nothing inside of it has a meaning in SQL.
    pub(super) fn is_opaque(self) -> bool {
        matches!(
            self,
            Self::Comment | Self::Literal | Self::DollarQuoted | Self::QuotedIdentifier
        )
    }

    /// Whether the parser passes it over.
    pub(super) fn is_space(self) -> bool {
        matches!(self, Self::Space | Self::Comment)
    }
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub(super) kind: Kind,
    /// Its bytes.
    pub(super) range: Range<usize>,
}

/// The lexemes of `sql`, which cover it from start to end.
pub(super) fn scan(sql: &str) -> Scan<'_> {
    Scan {
        bytes: sql.as_bytes(),
        at: 0,
        escapes: Escapes::No,
    }
}

/// The iterator of [`scan`].
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    escapes: Escapes,
}

/// Whether a backslash escapes in a literal that comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    No,
    /// The lexeme before is the word `E`.
    AfterPrefix,
    /// There was such a literal, and nothing but space since: PostgreSQL takes one that follows on a line of its
    /// own for its continuation.
    AfterLiteral,
}

impl Escapes {
    fn after(self, kind: Kind, text: &[u8]) -> Self {
        match kind {
            Kind::Word if matches!(text, b"e" | b"E") => Self::AfterPrefix,
            Kind::Literal if self != Self::No => Self::AfterLiteral,
            Kind::Space | Kind::Comment if self == Self::AfterLiteral => Self::AfterLiteral,
            _ => Self::No,
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Lexeme;

    fn next(&mut self) -> Option<Lexeme> {
        let rest = &self.bytes[self.at..];
        let (kind, length) = lexeme(rest, self.escapes != Escapes::No)?;
        self.escapes = self.escapes.after(kind, &rest[..length]);
        let range = self.at..self.at + length;
        self.at = range.end;
        Some(Lexeme { kind, range })
    }
}

/// The kind and the length of the lexeme that `rest` starts with.
fn lexeme(rest: &[u8], backslash_escapes: bool) -> Option<(Kind, usize)> {
    let found = match *rest.first()? {
        b'\'' => (Kind::Literal, quoted(rest, backslash_escapes)),
        b'"' => (Kind::QuotedIdentifier, quoted(rest, false)),
        b'-' if rest.starts_with(b"--") => (Kind::Comment, line_comment(rest)),
        b'/' if rest.starts_with(b"/*") => (Kind::Comment, block_comment(rest)),
        b'$' => dollar(rest),
        byte if byte.is_ascii_digit() => (Kind::Number, length_of(rest, is_number_part)),
        byte if is_space(byte) => (Kind::Space, length_of(rest, is_space)),
        byte if is_word_start(byte) => (Kind::Word, length_of(rest, is_word_part)),
        _ => (Kind::Symbol, 1),
    };
    Some(found)
}

fn length_of(rest: &[u8], belongs: fn(u8) -> bool) -> usize {
    let end = rest.iter().position(|byte| !belongs(*byte));
    end.unwrap_or(rest.len())
}

fn quoted(rest: &[u8], backslash_escapes: bool) -> usize {
    let quote = rest[0];
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        if byte == b'\\' && backslash_escapes {
            at += 2;
        } else if byte != quote {
            at += 1;
        } else if rest.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    rest.len()
}

/// Up to and without the end of the line, which a carriage return is too.
fn line_comment(rest: &[u8]) -> usize {
    length_of(rest, |byte| !matches!(byte, b'\n' | b'\r'))
}

/// Block comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A parameter, a literal in `$tag$`, or neither. A tag is an identifier without `$`, so `$1$` starts none.
fn dollar(rest: &[u8]) -> (Kind, usize) {
    let digits = length_of(&rest[1..], |byte| byte.is_ascii_digit());
    if digits > 0 {
        return (Kind::Placeholder, 1 + digits);
    }
    let tag = length_of(&rest[1..], |byte| is_word_part(byte) && byte != b'$');
    let Some(delimiter) = rest.get(..tag + 2).filter(|text| text.ends_with(b"$")) else {
        return (Kind::Symbol, 1);
    };
    let body = &rest[delimiter.len()..];
    let end = body.windows(delimiter.len()).position(|text| text == delimiter);
    let length = end.map_or(rest.len(), |end| end + 2 * delimiter.len());
    (Kind::DollarQuoted, length)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Every byte of a character outside ASCII is part of a word.
fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_word_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// Close enough: what kind of number it is matters to nobody here, only where it may end.
fn is_number_part(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        scan(sql).map(|lexeme| &sql[lexeme.range]).collect()
    }

    fn opaque(sql: &str) -> Vec<&str> {
        let lexemes = scan(sql).filter(|lexeme| lexeme.kind.is_opaque());
        lexemes.map(|lexeme| &sql[lexeme.range]).collect()
    }

    #[test]
    fn lexemes_cover_the_text() {
        let sql = "SELECT a$b, $1::text, 1.5e3, 'ä''b' FROM \"x\"\"y\" -- end";
        assert_eq!(texts(sql).concat(), sql);
    }

    #[test]
    fn opaque_parts_are_found_by_postgresqls_rules() {
        assert_eq!(
            opaque("'a''b' e'\\'', 'a\\' ne'x'"),
            ["'a''b'", "'\\''", "'a\\'", "'x'"]
        );
        assert_eq!(opaque("$$a'b$$ $t$ $$ $t$ a$$b$$"), ["$$a'b$$", "$t$ $$ $t$"]);
        assert_eq!(
            opaque("1 +-- c\n2 /* a /* b */ c */ 3"),
            ["-- c", "/* a /* b */ c */"]
        );
        assert_eq!(opaque("$1$ , body FROM globex.note $1$"), Vec::<&str>::new());
        assert_eq!(opaque("'open"), ["'open"]);
        assert_eq!(opaque("E'a'\n -- c\n '\\'' 'b'"), ["'a'", "-- c", "'\\''", "'b'"]);
        assert_eq!(opaque("E'a', '\\' 'b'"), ["'a'", "'\\'", "'b'"]);
        assert_eq!(opaque("e '\\' 'b'"), ["'\\'", "'b'"]);
    }
}
