//! [`Hosts`]: a catalog in memory, for benchmarks that exclude the catalog's database.

use std::collections::HashMap;

use tenant_core::{
    Host, SchemaName, Tenant, TenantId,
    catalog::{CatalogError, TenantStore},
};

/// Tenants by their hosts.
#[derive(Debug, Clone, Default)]
pub struct Hosts(pub HashMap<Host, Tenant>);

impl Hosts {
    /// Creates this number of tenants: hosts `tenant-0.example.com` and up, schemas `tenant_0` and up.
    ///
    /// # Panics
    /// If a number does not fit into a host name.
    #[must_use]
    pub fn numbered(tenants: usize) -> Self {
        let numbered = (0..tenants).map(|number| {
            let host = Host::parse(&format!("tenant-{number}.example.com")).expect("a host");
            let schema = SchemaName::new(format!("tenant_{number}")).expect("a schema name");
            let id = i64::try_from(number).expect("a small number");
            (
                host,
                Tenant::new(TenantId(id), schema, format!("Tenant {number}")),
            )
        });
        Self(numbered.collect())
    }
}

#[async_trait::async_trait]
impl TenantStore for Hosts {
    async fn by_domain(&self, domain: &Host) -> Result<Option<Tenant>, CatalogError> {
        Ok(self.0.get(domain).cloned())
    }

    async fn by_schema(&self, schema: &SchemaName) -> Result<Option<Tenant>, CatalogError> {
        let found = self.0.values().find(|tenant| tenant.schema() == schema);
        Ok(found.cloned())
    }

    async fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        let found = self.0.values().find(|tenant| tenant.id() == id);
        Ok(found.cloned())
    }

    async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        Ok(self.0.values().cloned().collect())
    }
}
