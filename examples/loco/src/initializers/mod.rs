//! Initializers.

pub mod tenants;
