//! [`request_host`]: the host of a request, by RFC 9112 section 3.2 and RFC 9113 section 8.3.1.
//!
//! Only the request's own authority counts. Any client can write `Forwarded` and `X-Forwarded-Host`.

use super::{Host, HostError};

/// Returns the host of a request with this authority in its target and these `Host` headers.
///
/// HTTP/2 has the host in `:authority`, HTTP/1.1 in one `Host` header or, for a proxy, in the target. If both are
/// there, they must name the same host: a cache in front that reads the other one would serve one tenant's page at
/// another's address.
///
/// # Errors
/// [`HostError`] if there is no host, more than one, or a malformed one.
pub(crate) fn request_host<'a>(
    authority: Option<&str>,
    headers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Host, HostError> {
    let authority = authority.map(Host::parse).transpose()?;
    match (authority, header(headers)?) {
        (Some(authority), Some(header)) if authority != header => Err(HostError::NotOne),
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(HostError::NotOne),
    }
}

fn header<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Host>, HostError> {
    let mut headers = headers.into_iter();
    let Some(value) = headers.next() else {
        return Ok(None);
    };
    if headers.next().is_some() {
        return Err(HostError::NotOne);
    }
    let text = std::str::from_utf8(value).map_err(|_| HostError::Label)?;
    Host::parse(text).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(authority: Option<&str>, headers: &[&str]) -> Result<String, HostError> {
        let headers = headers.iter().map(|header| header.as_bytes());
        request_host(authority, headers).map(|host| host.to_string())
    }

    #[test]
    fn the_authority_or_the_one_header_decides() {
        assert_eq!(host(None, &["A.example:80"]).as_deref(), Ok("a.example"));
        assert_eq!(
            host(Some("a.example"), &["a.example:80"]).as_deref(),
            Ok("a.example")
        );
        assert_eq!(host(Some("a.example:443"), &[]).as_deref(), Ok("a.example"));
    }

    #[test]
    fn none_several_or_contradicting_hosts_are_refused() {
        assert_eq!(host(None, &[]), Err(HostError::NotOne));
        assert_eq!(host(None, &["a.example", "a.example"]), Err(HostError::NotOne));
        assert_eq!(host(Some("b.example"), &["a.example"]), Err(HostError::NotOne));
        assert!(host(Some("user@a.example"), &[]).is_err());
        assert!(host(None, &["a.example, b.example"]).is_err());
    }
}
