//! [`Witness`]: whether migrations did anything but make what a schema has.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde_json::{Value as Json, json};
use tenant_core::{__private::CATALOG_TABLES, SchemaName};

use super::query::{about_schema, enter, rows, text};

/// What the session had written and read before the migrations.
#[derive(Debug)]
pub(crate) struct Witness {
    before: Json,
}

#[derive(Debug, FromQueryResult)]
struct Counter {
    oid: i64,
    writes: i64,
    scans: i64,
}

impl Witness {
    /// Looks at what there is before the migrations.
    pub(crate) async fn before(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let sql = concat!(
            "WITH ",
            include_str!("counters.sql"),
            "SELECT oid::bigint, writes, scans FROM counters WHERE writes > 0 OR scans > 0"
        );
        let counters = rows(db, sql, []).await?;
        let counters = counters.iter().map(|row| Counter::from_query_result(row, ""));
        let before = counters
            .map(|counter| {
                counter.map(
                    |Counter { oid, writes, scans }| json!({"oid": oid, "writes": writes, "scans": scans}),
                )
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { before })
    }

    /// What migrations did apart from making what the schema has: they left rows in its tables, changed something
    /// outside of it, or read what may be another thing for another tenant.
    ///
    /// What this does to the session is for the caller to take back.
    pub(crate) async fn trace(
        &self,
        db: &impl ConnectionTrait,
        schema: &SchemaName,
        ledger: &str,
    ) -> Result<Option<String>, DbErr> {
        enter(db, "pg_catalog").await?;
        // Before anything else is read.
        let values = [
            schema.as_str().into(),
            self.before.clone().into(),
            json!(CATALOG_TABLES).into(),
        ];
        let sql = concat!(
            include_str!("known.sql"),
            ", ",
            include_str!("counters.sql"),
            include_str!("untouched.sql")
        );
        if let Some(trace) = text(db, sql, values).await? {
            return Ok(Some(trace));
        }
        self.rows(db, schema, ledger).await
    }

    async fn rows(
        &self,
        db: &impl ConnectionTrait,
        schema: &SchemaName,
        ledger: &str,
    ) -> Result<Option<String>, DbErr> {
        let values = [schema.as_str().into(), ledger.into()];
        let queries = rows(db, about_schema!("rows.sql"), values).await?;
        let queries: Vec<String> = queries
            .iter()
            .map(|row| row.try_get_by_index(0))
            .collect::<Result<_, _>>()?;
        match queries.is_empty() {
            true => Ok(None),
            false => text(db, &format!("{} LIMIT 1", queries.join(" UNION ALL ")), []).await,
        }
    }
}
