//! Contents of attributes: the arguments of `#[tenant]` and `#[shared]`, the keys of `#[sea_orm(...)]`.

use std::fmt;

use proc_macro2::{Span, TokenStream};
use syn::{
    Attribute, Expr, Lit, LitStr, Path, Result, Token,
    ext::IdentExt as _,
    meta::ParseNestedMeta,
    parse::{ParseStream, Parser as _},
    spanned::Spanned as _,
};

/// Stands for the schema of the active tenant: `tenant_core::TENANT_MARKER`.
const TENANT_MARKER: &str = "$tenant";

/// The default of `#[shared]`: `tenant_core::SHARED_SCHEMA`.
pub(crate) const SHARED_SCHEMA: &str = "public";

/// The attribute: `#[tenant]` or `#[shared]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Tenant,
    Shared,
}

impl Scope {
    /// The scope an attribute gives, if it is one of ours. Its name decides: what the path leads to cannot be known.
    pub(crate) fn of(attr: &Attribute) -> Option<Self> {
        match last_segment(attr.path()).as_deref() {
            Some("tenant") => Some(Self::Tenant),
            Some("shared") => Some(Self::Shared),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenant => "#[tenant]",
            Self::Shared => "#[shared]",
        })
    }
}

/// The attribute as written.
pub(crate) struct Attr {
    pub(crate) scope: Scope,
    pub(crate) args: Args,
}

/// The arguments of the attribute, right or wrong.
pub(crate) enum Args {
    None,
    Schema(LitStr),
    Unknown(Span),
}

impl Attr {
    pub(crate) fn from_tokens(scope: Scope, args: TokenStream) -> Self {
        let span = args.span();
        let args = parse_args.parse2(args).unwrap_or(Args::Unknown(span));
        Self { scope, args }
    }

    /// The schema it puts the item into.
    pub(crate) fn schema(&self) -> String {
        match (self.scope, &self.args) {
            (Scope::Tenant, _) => TENANT_MARKER.to_owned(),
            (Scope::Shared, Args::Schema(schema)) => schema.value(),
            (Scope::Shared, _) => SHARED_SCHEMA.to_owned(),
        }
    }
}

fn parse_args(input: ParseStream<'_>) -> Result<Args> {
    mod key {
        syn::custom_keyword!(schema);
    }

    if input.is_empty() {
        return Ok(Args::None);
    }
    input.parse::<key::schema>()?;
    input.parse::<Token![=]>()?;
    let schema = input.parse()?;
    input.parse::<Option<Token![,]>>()?;
    Ok(Args::Schema(schema))
}

/// The keys of the `#[sea_orm(...)]` attributes of an item or a field, with their values.
#[derive(Default)]
pub(crate) struct Keys(Vec<(String, Option<Expr>)>);

impl Keys {
    /// Fails on what SeaORM's own derives cannot read either.
    pub(crate) fn of(attrs: &[Attribute]) -> Result<Self> {
        let mut keys = Self::default();
        for attr in attrs.iter().filter(|attr| is_sea_orm(attr)) {
            attr.parse_nested_meta(|meta| keys.read(&meta))?;
        }
        Ok(keys)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    /// The value of `key`, where it is a string.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key)?;
        match value {
            Some(Expr::Lit(literal)) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        }
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let value = if meta.input.peek(Token![=]) {
            Some(meta.value()?.parse()?)
        } else {
            skip_list(meta.input)?;
            None
        };
        self.0.extend(last_segment(&meta.path).map(|key| (key, value)));
        Ok(())
    }
}

/// Skips the list of a key such as `model_attrs(...)`.
fn skip_list(input: ParseStream<'_>) -> Result<()> {
    if input.peek(syn::token::Paren) {
        let list;
        syn::parenthesized!(list in input);
        list.parse::<TokenStream>()?;
    }
    Ok(())
}

pub(crate) fn is_sea_orm(attr: &Attribute) -> bool {
    attr.path().is_ident("sea_orm")
}

/// The name at the end of a path, without `r#`.
pub(crate) fn last_segment(path: &Path) -> Option<String> {
    path.segments
        .last()
        .map(|segment| segment.ident.unraw().to_string())
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn schema(scope: Scope, args: TokenStream) -> Option<String> {
        let attr = Attr::from_tokens(scope, args);
        (!matches!(attr.args, Args::Unknown(_))).then(|| attr.schema())
    }

    #[test]
    fn arguments() {
        assert_eq!(schema(Scope::Tenant, quote!()).as_deref(), Some("$tenant"));
        assert_eq!(schema(Scope::Shared, quote!()).as_deref(), Some("public"));
        for args in [quote!(schema = "reference"), quote!(schema = "reference",)] {
            assert_eq!(schema(Scope::Shared, args).as_deref(), Some("reference"));
        }
        for args in [
            quote!("reference"),
            quote!(schema),
            quote!(schema = reference),
            quote!(schema = "a", schema = "b"),
            quote!(table = "plan"),
        ] {
            assert_eq!(schema(Scope::Shared, args.clone()), None, "{args}");
        }
    }

    #[test]
    fn scope_of_an_attribute() {
        assert_eq!(Scope::of(&parse_quote!(#[tenant])), Some(Scope::Tenant));
        assert_eq!(
            Scope::of(&parse_quote!(#[::tenant_core::shared(schema = "x")])),
            Some(Scope::Shared)
        );
        assert_eq!(Scope::of(&parse_quote!(#[tenant::model])), None);
    }

    #[test]
    fn keys_of_all_attributes() {
        let keys = Keys::of(&[
            parse_quote!(#[sea_orm(table_name = "note", rename_all = "camelCase")]),
            parse_quote!(#[doc = "sea_orm"]),
            parse_quote!(#[sea_orm(model_attrs(serde(rename = "x")), table_iden, comment = 1 + 2)]),
        ])
        .unwrap();
        assert_eq!(keys.text("table_name").as_deref(), Some("note"));
        assert!(keys.has("table_iden") && keys.has("model_attrs") && keys.has("comment"));
        assert!(!keys.has("serde") && !keys.has("doc"));
        assert_eq!(keys.text("comment"), None);
        assert!(Keys::of(&[parse_quote!(#[sea_orm(table_name "note")])]).is_err());
    }
}
