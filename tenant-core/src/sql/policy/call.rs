//! Decides on calls of functions.

use squawk_parser::SyntaxKind;

use super::{
    Step, Walk, arguments,
    column::dotted,
    data_type,
    kinds::is_keyword_function,
    name::{self, Name, fold},
};
use crate::{
    registry::Lookup,
    sql::{
        builtin,
        refusal::Refusal,
        tree::{Node, Token},
    },
};

impl<'t> Walk<'_, 't> {
    /// Decides on the callee. The walk goes on to the arguments.
    pub(super) fn call(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        let Some(callee) = node.first_child() else {
            return Err(NO_FUNCTION);
        };
        if is_keyword_function(callee.kind()) {
            return Ok(Step::Into);
        }
        let parts = match callee.kind() {
            SyntaxKind::NAME_REF => callee.first_token().map(|token| vec![token]),
            _ => dotted(callee),
        };
        let name = Name::new(parts.ok_or(NO_FUNCTION)?)?;
        if self.is_current_schema(&name)? && arguments(node).next().is_none() {
            return Ok(self.current_schema(node));
        }
        match node.parent() {
            Some(parent) if parent.kind() == SyntaxKind::TABLESAMPLE_CLAUSE => self.sampling(&name)?,
            _ => self.function(&name, node)?,
        }
        self.decided = Some(callee);
        Ok(Step::Into)
    }

    /// True for PostgreSQL's own function of this name.
    fn is_current_schema(&self, name: &Name<'t>) -> Result<bool, Refusal> {
        Ok(name.folded() == "current_schema"
            && match name.schema()? {
                Some(schema) => fold(schema) == "pg_catalog",
                None => self.rules.registry().function("current_schema") == Lookup::Unknown,
            })
    }

    fn function(&mut self, name: &Name<'t>, call: Node<'t>) -> Result<(), Refusal> {
        match name.schema()? {
            None => self.unqualified(name, call),
            Some(schema) if name::is_marker(schema) => {
                self.replace_marker(schema, name);
                Ok(())
            }
            Some(schema) if fold(schema) == "pg_catalog" => check_builtin(&name.folded(), call),
            Some(schema) => {
                check_configuration(&name.folded(), call)?;
                self.check_known_in(schema, name)
            }
        }
    }

    fn unqualified(&mut self, name: &Name<'t>, call: Node<'t>) -> Result<(), Refusal> {
        let function = name.folded();
        match self.rules.registry().function(&function) {
            Lookup::Tenant => self.insert_tenant(name),
            Lookup::Shared(schema) => self.insert_shared(name, schema),
            Lookup::Ambiguous => return Err(Refusal::AmbiguousFunction(function.into_owned())),
            Lookup::Unknown if builtin::is_known(&function) => check_builtin(&function, call)?,
            Lookup::Unknown => match self.rules.extensions().function(&function)? {
                Some(schema) => {
                    check_configuration(&function, call)?;
                    self.insert_shared(name, schema);
                }
                None => return Err(Refusal::UnknownFunction(function.into_owned())),
            },
        }
        Ok(())
    }

    /// A function in a schema that all tenants share is called if it was registered, or is of an allowed extension.
    fn check_known_in(&mut self, schema: Token<'t>, name: &Name<'t>) -> Result<(), Refusal> {
        let function = name.folded();
        if self.rules.extensions().function(&function)? == Some(&*fold(schema)) {
            return Ok(());
        }
        self.schema(schema, name)?;
        match self.rules.registry().function(&function) {
            Lookup::Shared(_) | Lookup::Ambiguous => Ok(()),
            Lookup::Tenant | Lookup::Unknown => Err(Refusal::UnknownFunction(function.into_owned())),
        }
    }

    /// Decides on the method of `TABLESAMPLE`.
    fn sampling(&mut self, name: &Name<'t>) -> Result<(), Refusal> {
        let method = name.folded();
        match name.schema()? {
            None if builtin::is_sampling_method(&method) => Ok(()),
            Some(schema) if fold(schema) == "pg_catalog" && builtin::is_sampling_method(&method) => Ok(()),
            None => match self.rules.extensions().function(&method)? {
                // PostgreSQL's grammar takes a schema here, too.
                Some(schema) => {
                    self.insert_shared(name, schema);
                    Ok(())
                }
                None => Err(Refusal::UnknownFunction(method.into_owned())),
            },
            Some(schema) => self.check_known_in(schema, name),
        }
    }
}

const NO_FUNCTION: Refusal =
    Refusal::Construct("a call of what is no function", "call a function by its name");

/// Decides on a function of PostgreSQL's own.
fn check_builtin(function: &str, call: Node<'_>) -> Result<(), Refusal> {
    if builtin::is_text_only(function) && data_type::is_cast_to_text(call) {
        return Ok(());
    }
    builtin::check_function(function)?;
    check_configuration(function, call)
}

/// Functions of text search take a text or a number for a configuration or a dictionary, which may be another tenant's.
fn check_configuration(function: &str, call: Node<'_>) -> Result<(), Refusal> {
    if !builtin::is_text_search(function) {
        return Ok(());
    }
    let arguments: Vec<Node<'_>> = arguments(call).collect();
    let is_named = |argument: &Node<'_>| {
        argument
            .children()
            .any(|child| child.kind() == SyntaxKind::NAMED_ARG)
    };
    let can_have = arguments.len() > builtin::arguments_without_configuration(function);
    match arguments.first() {
        Some(first)
            if can_have && (arguments.iter().any(is_named) || !data_type::is_no_other_name(*first)) =>
        {
            Err(Refusal::Construct(
                "a text search configuration or dictionary that is not the literal name of PostgreSQL's own",
                "write one of these, such as 'english', as the first argument; write a document there as \
                 `document::text`; or call a function of your own that has the configuration in it",
            ))
        }
        _ => Ok(()),
    }
}
