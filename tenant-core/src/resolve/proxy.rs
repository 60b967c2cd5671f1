//! [`TrustedProxies`] and [`ForwardedHost`]: whose headers about a request's origin are believed.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;

use super::ResolveError;
use crate::host::{Host, HostError};

/// The peers whose headers are believed: reverse proxies and gateways in front of the application.
///
/// # Example
/// ```
/// use tenant_core::resolve::TrustedProxies;
///
/// let proxies = TrustedProxies::of(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])?;
/// assert!(proxies.contains("10.1.2.3".parse().expect("an address")));
/// # Ok::<(), tenant_core::resolve::ProxyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustedProxies(Peers);

#[derive(Debug, Clone)]
enum Peers {
    Every,
    Of(Vec<IpNet>),
}

impl TrustedProxies {
    /// Trusts these addresses and networks, such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// [`ProxyError`] if one of them is neither.
    pub fn of<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Self, ProxyError> {
        let networks = networks.into_iter().map(|text| network(text.as_ref()));
        networks.collect::<Result<_, _>>().map(|all| Self(Peers::Of(all)))
    }

    /// Trusts every peer. **Only for a server that nobody but the proxy can reach**, such as one on a Unix socket.
    #[must_use]
    pub fn every_peer() -> Self {
        Self(Peers::Every)
    }

    /// True if the peer at this address is trusted. An IPv4 address in IPv6 form counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, peer: IpAddr) -> bool {
        match &self.0 {
            Peers::Every => true,
            Peers::Of(networks) => {
                let peer = peer.to_canonical();
                networks.iter().any(|network| network.contains(&peer))
            }
        }
    }

    /// True if the peer is trusted.
    ///
    /// # Errors
    /// [`ResolveError::NoPeer`] if its address is needed and not known.
    pub(super) fn trust(&self, peer: Option<IpAddr>) -> Result<bool, ResolveError> {
        match (&self.0, peer) {
            (Peers::Every, _) => Ok(true),
            (Peers::Of(_), Some(peer)) => Ok(self.contains(peer)),
            (Peers::Of(_), None) => Err(ResolveError::NoPeer),
        }
    }
}

fn network(text: &str) -> Result<IpNet, ProxyError> {
    let address = IpAddr::from_str(text).map(IpNet::from);
    address
        .or_else(|_| IpNet::from_str(text))
        .map_err(|_| ProxyError(text.to_owned()))
}

/// Error of a text that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the trusted proxy {0:?} is neither an IP address nor a network: write it as 10.1.2.3 or 10.0.0.0/8")]
pub struct ProxyError(String);

/// The header in which the trusted proxy says which host the client asked for. There is one, because a proxy that sets
/// one of them lets the client's own value of the other pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardedHost {
    /// `X-Forwarded-Host: acme.example.com`
    XForwardedHost,
    /// `Forwarded: for=192.0.2.1;host=acme.example.com;proto=https` (RFC 7239)
    Forwarded,
}

impl ForwardedHost {
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::XForwardedHost => "x-forwarded-host",
            Self::Forwarded => "forwarded",
        }
    }

    /// Reads the host in the header's value. A list is refused, since its first host may be the client's own word.
    pub(super) fn parse(self, value: &str) -> Result<Option<Host>, HostError> {
        match self {
            Self::XForwardedHost => Host::parse(value).map(Some),
            Self::Forwarded => forwarded(value),
        }
    }
}

/// Reads `host` in an element of `Forwarded`, whose values are tokens or quoted strings.
fn forwarded(value: &str) -> Result<Option<Host>, HostError> {
    if value.contains(',') {
        return Err(HostError::NotOne);
    }
    let pairs = value.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut hosts = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let Some((_, host)) = hosts.next() else {
        return Ok(None);
    };
    if hosts.next().is_some() {
        return Err(HostError::NotOne);
    }
    let quoted = host.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Host::parse(quoted.unwrap_or(host)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_their_addresses_alone() {
        let proxies = TrustedProxies::of(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]).unwrap();
        for trusted in ["10.255.0.1", "192.0.2.7", "fd12::1", "::ffff:10.0.0.1"] {
            assert!(proxies.contains(peer(trusted)), "{trusted}");
        }
        for other in [
            "11.0.0.1",
            "192.0.2.8",
            "fe80::1",
            "::ffff:11.0.0.1",
            "::10.0.0.1",
        ] {
            assert!(!proxies.contains(peer(other)), "{other}");
        }
        assert!(!TrustedProxies::of([""; 0]).unwrap().contains(peer("127.0.0.1")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0", "*", "10.0.0.1:80"] {
            assert!(TrustedProxies::of([text]).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_peer_is_an_error_unless_every_peer_is_trusted() {
        let proxies = TrustedProxies::of(["10.0.0.0/8"]).unwrap();
        assert_eq!(proxies.trust(None), Err(ResolveError::NoPeer));
        assert_eq!(TrustedProxies::every_peer().trust(None), Ok(true));
    }

    #[test]
    fn forwarded_has_one_host() {
        let parse = |value| {
            ForwardedHost::Forwarded
                .parse(value)
                .map(|host| host.map(|host| host.to_string()))
        };
        for value in [
            "host=acme.example.com",
            "for=192.0.2.1; Host=ACME.example.com:443 ;proto=https",
            "for=\"[2001:db8::1]\";host=\"acme.example.com:443\"",
        ] {
            assert_eq!(
                parse(value).unwrap().as_deref(),
                Some("acme.example.com"),
                "{value}"
            );
        }
        assert_eq!(parse("for=192.0.2.1"), Ok(None));
        for value in [
            "host=a.example, host=b.example",
            "host=a.example;host=b.example",
            "host=",
            "host=\"a.example",
            "host=\"a\\.example\"",
            "host = a.example",
        ] {
            assert_ne!(
                parse(value).ok().flatten().as_deref(),
                Some("a.example"),
                "{value}"
            );
        }
    }
}
