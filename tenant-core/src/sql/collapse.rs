//! Leaves out the repetitions in a long text before it is parsed.
//!
//! 10,000 rows of `VALUES`, 65,535 values of an `IN`, 60,000 terms of an `OR`: each part is a copy of the
//! one before, with other values. The parser's time and its stack would grow with their number, and a
//! decision on one holds for all. So the second of two equal parts in a list stays for the parser, the
//! ones after it are left out, and what was decided about the part that stays is repeated for them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use super::scan::{Kind, Lexeme, scan};

/// A shorter text, in bytes, is parsed as it is.
const MIN_BYTES: usize = 2048;

/// How long the lexemes of lists of parameters are, in bytes on average, to make room for them at once.
const BYTES_PER_LEXEME: usize = 2;

/// A text without its repetitions.
pub(super) struct Collapsed<'a> {
    /// For the parser.
    pub(super) text: Cow<'a, str>,
    /// Where each piece of the text starts, and where it starts in the whole one.
    pieces: Vec<(usize, usize)>,
    copies: Copies,
}

/// The words and identifiers that were left out, by the one that stands for them; both by their first byte.
type Copies = HashMap<usize, Vec<usize>>;

impl Collapsed<'_> {
    /// The place in the whole text of a place in the text.
    pub(super) fn whole(&self, range: &Range<usize>) -> Range<usize> {
        let next = self.pieces.partition_point(|(start, _)| *start <= range.start);
        let (start, whole) = next.checked_sub(1).map_or((0, 0), |piece| self.pieces[piece]);
        let shift = whole - start;
        range.start + shift..range.end + shift
    }

    /// Repeats what was decided about a word for all its copies, and for the copies of those: a part that
    /// was left out may have stood for parts of its own. Places are in the whole text.
    pub(super) fn repeat<T: Clone>(&self, decided: &mut BTreeMap<usize, (Range<usize>, T)>) {
        let mut open: Vec<(Range<usize>, T)> = decided.values().cloned().collect();
        while let Some((word, what)) = open.pop() {
            for &copy in self.copies.get(&word.start).into_iter().flatten() {
                let range = copy..copy + word.len();
                if decided.insert(copy, (range.clone(), what.clone())).is_none() {
                    open.push((range, what.clone()));
                }
            }
        }
    }
}

/// Leaves out repetitions where the text is long enough for it to matter.
pub(super) fn collapse(sql: &str) -> Collapsed<'_> {
    if sql.len() < MIN_BYTES {
        return Collapsed {
            text: Cow::Borrowed(sql),
            pieces: Vec::new(),
            copies: Copies::new(),
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
    copies: Copies,
}

/// A list whose part is being read.
#[derive(Default)]
struct List {
    /// The first lexeme of the part.
    start: usize,
    /// The separator before the part; the first part has none, and text before the list in it.
    separator: Option<usize>,
    /// Whether the part has a query in it, and so has to be parsed.
    part_has_query: bool,
    /// Whether any part has.
    has_query: bool,
    /// The part before it that stays, and its separator.
    kept: Option<(usize, Range<usize>)>,
}

impl List {
    fn starting_at(start: usize) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }
}

impl<'a> Search<'a> {
    fn new(sql: &'a str, lexemes: &'a [Lexeme]) -> Self {
        Self {
            sql,
            lexemes,
            open: vec![List::default()],
            left_out: Vec::new(),
            copies: Copies::new(),
        }
    }

