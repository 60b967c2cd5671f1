//! [`ByHost`] and [`BySubdomain`].

use super::{KeyKind, RequestHead, Resolve, ResolveError, Resolved, TenantKey};
use crate::host::{Host, HostError};

/// Finds the tenant by the request's host: the domain of that name, or else the wildcard domain one label above, such as
/// `*.example.com` for `acme.example.com`.
///
/// # Example
/// ```
/// use tenant_core::resolve::{ByHost, Resolver};
///
/// // Without domains of the customers' own, other hosts are refused before the catalog is asked.
/// let resolver = Resolver::new(ByHost::within(["example.com"])?);
/// # Ok::<(), tenant_core::HostError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ByHost {
    /// Empty for every host.
    bases: Vec<Host>,
}

impl ByHost {
    /// Looks every host up.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks up these hosts and those below them. Other hosts name no tenant: strangers can invent any number of them.
    ///
    /// # Errors
    /// [`HostError`] if one of them is no host name.
    pub fn within<T: AsRef<str>>(bases: impl IntoIterator<Item = T>) -> Result<Self, HostError> {
        let bases = bases.into_iter().map(|base| Host::parse(base.as_ref()));
        Ok(Self {
            bases: bases.collect::<Result<_, _>>()?,
        })
    }
}

impl Resolve for ByHost {
    fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError> {
        let host = head.host()?;
        let is_base = |base: &Host| *base == host || host.labels_below(base).is_some();
        let is_within = self.bases.is_empty() || self.bases.iter().any(is_base);
        Ok(is_within.then(|| TenantKey::Host(host).into()))
    }
}

/// Finds the tenant by one label in front of a domain: `acme` of `acme.example.com`.
///
/// The label is the name of the tenant's schema, or what [`kind`](Self::kind) says. The domain itself, hosts outside of
/// it and reserved labels name no tenant. `a.b.example.com` is refused.
///
/// # Example
/// ```
/// use tenant_core::resolve::{BySubdomain, NoTenant, Resolver};
///
/// let tenants = BySubdomain::of("example.com")?.reserved(["www", "api"]);
/// let resolver = Resolver::new(tenants).without_tenant(NoTenant::Public);
/// # Ok::<(), tenant_core::HostError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BySubdomain {
    base: Host,
    reserved: Vec<String>,
    kind: KeyKind,
}

impl BySubdomain {
    /// Reads the label in front of this domain.
    ///
    /// # Errors
    /// [`HostError`] if it is no host name.
    pub fn of(base: impl AsRef<str>) -> Result<Self, HostError> {
        Ok(Self {
            base: Host::parse(base.as_ref())?,
            reserved: Vec::new(),
            kind: KeyKind::default(),
        })
    }

    /// Sets labels that name no tenant, such as `www`. Refuse them at sign-up, too: [`can_name`](Self::can_name).
    #[must_use]
    pub fn reserved<T: AsRef<str>>(mut self, labels: impl IntoIterator<Item = T>) -> Self {
        let labels = labels
            .into_iter()
            .map(|label| label.as_ref().to_ascii_lowercase());
        self.reserved.extend(labels);
        self
    }

    /// Sets the meaning of the label. Default: [`KeyKind::Schema`].
    #[must_use]
    pub fn kind(mut self, kind: KeyKind) -> Self {
        self.kind = kind;
        self
    }

    /// True if a tenant with this name can be reached: the name is a label of a host, and not reserved. Ask it at sign-up:
    /// a schema may have underscores, and a label may not.
    ///
    /// # Example
    /// ```
    /// use tenant_core::resolve::BySubdomain;
    ///
    /// let resolver = BySubdomain::of("example.com")?.reserved(["www"]);
    /// assert!(resolver.can_name("acme-2"));
    /// assert!(!resolver.can_name("acme_2") && !resolver.can_name("WWW"));
    /// # Ok::<(), tenant_core::HostError>(())
    /// ```
    #[must_use]
    pub fn can_name(&self, name: &str) -> bool {
        let host = Host::parse(&format!("{name}.{}", self.base));
        let is_label = host.is_ok_and(|host| {
            host.labels_below(&self.base)
                .is_some_and(|label| !label.contains('.'))
        });
        is_label && !self.is_reserved(name) && self.kind.parse(name).is_ok()
    }

    fn is_reserved(&self, label: &str) -> bool {
        self.reserved
            .iter()
            .any(|reserved| reserved.eq_ignore_ascii_case(label))
    }
}

impl Resolve for BySubdomain {
    fn resolve(&self, head: &RequestHead<'_>) -> Result<Option<Resolved>, ResolveError> {
        let host = head.host()?;
        match host.labels_below(&self.base) {
            None => Ok(None),
            Some(label) if self.is_reserved(label) => Ok(None),
            Some(label) => self.kind.parse(label).map(|key| Some(key.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::resolver::tests::{head, key_of};

    fn host(text: &str) -> TenantKey {
        TenantKey::Host(Host::parse(text).unwrap())
    }

    #[test]
    fn a_host_within_the_bases_is_looked_up() {
        let all = ByHost::new();
        assert_eq!(
            key_of(&all, &head("any.example", "/")),
            Ok(Some(host("any.example")))
        );
        let within = ByHost::within(["example.com", "notes.test"]).unwrap();
        for known in ["example.com", "a.example.com", "a.b.example.com", "NOTES.test:80"] {
            assert_eq!(
                key_of(&within, &head(known, "/")),
                Ok(Some(host(known))),
                "{known}"
            );
        }
        for other in ["evilexample.com", "example.com.evil.com", "com", "127.0.0.1"] {
            assert_eq!(key_of(&within, &head(other, "/")), Ok(None), "{other}");
        }
        assert!(key_of(&within, &head("a..b", "/")).is_err());
    }

    #[test]
    fn one_label_below_the_domain_names_a_tenant() {
        let resolver = BySubdomain::of("Example.com").unwrap().reserved(["WWW", "api"]);
        let acme = KeyKind::Schema.parse("acme").unwrap();
        for known in ["acme.example.com", "ACME.EXAMPLE.COM.", "acme.example.com:8000"] {
            assert_eq!(
                key_of(&resolver, &head(known, "/")),
                Ok(Some(acme.clone())),
                "{known}"
            );
        }
        for none in [
            "example.com",
            "www.example.com",
            "Api.example.com",
            "evilexample.com",
            "acme.example.com.evil.com",
        ] {
            assert_eq!(key_of(&resolver, &head(none, "/")), Ok(None), "{none}");
        }
        for refused in ["a.acme.example.com", "public.example.com", "www.acme.example.com"] {
            let refusal = key_of(&resolver, &head(refused, "/"));
            assert_eq!(refusal, Err(ResolveError::NoSuchTenant), "{refused}");
        }
        for (name, can) in [
            ("acme", true),
            ("Acme-2", true),
            ("acme_2", false),
            ("www", false),
            ("a.b", false),
            ("public", false),
            ("", false),
        ] {
            assert_eq!(resolver.can_name(name), can, "{name}");
        }
        let slugs = resolver.kind(KeyKind::Slug);
        let slug = TenantKey::Slug(Host::parse("acme").unwrap());
        assert_eq!(key_of(&slugs, &head("acme.example.com", "/")), Ok(Some(slug)));
    }
}
