//! [`Head`]: parts of a request that the application reads itself.

use crate::{error::AppError, pages::Port};

/// Parts of a request that the application reads itself.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The authority of the request's target, or else the `Host` header.
    pub authority: Option<&'a str>,
    /// The header `Origin`.
    pub origin: Option<&'a [u8]>,
    /// The header `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<&'a [u8]>,
    /// The header `Authorization`.
    pub authorization: Option<&'a [u8]>,
}

impl Head<'_> {
    /// Returns the port in the request's authority, for links to the sites of tenants.
    pub fn port(&self) -> Port {
        Port::of(self.authority)
    }

    /// Refuses requests that a browser sends for a page of another site, including another tenant's site. It needs no
    /// token in forms: <https://words.filippo.io/csrf/>
    ///
    /// # Errors
    /// [`AppError::CrossSite`].
    pub fn check_same_site(&self) -> Result<(), AppError> {
        match self.is_safe() || self.is_same_origin() {
            true => Ok(()),
            false => Err(AppError::CrossSite),
        }
    }

    fn is_safe(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS")
    }

    /// Browsers since 2023 send `Sec-Fetch-Site`, older ones `Origin`. What sends neither is no browser.
    fn is_same_origin(&self) -> bool {
        match self.sec_fetch_site {
            Some(site) => matches!(site, b"same-origin" | b"none"),
            None => self.origin.is_none_or(|origin| self.is_own(origin)),
        }
    }

    fn is_own(&self, origin: &[u8]) -> bool {
        let origin = str::from_utf8(origin).ok();
        let host = origin.and_then(|origin| {
            origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"))
        });
        host.is_some() && host == self.authority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(method: &str, site: Option<&str>, origin: Option<&str>) -> bool {
        let head = Head {
            method,
            authority: Some("acme.localhost:8000"),
            origin: origin.map(str::as_bytes),
            sec_fetch_site: site.map(str::as_bytes),
            authorization: None,
        };
        head.check_same_site().is_err()
    }

    #[test]
    fn a_browser_says_where_a_form_was() {
        for (site, is_wrong) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("", true),
            ("Same-Origin", true),
        ] {
            assert_eq!(is_refused("POST", Some(site), None), is_wrong, "{site}");
            assert_eq!(
                is_refused("DELETE", Some(site), Some("http://acme.localhost:8000")),
                is_wrong,
                "{site}"
            );
            assert!(!is_refused("GET", Some(site), None), "{site}");
        }
    }

    #[test]
    fn an_older_browser_names_the_origin() {
        for (origin, is_wrong) in [
            ("http://acme.localhost:8000", false),
            ("https://acme.localhost:8000", false),
            ("http://acme.localhost", true),
            ("http://globex.localhost:8000", true),
            ("http://acme.localhost:8000.evil.example", true),
            ("http://acme.localhost:8000/", true),
            ("acme.localhost:8000", true),
            ("file://acme.localhost:8000", true),
            ("null", true),
            ("", true),
        ] {
            assert_eq!(is_refused("POST", None, Some(origin)), is_wrong, "{origin}");
        }
        assert!(!is_refused("POST", None, None));
    }

    #[test]
    fn a_request_without_a_host_has_no_origin_of_its_own() {
        let head = Head {
            method: "POST",
            authority: None,
            origin: Some(b"null"),
            sec_fetch_site: None,
            authorization: None,
        };
        assert!(head.check_same_site().is_err());
    }
}
