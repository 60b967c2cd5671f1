//! Leaves out the repetitions in a long text before it is parsed.
//!
//! 10,000 rows of `VALUES`, 65,535 values of an `IN`, 60,000 terms of an `OR`: each part is a copy of the
//! one before, with other values. The parser's time and its stack would grow with their number, and a
//! decision on one holds for all. So the second of two equal parts in a list stays for the parser, the
//! ones after it are left out, and what was decided about the part that stays is repeated for them.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

/// Below this many tokens a text is parsed as it is.
const MIN_TOKENS: usize = 512;

/// A list of tokens without its repetitions.
pub(super) struct Collapsed {
    /// For the parser.
    pub(super) tokens: Vec<TokenWithSpan>,
    /// What the tokens that stay stand for.
    pub(super) copies: Copies,
}

/// Leaves out repetitions where there are enough tokens for it to matter.
pub(super) fn collapse(tokens: Vec<TokenWithSpan>) -> Collapsed {
    if tokens.len() < MIN_TOKENS {
        return Collapsed {
            tokens,
            copies: Copies::default(),
        };
    }
    let mut search = Search::new(&tokens);
    for index in 0..tokens.len() {
        search.step(index);
    }
    let Search { left_out, copies, .. } = search;
    let stay = tokens.into_iter().zip(left_out).filter(|(_, left_out)| !left_out);
    Collapsed {
        tokens: stay.map(|(token, _)| token).collect(),
        copies,
    }
}

/// The words that were left out, by the word that stands for them; indices into the whole list.
#[derive(Debug, Default)]
pub(super) struct Copies(HashMap<usize, Vec<usize>>);

impl Copies {
    /// Repeats what was decided about a word for all its copies, and for the copies of those: a part that
    /// was left out may have stood for parts of its own.
    pub(super) fn repeat<T: Clone>(&self, decided: &mut BTreeMap<usize, T>) {
        let mut open: Vec<(usize, T)> = decided.iter().map(|(at, what)| (*at, what.clone())).collect();
        while let Some((word, what)) = open.pop() {
            for copy in self.0.get(&word).into_iter().flatten() {
                if decided.insert(*copy, what.clone()).is_none() {
                    open.push((*copy, what.clone()));
                }
            }
        }
    }
}

/// One pass over the tokens, with a list for each bracket that is open.
struct Search<'a> {
    tokens: &'a [TokenWithSpan],
    open: Vec<List>,
    left_out: Vec<bool>,
    copies: Copies,
}

/// A list whose part is being read.
#[derive(Default)]
struct List {
    /// The first token of the part.
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
    fn new(tokens: &'a [TokenWithSpan]) -> Self {
        Self {
            tokens,
            open: vec![List::default()],
            left_out: vec![false; tokens.len()],
            copies: Copies::default(),
        }
    }

    fn step(&mut self, index: usize) {
        match &self.tokens[index].token {
            Token::LParen | Token::LBracket | Token::LBrace => self.open.push(List::starting_at(index + 1)),
            Token::RParen | Token::RBracket | Token::RBrace => self.close(index),
            token if is_separator(token) => self.separate(index),
            token => {
                if let (Some(list), true) = (self.open.last_mut(), starts_query(token)) {
                    list.part_has_query = true;
                }
            }
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
                        && self.equal(separator..separator + 1, *kept_separator..kept_separator + 1)
                        && self.equal(part.clone(), kept.clone()) =>
                {
                    self.leave_out(separator, part, kept.clone());
                }
                _ => list.kept = Some((separator, part)),
            }
        }
        self.open.push(list);
    }

    fn equal(&self, one: Range<usize>, other: Range<usize>) -> bool {
        let mut one = self.meaningful(one);
        let mut other = self.meaningful(other);
        loop {
            match (one.next(), other.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if is_same(&self.tokens[a].token, &self.tokens[b].token) => {}
                _ => return false,
            }
        }
    }

    fn meaningful(&self, range: Range<usize>) -> impl Iterator<Item = usize> + use<'a> {
        let tokens = self.tokens;
        range.filter(|index| !matches!(tokens[*index].token, Token::Whitespace(_)))
    }

    fn leave_out(&mut self, separator: usize, part: Range<usize>, kept: Range<usize>) {
        self.left_out[separator..part.end].fill(true);
        for (copy, original) in self.meaningful(part).zip(self.meaningful(kept)) {
            if matches!(self.tokens[copy].token, Token::Word(_)) {
                self.copies.0.entry(original).or_default().push(copy);
            }
        }
    }
}

/// Values stand for each other, every other token for itself.
fn is_same(one: &Token, other: &Token) -> bool {
    is_value(one) && is_value(other) || one == other
}

fn is_value(token: &Token) -> bool {
    matches!(
        token,
        Token::Placeholder(_) | Token::Number(..) | Token::SingleQuotedString(_)
    )
}

fn is_separator(token: &Token) -> bool {
    match token {
        Token::Comma => true,
        Token::Word(word) => matches!(word.keyword, Keyword::AND | Keyword::OR),
        _ => false,
    }
}

/// A part with a query in it is parsed each time: it may declare names.
fn starts_query(token: &Token) -> bool {
    let Token::Word(word) = token else {
        return false;
    };
    matches!(
        word.keyword,
        Keyword::SELECT
            | Keyword::WITH
            | Keyword::VALUES
            | Keyword::TABLE
            | Keyword::INSERT
            | Keyword::UPDATE
            | Keyword::DELETE
            | Keyword::MERGE
    )
}
