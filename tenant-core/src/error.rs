//! Errors, one type for each thing that can go wrong, and their one conversion to SeaORM's.

use crate::schema_name::MAX_IDENTIFIER_BYTES;

/// An annotated entity or enum that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A shared entity has a foreign key to a tenant table.
    #[error(
        "shared entity `{item}` has a foreign key to tenant table {table:?}, which exists once per tenant: \
         turn the relation around, or mark both entities `#[shared]`"
    )]
    SharedReferencesTenant {
        /// The path of the entity.
        item: &'static str,
        /// The tenant table.
        table: String,
    },
    /// A name is longer than PostgreSQL keeps.
    #[error("the name {name:?} is longer than the {MAX_IDENTIFIER_BYTES} bytes PostgreSQL keeps")]
    NameTooLong {
        /// The name.
        name: String,
    },
}
