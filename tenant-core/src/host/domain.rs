//! [`Domain`]: a domain in the catalog.

use std::{fmt, str::FromStr};

use super::{Host, HostError};

/// A domain of a tenant in the catalog: a host, or a wildcard for each host one label below one, such as `*.example.com`.
///
/// A request's host finds the domain of its own name first. A wildcard does not stand for `example.com` itself, nor for
/// `a.b.example.com`.
///
/// # Example
/// ```
/// use tenant_core::{Domain, HostError};
///
/// let all: Domain = "*.ACME.com".parse()?;
/// assert_eq!(all.as_str(), "*.acme.com");
/// assert!(all.is_wildcard());
/// assert!("*.*.com".parse::<Domain>().is_err());
/// # Ok::<(), HostError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

/// The label that stands for any other.
const WILDCARD: &str = "*.";

/// The longest domain, in bytes: the length of the catalog's column.
const MAX_DOMAIN_BYTES: usize = 253;

impl Domain {
    /// Parses a host, or a wildcard in front of one.
    ///
    /// # Errors
    /// [`HostError`] if it is neither.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let Some(base) = text.strip_prefix(WILDCARD) else {
            return Host::parse(text).map(Self::from);
        };
        let domain = format!("{WILDCARD}{}", Host::parse(base)?);
        if domain.len() > MAX_DOMAIN_BYTES {
            return Err(HostError::TooLong);
        }
        Ok(Self(domain.into()))
    }

    /// Returns the name, with the wildcard.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for a wildcard.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(WILDCARD)
    }
}

impl From<Host> for Domain {
    fn from(host: Host) -> Self {
        Self::from(&host)
    }
}

impl From<&Host> for Domain {
    fn from(host: &Host) -> Self {
        Self(host.as_str().into())
    }
}

impl From<&Domain> for Domain {
    fn from(domain: &Domain) -> Self {
        domain.clone()
    }
}

impl FromStr for Domain {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_the_first_label_alone() {
        assert!(Domain::parse("*.Example.com.").unwrap().is_wildcard());
        assert!(!Domain::parse("acme.example.com").unwrap().is_wildcard());
        let longest = format!("{}com", "a.".repeat(125));
        assert!(Domain::parse(&longest).is_ok());
        let long = format!("*.{longest}");
        for text in [
            "", "*", "*.", "*.*.com", "a.*.com", "a*.com", "*a.com", "**.com", "*.a..b", " *.com", &long,
        ] {
            assert!(Domain::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn parsing_again_changes_nothing() {
        for text in ["*.A.b", "A.b.:80"] {
            let once = Domain::parse(text).unwrap();
            assert_eq!(Domain::parse(once.as_str()).unwrap(), once);
        }
    }
}
