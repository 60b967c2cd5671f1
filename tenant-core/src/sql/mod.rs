//! The compiler of statements: it parses a text, checks each name by the policy, and keeps a template that is rendered
//! for a tenant by putting in its schema.

mod builtin;
mod cache;
mod compile;
#[cfg(test)]
mod compile_tests;
mod extensions;
mod fan_out;
mod lexeme;
mod limits;
mod parse;
mod policy;
mod refusal;
mod rules;
mod template;
mod tree;
mod unguarded;
mod validity;
mod values;

pub(crate) use cache::Compiler;
pub use cache::StatementStatus;
pub(crate) use extensions::Extensions;
pub use policy::StatementKind;
pub use refusal::Refusal;
pub(crate) use rules::Rules;
#[cfg(feature = "rbac")]
pub(crate) use template::TableUse;
pub(crate) use template::Template;

/// Returns the kind of a text that is one statement. What the statement names is not decided on.
///
/// # Errors
/// [`Refusal`] if it is none, or several, or does not run on a tenant connection.
pub fn statement_kind(sql: &str) -> Result<StatementKind, Refusal> {
    parse::with_tree(sql, |tree, _| policy::kind_of_only_statement(tree))
}

/// True for a text that is a query without a `WITH`, so that it changes no rows itself.
#[cfg(feature = "sqlx-postgres")]
pub(crate) fn is_plain_query(sql: &str) -> bool {
    let first = lexeme::lexemes(sql).find(|lexeme| !lexeme.is_trivia());
    let word = first.map_or("", |lexeme| &sql[lexeme.range]);
    ["SELECT", "TABLE", "VALUES"]
        .iter()
        .any(|query| word.eq_ignore_ascii_case(query))
}
