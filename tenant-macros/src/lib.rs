//! The attributes [`#[tenant]`](macro@tenant) and [`#[shared]`](macro@shared), which say where the table of
//! a SeaORM entity lives. Applications take them from `tenant-core`, which re-exports them.
//!
//! ```ignore
//! #[tenant]
//! #[sea_orm::model]
//! #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
//! #[sea_orm(table_name = "note")]
//! pub struct Model {
//!     #[sea_orm(primary_key)]
//!     pub id: i32,
//!     pub title: String,
//! }
//! ```
//!
//! # Where the attribute goes
//!
//! | the entity is written as | the attribute goes on |
//! |---|---|
//! | dense: `#[sea_orm::model]`, `#[sea_orm::compact_model]` | `struct Model`, above or below `#[sea_orm::model]` |
//! | compact: `#[derive(DeriveEntityModel)]` alone | `struct Model` |
//! | expanded: `#[derive(DeriveEntity)] #[sea_orm(table_name = "...")]` | `struct Entity` |
//! | expanded: `EntityName` written by hand | `impl EntityName for Entity` |
//! | an enum that is a PostgreSQL type: `#[derive(DeriveActiveEnum)]` with `db_type = "Enum"` | the enum |
//!
//! It always goes above the derive: a derive reads `schema_name`, and that is what the attribute sets.
//!
//! # What it does
//!
//! - It sets the entity's `schema_name`: `"$tenant"`, which a `TenantConnection` replaces by the schema of
//!   its tenant, or the shared schema.
//! - It implements `TenantEntity` or `SharedEntity` (`TenantEnum`, `SharedEnum`).
//! - It registers the item with its scope, so that raw SQL, too, finds every table's schema.
//!
//! Everything else about the item stays as written. Misuse is a compile error that says what to write instead.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod ast;
mod attr;
mod expand;
mod valid;

use proc_macro::TokenStream;

use crate::attr::Scope;

/// Puts an entity's table, or an enum's PostgreSQL type, into the schema of every tenant.
///
/// ```ignore
/// #[tenant]
/// #[sea_orm::model]
/// #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #[sea_orm(table_name = "note")]
/// pub struct Model {
///     #[sea_orm(primary_key)]
///     pub id: i32,
///     pub mood: Mood,
/// }
///
/// #[tenant]
/// #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
/// #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "mood")]
/// pub enum Mood {
///     #[sea_orm(string_value = "happy")]
///     Happy,
/// }
/// ```
///
/// # Rules
/// - It takes no arguments and goes above the derive; the crate documentation has a table of the formats.
/// - The entity gives no `schema_name` of its own.
/// - An entity is either `#[tenant]` or `#[shared]`.
/// - An enum that is stored as text or as a number needs no attribute.
#[proc_macro_attribute]
pub fn tenant(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Scope::Tenant, args.into(), item.into()).into()
}

/// Puts an entity's table, or an enum's PostgreSQL type, into the shared schema, once for all tenants.
///
/// ```ignore
/// #[shared]
/// #[sea_orm::model]
/// #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #[sea_orm(table_name = "plan")]
/// pub struct Model {
///     #[sea_orm(primary_key)]
///     pub id: i32,
///     pub name: String,
/// }
/// ```
///
/// The shared schema is `public`; `#[shared(schema = "reference")]` names another.
///
/// # Rules
/// - All rules of `#[tenant]`, but for the argument `schema`: 1 to 63 ASCII letters, digits, `_` and `-`, and none
///   of PostgreSQL's own schemas.
/// - A shared entity cannot `BelongsTo` a tenant entity: no foreign key can point to a table that exists once per
///   tenant. A relation with `skip_fk` may. The dense format is checked at compile time, the others when the
///   registry is collected.
#[proc_macro_attribute]
pub fn shared(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Scope::Shared, args.into(), item.into()).into()
}
