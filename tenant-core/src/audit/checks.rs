//! The checks of an audit: from the objects of the database to findings.

use super::{
    expected::Expected,
    facts::{Facts, SchemaObjects},
    finding::{Finding, ReferenceKind, SchemaFinding},
    functions::{Function, schemas_of},
    references::Reference,
    schemas::{Owner, Schemas},
};
use crate::{
    catalog,
    schema_name::{SHARED_SCHEMA, SchemaName},
};

/// Returns the findings of all checks, sorted.
pub(super) fn check_all(facts: &Facts, expected: &Expected) -> Vec<SchemaFinding> {
    let mut checks = Checks {
        facts,
        expected,
        findings: Vec::new(),
    };
    checks.tenants();
    checks.namespaces();
    checks.allowed();
    checks.extensions();
    checks.functions();
    checks.session_changes();
    checks.references();
    checks.both_scopes();
    if expected.has_entities() {
        checks.missing();
        checks.unknown_objects();
    }
    checks.findings.sort();
    checks.findings
}

struct Checks<'a> {
    facts: &'a Facts,
    expected: &'a Expected,
    findings: Vec<SchemaFinding>,
}

impl Checks<'_> {
    fn add(&mut self, schema: &str, finding: Finding) {
        self.findings.push(SchemaFinding::new(schema, finding));
    }

    fn schemas(&self) -> &Schemas {
        &self.facts.schemas
    }

    fn tenants(&mut self) {
        for tenant in &self.facts.schemas.tenants {
            if let Err(error) = SchemaName::for_tenant(tenant) {
                let reason = error.to_string();
                self.add(tenant, Finding::InvalidSchemaName { reason });
            }
            if !self.schemas().namespaces.contains_key(tenant) {
                self.add(tenant, Finding::MissingSchema);
            }
        }
    }

    fn namespaces(&mut self) {
        for (name, space) in &self.facts.schemas.namespaces {
            let owner = self.schemas().owner(name);
            match (owner, self.facts.schemas.tenant_like(name)) {
                (Owner::Tenant, _) => {}
                (_, Some(tenant)) => self.add(
                    name,
                    Finding::CaseTwin {
                        tenant: tenant.to_owned(),
                    },
                ),
                (Owner::Unknown, None) => self.add(name, Finding::UnknownSchema),
                (Owner::Shared, None) => {}
            }
            if space.everyone_creates && owner != Owner::Unknown {
                self.add(name, Finding::EveryoneCreates);
            }
        }
    }

    fn allowed(&mut self) {
        for schema in self.expected.schemas() {
            if let Some(tenant) = self.facts.schemas.tenant_like(schema) {
                self.add(tenant, Finding::AllowedTenantSchema);
            }
        }
    }

    fn extensions(&mut self) {
        for extension in &self.facts.extensions {
            if self.schemas().owner(&extension.schema) == Owner::Tenant {
                let name = extension.name.clone();
                self.add(&extension.schema, Finding::TenantExtension { extension: name });
            }
        }
    }

    fn functions(&mut self) {
        for function in &self.facts.functions {
            if self.schemas().owner(&function.schema) == Owner::Unknown {
                continue;
            }
            if let Some(finding) = self.function(function) {
                self.add(&function.schema, finding);
            }
        }
    }

    fn session_changes(&mut self) {
        for change in &self.facts.session_changes {
            if self.schemas().owner(&change.schema) != Owner::Unknown {
                let function = change.name.clone();
                self.add(&change.schema, Finding::SessionChange { function });
            }
        }
    }

    fn function(&self, function: &Function) -> Option<Finding> {
        let security_definer = function.is_security_definer;
        let name = function.name.clone();
        let Some(path) = &function.path else {
            return Some(Finding::UnpinnedFunction {
                function: name,
                security_definer,
                commits: function.commits,
            });
        };
        let leads_elsewhere = |schema: &String| {
            let is_tenant = self.schemas().owner(schema) == Owner::Tenant;
            schema == "$user" || (is_tenant && *schema != function.schema)
        };
        let elsewhere = schemas_of(path).into_iter().find(leads_elsewhere)?;
        Some(Finding::PinnedElsewhere {
            function: name,
            security_definer,
            elsewhere,
        })
    }

    fn references(&mut self) {
        for reference in &self.facts.references {
            if self.leads_out(reference) {
                let finding = Finding::Reference {
                    kind: ReferenceKind::of(&reference.kind),
                    object: reference.object.clone(),
                    target: reference.target.clone(),
                    target_schema: reference.target_schema.clone(),
                };
                self.add(&reference.schema, finding);
            }
        }
    }

    /// True for a reference into a tenant's schema, or from a known schema into an unknown one.
    fn leads_out(&self, reference: &Reference) -> bool {
        let target = self.schemas().owner(&reference.target_schema);
        target == Owner::Tenant || self.schemas().owner(&reference.schema) != Owner::Unknown
    }

    fn both_scopes(&mut self) {
        let shared = &self.facts.objects(SHARED_SCHEMA).relations;
        for tenant in self.facts.schemas.present_tenants() {
            for table in self.facts.objects(tenant).relations.intersection(shared) {
                if !self.expected.is_ledger(table) {
                    let table = table.clone();
                    self.add(tenant, Finding::TableInBothScopes { table });
                }
            }
        }
    }

    /// Finds tables and types that an entity or an enum has and the database has not.
    fn missing(&mut self) {
        for (table, home) in self.expected.registry().table_homes() {
            let table = table.to_owned();
            let has = |objects: &SchemaObjects| objects.relations.contains(&table);
            for schema in self.without(home, has) {
                let table = table.clone();
                self.add(&schema, Finding::MissingTable { table });
            }
        }
        for (name, home) in self.expected.registry().type_homes() {
            let name = name.to_owned();
            let has = |objects: &SchemaObjects| objects.enums.contains(&name);
            for schema in self.without(home, has) {
                let name = name.clone();
                self.add(&schema, Finding::MissingType { name });
            }
        }
    }

    /// Returns the schemas that lack something: the home schema, or those of tenants if the home is `None`.
    fn without(&self, home: Option<&str>, has: impl Fn(&SchemaObjects) -> bool) -> Vec<String> {
        let homes: Vec<_> = match home {
            Some(schema) => vec![schema],
            None => self.schemas().present_tenants().collect(),
        };
        let homes = homes.into_iter();
        homes
            .filter(|schema| !has(self.facts.objects(schema)))
            .map(str::to_owned)
            .collect()
    }

    fn unknown_objects(&mut self) {
        self.unknown_in(SHARED_SCHEMA, Some(SHARED_SCHEMA));
        for tenant in self.facts.schemas.present_tenants() {
            self.unknown_in(tenant, None);
        }
    }

    fn unknown_in(&mut self, schema: &str, home: Option<&str>) {
        let registry = self.expected.registry();
        let objects = self.facts.objects(schema);
        let is_known = |table: &str| {
            let is_own = home.is_some() && catalog::TABLES.contains(&table);
            is_own
                || self.expected.is_ledger(table)
                || registry.table_homes().any(|known| known == (table, home))
        };
        let tables: Vec<_> = objects
            .tables
            .iter()
            .filter(|table| !is_known(table))
            .cloned()
            .collect();
        for table in tables {
            self.add(schema, Finding::TableWithoutEntity { table });
        }
        for name in &objects.enums {
            if !registry.type_homes().any(|known| known == (name.as_str(), home)) {
                let name = name.clone();
                self.add(schema, Finding::TypeWithoutEnum { name });
            }
        }
    }
}
