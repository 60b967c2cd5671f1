//! From SQL text to a [`Template`].

use std::collections::BTreeMap;

use sqlparser::{
    ast::Statement,
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Token, TokenWithSpan},
};

use super::{
    Rules,
    collapse::{Collapsed, collapse},
    decide::decide,
    lexer::{Places, lex},
    refusal::Refusal,
    scan::{Kind, scan},
    template::{Edit, Template},
};
use crate::registry::TENANT_MARKER;

/// The longest text that is compiled, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most tokens, after repetitions are left out, that are parsed. A chain of operators makes a tree as
/// deep as it is long, and every level takes stack to walk and to drop.
const MAX_TOKENS: usize = 500_000;

/// Stack for one token of a chain of operators, in bytes: `SELECT 1+1+1...` takes 830 without optimisation
/// (measured), where walking the tree takes most.
const STACK_PER_TOKEN: usize = 2 * 1024;

/// Stack for one level of nesting, in bytes: `(a JOIN (b JOIN ...` takes 160 KiB without optimisation (measured). The
/// parser looks after its stack, but expects a level to take less.
const STACK_PER_LEVEL: usize = 192 * 1024;

/// Stack that a short statement is compiled with, in bytes.
const MIN_STACK: usize = 512 * 1024;

/// The most stack that is asked for, in bytes. It is memory only where it is used.
const MAX_STACK: usize = 1024 * 1024 * 1024;

/// Compiles `sql`: what it names is decided on by `rules`.
pub(super) fn compile(sql: &str, rules: &Rules) -> Result<Template, Refusal> {
    let collapsed = check_text(sql)?;
    let text = &collapsed.text;
    let decisions = parse(text, |statements, places| decide(statements, text, places, rules))?;

    let edits = decisions.edits.into_iter().map(|(range, edit)| {
        let range = collapsed.whole(&range);
        (range.start, (range, edit))
    });
    let edits: BTreeMap<_, _> = edits.collect();
    refuse_stray_markers(sql, |start| edits.contains_key(&start))?;
    Ok(Template::new(sql, edits.into_values(), decisions.tenant_name))
}

/// What `look` sees in the statements of a text, without a decision on what they name.
pub(super) fn inspect<T>(
    sql: &str,
    look: impl FnOnce(&[Statement]) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    parse(&check_text(sql)?.text, |statements, _| look(statements))
}

/// Puts the tenant's schema where the marker is, and checks nothing.
pub(super) fn replace_markers(sql: &str) -> Template {
    let edits = markers(sql).map(|range| (range, Edit::ReplaceMarker));
    Template::new(sql, edits, Some(quoted_marker()))
}

fn check_size(size: usize, limit: usize, unit: &'static str) -> Result<(), Refusal> {
    if size > limit {
        return Err(Refusal::TooLong { size, limit, unit });
    }
    Ok(())
}

fn stack_for(tokens: &[TokenWithSpan]) -> usize {
    let stack = MIN_STACK + levels(tokens) * STACK_PER_LEVEL + tokens.len() * STACK_PER_TOKEN;
    stack.min(MAX_STACK)
}

/// How deep the tree of a text may be where it nests: by brackets, and by what needs none for it, such as NOT.
fn levels(tokens: &[TokenWithSpan]) -> usize {
    let (mut open, mut deepest, mut others) = (0_usize, 0, 0);
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open += 1,
            Token::RParen | Token::RBracket | Token::RBrace => open = open.saturating_sub(1),
            Token::Word(word) => others += usize::from(NESTING_WORDS.contains(&word.keyword)),
            Token::Plus | Token::Minus | Token::Tilde | Token::AtSign => others += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest + others
}

/// What starts a level without a bracket.
const NESTING_WORDS: &[Keyword] = &[
    Keyword::CASE,
    Keyword::EXPLAIN,
    Keyword::INTERVAL,
    Keyword::JOIN,
    Keyword::NOT,
    Keyword::PRIOR,
];

/// PostgreSQL's protocol ends a text at a zero byte: the server would read a part of what was checked.
fn refuse_zero_bytes(sql: &str) -> Result<(), Refusal> {
    if sql.contains('\0') {
        return Err(Refusal::Unparseable("it has a zero byte".to_owned()));
    }
    Ok(())
}

/// The text that is parsed in the place of `sql`.
fn check_text(sql: &str) -> Result<Collapsed<'_>, Refusal> {
    check_size(sql.len(), MAX_BYTES, "bytes")?;
    refuse_zero_bytes(sql)?;
    Ok(collapse(sql))
}

/// Lets `look` at the statements of a text, with the stack that this takes.
fn parse<T>(
    text: &str,
    look: impl FnOnce(&[Statement], &Places) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let (tokens, places) = lex(text)?;
    check_size(tokens.len(), MAX_TOKENS, "tokens")?;
    let stack = stack_for(&tokens);
    stacker::maybe_grow(stack, stack, || {
        let statements = statements(tokens)?;
        look(&statements, &places)
        // The tree is dropped here, since that takes stack too.
    })
}

fn statements(tokens: Vec<TokenWithSpan>) -> Result<Vec<Statement>, Refusal> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(tokens);
    let statements = parser
        .parse_statements()
        .map_err(|error| Refusal::Unparseable(error.to_string()))?;
    refuse_rest(&parser)?;
    Ok(statements)
}

/// sqlparser stops at the word END after a statement, which may be a label for PostgreSQL, and leaves the rest of
/// the text unread.
fn refuse_rest(parser: &Parser<'_>) -> Result<(), Refusal> {
    let next = parser.peek_token_ref();
    if next.token == Token::EOF {
        return Ok(());
    }
    Err(Refusal::Unparseable(format!(
        "what follows {} was not read",
        next.token
    )))
}

/// Every marker stands where a schema goes; one that was not decided on would reach the server.
fn refuse_stray_markers(sql: &str, is_decided: impl Fn(usize) -> bool) -> Result<(), Refusal> {
    if markers(sql).all(|range| is_decided(range.start)) {
        return Ok(());
    }
    Err(Refusal::Construct(
        "\"$tenant\" where no schema goes",
        "write it in front of a table, a type or a function only",
    ))
}

/// The places of `"$tenant"`.
fn markers(sql: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let marker = quoted_marker();
    // Most texts that are long have none at all, or are not scanned for a second time for nothing.
    let lexemes = sql.contains(&marker).then(|| scan(sql)).into_iter().flatten();
    let identifiers = lexemes.filter(|lexeme| lexeme.kind == Kind::QuotedIdentifier);
    identifiers
        .map(|lexeme| lexeme.range)
        .filter(move |range| sql[range.clone()] == marker)
}

fn quoted_marker() -> String {
    format!("\"{TENANT_MARKER}\"")
}
