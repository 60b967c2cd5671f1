//! Puts the tenant's schema into statements: parse, decide, cut, render.

mod builtin;
mod cache;
mod collapse;
mod compile;
#[cfg(test)]
mod compile_tests;
mod ddl;
mod decide;
mod lexer;
mod name;
mod refusal;
mod rules;
mod scan;
mod scope;
mod shape;
mod template;
mod unguarded;

pub(crate) use cache::Compiler;
pub use refusal::Refusal;
pub(crate) use rules::Rules;
pub use shape::{StatementShape, shape};
