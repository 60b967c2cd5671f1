//! [`Site`]: state of the main site's handlers.

use tenant_core::Tenants;
use tenant_migration::Migrations;

use crate::operator::OperatorToken;

/// State of the main site's handlers. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    pub(crate) tenants: Tenants,
    pub(crate) migrations: Migrations,
    pub(crate) operator_token: Option<OperatorToken>,
}

impl Site {
    /// Creates the state, without an operator page. `migrations` create the tables of new tenants.
    pub fn new(tenants: Tenants, migrations: Migrations) -> Self {
        Self {
            tenants,
            migrations,
            operator_token: None,
        }
    }

    /// Sets the token of the operator page. `None` switches the page off.
    #[must_use]
    pub fn operator_token(mut self, token: Option<OperatorToken>) -> Self {
        self.operator_token = token;
        self
    }

    /// Returns the handle that resolves requests.
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }
}
