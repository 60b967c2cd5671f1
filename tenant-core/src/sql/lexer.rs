//! Cuts SQL text into sqlparser's tokens with their places in bytes, and refuses text that sqlparser and
//! PostgreSQL would cut differently.
//!
//! sqlparser is not PostgreSQL's lexer. Where the two disagree about what is a literal or a comment, a
//! table could hide from our reading and still be read by the server: sqlparser 0.63 takes `$1$ ... $1$`
//! for a literal, PostgreSQL for a parameter and what follows it. So the opaque parts of the text are found
//! a second time by [`scan`], and both readings must agree.

use std::ops::Range;

use sqlparser::{
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace},
};

use super::{
    refusal::Refusal,
    scan::{Kind, Lexeme, scan},
};

/// Where each token of a text stands.
#[derive(Debug)]
pub(super) struct Places {
    starts: Vec<Location>,
    ranges: Vec<Range<usize>>,
    contexts: Vec<Context>,
}

/// What stands around a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context {
    /// AS or a dot stands before it: PostgreSQL takes any word there for a name.
    pub(super) is_label: bool,
    /// A parenthesis opens after it.
    pub(super) is_called: bool,
    /// It starts a name of several parts, other than `note.*`, where it can be a table only.
    is_qualifier: bool,
}

impl Places {
    /// The bytes of the token that starts at `location`.
    pub(super) fn bytes_at(&self, location: Location) -> Option<Range<usize>> {
        self.ranges.get(self.index(location)?).cloned()
    }

    /// What stands around the token that starts at `location`.
    pub(super) fn context_at(&self, location: Location) -> Option<Context> {
        self.contexts.get(self.index(location)?).copied()
    }

    /// The words that a dot follows and none precedes.
    pub(super) fn qualifiers(&self) -> impl Iterator<Item = (Location, Range<usize>)> {
        let words = self.contexts.iter().enumerate();
        let words = words.filter(|(_, context)| context.is_qualifier);
        words.map(|(index, _)| (self.starts[index], self.ranges[index].clone()))
    }

    fn index(&self, location: Location) -> Option<usize> {
        self.starts.binary_search(&location).ok()
    }
}

/// Cuts `sql` into tokens.
pub(super) fn lex(sql: &str) -> Result<(Vec<TokenWithSpan>, Places), Refusal> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| Refusal::Unparseable(error.to_string()))?;
    let ranges = byte_ranges(sql, &tokens);
    let lexemes: Vec<Lexeme> = scan(sql).collect();
    refuse_disagreement(sql, &lexemes, &tokens, &ranges)?;
    refuse_other_forms(sql, &lexemes, &tokens)?;
    let places = Places {
        starts: tokens.iter().map(|token| token.span.start).collect(),
        ranges,
        contexts: contexts(&tokens),
    };
    Ok((tokens, places))
}

fn contexts(tokens: &[TokenWithSpan]) -> Vec<Context> {
    let mut contexts = Vec::with_capacity(tokens.len());
    let mut before = &Token::EOF;
    for (index, token) in tokens.iter().enumerate() {
        let after = tokens[index + 1..].iter().map(|token| &token.token);
        let mut after = after.into_iter().filter(|token| !is_space(token));
        let next = after.next();
        contexts.push(Context {
            is_label: matches!(before, Token::Period) || is_as(before),
            is_called: next == Some(&Token::LParen),
            is_qualifier: next == Some(&Token::Period)
                && matches!(token.token, Token::Word(_))
                && *before != Token::Period
                && after.next() != Some(&Token::Mul),
        });
        if !is_space(&token.token) {
            before = &token.token;
        }
    }
    contexts
}

fn is_as(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::AS)
}

fn is_space(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_))
}

