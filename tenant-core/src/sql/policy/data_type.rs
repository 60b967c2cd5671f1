//! Decides on types, and on the casts to them.

use squawk_parser::SyntaxKind;

use super::{
    Step, Walk, arguments,
    name::{self, Name, fold},
};
use crate::{
    registry::Lookup,
    sql::{builtin, refusal::Refusal, tree::Node},
};

impl<'t> Walk<'_, 't> {
    /// Decides on a type that is written as a name, and leaves its modifiers to the walk.
    pub(super) fn data_type(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        let name = Name::of_path_in(node)?;
        let folded = name.folded();
        match name.schema()? {
            None => self.unqualified_type(&name, &folded, node)?,
            Some(schema) if fold(schema) == "pg_catalog" => {
                check_builtin_type(&folded, node)?;
            }
            Some(schema) if self.rules.extensions().data_type(&folded) == Some(&*fold(schema)) => {}
            Some(schema) => self.schema(schema, &name)?,
        }
        self.decided = node.child(SyntaxKind::PATH_REF);
        Ok(Step::Into)
    }

    fn unqualified_type(&mut self, name: &Name<'t>, folded: &str, node: Node<'t>) -> Result<(), Refusal> {
        if builtin::is_any_type(folded) {
            return check_builtin_type(folded, node);
        }
        let registry = self.rules.registry();
        let found = match registry.enum_type(folded) {
            // A table has a type of the same name, for its rows.
            Lookup::Unknown => registry.table(folded),
            found => found,
        };
        match found {
            Lookup::Tenant => self.insert_tenant(name),
            Lookup::Shared(schema) => self.insert_shared(name, schema),
            Lookup::Ambiguous => return Err(Refusal::AmbiguousType(folded.to_owned())),
            Lookup::Unknown => match self.rules.extensions().data_type(folded) {
                Some(schema) => self.insert_shared(name, schema),
                None => return Err(Refusal::UnknownType(folded.to_owned())),
            },
        }
        Ok(())
    }

    /// Decides on a type that is to be changed, which only the tenant's own are.
    pub(super) fn own_type(&mut self, name: &Name<'t>) -> Result<(), Refusal> {
        match name.schema()? {
            Some(schema) if name::is_marker(schema) => {
                self.replace_marker(schema, name);
                return Ok(());
            }
            None if self.rules.registry().enum_type(&name.folded()) == Lookup::Tenant => {
                self.insert_tenant(name);
                return Ok(());
            }
            _ => {}
        }
        Err(Refusal::Construct(
            "a change of a type outside the tenant's schema",
            "write \"$tenant\" in front of it, or change shared types in the shared migrations",
        ))
    }
}

/// `treat(x AS f)` is a call of the function `f`.
pub(super) fn cast(node: Node<'_>) -> Result<Step, Refusal> {
    if node.has_token(SyntaxKind::TREAT_KW) {
        return Err(Refusal::Construct("TREAT", "write CAST, or call the function"));
    }
    Ok(Step::Into)
}

fn check_builtin_type(name: &str, node: Node<'_>) -> Result<(), Refusal> {
    if builtin::is_literal_only_type(name) && casts_known_name(node) {
        return Ok(());
    }
    builtin::check_type(name)
}

/// True for `'english'::regconfig` and its like, as the first argument of a function of text search. Beside another
/// text it would make a configuration of that.
fn casts_known_name(data_type: Node<'_>) -> bool {
    let Some(cast) = data_type
        .parent()
        .filter(|parent| parent.kind() == SyntaxKind::CAST_EXPR)
    else {
        return false;
    };
    let call = cast.parent().and_then(|argument| argument.parent()?.parent());
    let is_first = call
        .filter(|call| is_text_search(*call))
        .and_then(|call| arguments(call).next())
        == cast.parent();
    is_first && cast.child(SyntaxKind::LITERAL).is_some_and(is_known_name)
}

fn is_text_search(call: Node<'_>) -> bool {
    let name = call
        .first_child()
        .filter(|callee| callee.kind() == SyntaxKind::NAME_REF);
    let name = name.and_then(Node::first_token);
    name.is_some_and(|name| builtin::is_text_search(&fold(name)))
}

/// True for an argument that is a name of text search of PostgreSQL's own, or a text or JSON by its cast.
pub(super) fn is_no_other_name(argument: Node<'_>) -> bool {
    let Some(value) = argument.first_child() else {
        return false;
    };
    if value.kind() != SyntaxKind::CAST_EXPR {
        return is_known_name(value);
    }
    // The type of a cast to a configuration is decided on by itself.
    let data_type = value.child(SyntaxKind::PATH_TYPE);
    let name = data_type.and_then(|data_type| Name::of_path_in(data_type).ok());
    name.is_some_and(|name| {
        let is_other = matches!(&*name.folded(), "text" | "json" | "jsonb") && name.qualifiers().is_empty();
        is_other || builtin::is_literal_only_type(&name.folded())
    })
}

fn is_known_name(value: Node<'_>) -> bool {
    value.kind() == SyntaxKind::LITERAL && plain_literal(value).is_some_and(builtin::is_text_search_name)
}

/// True for `call::text` and `CAST(call AS text)`.
pub(super) fn is_cast_to_text(call: Node<'_>) -> bool {
    let Some(cast) = call
        .parent()
        .filter(|parent| parent.kind() == SyntaxKind::CAST_EXPR)
    else {
        return false;
    };
    let mut types = cast
        .children()
        .filter(|child| child.kind() == SyntaxKind::PATH_TYPE);
    types.any(|data_type| {
        Name::of_path_in(data_type).is_ok_and(|name| name.qualifiers().is_empty() && name.folded() == "text")
    })
}

/// Returns the text of a literal `'...'` that is one token without anything to unescape.
fn plain_literal(literal: Node<'_>) -> Option<&str> {
    let mut tokens = literal.tokens();
    let token = tokens.next().filter(|token| token.kind() == SyntaxKind::STRING)?;
    if tokens.next().is_some() {
        return None;
    }
    token.text().strip_prefix('\'')?.strip_suffix('\'')
}
