//! Limits of a text that is parsed: its size, its tokens, its nesting, and what the parser looks ahead at.

use squawk_lexer::TokenKind;

use super::{lexeme::Lexeme, refusal::Refusal};

/// Longest text that is compiled, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Most tokens that are parsed, after repeated values are left out: 60,000 terms of an OR have 480,000, with their
/// spaces.
const MAX_TOKENS: usize = 600_000;

/// Deepest nesting that is parsed.
pub(super) const MAX_DEPTH: usize = 500;

/// Most tokens that the parser looks ahead at, which takes 2 ns each: 0.12 s in all. Parsing the longest text without
/// such takes 0.15 s (both measured).
const MAX_LOOKAHEAD: usize = 64_000_000;

/// Stack for one level of nesting, in bytes. `(SELECT (SELECT ...` takes 4.9 KiB without optimisation, the most of
/// all that was tried, and `OVER (ORDER BY ...` 1.2 KiB with it (measured).
const STACK_PER_LEVEL: usize = 10 * 1024;

/// Stack for one token that may begin a level where the parser goes on after an error, in bytes. It takes one for each
/// such token of `WITH WITH ...` and `a CROSS b CROSS ...`, without brackets: at most 1.8 KiB without optimisation and
/// 380 bytes with it (measured).
const STACK_PER_OPENING: usize = 2 * 1024;

/// Stack that each statement is parsed with, in bytes. The shortest takes 17 KiB without optimisation (measured).
const MIN_STACK: usize = 128 * 1024;

/// Refuses a text that is too long, before anything else looks at it.
pub(super) fn check_size(sql: &str) -> Result<(), Refusal> {
    check(sql.len(), MAX_BYTES, "bytes")
}

/// Measures a text of these tokens, and returns the stack that parsing it takes, in bytes.
pub(super) fn check_nesting(text: &str, lexemes: &[Lexeme]) -> Result<usize, Refusal> {
    check(lexemes.len(), MAX_TOKENS, "tokens")?;
    let mut depth = Depth::default();
    let mut lookahead = Lookahead::default();
    let mut deepest = 0;
    let mut openings = 0;
    for lexeme in lexemes {
        deepest = deepest.max(depth.after(lexeme, text));
        lookahead.add(lexeme);
        openings += usize::from(may_begin_level(lexeme));
    }
    check(deepest, MAX_DEPTH, "levels of nesting")?;
    check(lookahead.tokens, MAX_LOOKAHEAD, "tokens to look ahead at")?;
    Ok(MIN_STACK + deepest * STACK_PER_LEVEL + openings * STACK_PER_OPENING)
}

fn may_begin_level(lexeme: &Lexeme) -> bool {
    let ends_or_is_value = matches!(
        lexeme.kind,
        TokenKind::Comma
            | TokenKind::Literal { .. }
            | TokenKind::PositionalParam { .. }
            | TokenKind::QuotedIdent { .. }
    );
    !ends_or_is_value && !lexeme.is_trivia()
}

fn check(size: usize, limit: usize, unit: &'static str) -> Result<(), Refusal> {
    if size > limit {
        return Err(Refusal::TooLong { size, limit, unit });
    }
    Ok(())
}

/// Upper bound for the tokens that the parser looks ahead at.
///
/// At a name and a bracket it reads on to the bracket's end, for a type in front of a literal: `f(f(f(a, b, ...)))` is
/// read once for each bracket. At a sign it reads on to the last of the signs: `+++++ 1` is read once for each.
#[derive(Default)]
struct Lookahead {
    /// Brackets that are open, as the parser counts them there.
    brackets: usize,
    /// Signs that come one after the other.
    signs: usize,
    tokens: usize,
}

impl Lookahead {
    /// Looking at a sign takes as much time as looking at three other tokens (measured).
    const TOKENS_PER_SIGN: usize = 3;

