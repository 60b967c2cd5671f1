//! Cuts SQL text into tokens with their places in bytes, and refuses text that sqlparser and PostgreSQL
//! would cut differently.
//!
//! sqlparser is not PostgreSQL's lexer. Where the two disagree about what is a literal or a comment, a
//! table could hide from our reading and still be read by the server: sqlparser 0.63 takes `$1$ ... $1$`
//! for a literal, PostgreSQL for a parameter and what follows it. So the opaque parts of the text (literals, comments,
//! quoted identifiers) are found a second time by PostgreSQL's own rules, and both readings must agree.
//! <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>

use std::ops::Range;

use sqlparser::{
    dialect::PostgreSqlDialect,
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace},
};

use super::refusal::Refusal;
use crate::registry::TENANT_MARKER;

/// Where each token of a text stands, and which are markers.
#[derive(Debug)]
pub(super) struct Places {
    starts: Vec<Location>,
    /// The bytes of each token.
    ranges: Vec<Range<usize>>,
    /// The tokens that are `"$tenant"`.
    markers: Vec<usize>,
}

impl Places {
    /// The index of the token that starts at `location`.
    pub(super) fn token_at(&self, location: Location) -> Option<usize> {
        self.starts.binary_search(&location).ok()
    }

    /// The bytes of token `index`.
    pub(super) fn bytes(&self, index: usize) -> Range<usize> {
        self.ranges.get(index).cloned().unwrap_or_default()
    }

    /// The tokens that are `"$tenant"`.
    pub(super) fn markers(&self) -> &[usize] {
        &self.markers
    }
}

/// Cuts `sql` into tokens.
pub(super) fn lex(sql: &str) -> Result<(Vec<TokenWithSpan>, Places), Refusal> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| Refusal::Unparseable(error.to_string()))?;
    let ranges = byte_ranges(sql, &tokens);
    refuse_disagreement(sql, &tokens, &ranges)?;
    let places = Places {
        starts: tokens.iter().map(|token| token.span.start).collect(),
        ranges,
        markers: markers(&tokens),
    };
    Ok((tokens, places))
}

fn markers(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let is_marker = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) => word.quote_style.is_some() && word.value == TENANT_MARKER,
        _ => false,
    };
    (0..tokens.len())
        .filter(|index| is_marker(&tokens[*index]))
        .collect()
}

/// sqlparser counts lines and characters; PostgreSQL's text is cut by bytes.
fn byte_ranges(sql: &str, tokens: &[TokenWithSpan]) -> Vec<Range<usize>> {
    let mut cursor = Cursor::new(sql);
    let starts: Vec<usize> = tokens
        .iter()
        .map(|token| cursor.advance_to(token.span.start))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([sql.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

struct Cursor<'a> {
    rest: std::str::Chars<'a>,
    at: Location,
    byte: usize,
}

impl<'a> Cursor<'a> {
    fn new(sql: &'a str) -> Self {
        Self {
            rest: sql.chars(),
            at: Location { line: 1, column: 1 },
            byte: 0,
        }
    }

    fn advance_to(&mut self, location: Location) -> usize {
        while self.at < location {
            let Some(character) = self.rest.next() else {
                break;
            };
            self.byte += character.len_utf8();
            if character == '\n' {
                self.at = Location {
                    line: self.at.line + 1,
                    column: 1,
                };
            } else {
                self.at.column += 1;
            }
        }
        self.byte
    }
}

fn refuse_disagreement(sql: &str, tokens: &[TokenWithSpan], ranges: &[Range<usize>]) -> Result<(), Refusal> {
    let theirs = tokens
        .iter()
        .zip(ranges)
        .filter(|(token, _)| is_opaque(&token.token))
        .map(|(_, range)| range.clone());
    let ours = OpaqueParts { sql, at: 0 };
    if agree(theirs, ours) {
        Ok(())
    } else {
        Err(Refusal::Unparseable(
            "a literal, a comment or a quoted identifier is written in a way that may be read in two ways"
                .to_owned(),
        ))
    }
}

/// Ours have no prefix (`E'...'` starts at the quote) and theirs may, so starts need to overlap only.
fn agree(
    mut theirs: impl Iterator<Item = Range<usize>>,
    mut ours: impl Iterator<Item = Range<usize>>,
) -> bool {
    loop {
        match (theirs.next(), ours.next()) {
            (None, None) => return true,
            (Some(theirs), Some(ours)) => {
                let same = theirs.end == ours.end
                    && (ours.start..ours.end).contains(&(theirs.start + prefix(&theirs, &ours)));
                if !same {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// How far the quote is from the start of the token: `E'`, `U&'`, at most two bytes.
fn prefix(theirs: &Range<usize>, ours: &Range<usize>) -> usize {
    ours.start.saturating_sub(theirs.start).min(2)
}

fn is_opaque(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.quote_style.is_some(),
        Token::Whitespace(space) => matches!(
            space,
            Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)
        ),
        Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::SingleQuotedByteStringLiteral(_)
        | Token::DoubleQuotedByteStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::SingleQuotedRawStringLiteral(_)
        | Token::DoubleQuotedRawStringLiteral(_)
        | Token::TripleSingleQuotedString(_)
        | Token::TripleDoubleQuotedString(_)
        | Token::TripleSingleQuotedByteStringLiteral(_)
        | Token::TripleDoubleQuotedByteStringLiteral(_)
        | Token::TripleSingleQuotedRawStringLiteral(_)
        | Token::TripleDoubleQuotedRawStringLiteral(_)
        | Token::QuoteDelimitedStringLiteral(_)
        | Token::NationalQuoteDelimitedStringLiteral(_) => true,
        _ => false,
    }
}

/// The literals, comments and quoted identifiers of a text by PostgreSQL's rules, with
/// `standard_conforming_strings` on, as every server since 9.1 has it.
struct OpaqueParts<'a> {
    sql: &'a str,
    at: usize,
}

impl Iterator for OpaqueParts<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.sql.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            let start = self.at;
            let length = match byte {
                b'\'' => Some(quoted_length(&bytes[start..], is_escape_string(bytes, start))),
                b'"' => Some(quoted_length(&bytes[start..], false)),
                b'-' if bytes[start..].starts_with(b"--") => Some(line_comment_length(&bytes[start..])),
                b'/' if bytes[start..].starts_with(b"/*") => Some(block_comment_length(&bytes[start..])),
                b'$' => dollar_quoted_length(&bytes[start..]),
                _ => None,
            };
            if let Some(length) = length {
                self.at = start + length;
                return Some(start..self.at);
            }
            self.at += plain_length(&bytes[start..]);
        }
        None
    }
}

/// `E'...'` knows backslash escapes, where the `E` is a token of its own and not the end of a word.
fn is_escape_string(bytes: &[u8], quote: usize) -> bool {
    let Some(before) = quote.checked_sub(1) else {
        return false;
    };
    let alone = before
        .checked_sub(1)
        .is_none_or(|index| !is_identifier_part(bytes[index]));
    matches!(bytes[before], b'e' | b'E') && alone
}

fn quoted_length(bytes: &[u8], backslash_escapes: bool) -> usize {
    let quote = bytes[0];
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' && backslash_escapes {
            at += 2;
        } else if byte != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    bytes.len()
}