/// Refuses what sqlparser takes apart in another place than PostgreSQL does: `$1FROM` is a parameter and a word,
/// `U&"..."` is an identifier with escapes.
fn refuse_other_forms(sql: &str, lexemes: &[Lexeme], tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let is_other = |token: &TokenWithSpan| match &token.token {
        Token::Placeholder(text) => text.len() < 2 || !text[1..].bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    if tokens.iter().any(is_other) {
        return Err(Refusal::Unparseable(
            "a parameter is written in another way than $1".to_owned(),
        ));
    }
    let has_escapes = lexemes.windows(3).any(|window| {
        matches!(&sql[window[0].range.clone()], "u" | "U")
            && &sql[window[1].range.clone()] == "&"
            && window[2].kind == Kind::QuotedIdentifier
    });
    if has_escapes {
        return Err(Refusal::Unparseable(
            "an identifier is written as U&\"...\"".to_owned(),
        ));
    }
    Ok(())
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

fn refuse_disagreement(
    sql: &str,
    lexemes: &[Lexeme],
    tokens: &[TokenWithSpan],
    ranges: &[Range<usize>],
) -> Result<(), Refusal> {
    let theirs = tokens.iter().zip(ranges);
    let opaque = theirs
        .clone()
        .filter(|(token, _)| is_opaque(&token.token))
        .map(|(_, range)| range.clone());
    let ours = lexemes
        .iter()
        .filter(|lexeme| lexeme.kind.is_opaque())
        .map(|lexeme| lexeme.range.clone());
    if !agree(opaque, ours, is_same_part) {
        return Err(Refusal::Unparseable(
            "a literal, a comment or a quoted identifier is written in a way that may be read in two ways"
                .to_owned(),
        ));
    }
    let words = theirs
        .filter(|(token, _)| matches!(&token.token, Token::Word(word) if word.quote_style.is_none()))
        .map(|(_, range)| range.clone());
    if !agree(words, plain_words(sql, lexemes), |theirs, ours| theirs == ours) {
        return Err(Refusal::Unparseable(
            "a word or a number is written in a way that may be read in two ways".to_owned(),
        ));
    }
    Ok(())
}

/// The words that are neither the prefix of a literal nor the end of a number (`1e5`).
fn plain_words<'a>(sql: &'a str, lexemes: &'a [Lexeme]) -> impl Iterator<Item = Range<usize>> + 'a {
    let words = lexemes.iter().enumerate();
    let words = words.filter(move |(index, lexeme)| {
        let is_of_number = index
            .checked_sub(1)
            .is_some_and(|before| lexemes[before].kind == Kind::Number);
        lexeme.kind == Kind::Word && !is_of_number && !is_prefix(sql, &lexemes[*index..])
    });
    words.map(|(_, lexeme)| lexeme.range.clone())
}

/// Whether `E'...'`, `B'...'`, `X'...'`, `N'...'` or `U&'...'` comes.
fn is_prefix(sql: &str, lexemes: &[Lexeme]) -> bool {
    let text = |lexeme: &Lexeme| &sql[lexeme.range.clone()];
    match lexemes {
        [prefix, literal, ..] if literal.kind == Kind::Literal => {
            matches!(text(prefix), "e" | "E" | "b" | "B" | "x" | "X" | "n" | "N")
        }
        [prefix, and, literal, ..] if literal.kind == Kind::Literal => {
            matches!(text(prefix), "u" | "U") && text(and) == "&"
        }
        _ => false,
    }
}

fn agree(
    mut theirs: impl Iterator<Item = Range<usize>>,
    mut ours: impl Iterator<Item = Range<usize>>,
    is_same: fn(&Range<usize>, &Range<usize>) -> bool,
) -> bool {
    loop {
        match (theirs.next(), ours.next()) {
            (None, None) => return true,
            (Some(theirs), Some(ours)) if is_same(&theirs, &ours) => {}
            _ => return false,
        }
    }
}

/// Theirs may have a prefix (`E'...'`, `U&'...'`), of two bytes at the most; ours start at the quote.
fn is_same_part(theirs: &Range<usize>, ours: &Range<usize>) -> bool {
    theirs.end == ours.end && (theirs.start..=theirs.start + 2).contains(&ours.start)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        let (_, places) = lex(sql).unwrap();
        places.ranges.into_iter().map(|range| &sql[range]).collect()
    }

    #[test]
    fn tokens_know_their_bytes() {
        assert_eq!(
            texts("SELECT 'ä' AS \"ö\"\n FROM note"),
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
