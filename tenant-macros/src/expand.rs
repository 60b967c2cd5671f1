//! Expansion of the attributes.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Attribute, Error, Item, ItemStruct, Meta, parse_quote};

use crate::{
    ast::{Input, Kind, Reference},
    attr::{Args, Attr, Keys, Scope, is_sea_orm},
};

pub(crate) fn attribute(scope: Scope, args: TokenStream, item: TokenStream) -> TokenStream {
    let attr = Attr::from_tokens(scope, args);
    let input = Input::from_tokens(item);
    match input.validate(&attr) {
        Ok(()) => expand(&attr, input),
        Err(error) => fallback(&attr, input, &error),
    }
}

fn expand(attr: &Attr, mut input: Input) -> TokenStream {
    let checks = reference_checks(attr.scope, &input.references());
    let marker = marker(attr.scope, &input);
    let registration = registration(attr, &input);
    set_schema(&mut input.item, &attr.schema());
    let item = &input.item;
    quote! {
        #item
        #marker
        #registration
        #checks
    }
}

/// The item as it was, and what other code needs of it: the error is to be the only one.
fn fallback(attr: &Attr, mut input: Input, error: &Error) -> TokenStream {
    let scopes = [Scope::Tenant, Scope::Shared].into_iter();
    let markers: TokenStream = scopes
        .filter(|scope| *scope == attr.scope || input.rivals.contains(scope))
        .filter_map(|scope| marker(scope, &input))
        .collect();
    name_table(&mut input);
    // `#[sea_orm::model]` put the attribute on both of its structs, and the other one reports the error.
    let error = (input.kind != Kind::ModelEx).then(|| error.to_compile_error());
    let item = &input.item;
    quote! {
        #item
        #markers
        #error
    }
}

/// `impl TenantEntity for Entity {}` and the like.
fn marker(scope: Scope, input: &Input) -> Option<TokenStream> {
    let target = input.target()?;
    let marker = match (scope, input.kind) {
        (Scope::Tenant, Kind::ActiveEnum) => quote!(TenantEnum),
        (Scope::Tenant, _) => quote!(TenantEntity),
        (Scope::Shared, Kind::ActiveEnum) => quote!(SharedEnum),
        (Scope::Shared, _) => quote!(SharedEntity),
    };
    Some(quote! {
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl ::tenant_core::#marker for #target {}
    })
}

fn registration(attr: &Attr, input: &Input) -> Option<TokenStream> {
    let target = input.target()?;
    let scope = match attr.scope {
        Scope::Tenant => quote!(::tenant_core::__private::Scope::Tenant),
        Scope::Shared => quote!(::tenant_core::__private::Scope::Shared),
    };
    let name = format!("::{}", target.to_token_stream());
    let path = quote!(::core::concat!(::core::module_path!(), #name));
    let registration = match input.kind {
        Kind::ActiveEnum => {
            let schema = given_schema(&attr.args);
            quote!(enum_type::<#target>(#scope, #path, #schema))
        }
        _ => quote!(table::<#target>(#scope, #path)),
    };
    Some(quote! {
        ::tenant_core::__private::inventory::submit! {
            ::tenant_core::__private::Registration::#registration
        }
    })
}

fn given_schema(args: &Args) -> TokenStream {
    match args {
        Args::Schema(schema) => quote!(::core::option::Option::Some(#schema)),
        Args::None | Args::Unknown(_) => quote!(::core::option::Option::None),
    }
}

/// Makes the entity name its schema. A type has no place for it: the registry knows.
fn set_schema(item: &mut Item, schema: &str) {
    match item {
        Item::Struct(item) => set_schema_name(item, schema),
        Item::Impl(item) => item.items.push(parse_quote! {
            fn schema_name(&self) -> ::core::option::Option<&str> {
                ::core::option::Option::Some(#schema)
            }
        }),
        _ => {}
    }
}

/// Next to `table_name`, since `DeriveEntity` reads one attribute only.
fn set_schema_name(item: &mut ItemStruct, schema: &str) {
    let attr = item.attrs.iter_mut().find(|attr| names_table(attr));
    if let Some(Meta::List(list)) = attr.map(|attr| &mut attr.meta) {
        let keys = &list.tokens;
        list.tokens = quote!(schema_name = #schema, #keys);
    }
}

fn names_table(attr: &Attribute) -> bool {
    is_sea_orm(attr) && Keys::of(std::slice::from_ref(attr)).is_ok_and(|keys| keys.has("table_name"))
}

/// Without a name there would be no `Entity`, and an error for each of its uses.
fn name_table(input: &mut Input) {
    if input.kind == Kind::Model
        && input.lacks_table()
        && let Item::Struct(item) = &mut input.item
    {
        item.attrs.push(parse_quote!(#[sea_orm(table_name = "")]));
    }
}

/// A shared table has foreign keys to shared tables only. The errors point at the attribute.
fn reference_checks(scope: Scope, references: &[Reference<'_>]) -> TokenStream {
    match scope {
        Scope::Tenant => TokenStream::new(),
        Scope::Shared => references.iter().map(reference_check).collect(),
    }
}

fn reference_check(reference: &Reference<'_>) -> TokenStream {
    let Reference { target, cfgs } = reference;
    let span = Span::call_site();
    let target = located_at(span, target.to_token_stream());
    quote_spanned! {span=>
        #(#cfgs)*
        const _: () = {
            const fn shared_entity_belongs_to<E: ::tenant_core::SharedEntity>() {}
            shared_entity_belongs_to::<#target>()
        };
    }
}

/// The tokens, with the meaning they have in their own place.
fn located_at(span: Span, tokens: TokenStream) -> TokenStream {
    tokens.into_iter().map(|tree| locate_at(span, tree)).collect()
}

fn locate_at(span: Span, mut tree: TokenTree) -> TokenTree {
    let own = tree.span();
    if let TokenTree::Group(group) = &tree {
        tree = Group::new(group.delimiter(), located_at(span, group.stream())).into();
    }
    tree.set_span(span.resolved_at(own));
    tree
}
