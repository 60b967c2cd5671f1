//! Reads a compiled statement again, in ways that have nothing in common with how it was compiled.

#[cfg(feature = "postgres-parser")]
mod postgres;
mod text;
pub(crate) mod tokens;
mod tree;

/// A text that was compiled for the tenant `acme`, and what came out.
pub(crate) struct Compiled<'a> {
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
}

/// Panics where `compiled` breaks a promise.
pub(crate) fn judge(compiled: &Compiled<'_>) {
    text::only_schemas_were_added(compiled);
    tree::names_no_other_schema(compiled.after);
    #[cfg(feature = "postgres-parser")]
    postgres::stays_in_the_tenant(compiled.after);
}

/// Whether a name, folded, may stand where a schema stands in a compiled statement.
fn is_allowed_schema(name: &str) -> bool {
    name == crate::world::TENANT || crate::world::COMMON_SCHEMAS.contains(&name)
}
