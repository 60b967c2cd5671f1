//! [`Hosts`]: a catalog in memory, for what measures everything else.

use std::collections::HashMap;

use tenant_core::{
    Host, SchemaName, Tenant, TenantId,
    catalog::{CatalogError, TenantStore},
};

/// Tenants by their hosts.
#[derive(Debug, Clone, Default)]
pub struct Hosts(pub HashMap<Host, Tenant>);

impl Hosts {
    /// So many tenants, whose hosts are `tenant-0.example.com` and so on, and their schemas `tenant_0` and so on.
    ///
    /// # Panics
    /// If there are more than host names can tell.
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

    async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        Ok(self.0.values().cloned().collect())
    }
}
