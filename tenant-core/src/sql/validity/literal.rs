//! Rules of literals.

use squawk_parser::SyntaxKind::*;

use super::Validity;
use crate::sql::tree::{Element, Node, Token};

pub(super) fn literal(literal: Node<'_>) -> Validity {
    let mut tokens = literal.tokens();
    let Some(first) = tokens.next() else {
        return Ok(());
    };
    if first.kind() == DEFAULT_KW {
        return default(literal);
    }
    // Most literals are one token.
    if tokens.next().is_some() {
        continuations(literal)?;
    }
    if first.kind() == UNICODE_ESC_STRING {
        return unicode_escapes(literal);
    }
    Ok(())
}

/// A literal goes on in another line, with nothing but space and comments to the end of a line between.
fn continuations(literal: Node<'_>) -> Validity {
    let mut is_after_string = false;
    let mut is_next_line = false;
    let mut has_comment = false;
    for token in literal.tokens() {
        match token.kind() {
            WHITESPACE => is_next_line |= token.text().contains(['\n', '\r']),
            COMMENT => has_comment |= !token.text().starts_with("--"),
            STRING if is_after_string && (has_comment || !is_next_line) => {
                return Err("a literal goes on without a new line");
            }
            kind => {
                is_after_string = matches!(
                    kind,
                    BIT_STRING | BYTE_STRING | ESC_STRING | NATIONAL_STRING | STRING | UNICODE_ESC_STRING
                );
                is_next_line = false;
                has_comment = false;
            }
        }
    }
    Ok(())
}

/// `DEFAULT` is a value of INSERT, MERGE and UPDATE.
fn default(literal: Node<'_>) -> Validity {
    let mut place = literal.parent();
    while let Some(brackets) = place.filter(|node| node.kind() == PAREN_EXPR) {
        place = brackets.parent();
    }
    let is_value = place.is_some_and(|place| place.kind() == SET_EXPR || is_row_of_insert(place));
    if is_value {
        return Ok(());
    }
    Err("DEFAULT stands where no column gets a value")
}

fn is_row_of_insert(row: Node<'_>) -> bool {
    let statement = || row.parent()?.parent()?.parent();
    row.kind() == ROW && statement().is_some_and(|node| matches!(node.kind(), INSERT | MERGE_INSERT))
}

/// The escapes of `U&'...'` are characters, and the one of UESCAPE may begin them.
fn unicode_escapes(literal: Node<'_>) -> Validity {
    let escape = escape_character(literal)?;
    let before_escape = literal.tokens().take_while(|token| token.kind() != UESCAPE_KW);
    let mut texts = before_escape.filter_map(inner);
    if texts.all(|text| has_valid_escapes(text, escape)) {
        return Ok(());
    }
    Err("a literal has an invalid Unicode escape")
}

/// Returns the character of `UESCAPE '!'`, which is a backslash if there is none.
fn escape_character(literal: Node<'_>) -> Result<char, &'static str> {
    let mut after = literal.tokens().skip_while(|token| token.kind() != UESCAPE_KW);
    let Some(text) = after.find(|token| token.kind() == STRING) else {
        return Ok('\\');
    };
    match text.text().as_bytes() {
        [b'\'', byte, b'\''] if may_begin_escape(*byte) => Ok(char::from(*byte)),
        _ => Err("UESCAPE has a character that begins no escape"),
    }
}

fn may_begin_escape(byte: u8) -> bool {
    let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\x0b' | b'\x0c' | b'\r');
    !is_space && !byte.is_ascii_hexdigit() && !matches!(byte, b'+' | b'\'' | b'"')
}

/// The text between the quotes of a part of a literal.
fn inner(token: Token<'_>) -> Option<&str> {
    let text = token.text();
    let quoted = match token.kind() {
        UNICODE_ESC_STRING => text.strip_prefix(['u', 'U'])?.strip_prefix('&')?,
        STRING => text,
        _ => return None,
    };
    quoted.strip_prefix('\'')?.strip_suffix('\'')
}

/// True if each escape is a character, or one half of a pair of surrogates with the other one after it.
fn has_valid_escapes(text: &str, escape: char) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(escape) {
        rest = match read_escape(after, escape) {
            Some((Escape::Character, rest)) => rest,
            Some((Escape::HighSurrogate, after)) => match read_low_surrogate(after, escape) {
                Some(rest) => rest,
                None => return false,
            },
            Some((Escape::LowSurrogate, _)) | None => return false,
        };
    }
    true
}

/// Meaning of an escape.
#[derive(Clone, Copy, PartialEq)]
enum Escape {
    Character,
    HighSurrogate,
    LowSurrogate,
}

/// Reads `XXXX`, `+XXXXXX` or the escape itself, and returns what follows.
fn read_escape(after: &str, escape: char) -> Option<(Escape, &str)> {
    if let Some(rest) = after.strip_prefix(escape) {
        return Some((Escape::Character, rest));
    }
    let (digits, rest) = match after.strip_prefix('+') {
        Some(digits) => digits.split_at_checked(6)?,
        None => after.split_at_checked(4)?,
    };
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let meaning = match u32::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Escape::HighSurrogate,
        0xDC00..=0xDFFF => Escape::LowSurrogate,
        0..=0x10_FFFF => Escape::Character,
        _ => return None,
    };
    Some((meaning, rest))
}

fn read_low_surrogate(after: &str, escape: char) -> Option<&str> {
    let (meaning, rest) = read_escape(after.strip_prefix(escape)?, escape)?;
    (meaning == Escape::LowSurrogate).then_some(rest)
}

/// Refuses UESCAPE after a name without escapes. One with escapes is refused before the text is parsed.
pub(super) fn name_escape(keyword: Token<'_>) -> Validity {
    let mut before = keyword.prev_sibling_or_token();
    while let Some(Element::Token(token)) = before {
        if !token.kind().is_trivia() {
            break;
        }
        before = token.prev_sibling_or_token();
    }
    if before.is_some_and(|before| before.kind() == IDENT) {
        return Err("UESCAPE stands after a name without escapes");
    }
    Ok(())
}
