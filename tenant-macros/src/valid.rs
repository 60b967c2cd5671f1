//! Validation. Each error says what to write instead. All errors are reported at once.

use proc_macro2::Span;
use syn::{Error, ImplItem, Item, ItemImpl, LitStr, Result};

use crate::{
    ast::{Input, Kind},
    attr::{Args, Attr, SHARED_SCHEMA, Scope},
};

/// The longest identifier that PostgreSQL keeps: `tenant_core::MAX_IDENTIFIER_BYTES`.
const MAX_IDENTIFIER_BYTES: usize = 63;

impl Input {
    pub(crate) fn validate(&self, attr: &Attr) -> Result<()> {
        all([
            attr.validate(),
            self.has_one_scope(attr.scope),
            self.is_readable(),
            self.is_for(attr.scope),
            self.has_no_schema(attr.scope),
        ])
    }

    fn has_one_scope(&self, scope: Scope) -> Result<()> {
        match self
            .rivals
            .iter()
            .find(|rival| **rival != scope)
            .or(self.rivals.first())
        {
            None => Ok(()),
            Some(rival) if *rival == scope => error(format!("`{scope}` is written twice: keep one")),
            Some(_) => error(
                "`#[tenant]` and `#[shared]` exclude each other: keep `#[tenant]` if every tenant has its own, \
                 or `#[shared]` if there is one for all",
            ),
        }
    }

    fn is_readable(&self) -> Result<()> {
        self.keys.as_ref().map(drop).map_err(Clone::clone)
    }

    fn is_for(&self, scope: Scope) -> Result<()> {
        match self.kind {
            Kind::Model => self.has_table(
                "without `#[sea_orm(table_name = \"...\")]`, `DeriveEntityModel` makes no entity: write it below the \
                 derive; if `Entity` is written by hand, move the attribute to `impl EntityName for Entity`",
            ),
            Kind::Entity => self.has_table(
                "without `#[sea_orm(table_name = \"...\")]`, the entity's name comes from its `EntityName`: move the \
                 attribute to `impl EntityName for Entity`",
            ),
            Kind::ActiveEnum => self.is_a_type(scope),
            Kind::ModelEx | Kind::EntityName => Ok(()),
            Kind::BelowDerive(derive) => error(format!(
                "`#[derive({derive})]` has run before `{scope}` could name the schema: move `{scope}` above `#[derive({derive})]`"
            )),
            Kind::Other => error(format!(
                "`{scope}` is for SeaORM entities and enums: write it above `#[derive(DeriveEntityModel)]`, \
                 `#[derive(DeriveEntity)]` or `#[derive(DeriveActiveEnum)]`, or on `impl EntityName`"
            )),
        }
    }

    fn has_table(&self, message: &str) -> Result<()> {
        if self.lacks_table() {
            return error(message);
        }
        Ok(())
    }

    fn is_a_type(&self, scope: Scope) -> Result<()> {
        match &self.keys {
            Ok(keys) if keys.text("enum_name").is_some_and(|name| name.contains('.')) => error(format!(
                "`enum_name` is the name of the type alone, without a dot: `{scope}` sets its schema"
            )),
            Ok(keys) if keys.text("db_type").as_deref() != Some("Enum") => error(format!(
                "only an enum with `db_type = \"Enum\"` is a PostgreSQL type that lives in a schema; this one is stored \
                 as text or a number: remove `{scope}`"
            )),
            _ => Ok(()),
        }
    }

    fn has_no_schema(&self, scope: Scope) -> Result<()> {
        let instead = match scope {
            Scope::Tenant => "",
            Scope::Shared => ", or give the schema as `#[shared(schema = \"...\")]`",
        };
        match &self.item {
            Item::Impl(item) if self.kind == Kind::EntityName && has_schema_name(item) => error(format!(
                "`{scope}` writes `fn schema_name`: remove yours{instead}"
            )),
            Item::Struct(_) if self.has("schema_name") => error(format!(
                "`{scope}` sets the schema: remove `schema_name` from `#[sea_orm(...)]`{instead}"
            )),
            _ => Ok(()),
        }
    }
}

