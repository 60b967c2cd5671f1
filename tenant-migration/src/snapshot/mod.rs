//! [`Snapshot`]: the structure of a tenant's schema, read from PostgreSQL's catalogs: the statements that make the same in
//! another schema, and a [`Fingerprint`] to prove that they did.
//!
//! The statements name nothing of the schema in full, so that they make what they say in whatever schema the
//! session stands in. What they could not make again is refused with its name, never left out.
//!
//! [`Snapshots`] are those that the creation of tenants has learned, and [`Witness`] says whether migrations did
//! anything else.

mod copy;
mod fingerprint;
mod mention;
mod order;
mod query;
mod read;
mod snapshots;
mod witness;

pub(crate) use copy::{Size, copying, reference};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use query::aside;
pub(crate) use read::{ReadError, Reading, Snapshot};
pub(crate) use snapshots::{Key, Lesson, Snapshots, Way};
pub(crate) use witness::Witness;
