//! Reads a compiled statement again, in ways that have nothing in common with how it was compiled.

mod grammar;
#[cfg(feature = "postgres-parser")]
mod postgres;
mod text;
pub(crate) mod tokens;

/// Panics where `after`, which was compiled from `before` for the tenant `acme`, breaks a promise.
pub fn judge(before: &str, after: &str) {
    grammar::is_valid(before);
    text::only_schemas_were_added(before, after);
    #[cfg(feature = "postgres-parser")]
    postgres::stays_in_the_tenant(after);
}

#[cfg(feature = "postgres-parser")]
/// True if a name, folded, may stand where a schema stands in a compiled statement.
fn is_allowed_schema(name: &str) -> bool {
    name == crate::world::TENANT || crate::world::COMMON_SCHEMAS.contains(&name)
}