/// Up to and without the end of the line. PostgreSQL ends it at a carriage return too.
fn line_comment_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .unwrap_or(bytes.len())
}

fn block_comment_length(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// `$$...$$` and `$tag$...$tag$`; a tag is an identifier without `$`, so `$1` starts none.
fn dollar_quoted_length(bytes: &[u8]) -> Option<usize> {
    let tag = bytes[1..].iter().position(|byte| !is_tag_part(*byte))?;
    let delimiter = bytes.get(..tag + 2).filter(|text| text.ends_with(b"$"))?;
    if bytes[1].is_ascii_digit() {
        return None;
    }
    let body = &bytes[delimiter.len()..];
    let end = body
        .windows(delimiter.len())
        .position(|window| window == delimiter)?;
    Some(delimiter.len() + end + delimiter.len())
}

/// A word whole, since `$` and quotes have no meaning of their own inside; else one character.
fn plain_length(bytes: &[u8]) -> usize {
    if !is_identifier_start(bytes[0]) {
        return 1;
    }
    bytes
        .iter()
        .position(|byte| !is_identifier_part(*byte))
        .unwrap_or(bytes.len())
}

fn is_identifier_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_identifier_part(byte: u8) -> bool {
    is_identifier_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_tag_part(byte: u8) -> bool {
    is_identifier_part(byte) && byte != b'$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(sql: &str) -> Vec<&str> {
        let (_, places) = lex(sql).unwrap();
        places.ranges.into_iter().map(|range| &sql[range]).collect()
    }

    #[test]
    fn tokens_know_their_bytes() {
        assert_eq!(
            ranges("SELECT 'ä' AS \"ö\"\n FROM note"),
            [
                "SELECT", " ", "'ä'", " ", "AS", " ", "\"ö\"", "\n", " ", "FROM", " ", "note"
            ]
        );
    }

    #[test]
    fn usual_ways_to_write_literals_are_read_alike() {
        for sql in [
            "SELECT 'a''b', E'a\\'b', e'\\\\', U&'\\0041', B'01', X'FF', N'x', $$a'b$$, $tag$ $$ $tag$",
            "SELECT 1 -- it's a comment\n, 2 /* it's /* nested */ one */",
            "SELECT \"a\"\"b\", a$b, $1, $2::text, 'a\\'",
            "SELECT 'x' -- to the end",
            "SELECT a->>'b', a @> '{}', a || 'c', 1 - -1, 2 * 3 / 4",
            "",
        ] {
            assert!(lex(sql).is_ok(), "{sql}");
        }
    }

    /// sqlparser sees a literal here; PostgreSQL, whose tags cannot start with a digit, sees a table.
    #[test]
    fn text_that_two_lexers_read_in_two_ways_is_refused() {
        assert!(lex("SELECT $1$ , body FROM globex.note $1$").is_err());
    }
}
