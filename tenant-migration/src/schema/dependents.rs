//! Dependents: objects of other schemas that would be dropped with a schema, such as a view of another tenant.

use sea_orm::ConnectionTrait;
use tenant_core::SchemaName;

use crate::{
    database::{FOR_CATALOGS, texts},
    plan::SchemaError,
    schema::structure::aside,
};

/// Refuses a schema if objects outside of it would be dropped with all that is in it. The error has up to ten of them. If only
/// a column would be dropped, it has the column.
///
/// The extensions of the shared schema are not taken for a part of it: they stay when it is emptied.
pub(crate) async fn require_none(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<(), SchemaError> {
    let values = [schema.as_str().into(), schema.is_shared().into()];
    // The settings are not for what comes after in the transaction, such as migrations.
    let found = aside(db, async {
        db.execute_unprepared(FOR_CATALOGS).await?;
        texts(db, include_str!("dependents.sql"), values).await
    });
    let by = found.await??;
    match by.is_empty() {
        true => Ok(()),
        false => Err(SchemaError::Needed { by }),
    }
}
