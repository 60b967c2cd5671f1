//! [`Preview`]: the SQL that a plan would run.

use tenant_core::SchemaName;

use crate::plan::SchemaError;

/// The SQL that a plan would run in a schema.
#[derive(Debug)]
#[non_exhaustive]
pub struct Preview {
    /// The schema.
    pub schema: SchemaName,
    /// The statements of its migrations, or why it would not get through.
    pub statements: Result<Vec<String>, SchemaError>,
}
