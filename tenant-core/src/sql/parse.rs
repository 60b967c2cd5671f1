//! The parser: from SQL text to a syntax tree, or a refusal.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squawk_lexer::TokenKind;

use super::{
    lexeme::{Lexeme, all_lexemes},
    limits,
    refusal::Refusal,
    tree::{Node, SyntaxError, Tree},
    validity,
    values::{Shortened, shorten},
};

/// A text that was parsed.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// Tokens of the whole text.
    pub(super) lexemes: Vec<Lexeme>,
    /// The text that the tree is of.
    pub(super) shortened: Shortened<'a>,
}

/// Lets `look` at the syntax tree of a text.
pub(super) fn with_tree<T>(
    sql: &str,
    look: impl FnOnce(Node<'_>, &Source<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let source = read(sql)?;
    let tree = parse(&source)?;
    look(tree.root(), &source)
}

/// Cuts a text into tokens, and leaves out what the parser need not see.
fn read(sql: &str) -> Result<Source<'_>, Refusal> {
    limits::check_size(sql)?;
    let lexemes = all_lexemes(sql);
    refuse_odd_characters(sql, &lexemes)?;
    let shortened = shorten(sql, &lexemes);
    Ok(Source { lexemes, shortened })
}

/// Refuses characters that the parser and PostgreSQL read differently, or that hide a name.
fn refuse_odd_characters(sql: &str, lexemes: &[Lexeme]) -> Result<(), Refusal> {
    // PostgreSQL's protocol ends a text at a zero byte: the server would read a part of what was checked.
    if sql.contains('\0') {
        return Err(Refusal::Unparseable("it has a zero byte".to_owned()));
    }
    // The parser takes it for white space, PostgreSQL for a letter.
    if sql.starts_with('\u{feff}') {
        return Err(Refusal::Unparseable(
            "it starts with a byte order mark".to_owned(),
        ));
    }
    if sql.contains("&\"") && lexemes.iter().any(|lexeme| is_escaped_name(lexeme.kind)) {
        return Err(Refusal::Construct(
            "a name with Unicode escapes (U&\"...\")",
            "write its characters as they are",
        ));
    }
    Ok(())
}

fn is_escaped_name(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::QuotedIdent { uescape: true, .. })
}

/// Parses a text on a stack that is large enough.
fn parse<'s>(source: &'s Source<'_>) -> Result<Tree<'s>, Refusal> {
    let text = &*source.shortened.text;
    let stack = if source.shortened.is_shorter() {
        limits::check_nesting(text, &all_lexemes(text))?
    } else {
        limits::check_nesting(text, &source.lexemes)?
    };
    // The parser panics when it has taken too many steps, and stacker where the system has no memory for a stack.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        stacker::maybe_grow(stack, stack, || Tree::parse(text))
    }));
    let given_up = "it is too complex for the parser, or for the memory that there is";
    let tree = parsed.map_err(|_| Refusal::Unparseable(given_up.to_owned()))?;
    let valid = tree.and_then(|tree| validity::check(&tree).map(|()| tree));
    valid.map_err(|error| unparseable(&error, &source.shortened))
}

fn unparseable(error: &SyntaxError, text: &Shortened<'_>) -> Refusal {
    let place = text.whole(&(error.place..error.place)).start;
    Refusal::Unparseable(format!("{} at byte {place}", readable(&error.message)))
}

/// Turns the parser's names of tokens, such as `L_PAREN`, into plain words.
fn readable(message: &str) -> String {
    let words = message.split(' ').map(|word| {
        let name = word.trim_end_matches([',', '.']);
        let is_token =
            name.contains('_') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if is_token {
            word.trim_end_matches("_KW").replace("_KW", "").replace('_', " ")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
