//! Limits of a text that is parsed: its size, its tokens and its nesting.

use squawk_lexer::TokenKind;

use super::{lexeme::Lexeme, refusal::Refusal};

/// Longest text that is compiled, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Most tokens that are parsed, after repeated values are left out: 60,000 terms of an OR have 480,000, with their
/// spaces.
const MAX_TOKENS: usize = 600_000;

/// Deepest nesting that is parsed. The parser looks ahead at each bracket, so its time grows with the square of their
/// depth: 2 ms at 500, 25 ms at 1,000, 1.9 s at 10,000 (measured).
const MAX_DEPTH: usize = 500;

/// Stack for one level of nesting, in bytes: `f(f(...` takes 5 KiB without optimisation (measured).
const STACK_PER_LEVEL: usize = 16 * 1024;

/// Stack that each statement is parsed with, in bytes.
const MIN_STACK: usize = 256 * 1024;

/// Refuses a text that is too long, before anything else looks at it.
pub(super) fn check_size(sql: &str) -> Result<(), Refusal> {
    check(sql.len(), MAX_BYTES, "bytes")
}

/// Measures a text of these tokens, and returns the stack that parsing it takes, in bytes.
pub(super) fn check_nesting(text: &str, lexemes: &[Lexeme]) -> Result<usize, Refusal> {
    check(lexemes.len(), MAX_TOKENS, "tokens")?;
    let mut depth = Depth::default();
    let depths = lexemes.iter().map(|lexeme| depth.after(lexeme, text));
    let deepest = depths.max().unwrap_or(0);
    check(deepest, MAX_DEPTH, "levels of nesting")?;
    Ok(MIN_STACK + deepest * STACK_PER_LEVEL)
}

fn check(size: usize, limit: usize, unit: &'static str) -> Result<(), Refusal> {
    if size > limit {
        return Err(Refusal::TooLong { size, limit, unit });
    }
    Ok(())
}

/// Upper bound for the depth of the parser's recursion at a place of the text.
#[derive(Default)]
struct Depth {
    /// Levels around the innermost bracket, for each bracket that is open.
    outer: Vec<Levels>,
    levels: Levels,
    /// Sum of `outer`, and one for each bracket.
    around: usize,
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
            TokenKind::Ident => self.word(&text[lexeme.range.clone()]),
            TokenKind::Whitespace
            | TokenKind::LineComment
            | TokenKind::BlockComment { .. }
            | TokenKind::Literal { .. }
            | TokenKind::PositionalParam { .. }
            | TokenKind::QuotedIdent { .. } => {}
            _ => self.levels.passing += 1,
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

/// Words that end an expression, or one side of an operator that is parsed in a loop.
const ENDS: &[&str] = &[
    "AND", "AS", "ELSE", "FROM", "GROUP", "HAVING", "LIMIT", "ON", "OR", "ORDER", "SELECT", "SET", "THEN",
    "UNION", "USING", "VALUES", "WHEN", "WHERE",
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
        assert!(depth(&"NOT a = b OR ".repeat(100)) < 10);
        assert!(depth(&"(a = 1), ".repeat(100)) < 10);
        assert!(depth(&"a IN (1) AND ".repeat(100)) < 10);
    }

    #[test]
    fn more_brackets_may_close_than_open() {
        assert_eq!(depth(")))))(("), 2);
    }
}
