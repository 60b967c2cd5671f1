//! [`Host`]: the host name of a request or of a domain in the catalog, in one form.

use std::{fmt, str::FromStr, sync::Arc};

/// The longest host name, in bytes (RFC 1035, section 2.3.4, without the root's dot and length).
const MAX_HOST_BYTES: usize = 253;
/// The longest label, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// A host name in the form that is stored and compared: ASCII, lower case, no port, no dot at the end.
///
/// Domains are registered through the same function that reads requests, so that no two spellings of one
/// host can name two tenants. Names outside ASCII are registered in their `xn--` form, which is what
/// browsers send; nothing is decoded or mapped.
///
/// # Example
/// ```
/// use tenant_core::{Host, HostError};
///
/// let host: Host = "ACME.Example.com.:443".parse()?;
/// assert_eq!(host.as_str(), "acme.example.com");
/// # Ok::<(), HostError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Arc<str>);

impl Host {
    /// Parses an authority: a host name with or without a port.
    ///
    /// # Errors
    /// [`HostError`] if it is not a host name.
    pub fn parse(authority: &str) -> Result<Self, HostError> {
        let name = without_port(authority)?;
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() {
            return Err(HostError::Empty);
        }
        if name.len() > MAX_HOST_BYTES {
            return Err(HostError::TooLong);
        }
        name.split('.').try_for_each(check_label)?;
        Ok(Self(name.to_ascii_lowercase().into()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the labels in front of `base`: `acme` of `acme.example.com` below `example.com`.
    pub(crate) fn labels_below(&self, base: &Self) -> Option<&str> {
        self.0.strip_suffix(base.as_str())?.strip_suffix('.')
    }

    /// Returns the name one label above: `example.com` of `acme.example.com`.
    pub(crate) fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, parent)| parent)
    }
}

fn without_port(authority: &str) -> Result<&str, HostError> {
    match authority.split_once(':') {
        None => Ok(authority),
        Some((name, port)) if is_port(port) => Ok(name),
        Some(_) => Err(HostError::Port),
    }
}

fn is_port(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.len() <= 5 && text.parse::<u16>().is_ok()
}

/// Checks for letters, digits and inner hyphens (RFC 5890, section 2.3.1).
fn check_label(label: &str) -> Result<(), HostError> {
    let letters = label
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let hyphens = label.starts_with('-') || label.ends_with('-');
    if label.is_empty() || label.len() > MAX_LABEL_BYTES || !letters || hyphens {
        return Err(HostError::Label);
    }
    Ok(())
}

/// Error of a text that is not a host name. It does not repeat the text, which any client can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The name is empty.
    #[error("the host is empty")]
    Empty,
    /// The name is longer than 253 bytes.
    #[error("the host is longer than {MAX_HOST_BYTES} bytes")]
    TooLong,
    /// The text after the colon is not a port.
    #[error("the host has a port that is no number from 0 to 65535")]
    Port,
    /// A label is empty, too long, or has characters that host names do not have.
    #[error(
        "the host has a label that is not made of 1 to {MAX_LABEL_BYTES} ASCII letters, digits and inner hyphens"
    )]
    Label,
    /// The request has no host, or more than one.
    #[error("the request does not have exactly one host")]
    NotOne,
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({})", self.0)
    }
}

impl AsRef<str> for Host {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_host_are_equal() {
        for text in [
            "acme.example.com",
            "ACME.Example.com",
            "acme.example.com.",
            "acme.example.com:443",
            "acme.example.com.:80",
        ] {
            assert_eq!(Host::parse(text).unwrap().as_str(), "acme.example.com");
        }
        assert_eq!(Host::parse("localhost:8000").unwrap().as_str(), "localhost");
        assert_eq!(
            Host::parse("xn--bcher-kva.example").unwrap().as_str(),
            "xn--bcher-kva.example"
        );
    }

    /// threats.md, section 4.
    #[test]
    fn what_is_no_host_is_refused() {
        let label = format!("{}.example.com", "a".repeat(64));
        let name = format!("{}.com", vec!["a"; 126].join("."));
        let long = "a.".repeat(32 * 1024);
        for text in [
            "",
            " ",
            ".",
            "..",
            "a..b",
            ".acme.example.com",
            "acme.example.com:",
            ":80",
            "acme.example.com:99999",
            "acme.example.com:-1",
            "acme.example.com:+1",
            "acme.example.com:80:80",
            "acme.example.com: evil.com",
            "example.com@evil.tld",
            "a:b@example.com",
            "example.com:80/badpath",
            "acme.example.com?x",
            "acme.example.com#x",
            "acme.example.com\\evil",
            "acme example.com",
            "a\tb",
            "a\0b",
            "a\r\nX: y",
            "acme%00.example.com",
            "acme_1.example.com",
            "-a.example.com",
            "a-.example.com",
            "xn--",
            "xn--example-.org",
            "*.example.com",
            "<script>",
            "acme'--.example.com",
            &label,
            &name,
            &long,
            "[::1",
            "::1",
            "[::1]",
            "[::1]x",
            "bücher.example",
            "example.com..",
            "a.com, b.com",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn labels_end_at_dots() {
        let host = |text| Host::parse(text).unwrap();
        let base = host("example.com");
        assert_eq!(host("acme.example.com").labels_below(&base), Some("acme"));
        assert_eq!(host("a.b.example.com").labels_below(&base), Some("a.b"));
        for other in ["example.com", "evilexample.com", "example.com.evil.com", "com"] {
            assert_eq!(host(other).labels_below(&base), None, "{other}");
        }
        assert_eq!(host("a.b.example.com").parent(), Some("b.example.com"));
        assert_eq!(host("localhost").parent(), None);
    }

    #[test]
    fn parsing_again_changes_nothing() {
        for text in ["A.b", "a.b.:1", "1.2.3.4", "a--b.c"] {
            let once = Host::parse(text).unwrap();
            assert_eq!(Host::parse(once.as_str()).unwrap(), once);
        }
    }
}
