//! Leaves out the repetitions in a long text before it is parsed.
//!
//! 10,000 rows of `VALUES`, 65,535 values of an `IN`, 60,000 terms of an `OR`: each part is a copy of the
//! one before, with other values. The parser's time and its stack would grow with their number, and a
//! decision on one holds for all. So the second of two equal parts in a list stays for the parser, the
//! ones after it are left out, and what was decided about the part that stays is repeated for them.

use std::collections::{BTreeMap, HashMap};

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
    /// The separator before the part.
    separator: Option<usize>,
    /// The tokens of the part that mean something.
    part: Vec<usize>,
    /// Whether the part has a query in it, and so has to be parsed.
    part_has_query: bool,
    /// Whether any part has.
    has_query: bool,
    /// The part before it that stays, and the separator in front of that.
    kept: Option<(usize, Vec<usize>)>,
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
        let token = &self.tokens[index].token;
        match token {
            Token::Whitespace(_) => {}
            Token::LParen | Token::LBracket | Token::LBrace => {
                self.push(index);
                self.open.push(List::default());
            }
            Token::RParen | Token::RBracket | Token::RBrace => self.close(index),
            token if is_separator(token) => {
                self.end_part();
                if let Some(list) = self.open.last_mut() {
                    list.separator = Some(index);
                }
            }
            token => {
                self.push(index);
                if let (Some(list), true) = (self.open.last_mut(), starts_query(token)) {
                    list.part_has_query = true;
                }
            }
        }
    }

    fn push(&mut self, index: usize) {
        if let Some(list) = self.open.last_mut() {
            list.part.push(index);
        }
    }

    /// A bracket ends a list, whose tokens are a piece of the part around it.
    fn close(&mut self, index: usize) {
        self.end_part();
        let Some(inner) = self.open.pop() else {
            return;
        };
        match self.open.last_mut() {
            Some(outer) => outer.part_has_query |= inner.has_query,
            // More brackets close than open: the parser will say so.
            None => self.open.push(List::default()),
        }
        self.push(index);
    }

    fn end_part(&mut self) {
        let Some(mut list) = self.open.pop() else {
            return;
        };
        let part = std::mem::take(&mut list.part);
        let part_has_query = std::mem::take(&mut list.part_has_query);
        list.has_query |= part_has_query;
        match (list.separator, &list.kept) {
            (Some(separator), Some((kept_separator, kept)))
                if !part_has_query
                    && self.equal(&[separator], &[*kept_separator])
                    && self.equal(&part, kept) =>
            {
                self.leave_out(separator, &part, kept);
            }
            (Some(separator), _) => list.kept = Some((separator, part.clone())),
            (None, _) => {}
        }
        self.open.push(list);
        // The tokens of a part are tokens of the part around it too.
        if let [.., outer, _] = self.open.as_mut_slice() {
            outer.part.extend(part);
        }
    }

    fn equal(&self, one: &[usize], other: &[usize]) -> bool {
        one.len() == other.len()
            && one
                .iter()
                .zip(other)
                .all(|(a, b)| is_same(&self.tokens[*a].token, &self.tokens[*b].token))
    }

    fn leave_out(&mut self, separator: usize, part: &[usize], kept: &[usize]) {
        self.left_out[separator] = true;
        for (copy, original) in part.iter().zip(kept) {
            self.left_out[*copy] = true;
            if matches!(self.tokens[*copy].token, Token::Word(_)) {
                self.copies.0.entry(*original).or_default().push(*copy);
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
