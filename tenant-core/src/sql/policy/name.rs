//! Names as PostgreSQL reads them.

use std::{borrow::Cow, fmt};

use squawk_parser::SyntaxKind;

use crate::{
    schema_name::MAX_IDENTIFIER_BYTES,
    sql::{
        lexeme,
        refusal::Refusal,
        tree::{Element, Node, Token},
    },
};

/// Returns the name that an identifier stands for: as it is in quotes, else in lower case.
///
/// PostgreSQL folds ASCII letters only where the encoding has several bytes a character, as UTF-8 has.
pub(super) fn fold(token: Token<'_>) -> Cow<'_, str> {
    let text = token.text();
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) if quoted.contains('"') => Cow::Owned(quoted.replace("\"\"", "\"")),
        Some(quoted) => Cow::Borrowed(quoted),
        None if text.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Owned(text.to_ascii_lowercase()),
        None => Cow::Borrowed(text),
    }
}

/// True for `"$tenant"`.
pub(super) fn is_marker(token: Token<'_>) -> bool {
    lexeme::is_marker(token.text())
}

/// A qualified name, each part a token.
#[derive(Debug)]
pub(super) struct Name<'t> {
    /// The parts before the last.
    qualifiers: Vec<Token<'t>>,
    last: Token<'t>,
}

impl<'t> Name<'t> {
    /// Reads the path that is a child of `node`.
    pub(super) fn of_path_in(node: Node<'t>) -> Result<Self, Refusal> {
        let is_path = |child: &Node<'_>| matches!(child.kind(), SyntaxKind::PATH_REF | SyntaxKind::PATH);
        match node.children().find(is_path) {
            Some(path) => Self::of_path(path),
            None => Err(unreadable()),
        }
    }

    /// Reads `a`, `a.b`, `a.b.c`, ...
    pub(super) fn of_path(path: Node<'t>) -> Result<Self, Refusal> {
        let tokens = path.descendants_with_tokens().filter_map(Element::into_token);
        let tokens = tokens.filter(|token| !token.kind().is_trivia() && token.kind() != SyntaxKind::DOT);
        Self::new(tokens.collect())
    }

    /// Makes a name of its parts, of which there is at least one.
    pub(super) fn new(mut parts: Vec<Token<'t>>) -> Result<Self, Refusal> {
        for part in &parts {
            check_part(*part)?;
        }
        let last = parts.pop().ok_or_else(unreadable)?;
        Ok(Self {
            qualifiers: parts,
            last,
        })
    }

    /// The last part.
    pub(super) fn last(&self) -> Token<'t> {
        self.last
    }

    /// The part in front of the last, if there is one and no more.
    pub(super) fn schema(&self) -> Result<Option<Token<'t>>, Refusal> {
        match self.qualifiers.as_slice() {
            [] => Ok(None),
            [schema] => Ok(Some(*schema)),
            _ => Err(Refusal::Construct(
                "a name of three or more parts",
                "write it without the database",
            )),
        }
    }

    /// The parts before the last.
    pub(super) fn qualifiers(&self) -> &[Token<'t>] {
        &self.qualifiers
    }

    /// Returns the last part, folded.
    pub(super) fn folded(&self) -> Cow<'t, str> {
        fold(self.last)
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.qualifiers {
            write!(f, "{}.", part.text())?;
        }
        f.write_str(self.last.text())
    }
}

fn check_part(part: Token<'_>) -> Result<(), Refusal> {
    if part.kind() != SyntaxKind::IDENT && !part.kind().is_keyword() {
        return Err(unreadable());
    }
    // PostgreSQL cuts a longer name with no more than a notice, and the cut name is another one.
    let size = fold(part).len();
    if size > MAX_IDENTIFIER_BYTES {
        return Err(Refusal::TooLong {
            size,
            limit: MAX_IDENTIFIER_BYTES,
            unit: "bytes in one name",
        });
    }
    Ok(())
}

fn unreadable() -> Refusal {
    Refusal::Unparseable("a name in it is not one".to_owned())
}
