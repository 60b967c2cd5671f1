//! Leaves out repeated values in a long text before it is parsed.
//!
//! 10,000 rows of `VALUES ($1, $2)`, 65,535 parameters of an `IN`: each part of the list is like the one before, with
//! other values. The parser's time and stack would grow with their number. So the second of such parts stays for
//! the parser, and those after it are left out.
//!
//! A part is left out only if it has placeholders, numbers, literals, brackets and commas alone. A word is never left
//! out, whatever is before it: it could name something in one clause that it does not name in another.

use std::{borrow::Cow, ops::Range};

use squawk_lexer::TokenKind;

use super::{lexeme::Lexeme, limits::MAX_DEPTH};

/// A shorter text, in bytes, is parsed as it is.
const MIN_BYTES: usize = 2048;

/// A text without its repeated values.
#[derive(Debug)]
pub(super) struct Shortened<'a> {
    /// The text for the parser.
    pub(super) text: Cow<'a, str>,
    /// Start of each piece of the text, and its start in the whole one.
    pieces: Vec<(usize, usize)>,
}

impl<'a> Shortened<'a> {
    fn whole_text(sql: &'a str) -> Self {
        Self {
            text: Cow::Borrowed(sql),
            pieces: Vec::new(),
        }
    }

    /// True if something was left out.
    pub(super) fn is_shorter(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }

    /// Returns the place in the whole text of a place in the shortened one.
    pub(super) fn whole(&self, range: &Range<usize>) -> Range<usize> {
        let next = self.pieces.partition_point(|(start, _)| *start <= range.start);
        let (start, whole) = next.checked_sub(1).map_or((0, 0), |piece| self.pieces[piece]);
        let shift = whole - start;
        range.start + shift..range.end + shift
    }
}

/// Leaves out repetitions where the text, of these tokens, is long enough for it to matter.
pub(super) fn shorten<'a>(sql: &'a str, lexemes: &[Lexeme]) -> Shortened<'a> {
    if sql.len() < MIN_BYTES {
        return Shortened::whole_text(sql);
    }
    let mut search = Search::new(sql, lexemes);
    for index in 0..lexemes.len() {
        search.step(index);
        if search.open.len() > MAX_DEPTH {
            // It will be refused for that.
            return Shortened::whole_text(sql);
        }
    }
    search.finish()
}

/// One pass over the lexemes, with a list for each bracket that is open.
struct Search<'a, 'l> {
    sql: &'a str,
    lexemes: &'l [Lexeme],
    open: Vec<List>,
    /// Bytes to leave out. Those of a bracket come before those around it.
    left_out: Vec<Range<usize>>,
}

/// A list whose part is being read.
struct List {
    /// First lexeme of the part.
    start: usize,
    /// Comma before the part; the first part has none, and text before the list in it.
    separator: Option<usize>,
    /// True if the part has values alone.
    is_values: bool,
    /// True if the part has a value, beside which another one is an error, or goes on with it in another line.
    has_value: bool,
    /// True if all parts before it have.
    were_values: bool,
    /// The part of values before it that stays.
    kept: Option<Range<usize>>,
}

impl List {
    fn starting_at(start: usize) -> Self {
        Self {
            start,
            separator: None,
            is_values: true,
            has_value: false,
            were_values: true,
            kept: None,
        }
    }
}

impl<'a, 'l> Search<'a, 'l> {
    fn new(sql: &'a str, lexemes: &'l [Lexeme]) -> Self {
        Self {
            sql,
            lexemes,
            open: vec![List::starting_at(0)],
            left_out: Vec::new(),
        }
    }

