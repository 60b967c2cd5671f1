//! [`TenantKey`]: the name of a tenant in a request.

use super::ResolveError;
use crate::{host::Host, schema_name::SchemaName, tenant::TenantId};

/// The name of a tenant in a request, before the look-up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TenantKey {
    /// A host: the domain of that name, or else the wildcard domain one label above, such as `*.example.com`.
    Host(Host),
    /// A schema. Case does not matter.
    Schema(SchemaName),
    /// An id of the catalog.
    Id(TenantId),
    /// A domain of the catalog by its exact name, such as the label `acme`. Wildcard domains do not answer.
    Slug(Host),
}

/// Meaning of the text by which a path, a header or a subdomain names a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum KeyKind {
    /// The name of the tenant's schema.
    #[default]
    Schema,
    /// The tenant's id.
    Id,
    /// A domain of the tenant that is one label, such as `acme`. It can be changed, and a schema's name cannot.
    Slug,
}

impl KeyKind {
    /// Reads a text as a key. Nothing is decoded, so a tenant has one spelling, apart from case. No text names the
    /// public tenant.
    ///
    /// # Errors
    /// [`ResolveError::NoSuchTenant`] if no tenant can have this name.
    ///
    /// # Example
    /// ```
    /// use tenant_core::resolve::{KeyKind, TenantKey};
    /// use tenant_core::TenantId;
    ///
    /// assert_eq!(KeyKind::Id.parse("7"), Ok(TenantKey::Id(TenantId(7))));
    /// assert!(KeyKind::Schema.parse("public").is_err());
    /// ```
    pub fn parse(self, text: &str) -> Result<TenantKey, ResolveError> {
        let key = match self {
            Self::Schema => SchemaName::for_tenant(text).ok().map(TenantKey::Schema),
            Self::Id => id(text).map(TenantKey::Id),
            Self::Slug => slug(text).map(TenantKey::Slug),
        };
        key.ok_or(ResolveError::NoSuchTenant)
    }
}

/// Takes digits alone, without a zero in front: `+7`, `07` and `7` would be three spellings of one tenant.
fn id(text: &str) -> Option<TenantId> {
    let id: i64 = text.parse().ok()?;
    (id >= 0 && id.to_string() == text).then_some(TenantId(id))
}

fn slug(text: &str) -> Option<Host> {
    let is_label = !text.contains(['.', ':']);
    is_label.then(|| Host::parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_reads_its_own_names() {
        let schema = SchemaName::new("acme").unwrap();
        assert_eq!(KeyKind::Schema.parse("ACME"), Ok(TenantKey::Schema(schema)));
        assert_eq!(KeyKind::Id.parse("12"), Ok(TenantKey::Id(TenantId(12))));
        let host = Host::parse("acme").unwrap();
        assert_eq!(KeyKind::Slug.parse("Acme"), Ok(TenantKey::Slug(host)));
    }

    #[test]
    fn what_no_tenant_can_be_called_is_refused() {
        for text in [
            "", "a b", "a.b", "%61cme", "a/b", "é", "a\0", "pg_x", "public", "Public", "$tenant", "a\"b",
        ] {
            assert_eq!(
                KeyKind::Schema.parse(text),
                Err(ResolveError::NoSuchTenant),
                "{text}"
            );
        }
        for text in [
            "",
            "-1",
            "+1",
            "01",
            " 1",
            "1 ",
            "1.0",
            "9223372036854775808",
            "acme",
        ] {
            assert_eq!(KeyKind::Id.parse(text), Err(ResolveError::NoSuchTenant), "{text}");
        }
        for text in ["", "a.b", "a:80", "a.", "-a", "a_b", "*", "é"] {
            assert_eq!(
                KeyKind::Slug.parse(text),
                Err(ResolveError::NoSuchTenant),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_id_has_one_spelling(text in "[-+ 0-9]{0,20}") {
            if let Ok(TenantKey::Id(id)) = KeyKind::Id.parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn no_text_is_read_as_another_name(text in ".{0,70}") {
            if let Ok(TenantKey::Schema(schema)) = KeyKind::Schema.parse(&text) {
                prop_assert_eq!(schema.as_str(), text.clone());
            }
            if let Ok(TenantKey::Slug(host)) = KeyKind::Slug.parse(&text) {
                prop_assert_eq!(host.as_str(), text.to_ascii_lowercase());
            }
        }
    }
}
