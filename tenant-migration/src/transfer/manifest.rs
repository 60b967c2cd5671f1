//! [`Manifest`]: what the catalog has of a tenant, as a file.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tenant_core::{Host, SchemaName, TenantStatus};

/// The format of an export, which changes where an older version would read it wrong.
pub(super) const FORMAT: u64 = 1;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    /// The major version of the server.
    pub(super) server: u32,
    pub(super) schema: SchemaName,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) status: TenantStatus,
    pub(super) metadata: Value,
    pub(super) domains: Vec<Host>,
    /// One of them, if there are any.
    pub(super) primary: Option<Host>,
    /// The migrations that are applied.
    pub(super) applied: BTreeSet<String>,
}

/// Why a text is no manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Format(String),
    Problem(String),
}

impl Manifest {
    pub(super) fn to_text(&self) -> String {
        let domains: Vec<_> = self.domains.iter().map(Host::as_str).collect();
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

    /// Nothing in the text is believed: it may come from anywhere.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let value: Value = serde_json::from_str(text).map_err(|error| problem(&error))?;
        let fields = Fields(value.as_object().ok_or_else(|| problem(&"it is no object"))?);
        let format = fields.get("format")?;
        if format.as_u64() != Some(FORMAT) {
            return Err(Unreadable::Format(format.to_string()));
        }
        let manifest = Self {
            server: fields.number("server_version")?,
            schema: SchemaName::for_tenant(fields.text("schema")?).map_err(|error| problem(&error))?,
            name: fields.text("name")?.to_owned(),
            kind: fields.text("kind")?.to_owned(),
            status: fields.status()?,
            metadata: fields.get("metadata")?.clone(),
            domains: fields
                .texts("domains")?
                .into_iter()
                .map(host)
                .collect::<Result<_, _>>()?,
            primary: fields.primary()?,
            applied: fields.texts("applied")?.into_iter().map(str::to_owned).collect(),
        };
        manifest.check_domains()?;
        Ok(manifest)
    }

    fn check_domains(&self) -> Result<(), Unreadable> {
        let distinct: BTreeSet<_> = self.domains.iter().map(Host::as_str).collect();
        if distinct.len() < self.domains.len() {
            return Err(problem(&"a domain is there twice"));
        }
        match &self.primary {
            Some(primary) if !self.domains.contains(primary) => {
                Err(problem(&"the primary domain is none of the domains"))
            }
            _ => Ok(()),
        }
    }
}

struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Result<&'a Value, Unreadable> {
        let missing = || Unreadable::Problem(format!("it has no `{name}`"));
        self.0.get(name).ok_or_else(missing)
    }

    fn text(&self, name: &str) -> Result<&'a str, Unreadable> {
        let other = || Unreadable::Problem(format!("`{name}` is no text"));
        self.get(name)?.as_str().ok_or_else(other)
    }

    fn number(&self, name: &str) -> Result<u32, Unreadable> {
        let other = || Unreadable::Problem(format!("`{name}` is no version"));
        let number = self.get(name)?.as_u64().ok_or_else(other)?;
        u32::try_from(number).map_err(|_| other())
    }

    fn texts(&self, name: &str) -> Result<Vec<&'a str>, Unreadable> {
        let other = || Unreadable::Problem(format!("`{name}` is no list of texts"));
        let values = self.get(name)?.as_array().ok_or_else(other)?;
        values
            .iter()
            .map(|value| value.as_str().ok_or_else(other))
            .collect()
    }

    /// One that a whole tenant can be in.
    fn status(&self) -> Result<TenantStatus, Unreadable> {
        let status = self.text("status")?.parse().map_err(|error| problem(&error))?;
        match is_whole(status) {
            true => Ok(status),
            false => Err(Unreadable::Problem(format!(
                "a tenant that is {status} is not exported"
            ))),
        }
    }

    fn primary(&self) -> Result<Option<Host>, Unreadable> {
        match self.get("primary_domain")? {
            Value::Null => Ok(None),
            _ => host(self.text("primary_domain")?).map(Some),
        }
    }
}

/// Whether a tenant in a status is complete.
pub(super) fn is_whole(status: TenantStatus) -> bool {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    matches!(status, Active | Suspended | Maintenance | Archived)
}

fn host(text: &str) -> Result<Host, Unreadable> {
    let no_host = |error| Unreadable::Problem(format!("{text:?} is no host name: {error}"));
    Host::parse(text).map_err(no_host)
}

fn problem(problem: &dyn ToString) -> Unreadable {
    Unreadable::Problem(problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let hosts = ["a.example.com", "b.example.com"].map(|host| Host::parse(host).unwrap());
        Manifest {
            server: 15,
            schema: SchemaName::new("Acme-1").unwrap(),
            name: "Acme \"Inc.\"".to_owned(),
            kind: "trial".to_owned(),
            status: TenantStatus::Archived,
            metadata: json!({"plan": ["free", null]}),
            primary: Some(hosts[1].clone()),
            domains: hosts.into(),
            applied: ["m1".to_owned(), "m2".to_owned()].into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = manifest();
        assert_eq!(Manifest::parse(&manifest.to_text()), Ok(manifest));
    }

    #[test]
    fn nothing_is_believed() {
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
            ("primary_domain", json!("c.example.com")),
            ("applied", json!([1])),
            ("server_version", json!(-1)),
            ("server_version", json!(1_u64 << 40)),
        ] {
            let mut bad = good.clone();
            bad[field] = value.clone();
            let read = Manifest::parse(&bad.to_string());
            assert!(
                matches!(read, Err(Unreadable::Problem(_))),
                "{field} {value}: {read:?}"
            );
            bad.as_object_mut().unwrap().remove(field);
            assert!(Manifest::parse(&bad.to_string()).is_err(), "{field}");
        }
        for format in [json!(2), json!("1"), json!(null)] {
            let mut other = good.clone();
            other["format"] = format;
            let read = Manifest::parse(&other.to_string());
            assert!(matches!(read, Err(Unreadable::Format(_))), "{read:?}");
        }
        for text in ["", "[]", "{}", "{"] {
            assert!(Manifest::parse(text).is_err(), "{text}");
        }
    }
}
