//! The faults of the library, which has some in this copy.

pub(crate) use tenant_core::fault::arm;

/// True if the library has faults to arm.
pub(crate) const HAS_FAULTS: bool = true;
