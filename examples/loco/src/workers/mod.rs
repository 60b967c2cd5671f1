//! Background workers.

pub mod digest;
