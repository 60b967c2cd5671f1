//! [`Measurement`]: the metrics of a request. Without the feature `metrics`, nothing is measured.

#[cfg(feature = "metrics")]
use std::time::Instant;

use super::rejection::Rejection;
use crate::{tenant::Tenant, tenants::Tenants};

/// A request from its head to the head of its answer. One that is dropped is not counted.
pub(super) struct Measurement {
    #[cfg(feature = "metrics")]
    tenants: Tenants,
    #[cfg(feature = "metrics")]
    begun: Instant,
}

#[cfg(feature = "metrics")]
impl Measurement {
    pub(super) fn begin(tenants: &Tenants) -> Self {
        Self {
            tenants: tenants.clone(),
            begun: Instant::now(),
        }
    }

    pub(super) fn answered(self, tenant: &Tenant, status: u16) {
        self.tenants.record_answer(tenant, status, self.begun.elapsed());
    }

    pub(super) fn rejected(self, rejection: &Rejection) {
        rejection.record(&self.tenants);
    }
}

#[cfg(not(feature = "metrics"))]
impl Measurement {
    pub(super) fn begin(_: &Tenants) -> Self {
        Self {}
    }

    pub(super) fn answered(self, _: &Tenant, _: u16) {}

    pub(super) fn rejected(self, _: &Rejection) {}
}
