//! The structure of a schema, read from PostgreSQL's catalogs: the statements that make the same in another schema
//! ([`Structure`]), and a [`Fingerprint`] that proves that they did.
//!
//! The statements name nothing of the schema in full, so that they make what they say in whatever schema the
//! session stands in. An object that they could not make again is refused with its name, never left out.
//!
//! `known.sql` finds the objects, `rights.sql` who may use them, and `outside.sql` what is about them elsewhere. `unsupported.sql`
//! refuses some, `structure.sql` makes them, `copy.sql` copies rows, and `fingerprint.sql` compares. The schema itself is not
//! among the objects: its comment and the rights on it are made by name.

mod copy;
mod fingerprint;
mod mention;
mod order;
mod query;
mod read;

pub(crate) use copy::{copying, reference, require_locks};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use query::aside;
pub(crate) use read::{ReadError, Reading, Structure};
