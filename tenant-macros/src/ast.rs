//! The item below the attribute.

use proc_macro2::{Span, TokenStream};
use syn::{
    Attribute, Field, GenericArgument, Ident, Item, ItemStruct, Path, PathArguments, Result, Token, Type,
    parse_quote, punctuated::Punctuated,
};

use crate::attr::{Keys, Scope, last_segment};

/// The item below the attribute, and its role for SeaORM.
pub(crate) struct Input {
    /// The item, without the rivals.
    pub(crate) item: Item,
    /// The scopes that further attributes of ours on the same item give.
    pub(crate) rivals: Vec<Scope>,
    pub(crate) keys: Result<Keys>,
    pub(crate) kind: Kind,
}

/// Role of an item for SeaORM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `struct Model` in the dense or the compact format. Its derive writes `Entity`.
    Model,
    /// The second struct that `#[sea_orm::model]` writes, with all attributes of `Model` that stand below it, ours
    /// among them. It alone keeps the relations.
    ModelEx,
    /// `struct Entity` in the expanded format.
    Entity,
    /// `impl EntityName for Entity` in the expanded format.
    EntityName,
    ActiveEnum,
    /// This derive is gone, but its attribute is there: a derive above ours has run before us.
    BelowDerive(&'static str),
    Other,
}

