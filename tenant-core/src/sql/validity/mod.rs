//! Rules of PostgreSQL's grammar that the parser leaves out, such as `JOIN` without a condition.
//!
//! The rules are those of squawk-syntax's validation, which works on a tree of its own. They cover the kinds of nodes
//! that an allowed statement may have, and two more for a clearer error. The server would refuse such a text, too, but
//! an allowed text must be one that parser and server read in the same way. The tests compare with squawk-syntax.

mod clause;
mod expression;
mod from;
mod literal;
#[cfg(test)]
mod tests;

use squawk_parser::SyntaxKind::{self, *};

use super::tree::{Element, Node, SyntaxError, Token, Tree};

/// Result of a rule: the error of the node.
type Validity = Result<(), &'static str>;

/// Refuses a text that breaks a rule.
pub(super) fn check(tree: &Tree<'_>) -> Result<(), SyntaxError> {
    for element in tree.elements() {
        let (validity, range) = match element {
            Element::Node(node) => (node_is_valid(node), node.text_range()),
            Element::Token(token) => (token_is_valid(token), token.text_range()),
        };
        validity.map_err(|message| SyntaxError {
            message: message.to_owned(),
            place: range.start,
        })?;
    }
    Ok(())
}

fn node_is_valid(node: Node<'_>) -> Validity {
    match node.kind() {
        ARRAY_EXPR => expression::array(node),
        BIN_EXPR => expression::binary(node),
        BIT_TYPE | BIT_VARYING_TYPE | CHARACTER_TYPE | PATH_TYPE | VARCHAR_TYPE => {
            expression::type_modifiers(node)
        }
        CALL_EXPR => expression::call(node),
        CREATE_TABLE => clause::create_table(node),
        CUSTOM_OP => expression::operator(node),
        DISTINCT_ON => clause::distinct_on(node),
        FUNCTION_FROM_ITEM => from::function(node),
        JOIN_EXPR => from::join(node),
        JSON_ARRAY_FN => expression::json_array(node),
        JSON_OBJECT_FN => expression::json_object(node),
        LITERAL => literal::literal(node),
        NAME_REF => expression::name(node),
        NON_STANDARD_PARAM => expression::parameter(),
        PAREN_FROM_ITEM => from::brackets(node),
        PREFIX_EXPR => expression::prefix(node),
        RELATION_FROM_ITEM => from::relation(node),
        SELECT => clause::select(node),
        SELECT_CLAUSE => clause::select_distinct(node),
        SELECT_INTO => clause::select_into(node),
        SET_COLUMN_LIST => clause::set_columns(node),
        SET_SINGLE_COLUMN => clause::set_column(node),
        SOURCE_FILE => clause::statements(node),
        TABLE_NAME => clause::table_name(node),
        _ => Ok(()),
    }
}

fn token_is_valid(token: Token<'_>) -> Validity {
    match token.kind() {
        UESCAPE_KW => literal::name_escape(token),
        _ => Ok(()),
    }
}

fn is_expression(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        ARRAY_EXPR
            | BETWEEN_EXPR
            | BIN_EXPR
            | CALL_EXPR
            | CASE_EXPR
            | CAST_EXPR
            | COLLATE
            | FIELD_EXPR
            | INDEX_EXPR
            | LITERAL
            | NAME_REF
            | PAREN_EXPR
            | POSTFIX_EXPR
            | PREFIX_EXPR
            | SLICE_EXPR
            | TUPLE_EXPR
    )
}

/// The expressions that are children of a node.
fn expressions(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    node.children().filter(|child| is_expression(child.kind()))
}

fn is_select(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        COMPOUND_SELECT | PAREN_SELECT | SELECT | SELECT_INTO | TABLE | VALUES
    )
}

fn is_type(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        ARRAY_TYPE
            | BIT_TYPE
            | BIT_VARYING_TYPE
            | CHARACTER_TYPE
            | DOUBLE_TYPE
            | INTERVAL_TYPE
            | PATH_TYPE
            | TIMESTAMP_TYPE
            | TIME_TYPE
            | VARCHAR_TYPE
    )
}
