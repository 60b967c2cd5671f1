//! Leaves out repeated values in a long text before it is parsed.
//!
//! 10,000 rows of `VALUES ($1, $2)`, 65,535 parameters of an `IN`: each part of the list is like the one before, with
//! other values. The parser's time and stack would grow with their number. So the second of such parts stays for
//! the parser, and those after it are left out.
//!
//! A part is left out only if it has placeholders, numbers, literals, brackets and commas alone. A word is never left
//! out, whatever is before it: it could name something in one clause that it does not name in another.

use std::{borrow::Cow, ops::Range};

use super::scan::{Kind, Lexeme, scan};

/// A shorter text, in bytes, is parsed as it is.
const MIN_BYTES: usize = 2048;

/// How long the lexemes of lists of parameters are, in bytes on average, to make room for them at once.
const BYTES_PER_LEXEME: usize = 2;

/// A text without its repeated values.
pub(super) struct Collapsed<'a> {
    /// For the parser.
    pub(super) text: Cow<'a, str>,
    /// Where each piece of the text starts, and where it starts in the whole one.
    pieces: Vec<(usize, usize)>,
}

impl Collapsed<'_> {
    /// The place in the whole text of a place in the text.
    pub(super) fn whole(&self, range: &Range<usize>) -> Range<usize> {
        let next = self.pieces.partition_point(|(start, _)| *start <= range.start);
        let (start, whole) = next.checked_sub(1).map_or((0, 0), |piece| self.pieces[piece]);
        let shift = whole - start;
        range.start + shift..range.end + shift
    }
}

/// Leaves out repetitions where the text is long enough for it to matter.
pub(super) fn collapse(sql: &str) -> Collapsed<'_> {
    if sql.len() < MIN_BYTES {
        return Collapsed {
            text: Cow::Borrowed(sql),
            pieces: Vec::new(),
        };
    }
    let mut lexemes = Vec::with_capacity(sql.len() / BYTES_PER_LEXEME);
    lexemes.extend(scan(sql));
    let mut search = Search::new(sql, &lexemes);
    for index in 0..lexemes.len() {
        search.step(index);
    }
    search.finish()
}

/// One pass over the lexemes, with a list for each bracket that is open.
struct Search<'a> {
    sql: &'a str,
    lexemes: &'a [Lexeme],
    open: Vec<List>,
    /// The bytes to leave out. Those of a bracket come before those around it.
    left_out: Vec<Range<usize>>,
}

/// A list whose part is being read.
struct List {
    /// The first lexeme of the part.
    start: usize,
    /// The comma before the part; the first part has none, and text before the list in it.
    separator: Option<usize>,
    /// Whether the part has values alone.
    is_values: bool,
    /// The part of values before it that stays.
    kept: Option<Range<usize>>,
}

impl List {
    fn starting_at(start: usize) -> Self {
        Self {
            start,
            separator: None,
            is_values: true,
            kept: None,
        }
    }
}

impl<'a> Search<'a> {
    fn new(sql: &'a str, lexemes: &'a [Lexeme]) -> Self {
        Self {
            sql,
            lexemes,
            open: vec![List::starting_at(0)],
            left_out: Vec::new(),
        }
    }

    fn text(&self, index: usize) -> &'a str {
        &self.sql[self.lexemes[index].range.clone()]
    }

    fn step(&mut self, index: usize) {
        match (self.lexemes[index].kind, self.text(index)) {
            (Kind::Symbol, "(" | "[") => self.open.push(List::starting_at(index + 1)),
            (Kind::Symbol, ")" | "]") => self.close(index),
            (Kind::Symbol, ",") => self.separate(index),
            (Kind::Placeholder | Kind::Number | Kind::Literal | Kind::Space, _) => {}
            _ => self.is_no_value(),
        }
    }

    fn is_no_value(&mut self) {
        if let Some(list) = self.open.last_mut() {
            list.is_values = false;
        }
    }

    fn separate(&mut self, index: usize) {
        self.end_part(index);
        if let Some(list) = self.open.last_mut() {
            list.separator = Some(index);
            list.start = index + 1;
            list.is_values = true;
        }
    }

    /// A bracket ends a list, which is a piece of the part around it.
    fn close(&mut self, index: usize) {
        self.end_part(index);
        let inner = self.open.pop();
        match self.open.last_mut() {
            Some(outer) => outer.is_values &= inner.is_some_and(|inner| inner.is_values),
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

    /// Parts are the same if they have the same kinds of lexemes, spaces among them.
    fn are_same(&self, one: &Range<usize>, other: &Range<usize>) -> bool {
        one.len() == other.len() && one.clone().zip(other.clone()).all(|(a, b)| self.is_same(a, b))
    }

    /// Values of a kind stand for each other, every other lexeme for itself.
    fn is_same(&self, one: usize, other: usize) -> bool {
        let kind = self.lexemes[one].kind;
        kind == self.lexemes[other].kind
            && (matches!(kind, Kind::Placeholder | Kind::Number | Kind::Literal)
                || self.text(one) == self.text(other))
    }

    fn leave_out(&mut self, separator: usize, end: usize) {
        let end = self
            .lexemes
            .get(end)
            .map_or(self.sql.len(), |next| next.range.start);
        self.left_out.push(self.lexemes[separator].range.start..end);
    }

    fn finish(mut self) -> Collapsed<'static> {
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
        Collapsed {
            text: Cow::Owned(text),
            pieces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collapsed(sql: &str) -> String {
        // Long enough to be looked at.
        let padding = format!("/*{}*/", " ".repeat(MIN_BYTES));
        let padded = format!("{padding}{sql}");
        let text = collapse(&padded).text.into_owned();
        text[padding.len()..].to_owned()
    }

    #[test]
    fn the_second_of_equal_values_stands_for_the_others() {
        assert_eq!(collapsed("f(1, 2, 3, 4)"), "f(1, 2)");
        assert_eq!(
            collapsed("VALUES (1, $1), (2, $2), (3, $3), (4, $4) RETURNING id"),
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
        ] {
            assert_eq!(collapsed(sql), sql);
        }
    }

    #[test]
    fn places_are_found_again() {
        let padding = "/**/".repeat(MIN_BYTES);
        let sql = format!("{padding}f(1, 2, 3, 4), note");
        let collapsed = collapse(&sql);
        let at = collapsed.text.find("note").unwrap();
        assert_eq!(&sql[collapsed.whole(&(at..at + 4))], "note");
    }
}
