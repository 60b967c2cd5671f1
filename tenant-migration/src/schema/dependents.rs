//! Dependents: objects of other schemas that would be dropped with a schema, such as a view of another tenant.

use sea_orm::{ConnectionTrait, DbErr};
use tenant_core::SchemaName;

use crate::{
    database::{FOR_CATALOGS, texts},
    schema::structure::aside,
};

/// Returns up to ten objects outside of a schema that would be dropped with all that is in it. If only a column would be
/// dropped, it returns the column.
///
/// The extensions of the shared schema are not taken for a part of it: they stay when it is emptied.
pub(crate) async fn find_outside(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<Vec<String>, DbErr> {
    let values = [schema.as_str().into(), schema.is_shared().into()];
    // The settings are not for what comes after in the transaction, such as migrations.
    let found = aside(db, async {
        db.execute_unprepared(FOR_CATALOGS).await?;
        texts(db, include_str!("dependents.sql"), values).await
    });
    found.await?
}