    fn add(&mut self, lexeme: &Lexeme) {
        let is_sign = matches!(lexeme.kind, TokenKind::Plus | TokenKind::Minus);
        self.signs = if is_sign { self.signs + 1 } else { 0 };
        match lexeme.kind {
            TokenKind::OpenParen => self.brackets += 1,
            TokenKind::CloseParen => self.brackets = self.brackets.saturating_sub(1),
            _ if lexeme.is_trivia() => return,
            _ => {}
        }
        let tokens = self.brackets + self.signs * Self::TOKENS_PER_SIGN;
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

/// Upper bound for the depth of the parser's recursion at a place of the text.
#[derive(Default)]
struct Depth {
    /// Levels around the innermost bracket, for each bracket that is open.
    outer: Vec<Levels>,
    levels: Levels,
    /// Sum of `outer`, and one for each bracket.
    around: usize,
    /// True after a dot, where each word is a name.
    is_after_dot: bool,
}

/// Levels that have begun since the last bracket or comma.
#[derive(Default, Clone, Copy)]
struct Levels {
    /// Levels that only a comma or the bracket ends: joins that wait for their ON, CASE, BETWEEN.
    lasting: usize,
    /// Levels of one expression, which AND, OR and the next clause end: NOT, operators.
    passing: usize,
}

impl Depth {
    /// Returns the depth after a lexeme.
    fn after(&mut self, lexeme: &Lexeme, text: &str) -> usize {
        match lexeme.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenCurly => self.open(),
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseCurly => self.close(),
            TokenKind::Comma | TokenKind::Semi => self.levels = Levels::default(),
            TokenKind::Ident if self.is_after_dot => {}
            TokenKind::Ident => self.word(&text[lexeme.range.clone()]),
            TokenKind::Whitespace
            | TokenKind::LineComment
            | TokenKind::BlockComment { .. }
            | TokenKind::Literal { .. }
            | TokenKind::PositionalParam { .. }
            | TokenKind::QuotedIdent { .. } => {}
            _ => self.levels.passing += 1,
        }
        if !lexeme.is_trivia() {
            self.is_after_dot = matches!(lexeme.kind, TokenKind::Dot);
        }
        self.around + self.levels.lasting + self.levels.passing
    }

    fn open(&mut self) {
        self.around += 1 + self.levels.lasting + self.levels.passing;
        self.outer.push(std::mem::take(&mut self.levels));
    }

    fn close(&mut self) {
        if let Some(levels) = self.outer.pop() {
            self.around -= 1 + levels.lasting + levels.passing;
            self.levels = levels;
        }
    }

    fn word(&mut self, word: &str) {
        let is_any = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
        if is_any(LASTING) {
            self.levels.lasting += 1;
        } else if is_any(PASSING) {
            self.levels.passing += 1;
        } else if is_any(ENDS) {
            self.levels.passing = 0;
        }
    }
}

/// Words that begin a level for the parser. Its `BETWEEN a AND b` takes what follows into `b`.
const LASTING: &[&str] = &["BETWEEN", "CASE", "EXPLAIN", "JOIN"];

/// Words that begin a level of an expression.
const PASSING: &[&str] = &[
    "COLLATE", "ILIKE", "IN", "INTERVAL", "LIKE", "NOT", "SIMILAR", "OVERLAPS", "ESCAPE", "IS", "AT",
];

/// Words that end an expression, or one side of an operator that is parsed in a loop. All are reserved, so that none is
/// a name.
const ENDS: &[&str] = &[
    "AND", "AS", "ELSE", "FROM", "GROUP", "HAVING", "LIMIT", "ON", "OR", "ORDER", "SELECT", "THEN", "UNION",
    "USING", "WHEN", "WHERE",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lexeme::lexemes;

    fn depth(text: &str) -> usize {
        let mut depth = Depth::default();
        lexemes(text)
            .map(|lexeme| depth.after(&lexeme, text))
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn nesting_is_counted_and_repetition_is_not() {
        assert_eq!(depth("((((1))))"), 4);
        assert!(depth(&"NOT ".repeat(100)) >= 100);
        assert!(depth(&"- ".repeat(100)) >= 100);
        assert!(depth(&"CASE WHEN ".repeat(100)) >= 100);
        assert!(depth(&"a JOIN ".repeat(100)) >= 100);
        assert!(depth(&"a JOIN b JOIN c ON d AND e ".repeat(100)) >= 100);
        assert!(depth(&"a BETWEEN 1 AND 2 OR ".repeat(100)) >= 100);
        assert!(depth(&"a || ".repeat(100)) >= 100);
        assert!(depth(&"+ NOT set ".repeat(100)) >= 100);
        assert!(depth(&"NOT x.or ".repeat(100)) >= 100);
        assert!(depth(&format!("1{}", "::set".repeat(100))) >= 100);
        assert!(depth(&"NOT a = b OR ".repeat(100)) < 10);
        assert!(depth(&"(a = 1), ".repeat(100)) < 10);
        assert!(depth(&"a IN (1) AND ".repeat(100)) < 10);
    }

    fn lookahead(text: &str) -> usize {
        let mut lookahead = Lookahead::default();
        for lexeme in lexemes(text) {
            lookahead.add(&lexeme);
        }
        lookahead.tokens
    }

    #[test]
    fn tokens_are_counted_for_each_bracket_and_sign_before_them() {
        assert_eq!(lookahead("a, b"), 0);
        assert_eq!(lookahead("f(a, g(b))"), 9);
        assert_eq!(lookahead("f(] f(]"), 2 + 1 + 2 + 2);
        assert_eq!(lookahead("1 + 2 +-+ 3"), 3 + 3 + 6 + 9);
        assert_eq!(lookahead("))("), 1);
    }

    #[test]
    fn more_brackets_may_close_than_open() {
        assert_eq!(depth(")))))(("), 2);
    }
}
