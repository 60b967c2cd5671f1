//! From SQL text to a syntax tree, or the refusal of what is no SQL.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squawk_lexer::TokenKind;
use squawk_syntax::{SourceFile, SyntaxNode};

use super::{
    lexeme::lexemes,
    limits,
    refusal::Refusal,
    values::{Shortened, shorten},
};

/// Lets `look` at the syntax tree of a text, on a stack that is large enough.
pub(super) fn with_tree<T>(
    sql: &str,
    look: impl FnOnce(&SyntaxNode, &Shortened<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    limits::check_size(sql)?;
    refuse_odd_characters(sql)?;
    let shortened = shorten(sql);
    let stack = limits::check_nesting(&shortened.text)?;
    stacker::maybe_grow(stack, stack, || {
        let tree = parse(&shortened)?;
        look(&tree, &shortened)
        // The tree is dropped here, since that takes stack too.
    })
}

/// Refuses characters that the parser and PostgreSQL read differently, or that hide a name.
fn refuse_odd_characters(sql: &str) -> Result<(), Refusal> {
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
    if sql.contains("&\"") && lexemes(sql).any(|lexeme| is_escaped_name(lexeme.kind)) {
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

fn parse(text: &Shortened<'_>) -> Result<SyntaxNode, Refusal> {
    // The parser panics when it has taken too many steps.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let parsed = SourceFile::parse(&text.text);
        (parsed.syntax_node(), parsed.errors())
    }));
    let (tree, errors) =
        parsed.map_err(|_| Refusal::Unparseable("the parser gave it up as too complex".to_owned()))?;
    match errors.first() {
        None => Ok(tree),
        Some(error) => {
            let range = error.range();
            let place = text.whole(&(range.start().into()..range.end().into())).start;
            Err(Refusal::Unparseable(format!(
                "{} at byte {place}",
                readable(error.message())
            )))
        }
    }
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