impl Attr {
    fn validate(&self) -> Result<()> {
        match (self.scope, &self.args) {
            (_, Args::None) => Ok(()),
            (Scope::Shared, Args::Schema(schema)) => validate_schema(schema),
            (Scope::Shared, Args::Unknown(span)) => Err(Error::new(
                *span,
                "write `#[shared]` or `#[shared(schema = \"...\")]`",
            )),
            (Scope::Tenant, Args::Schema(_) | Args::Unknown(_)) => error(
                "`#[tenant]` takes no arguments, because the tenant decides the schema: write `#[tenant]`, or \
                 `#[shared(schema = \"...\")]` for a table that all tenants share",
            ),
        }
    }
}

/// The rules of `tenant_core::SchemaName`.
fn validate_schema(schema: &LitStr) -> Result<()> {
    let name = schema.value();
    if name.is_empty() || name.len() > MAX_IDENTIFIER_BYTES {
        return Err(Error::new(schema.span(), "a schema name has 1 to 63 bytes"));
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    {
        return Err(Error::new(
            schema.span(),
            "a schema name has ASCII letters, digits, `_` and `-` only",
        ));
    }
    if is_reserved(&name) {
        return Err(Error::new(
            schema.span(),
            "`pg_...`, `information_schema` and `public` in another case are no schemas for tables of your own",
        ));
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("pg_")
        || lower == "information_schema"
        || (lower == SHARED_SCHEMA && name != SHARED_SCHEMA)
}

fn has_schema_name(item: &ItemImpl) -> bool {
    let is_schema_name =
        |item: &ImplItem| matches!(item, ImplItem::Fn(item) if item.sig.ident == "schema_name");
    item.items.iter().any(is_schema_name)
}

/// An error that points at the attribute.
fn error(message: impl std::fmt::Display) -> Result<()> {
    Err(Error::new(Span::call_site(), message))
}

fn all<const N: usize>(checks: [Result<()>; N]) -> Result<()> {
    let errors = checks.into_iter().filter_map(Result::err);
    let error = errors.reduce(|mut all, error| {
        all.combine(error);
        all
    });
    error.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::*;

    fn errors(scope: Scope, args: TokenStream, item: TokenStream) -> Vec<String> {
        let attr = Attr::from_tokens(scope, args);
        match Input::from_tokens(item).validate(&attr) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.to_string()).collect(),
        }
    }

    fn schema_is_valid(name: &str) -> bool {
        let item = quote!(impl EntityName for Entity {});
        errors(Scope::Shared, quote!(schema = #name), item).is_empty()
    }

    #[test]
    fn all_errors_are_reported() {
        let errors = errors(
            Scope::Tenant,
            quote!(schema = "acme"),
            quote! {
                #[shared]
                #[derive(DeriveEntityModel)]
                #[sea_orm(schema_name = "acme")]
                struct Model {}
            },
        );
        assert_eq!(errors.len(), 4, "{errors:#?}");
    }

    #[test]
    fn what_sea_orm_cannot_read_is_an_error() {
        let item = quote!(
            #[derive(DeriveEntityModel)]
            #[sea_orm(table_name "note")]
            struct Model {}
        );
        assert_eq!(errors(Scope::Tenant, quote!(), item).len(), 1);
    }

    /// The same names as in `tenant-core/src/schema_name.rs`.
    #[test]
    fn schema_names() {
        for name in [
            "public",
            "reference",
            "A",
            "0",
            "_",
            "-",
            "a-b_c9",
            &"a".repeat(63),
        ] {
            assert!(schema_is_valid(name), "{name:?} was refused");
        }
        for name in [
            "",
            &"a".repeat(64),
            &"é".repeat(40),
            "pg_x",
            "PG_x",
            "information_schema",
            "Information_Schema",
            "Public",
            "$user",
            "$tenant",
            "a b",
            "a.b",
            "a\"b",
            "a'b",
            "a;",
            "a\n",
            "a\0",
            "é",
        ] {
            assert!(!schema_is_valid(name), "{name:?} was accepted");
        }
    }
}
