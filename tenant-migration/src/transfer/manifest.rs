//! [`Manifest`]: the tenant's data of the catalog, as a file.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Value, json};
use tenant_core::{Domain, Host, HostError, SchemaName, TenantStatus};

/// Version of the export's format. It changes if older versions of this library would read a new export wrongly.
pub(super) const FORMAT: u64 = 1;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Manifest {
    /// Major version of the server.
    #[serde(rename = "server_version")]
    pub(super) server: u32,
    pub(super) schema: SchemaName,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) status: TenantStatus,
    pub(super) metadata: Value,
    #[serde(deserialize_with = "domains")]
    pub(super) domains: Vec<Domain>,
    /// The primary one of `domains`, if there are any.
    #[serde(rename = "primary_domain", deserialize_with = "host")]
    pub(super) primary: Option<Host>,
    /// Names of the applied migrations.
    pub(super) applied: BTreeSet<String>,
}

/// Error of a text that is not a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParseError {
    UnknownFormat(String),
    Invalid(String),
}

impl Manifest {
    pub(super) fn to_text(&self) -> String {
        let domains: Vec<_> = self.domains.iter().map(Domain::as_str).collect();
        let value = json!({
            "format": FORMAT,
            "server_version": self.server,
            "schema": self.schema,
            "name": self.name,
            "kind": self.kind,
            "status": self.status,
            "metadata": self.metadata,
            "domains": domains,
            "primary_domain": self.primary.as_ref().map(Host::as_str),
            "applied": self.applied,
        });
        format!("{value:#}\n")
    }

    /// Parses a manifest. Everything in it is checked, because the file may come from anywhere.
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let invalid = |error: serde_json::Error| ParseError::Invalid(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(invalid)?;
        match value.get("format") {
            None => return Err(ParseError::Invalid("it has no `format`".to_owned())),
            Some(format) if *format != json!(FORMAT) => {
                return Err(ParseError::UnknownFormat(format.to_string()));
            }
            Some(_) => {}
        }
        let manifest: Self = serde_json::from_value(value).map_err(invalid)?;
        match manifest.problem() {
            None => Ok(manifest),
            Some(problem) => Err(ParseError::Invalid(problem)),
        }
    }

    /// Returns what no export writes.
    fn problem(&self) -> Option<String> {
        let distinct: BTreeSet<_> = self.domains.iter().map(Domain::as_str).collect();
        if let Err(error) = SchemaName::for_tenant(&self.schema) {
            return Some(error.to_string());
        }
        if !is_complete(self.status) {
            return Some(format!(
                "the status is {}, which only an incomplete tenant has",
                self.status
            ));
        }
        if distinct.len() < self.domains.len() {
            return Some("a domain is listed twice".to_owned());
        }
        let primary = self.primary.as_ref()?;
        let is_listed = self
            .domains
            .iter()
            .any(|domain| domain.as_str() == primary.as_str());
        (!is_listed).then(|| "the primary domain is not among the domains".to_owned())
    }
}

fn domains<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Domain>, D::Error> {
    let domains = Vec::<String>::deserialize(input)?;
    domains.iter().map(|domain| parse(domain)).collect()
}

fn host<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Host>, D::Error> {
    let domain = Option::<String>::deserialize(input)?;
    domain.as_deref().map(parse).transpose()
}

/// Parses a host, or a domain, which may also be a wildcard.
fn parse<T: FromStr<Err = HostError>, E: Error>(domain: &str) -> Result<T, E> {
    let invalid = |error| E::custom(format!("the domain {domain:?} is invalid: {error}"));
    domain.parse().map_err(invalid)
}

/// True if a tenant with the status is complete.
pub(super) fn is_complete(status: TenantStatus) -> bool {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    matches!(status, Active | Suspended | Maintenance | Archived)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let domains = ["a.example.com", "b.example.com", "*.b.example.com"];
        Manifest {
            server: 15,
            schema: SchemaName::new("Acme-1").unwrap(),
            name: "Acme \"Inc.\"".to_owned(),
            kind: "trial".to_owned(),
            status: TenantStatus::Archived,
            metadata: json!({"plan": ["free", null]}),
            primary: Some(Host::parse(domains[1]).unwrap()),
            domains: domains.map(|domain| Domain::parse(domain).unwrap()).into(),
            applied: ["m1".to_owned(), "m2".to_owned()].into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = manifest();
        assert_eq!(Manifest::parse(&manifest.to_text()), Ok(manifest));
    }

    #[test]
    fn every_field_is_checked() {
        let good: Value = serde_json::from_str(&manifest().to_text()).unwrap();
        for (field, value) in [
            ("schema", json!("public")),
            ("schema", json!("pg_catalog")),
            ("schema", json!("../acme")),
            ("schema", json!("a\".b")),
            ("schema", json!("")),
            ("schema", json!(1)),
            ("name", json!(null)),
            ("status", json!("dropping")),
            ("status", json!("pending")),
            ("status", json!("provisioning")),
            ("status", json!("other")),
            ("domains", json!(["a b"])),
            (
                "domains",
                json!(["a.example.com", "a.example.com", "b.example.com"]),
            ),
            ("domains", json!("a.example.com")),
            ("domains", json!(["*.*.com", "b.example.com"])),
            ("primary_domain", json!("c.example.com")),
            ("primary_domain", json!("*.b.example.com")),
            ("applied", json!([1])),
            ("server_version", json!(-1)),
            ("server_version", json!(1_u64 << 40)),
        ] {
            let mut bad = good.clone();
            bad[field] = value.clone();
            let read = Manifest::parse(&bad.to_string());
            assert!(
                matches!(read, Err(ParseError::Invalid(_))),
                "{field} {value}: {read:?}"
            );
            bad.as_object_mut().unwrap().remove(field);
            assert!(Manifest::parse(&bad.to_string()).is_err(), "{field}");
        }
        for format in [json!(2), json!("1"), json!(null)] {
            let mut other = good.clone();
            other["format"] = format;
            let read = Manifest::parse(&other.to_string());
            assert!(matches!(read, Err(ParseError::UnknownFormat(_))), "{read:?}");
        }
        for text in ["", "[]", "{}", "{"] {
            assert!(Manifest::parse(text).is_err(), "{text}");
        }
    }
}
