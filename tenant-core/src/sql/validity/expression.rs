//! Rules of expressions and types.

use squawk_parser::{
    SyntaxKind::{self, *},
    is_col_name_keyword, is_reserved_keyword, is_type_func_name_keyword,
};

use super::{Validity, expressions, is_expression, is_select};
use crate::sql::tree::{Element, Node, Token, WalkEvent};

/// A keyword that may be a function, such as `left`, is no column. `t.left` is one.
pub(super) fn name(name: Node<'_>) -> Validity {
    let keyword = name.first_token().map(Token::kind);
    if !keyword.is_some_and(|kind| kind != CURRENT_SCHEMA_KW && is_type_func_name_keyword(kind)) {
        return Ok(());
    }
    let Some(parent) = name.parent() else {
        return Ok(());
    };
    let is_function = parent.kind() == CALL_EXPR;
    let is_after_a_dot = parent.kind() == FIELD_EXPR && parent.first_child() != Some(name);
    if is_function || is_after_a_dot {
        return Ok(());
    }
    Err("a reserved word stands for a name")
}

/// PostgreSQL numbers its parameters.
pub(super) fn parameter() -> Validity {
    Err("a parameter is written as $1, and not as :name")
}

pub(super) fn call(call: Node<'_>) -> Validity {
    quantifier(call)?;
    keyword_function(call)
}

/// `ANY (...)`, `SOME (...)` and `ALL (...)` stand after an operator.
fn quantifier(call: Node<'_>) -> Validity {
    let mut children = call.children();
    if !children.any(|child| matches!(child.kind(), ALL_FN | ANY_FN | SOME_FN)) {
        return Ok(());
    }
    let expression = call.parent().filter(|parent| parent.kind() == BIN_EXPR);
    if expression.and_then(right_operand) == Some(call) {
        return Ok(());
    }
    Err("ANY, SOME or ALL stands after no operator")
}

/// A reserved word is a function only if it is one of PostgreSQL's grammar, with the number of arguments from there.
fn keyword_function(call: Node<'_>) -> Validity {
    let callee = expressions(call)
        .next()
        .filter(|callee| callee.kind() == NAME_REF);
    let keyword = callee.and_then(Node::first_token).map(Token::kind);
    match keyword.filter(|kind| is_col_name_keyword(*kind) || is_reserved_keyword(*kind)) {
        None => Ok(()),
        Some(NULLIF_KW) if arguments(call) != 2 => Err("NULLIF takes two arguments"),
        Some(MERGE_ACTION_KW) if arguments(call) != 0 => Err("MERGE_ACTION takes no arguments"),
        Some(COALESCE_KW | GREATEST_KW | GROUPING_KW | LEAST_KW | NORMALIZE_KW | XMLCONCAT_KW)
            if arguments(call) == 0 =>
        {
            Err("a function without arguments takes at least one")
        }
        Some(
            COALESCE_KW | CURRENT_TIME_KW | CURRENT_TIMESTAMP_KW | GRAPH_TABLE_KW | GREATEST_KW | GROUPING_KW
            | LEAST_KW | LOCALTIME_KW | LOCALTIMESTAMP_KW | MERGE_ACTION_KW | NORMALIZE_KW | NULLIF_KW
            | XMLCONCAT_KW,
        ) => Ok(()),
        Some(_) => Err("a reserved word stands for a function"),
    }
}

/// Counts the arguments of a call. A star is one.
fn arguments(call: Node<'_>) -> usize {
    let Some(list) = call.child(ARG_LIST) else {
        return 0;
    };
    if list.has_token(STAR) {
        return 1;
    }
    list.children().filter(|child| child.kind() == ARG).count()
}

