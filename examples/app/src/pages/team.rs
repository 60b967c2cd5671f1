//! [`Team`]: the tenant's data on pages.

use tenant_core::Tenant;

/// The tenant's data on pages.
pub(crate) struct Team {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) initial: String,
    /// Number of the hue of the tenant's pages in the style sheet.
    pub(crate) hue: i64,
}

impl From<&Tenant> for Team {
    fn from(tenant: &Tenant) -> Self {
        Self {
            schema: tenant.schema().to_string(),
            name: tenant.name().to_owned(),
            domain: tenant.domain().unwrap_or_default().to_owned(),
            initial: tenant
                .name()
                .chars()
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect(),
            hue: hue(tenant),
        }
    }
}

/// Returns the tenant's hue, from 0 to 7. It is always the same for a tenant, and consecutive ids get different hues.
fn hue(tenant: &Tenant) -> i64 {
    const HUES: i64 = 8;
    tenant.id().0.rem_euclid(HUES)
}