    fn text(&self, index: usize) -> &'a str {
        &self.sql[self.lexemes[index].range.clone()]
    }

    fn step(&mut self, index: usize) {
        match (self.lexemes[index].kind, self.text(index)) {
            (Kind::Symbol, "(" | "[" | "{") => self.open.push(List::starting_at(index + 1)),
            (Kind::Symbol, ")" | "]" | "}") => self.close(index),
            (Kind::Symbol, ",") => self.separate(index),
            (Kind::Word, word) if is_word(word, &["AND", "OR"]) => self.separate(index),
            (Kind::Word, word) if is_word(word, STARTS_QUERY) => {
                if let Some(list) = self.open.last_mut() {
                    list.part_has_query = true;
                }
            }
            _ => {}
        }
    }

    fn separate(&mut self, index: usize) {
        self.end_part(index);
        if let Some(list) = self.open.last_mut() {
            list.separator = Some(index);
            list.start = index + 1;
        }
    }

    /// A bracket ends a list, which is a piece of the part around it.
    fn close(&mut self, index: usize) {
        self.end_part(index);
        let Some(inner) = self.open.pop() else {
            return;
        };
        match self.open.last_mut() {
            Some(outer) => outer.part_has_query |= inner.has_query,
            // More brackets close than open: the parser will say so.
            None => self.open.push(List::starting_at(index + 1)),
        }
    }

    fn end_part(&mut self, end: usize) {
        let Some(mut list) = self.open.pop() else {
            return;
        };
        let part = list.start..end;
        let part_has_query = std::mem::take(&mut list.part_has_query);
        list.has_query |= part_has_query;
        if let Some(separator) = list.separator {
            match &list.kept {
                Some((kept_separator, kept))
                    if !part_has_query
                        && self.is_same(separator, *kept_separator)
                        && self.are_same(part.clone(), kept.clone()) =>
                {
                    self.leave_out(separator, part, kept.clone());
                }
                _ => list.kept = Some((separator, part)),
            }
        }
        self.open.push(list);
    }

    /// Two parts are the same only if they have their spaces in the same places: `u & "a"` is an operation, and
    /// `u&"a"` a name.
    fn are_same(&self, one: Range<usize>, other: Range<usize>) -> bool {
        let mut one = self.meaningful(one).peekable();
        let mut other = self.meaningful(other).peekable();
        loop {
            match (one.next(), other.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if self.is_same(a, b) => {
                    let is_joined = one.peek().is_some_and(|next| *next == a + 1);
                    if one.peek().is_some() && is_joined != (other.peek() == Some(&(b + 1))) {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }

    /// Values of a kind stand for each other, every other lexeme for itself.
    fn is_same(&self, one: usize, other: usize) -> bool {
        let kind = self.lexemes[one].kind;
        kind == self.lexemes[other].kind
            && (matches!(kind, Kind::Placeholder | Kind::Number | Kind::Literal)
                || self.text(one) == self.text(other))
    }

    fn meaningful(&self, range: Range<usize>) -> impl Iterator<Item = usize> + use<'a> {
        let lexemes = self.lexemes;
        range.filter(|index| !lexemes[*index].kind.is_space())
    }

    fn leave_out(&mut self, separator: usize, part: Range<usize>, kept: Range<usize>) {
        let end = self
            .lexemes
            .get(part.end)
            .map_or(self.sql.len(), |next| next.range.start);
        self.left_out.push(self.lexemes[separator].range.start..end);
        for (copy, original) in self.meaningful(part).zip(self.meaningful(kept)) {
            let (copy, original) = (&self.lexemes[copy], &self.lexemes[original]);
            if matches!(copy.kind, Kind::Word | Kind::QuotedIdentifier) {
                self.copies
                    .entry(original.range.start)
                    .or_default()
                    .push(copy.range.start);
            }
        }
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
            copies: self.copies,
        }
    }
}

fn is_word(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// A part with a query in it is parsed each time: it may declare names.
const STARTS_QUERY: &[&str] = &[
    "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE",
];

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
    fn the_second_of_equal_parts_stands_for_the_others() {
        assert_eq!(collapsed("f(1, 2, 3, 4)"), "f(1, 2)");
        assert_eq!(
            collapsed("a = 1 OR a = 2 OR a = 3 OR b = 4"),
            "a = 1 OR a = 2 OR b = 4"
        );
        assert_eq!(
            collapsed("VALUES (1, 'a'), (2, 'b'), (3, 'c') RETURNING id"),
            "VALUES (1, 'a'), (2, 'b'), (3, 'c') RETURNING id"
        );
        assert_eq!(
            collapsed("VALUES (1, $1), (2, $2), (3, $3), (4, $4) x"),
            "VALUES (1, $1), (2, $2), (4, $4) x"
        );
        assert_eq!(collapsed("((1, 2, 3), (4, 5, 6), (7, 8, 9))"), "((1, 2), (4, 5))");
    }

    #[test]
    fn what_differs_in_more_than_its_values_stays() {
        for sql in [
            "f(1, 'a', 2, 'b')",
            "a = 1 OR b = 1 OR a = 1 OR b = 1",
            "a OR b AND b OR b",
            "f((SELECT 1), (SELECT 2), (SELECT 3))",
            "f(1, \"a\", \"b\", \"A\")",
            "f(1, u & \"a\", u&\"a\", u& \"a\")",
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