    fn step(&mut self, index: usize) {
        let lexeme = &self.lexemes[index];
        match lexeme.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => self.open.push(List::starting_at(index + 1)),
            TokenKind::CloseParen | TokenKind::CloseBracket => self.close(index),
            TokenKind::Comma => self.separate(index),
            TokenKind::Whitespace => {}
            _ if lexeme.is_value() => self.mark_as_value(),
            _ => self.mark_as_other(),
        }
    }

    fn mark_as_value(&mut self) {
        if let Some(list) = self.open.last_mut() {
            list.is_values &= !list.has_value;
            list.has_value = true;
        }
    }

    fn mark_as_other(&mut self) {
        if let Some(list) = self.open.last_mut() {
            list.is_values = false;
        }
    }

    fn separate(&mut self, index: usize) {
        self.end_part(index);
        if let Some(list) = self.open.last_mut() {
            list.separator = Some(index);
            list.start = index + 1;
            list.were_values &= list.is_values;
            list.is_values = true;
            list.has_value = false;
        }
    }

    /// Ends a list, which is a piece of the part around it.
    fn close(&mut self, index: usize) {
        self.end_part(index);
        let inner = self.open.pop();
        self.mark_as_value();
        match self.open.last_mut() {
            Some(outer) => {
                outer.is_values &= inner.is_some_and(|inner| inner.is_values && inner.were_values);
            }
            // More brackets close than open: the parser will say so.
            None => self.open.push(List::starting_at(index + 1)),
        }
    }

    fn end_part(&mut self, end: usize) {
        let Some(mut list) = self.open.pop() else {
            return;
        };
        let part = list.start..end;
        list.kept = match (list.separator, list.kept.take()) {
            (Some(separator), Some(kept)) if list.is_values && self.are_same(&part, &kept) => {
                self.leave_out(separator, end);
                Some(kept)
            }
            (Some(_), _) if list.is_values => Some(part),
            _ => None,
        };
        self.open.push(list);
    }

    /// True if parts have the same kinds of lexemes, spaces among them.
    fn are_same(&self, one: &Range<usize>, other: &Range<usize>) -> bool {
        let same = |(a, b): (usize, usize)| same_kind(&self.lexemes[a], &self.lexemes[b]);
        one.len() == other.len() && one.clone().zip(other.clone()).all(same)
    }

    fn leave_out(&mut self, separator: usize, end: usize) {
        let end = self
            .lexemes
            .get(end)
            .map_or(self.sql.len(), |next| next.range.start);
        self.left_out.push(self.lexemes[separator].range.start..end);
    }

    fn finish(mut self) -> Shortened<'a> {
        if self.left_out.is_empty() {
            return Shortened::whole_text(self.sql);
        }
        self.left_out.sort_by_key(|range| range.start);
        let mut text = String::with_capacity(MIN_BYTES);
        let mut pieces = Vec::new();
        let mut done = 0;
        for range in self.left_out {
            // A range inside of one that came before it.
            if range.end <= done {
                continue;
            }
            if range.start > done {
                pieces.push((text.len(), done));
                text.push_str(&self.sql[done..range.start]);
            }
            done = range.end;
        }
        pieces.push((text.len(), done));
        text.push_str(&self.sql[done..]);
        Shortened {
            text: Cow::Owned(text),
            pieces,
        }
    }
}

/// True if values stand for each other, or both are the same bracket, comma or space. A word is the same as no other:
/// it is never left out, whatever the rest of the search makes of it.
fn same_kind(one: &Lexeme, other: &Lexeme) -> bool {
    match (one.kind, other.kind) {
        (TokenKind::Literal { kind: a }, TokenKind::Literal { kind: b }) => {
            one.is_value() && other.is_value() && std::mem::discriminant(&a) == std::mem::discriminant(&b)
        }
        (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b) && is_part_of_list(one),
    }
}

