//! Decides on operators, which run functions.

use squawk_parser::SyntaxKind;

use super::{
    Step, Walk,
    name::{Name, fold},
};
use crate::sql::{
    builtin,
    refusal::Refusal,
    tree::{Element, Node, Token},
};

impl<'t> Walk<'_, 't> {
    /// Decides on an operator, with or without `OPERATOR(schema. )` around it.
    pub(super) fn operator(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        let mut nodes = node.descendants_with_tokens().filter_map(Element::into_node);
        let path = nodes.find(|child| child.kind() == SyntaxKind::PATH_REF);
        let operator = symbols(node);
        let Some(path) = path else {
            self.check_operator(operator)?;
            return Ok(Step::Over);
        };
        let name = Name::of_path(path)?;
        if !name.qualifiers().is_empty() {
            return Err(Refusal::Construct(
                "an operator of three or more parts",
                "write it without the database",
            ));
        }
        let schema = fold(name.last());
        if schema == "pg_catalog" {
            check_builtin_operator(operator)?;
        } else if self.rules.extensions().operator(&operator) != Some(&*schema) {
            self.schema(name.last(), &name)?;
        }
        Ok(Step::Over)
    }

    fn check_operator(&self, operator: String) -> Result<(), Refusal> {
        if self.rules.extensions().operator(&operator).is_some() {
            return Ok(());
        }
        check_builtin_operator(operator)
    }
}

fn check_builtin_operator(operator: String) -> Result<(), Refusal> {
    if builtin::is_operator(&operator) {
        return Ok(());
    }
    Err(Refusal::UnknownOperator(operator))
}

/// The characters of an operator, which the parser has as a token each.
fn symbols(node: Node<'_>) -> String {
    let tokens = node.descendants_with_tokens().filter_map(Element::into_token);
    let symbols = tokens.filter(|token| token.kind().is_operator());
    symbols.map(Token::text).collect()
}
