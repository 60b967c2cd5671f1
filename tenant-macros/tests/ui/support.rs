//! What a program finds registered.

use tenant_core::{
    __private::{Registration, inventory},
    Registry, Scope,
};

/// The scopes of a table.
#[allow(dead_code)]
pub(crate) fn scopes(table: &str) -> Vec<Scope> {
    let registry = Registry::collect().unwrap();
    let scopes = registry.tables().filter(|(name, _)| *name == table);
    scopes.map(|(_, scope)| scope).collect()
}

/// The registrations of an item, such as `note::Entity`.
pub(crate) fn registrations(item: &str) -> Vec<String> {
    let end = format!("::{item}\"");
    let all = inventory::iter::<Registration>
        .into_iter()
        .map(|registration| format!("{registration:?}"));
    all.filter(|registration| registration.contains(&end)).collect()
}