impl Input {
    pub(crate) fn from_tokens(tokens: TokenStream) -> Self {
        let mut item = syn::parse2(tokens.clone()).unwrap_or(Item::Verbatim(tokens));
        let mut none = Vec::new();
        let attrs = attrs_mut(&mut item).unwrap_or(&mut none);
        let rivals = take_rivals(attrs);
        let derives = derives(attrs);
        let keys = Keys::of(attrs);
        let kind = Kind::of(&item, &derives, keys.as_ref().unwrap_or(&Keys::default()));
        Self {
            item,
            rivals,
            keys,
            kind,
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.as_ref().is_ok_and(|keys| keys.has(key))
    }

    /// True if the keys can be read and have no table name.
    pub(crate) fn lacks_table(&self) -> bool {
        self.keys.as_ref().is_ok_and(|keys| !keys.has("table_name"))
    }

    /// Returns the entity or enum that the item is or creates.
    pub(crate) fn target(&self) -> Option<Type> {
        match (&self.item, self.kind) {
            (_, Kind::Model) => Some(ident_type(&Ident::new("Entity", Span::call_site()))),
            (Item::Struct(item), Kind::Entity) => Some(ident_type(&item.ident)),
            (Item::Enum(item), Kind::ActiveEnum) => Some(ident_type(&item.ident)),
            (Item::Impl(item), Kind::EntityName) => Some((*item.self_ty).clone()),
            _ => None,
        }
    }

    /// The fields that put a foreign key into the table, as far as the item shows them: with
    /// `#[sea_orm::compact_model]`, enum `Relation` has the keys.
    pub(crate) fn references(&self) -> Vec<Reference<'_>> {
        match &self.item {
            Item::Struct(item) if !self.has("compact_model") && !has_compact_model(item) => {
                item.fields.iter().filter_map(Reference::of).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Kind {
    fn of(item: &Item, derives: &[String], keys: &Keys) -> Self {
        let derives = |name: &str| derives.iter().any(|derive| derive == name);
        match item {
            Item::Struct(_) if derives("DeriveEntityModel") => Self::Model,
            Item::Struct(_) if derives("DeriveEntity") => Self::Entity,
            Item::Struct(item) => Self::of_underived(item, derives("DeriveModelEx"), keys),
            Item::Enum(_) if derives("DeriveActiveEnum") => Self::ActiveEnum,
            Item::Enum(_) if keys.has("db_type") => Self::BelowDerive("DeriveActiveEnum"),
            Item::Impl(item)
                if item
                    .trait_
                    .as_ref()
                    .is_some_and(|(_, path, _)| is_entity_name(path)) =>
            {
                Self::EntityName
            }
            _ => Self::Other,
        }
    }

    fn of_underived(item: &ItemStruct, is_model_ex: bool, keys: &Keys) -> Self {
        let has_table = keys.has("table_name");
        match item.ident.to_string().as_str() {
            "ModelEx" if is_model_ex || has_table => Self::ModelEx,
            "Model" if has_table || keys.has("model_ex") => Self::BelowDerive("DeriveEntityModel"),
            _ if has_table => Self::BelowDerive("DeriveEntity"),
            _ => Self::Other,
        }
    }
}

/// A field that belongs to another entity.
pub(crate) struct Reference<'a> {
    /// The entity it belongs to.
    pub(crate) target: &'a Type,
    pub(crate) cfgs: Vec<&'a Attribute>,
}

impl<'a> Reference<'a> {
    fn of(field: &'a Field) -> Option<Self> {
        let keys = Keys::of(&field.attrs).unwrap_or_default();
        let (wrapper, entity) = wrapped(&field.ty)?;
        let belongs_to = wrapper == "BelongsTo" || keys.has("belongs_to");
        (belongs_to && !keys.has("skip_fk")).then(|| Self {
            target: unoptional(entity),
            cfgs: field
                .attrs
                .iter()
                .filter(|attr| attr.path().is_ident("cfg"))
                .collect(),
        })
    }
}

/// `Wrapper` and `T` of `path::Wrapper<T>`.
fn wrapped(ty: &Type) -> Option<(&Ident, &Type)> {
    let Type::Path(ty) = ty else { return None };
    let segment = ty.path.segments.last()?;
    let PathArguments::AngleBracketed(args) = &segment.arguments else {
        return None;
    };
    match args.args.first()? {
        GenericArgument::Type(inner) => Some((&segment.ident, inner)),
        _ => None,
    }
}

fn unoptional(ty: &Type) -> &Type {
    match wrapped(ty) {
        Some((wrapper, inner)) if wrapper == "Option" => inner,
        _ => ty,
    }
}

/// The attributes of the kinds of items that the attribute can be for.
fn attrs_mut(item: &mut Item) -> Option<&mut Vec<Attribute>> {
    match item {
        Item::Struct(item) => Some(&mut item.attrs),
        Item::Enum(item) => Some(&mut item.attrs),
        Item::Impl(item) => Some(&mut item.attrs),
        _ => None,
    }
}

/// True if `#[sea_orm::compact_model]` stands below the attribute.
fn has_compact_model(item: &ItemStruct) -> bool {
    let is_compact_model = |attr: &Attribute| last_segment(attr.path()).as_deref() == Some("compact_model");
    item.attrs.iter().any(is_compact_model)
}

fn take_rivals(attrs: &mut Vec<Attribute>) -> Vec<Scope> {
    let rivals = attrs.iter().filter_map(Scope::of).collect();
    attrs.retain(|attr| Scope::of(attr).is_none());
    rivals
}

/// The names of the derives, without their paths.
fn derives(attrs: &[Attribute]) -> Vec<String> {
    let derives = attrs.iter().filter(|attr| attr.path().is_ident("derive"));
    derives
        .filter_map(|attr| {
            attr.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)
                .ok()
        })
        .flatten()
        .filter_map(|path| last_segment(&path))
        .collect()
}

fn is_entity_name(path: &Path) -> bool {
    last_segment(path).as_deref() == Some("EntityName")
}

fn ident_type(ident: &Ident) -> Type {
    parse_quote!(#ident)
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens as _, quote};

    use super::*;

    fn kind(tokens: TokenStream) -> Kind {
        Input::from_tokens(tokens).kind
    }

    #[test]
    fn kinds_of_items() {
        assert_eq!(
            kind(quote!(
                #[derive(Clone, sea_orm::DeriveEntityModel)]
                struct Model {}
            )),
            Kind::Model
        );
        assert_eq!(
            kind(quote!(
                #[derive(DeriveEntity)]
                struct Note;
            )),
            Kind::Entity
        );
        assert_eq!(
            kind(quote!(impl sea_orm::EntityName for Note {})),
            Kind::EntityName
        );
        assert_eq!(
            kind(quote!(
                #[derive(DeriveActiveEnum)]
                enum Mood {}
            )),
            Kind::ActiveEnum
        );
        for other in [
            quote!(
                #[derive(Clone)]
                struct Model {}
            ),
            quote!(
                enum Mood {}
            ),
            quote!(impl Note {}),
            quote!(impl Clone for Note {}),
            quote!(
                fn note() {}
            ),
            quote!(not an item),
        ] {
            assert_eq!(kind(other.clone()), Kind::Other, "{other}");
        }
    }

    /// Items after their derives have run.
    #[test]
    fn below_the_derive() {
        for (item, derive) in [
            (
                quote!(
                    #[sea_orm(table_name = "note")]
                    struct Model {}
                ),
                "DeriveEntityModel",
            ),
            (
                quote!(
                    #[sea_orm(model_ex)]
                    struct Model {}
                ),
                "DeriveEntityModel",
            ),
            (
                quote!(
                    #[sea_orm(table_name = "note")]
                    struct Note;
                ),
                "DeriveEntity",
            ),
            (
                quote!(
                    #[sea_orm(db_type = "Enum")]
                    enum Mood {}
                ),
                "DeriveActiveEnum",
            ),
        ] {
            assert_eq!(kind(item), Kind::BelowDerive(derive));
        }
    }

    /// `#[sea_orm::model]` keeps `table_name` on both structs, and the derives of each.
    #[test]
    fn the_second_struct_of_the_dense_format() {
        assert_eq!(
            kind(quote!(
                #[derive(Clone, DeriveModelEx)]
                struct ModelEx {}
            )),
            Kind::ModelEx
        );
        assert_eq!(
            kind(quote!(
                #[sea_orm(table_name = "note")]
                struct ModelEx {}
            )),
            Kind::ModelEx
        );
        assert_eq!(
            kind(quote!(
                struct ModelEx {}
            )),
            Kind::Other
        );
    }

    #[test]
    fn rivals_are_taken_from_the_item() {
        let input = Input::from_tokens(quote! {
            #[doc = "x"]
            #[shared(schema = "reference")]
            #[sea_orm::model]
            #[tenant_core::tenant]
            struct Model {}
        });
        assert_eq!(input.rivals, [Scope::Shared, Scope::Tenant]);
        let item = input.item.to_token_stream().to_string();
        assert_eq!(
            item,
            quote!(
                #[doc = "x"]
                #[sea_orm::model]
                struct Model {}
            )
            .to_string()
        );
    }

    fn targets(tokens: TokenStream) -> Vec<String> {
        let input = Input::from_tokens(tokens);
        let references = input.references();
        references
            .iter()
            .map(|reference| reference.target.to_token_stream().to_string())
            .collect()
    }

    #[test]
    fn references_of_a_dense_model() {
        let targets = targets(quote! {
            #[sea_orm::model]
            struct Model {
                a_id: i32,
                #[sea_orm(belongs_to, from = "a_id", to = "id")]
                a: BelongsTo<A>,
                b: sea_orm::BelongsTo<Option<B>>,
                #[sea_orm(belongs_to, from = "c_id", to = "id")]
                c: HasOne<C>,
                #[sea_orm(belongs_to, from = "d_id", to = "id", skip_fk)]
                d: BelongsTo<D>,
                #[sea_orm(has_many)]
                e: HasMany<E>,
                #[sea_orm(has_one)]
                f: HasOne<F>,
                g: Option<G>,
                h: [u8; 2],
            }
        });
        assert_eq!(targets, ["A", "B", "C"]);
    }

    #[test]
    fn references_of_a_compact_model_are_not_in_its_fields() {
        let field = quote!({ a: BelongsTo<A> });
        assert!(targets(quote!(#[sea_orm::compact_model] struct Model #field)).is_empty());
        assert!(targets(quote!(#[sea_orm(compact_model)] struct ModelEx #field)).is_empty());
    }
}
