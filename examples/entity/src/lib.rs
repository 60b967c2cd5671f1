//! The entities of the example applications: notes, which every tenant has of its own, and the plans that all
//! tenants share.

pub mod note;
pub mod plan;