fn is_part_of_list(lexeme: &Lexeme) -> bool {
    lexeme.is_value()
        || matches!(
            lexeme.kind,
            TokenKind::OpenParen
                | TokenKind::CloseParen
                | TokenKind::OpenBracket
                | TokenKind::CloseBracket
                | TokenKind::Comma
                | TokenKind::Whitespace
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lexeme::{all_lexemes, lexemes};

    fn shorten(sql: &str) -> Shortened<'_> {
        super::shorten(sql, &all_lexemes(sql))
    }

    fn shortened(sql: &str) -> String {
        // Long enough to be looked at.
        let padding = format!("/*{}*/", " ".repeat(MIN_BYTES));
        let padded = format!("{padding}{sql}");
        let text = shorten(&padded).text.into_owned();
        text[padding.len()..].to_owned()
    }

    #[test]
    fn the_second_of_equal_values_stands_for_the_others() {
        assert_eq!(shortened("f(1, 2, 3, 4)"), "f(1, 2)");
        assert_eq!(
            shortened("VALUES (1, $1), (2, $2), (3, $3), (4, $4) RETURNING id"),
            "VALUES (1, $1), (2, $2), (4, $4) RETURNING id"
        );
    }

    #[test]
    fn what_has_a_word_in_it_stays() {
        for sql in [
            "a = 1 OR a = 1 OR a = 1 OR a = 1",
            "f(a, a, a, a)",
            "f(\"a\", \"a\", \"a\", \"a\")",
            "f(E'a', E'a', E'a', E'a')",
            "f((SELECT 1), (SELECT 1), (SELECT 1), (SELECT 1))",
            "1 CASCADE; DROP TYPE a, a.b CASCADE; DROP TYPE a, a.b CASCADE; DROP TYPE a, a",
            "f(1, 'a', 2, 'b')",
            "((a, 1), (a, 1), (a, 1), (a, 1))",
            "VALUES ($1, f($2), $3), ($1, f($2), $3), ($1, f($2), $3), ($1, f($2), $3)",
            "VALUES ((a), 1), ((a), 1), ((a), 1), ((a), 1)",
            "f(1, a.b, 2), (1, a.b, 2), (1, a.b, 2)",
            "(1 /* a */, 1 /* a */, 1 /* a */, 1 /* a */)",
            "f($1, $a2, $a3, $a4)",
            "f($1a, $2a, $3a, $4a)",
            "f($1000000, $1000001, $1000002, $1000003)",
            "f(1a, 1a, 1a, 1a)",
            "f(1.5e, 1.5e, 1.5e, 1.5e)",
            "f(1.5e3\u{feff}, 1.5e3\u{feff}, 1.5e3\u{feff})",
            "f(0b12, 0b12, 0b12, 0b12)",
            "f('a' 'b', 'a' 'b', 'a' 'b', 'a' 'b')",
            "f((1) (2), (1) (2), (1) (2), (1) (2))",
        ] {
            assert_eq!(shortened(sql), sql);
        }
    }

    proptest::proptest! {
        /// Whatever the text is, nothing but values and what separates them is left out.
        #[test]
        fn no_word_is_left_out(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "a", "\"b\"", "f", ".", "(", ")", "[", "]", ",", ", ", "1", "$1", "'x'", "E'x'", "$$x$$", " ", "--c\n",
                    "(1, 2)", "(a, 1)", ", (1, a, 2)", ", (1, 1)", "OR", ";", "/*c*/", "CAST(", "+",
                ]),
                0..60,
            ),
        ) {
            let text = pieces.concat();
            let words = |sql: &str| {
                let other = lexemes(sql).filter(|lexeme| !is_part_of_list(lexeme));
                other.map(|lexeme| sql[lexeme.range].to_owned()).collect::<Vec<_>>()
            };
            let padding = format!("/*{}*/", " ".repeat(MIN_BYTES));
            let padded = format!("{padding}{text}");
            let short = shorten(&padded);
            proptest::prop_assert_eq!(words(&short.text), words(&padded));
            for lexeme in lexemes(&short.text).filter(|lexeme| !is_part_of_list(lexeme)) {
                let whole = short.whole(&lexeme.range);
                proptest::prop_assert_eq!(&padded[whole], &short.text[lexeme.range]);
            }
        }
    }

    #[test]
    fn places_are_found_again() {
        let padding = "/**/".repeat(MIN_BYTES);
        let sql = format!("{padding}f(1, 2, 3, 4), note");
        let shortened = shorten(&sql);
        let at = shortened.text.find("note").unwrap();
        assert_eq!(&sql[shortened.whole(&(at..at + 4))], "note");
    }
}
