//! [`Manifest`]: the tenant's data of the catalog, as a file.

use std::{collections::BTreeSet, str::FromStr};

use serde_json::{Map, Value, json};
use tenant_core::{Domain, Host, HostError, SchemaName, TenantStatus};

/// Version of the export's format. It changes if older versions of this library would read a new export wrongly.
pub(super) const FORMAT: u64 = 1;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    /// Major version of the server.
    pub(super) server: u32,
    pub(super) schema: SchemaName,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) status: TenantStatus,
    pub(super) metadata: Value,
    pub(super) domains: Vec<Domain>,
    /// The primary one of `domains`, if there are any.
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
            "schema": self.schema.as_str(),
            "name": self.name,
            "kind": self.kind,
            "status": self.status.as_str(),
            "metadata": self.metadata,
            "domains": domains,
            "primary_domain": self.primary.as_ref().map(Host::as_str),
            "applied": self.applied,
        });
        format!("{value:#}\n")
    }

    /// Parses a manifest. Everything in it is checked, because the file may come from anywhere.
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let value: Value = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        let fields = Fields(value.as_object().ok_or_else(|| invalid(&"it is not an object"))?);
        let format = fields.get("format")?;
        if format.as_u64() != Some(FORMAT) {
            return Err(ParseError::UnknownFormat(format.to_string()));
        }
        let manifest = Self {
            server: fields.number("server_version")?,
            schema: SchemaName::for_tenant(fields.text("schema")?).map_err(|error| invalid(&error))?,
            name: fields.text("name")?.to_owned(),
            kind: fields.text("kind")?.to_owned(),
            status: fields.status()?,
            metadata: fields.get("metadata")?.clone(),
            domains: fields
                .texts("domains")?
                .into_iter()
                .map(parse)
                .collect::<Result<_, _>>()?,
            primary: fields.primary()?,
            applied: fields.texts("applied")?.into_iter().map(str::to_owned).collect(),
        };
        manifest.check_domains()?;
        Ok(manifest)
    }

    fn check_domains(&self) -> Result<(), ParseError> {
        let distinct: BTreeSet<_> = self.domains.iter().map(Domain::as_str).collect();
        if distinct.len() < self.domains.len() {
            return Err(invalid(&"a domain is listed twice"));
        }
        match &self.primary {
            Some(primary) if !self.domains.contains(&primary.into()) => {
                Err(invalid(&"the primary domain is not among the domains"))
            }
            _ => Ok(()),
        }
    }
}

struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Result<&'a Value, ParseError> {
        let missing = || ParseError::Invalid(format!("it has no `{name}`"));
        self.0.get(name).ok_or_else(missing)
    }

    fn text(&self, name: &str) -> Result<&'a str, ParseError> {
        let invalid = || ParseError::Invalid(format!("`{name}` is not a text"));
        self.get(name)?.as_str().ok_or_else(invalid)
    }

    fn number(&self, name: &str) -> Result<u32, ParseError> {
        let invalid = || ParseError::Invalid(format!("`{name}` is not a version"));
        let number = self.get(name)?.as_u64().ok_or_else(invalid)?;
        u32::try_from(number).map_err(|_| invalid())
    }

    fn texts(&self, name: &str) -> Result<Vec<&'a str>, ParseError> {
        let invalid = || ParseError::Invalid(format!("`{name}` is not a list of texts"));
        let values = self.get(name)?.as_array().ok_or_else(invalid)?;
        values
            .iter()
            .map(|value| value.as_str().ok_or_else(invalid))
            .collect()
    }

    /// Returns the status, which must be a complete tenant's.
    fn status(&self) -> Result<TenantStatus, ParseError> {
        let status = self.text("status")?.parse().map_err(|error| invalid(&error))?;
        match is_complete(status) {
            true => Ok(status),
            false => Err(ParseError::Invalid(format!(
                "the status is {status}, which only an incomplete tenant has"
            ))),
        }
    }

    fn primary(&self) -> Result<Option<Host>, ParseError> {
        match self.get("primary_domain")? {
            Value::Null => Ok(None),
            _ => parse(self.text("primary_domain")?).map(Some),
        }
    }
}

/// True if a tenant with the status is complete.
pub(super) fn is_complete(status: TenantStatus) -> bool {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    matches!(status, Active | Suspended | Maintenance | Archived)
}

/// Parses a host, or also a wildcard.
fn parse<T: FromStr<Err = HostError>>(text: &str) -> Result<T, ParseError> {
    let not_a_host = |error| ParseError::Invalid(format!("the domain {text:?} is invalid: {error}"));
    text.parse().map_err(not_a_host)
}

fn invalid(problem: &dyn ToString) -> ParseError {
    ParseError::Invalid(problem.to_string())
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