fn right_operand(expression: Node<'_>) -> Option<Node<'_>> {
    expressions(expression).nth(1)
}

pub(super) fn binary(expression: Node<'_>) -> Validity {
    match operator_after_first_operand(expression) {
        Some(IN_KW | NOT_IN) => in_list(expression),
        Some(OVERLAPS_KW) => overlaps(expression),
        _ => Ok(()),
    }
}

/// Returns the operator, if it is one that has a rule.
fn operator_after_first_operand(expression: Node<'_>) -> Option<SyntaxKind> {
    let elements = expression.children_with_tokens().map(Element::kind);
    let mut after = elements.skip_while(|kind| !is_expression(*kind));
    after.find(|kind| matches!(kind, IN_KW | NOT_IN | OVERLAPS_KW))
}

/// Requires a list of values or a subquery in brackets after `IN`.
fn in_list(expression: Node<'_>) -> Validity {
    match right_operand(expression) {
        Some(list) if list.kind() == TUPLE_EXPR && !list.has_token(ROW_KW) => {
            let first = expressions(list).next();
            first.map(|_| ()).ok_or("the list of an IN is empty")
        }
        Some(other) if other.kind() != PAREN_EXPR => Err("IN stands before no list and no subquery"),
        _ => Ok(()),
    }
}

/// `OVERLAPS` has a row of two values on each side.
fn overlaps(expression: Node<'_>) -> Validity {
    let is_pair = |operand: Node<'_>| operand.kind() == TUPLE_EXPR && expressions(operand).count() == 2;
    if expressions(expression).take(2).all(is_pair) {
        return Ok(());
    }
    Err("OVERLAPS stands beside no row of two values")
}

/// `*`, `/`, `<`, `>`, `=`, `%` and `^` stand between two operands.
pub(super) fn prefix(expression: Node<'_>) -> Validity {
    let Some(operator) = expression.child(CUSTOM_OP) else {
        return Ok(());
    };
    let mut symbols = operator.tokens().map(Token::kind);
    let first = symbols.next();
    if symbols.next().is_none()
        && matches!(
            first,
            Some(STAR | SLASH | L_ANGLE | R_ANGLE | EQ | PERCENT | CARET)
        )
    {
        return Err("an operator has no left operand");
    }
    Ok(())
}

/// An operator has at most 63 characters.
pub(super) fn operator(operator: Node<'_>) -> Validity {
    const MAX_BYTES: usize = 63;
    if operator.text_range().len() > MAX_BYTES {
        return Err("an operator has more than 63 characters");
    }
    Ok(())
}

/// An array is written as `ARRAY[...]`, or as `[...]` in another one. `ARRAY(...)` takes a subquery.
pub(super) fn array(array: Node<'_>) -> Validity {
    if !array.has_token(ARRAY_KW) {
        return match array.parent() {
            Some(parent) if parent.kind() == ARRAY_EXPR => Ok(()),
            _ => Err("an array is written without ARRAY"),
        };
    }
    if array.has_token(L_PAREN) && !has_subquery(array) {
        return Err("ARRAY(...) has no subquery");
    }
    Ok(())
}

/// True for `(SELECT ...)`, with any number of brackets.
fn has_subquery(node: Node<'_>) -> bool {
    let mut events = node.preorder();
    while let Some(event) = events.next() {
        match event {
            WalkEvent::Enter(inner) if is_select(inner.kind()) => return true,
            WalkEvent::Enter(inner) if inner != node && inner.kind() != PAREN_EXPR => events.skip_subtree(),
            _ => {}
        }
    }
    false
}

/// A subquery is the only argument of `JSON_ARRAY`.
pub(super) fn json_array(function: Node<'_>) -> Validity {
    if function.child(JSON_SELECT_FORMAT).is_some() && function.child(JSON_EXPR_FORMAT).is_some() {
        return Err("JSON_ARRAY has a subquery beside other arguments");
    }
    Ok(())
}

/// `JSON_OBJECT` takes pairs of keys and values, or other arguments.
pub(super) fn json_object(function: Node<'_>) -> Validity {
    let mut kinds = function.children().map(Node::kind);
    if function.child(JSON_KEY_VALUE).is_some() && kinds.any(is_argument) {
        return Err("JSON_OBJECT has keys beside other arguments");
    }
    Ok(())
}

/// The modifiers of a type, as in `numeric(10, 2)`, are constants or names.
pub(super) fn type_modifiers(data_type: Node<'_>) -> Validity {
    let list = data_type.child(ARG_LIST);
    let mut modifiers = list.into_iter().flat_map(Node::children);
    if modifiers.all(|modifier| modifier.kind() != ARG || is_modifier(modifier)) {
        return Ok(());
    }
    Err("a type has a modifier that is no constant and no name")
}

fn is_modifier(argument: Node<'_>) -> bool {
    if argument.has_token(VARIADIC_KW) || argument.child(ORDER_BY_CLAUSE).is_some() {
        return false;
    }
    let mut values = argument.children();
    match values.find(|child| is_argument(child.kind())) {
        None => true,
        Some(value) => is_constant(value) || is_negative_number(value) || value.kind() == NAME_REF,
    }
}

fn is_argument(kind: SyntaxKind) -> bool {
    kind == NAMED_ARG || is_expression(kind)
}

fn is_constant(value: Node<'_>) -> bool {
    matches!(
        literal_kind(value),
        Some(DOLLAR_QUOTED_STRING | ESC_STRING | INT_NUMBER | NUMERIC_NUMBER | STRING | UNICODE_ESC_STRING)
    )
}

fn is_negative_number(value: Node<'_>) -> bool {
    let number = expressions(value).next().and_then(literal_kind);
    value.kind() == PREFIX_EXPR
        && prefix_operator(value) == Some(MINUS)
        && matches!(number, Some(INT_NUMBER | NUMERIC_NUMBER))
}

fn prefix_operator(expression: Node<'_>) -> Option<SyntaxKind> {
    let mut kinds = expression.children_with_tokens().map(Element::kind);
    kinds.find(|kind| matches!(kind, MINUS | NOT_KW | PLUS | CUSTOM_OP | OPERATOR_CALL))
}

/// The kind of the first token of a literal.
fn literal_kind(value: Node<'_>) -> Option<SyntaxKind> {
    let first = value.children_with_tokens().next().map(Element::kind);
    first.filter(|_| value.kind() == LITERAL)
}
