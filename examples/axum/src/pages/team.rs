//! [`Team`]: a tenant as pages show it.

use tenant_core::Tenant;

/// A tenant as pages show it.
pub(crate) struct Team {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) initial: String,
    /// Which of the style sheet's hues its pages have.
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

/// The same for a team each time, and another one for its neighbours.
fn hue(tenant: &Tenant) -> i64 {
    const HUES: i64 = 8;
    tenant.id().0.rem_euclid(HUES)
}
