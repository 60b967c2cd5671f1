//! [`Port`]: the port in the request's authority.

use std::fmt;

/// The port in the request's authority. Displayed as `:8000`, or as nothing if the request named no port.
#[derive(Debug, Clone, Copy)]
pub struct Port(Option<u16>);

impl Port {
    pub(crate) fn of(authority: Option<&str>) -> Self {
        let port = authority.and_then(|authority| authority.rsplit_once(':'));
        Self(port.and_then(|(_, port)| port.parse().ok()))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}
