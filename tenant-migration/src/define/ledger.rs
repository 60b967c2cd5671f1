//! The ledger: a schema's own table of the migrations that were applied there, as `sea-orm-migration` keeps it.

use std::{collections::HashSet, time::SystemTime};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryTrait, Schema,
    sea_query::{Alias, Query, TableRef},
};
use sea_orm_migration::{prelude::IntoTableRef, seaql_migrations as row};
use tenant_core::SchemaName;

use crate::database::texts;

/// Statements on one ledger, which they name in full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ledger<'a> {
    pub(crate) schema: &'a SchemaName,
    pub(crate) table: &'a str,
}

impl Ledger<'_> {
    fn table(&self) -> TableRef {
        (Alias::new(self.schema.as_str()), Alias::new(self.table)).into_table_ref()
    }

    /// Makes the table, unless it is there.
    pub(crate) fn create(&self) -> String {
        let mut create = Schema::new(DbBackend::Postgres).create_table_from_entity(row::Entity);
        create.table(self.table()).if_not_exists();
        DbBackend::Postgres.build(&create).to_string()
    }

    pub(crate) fn drop(&self) -> String {
        format!("DROP TABLE IF EXISTS {}", self.quoted())
    }

    /// Says that a migration was applied, now.
    pub(crate) fn record(&self, migration: &str) -> String {
        let insert = Query::insert()
            .into_table(self.table())
            .columns([row::Column::Version, row::Column::AppliedAt])
            .values_panic([migration.into(), now().into()])
            .to_owned();
        DbBackend::Postgres.build(&insert).to_string()
    }

    /// Says that a migration is not applied any more.
    pub(crate) fn forget(&self, migration: &str) -> String {
        let delete = row::Entity::delete_many().filter(row::Column::Version.eq(migration));
        let mut delete = delete.into_query();
        delete.from_table(self.table());
        DbBackend::Postgres.build(&delete).to_string()
    }

    /// The applied migrations.
    pub(crate) async fn read(&self, db: &impl ConnectionTrait) -> Result<HashSet<String>, DbErr> {
        let sql = format!("SELECT version FROM {}", self.quoted());
        Ok(texts(db, &sql, []).await?.into_iter().collect())
    }

    /// The table's name as SQL.
    pub(crate) fn quoted(&self) -> String {
        let table = self.table.replace('"', "\"\"");
        format!("{}.\"{table}\"", self.schema.quoted())
    }
}

/// In seconds, as the ledger has it.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_the_ledger_in_full() {
        let schema = SchemaName::new("acme").unwrap();
        let ledger = Ledger {
            schema: &schema,
            table: "seaql_migrations",
        };
        assert_eq!(
            ledger.create(),
            r#"CREATE TABLE IF NOT EXISTS "acme"."seaql_migrations" ( "version" varchar NOT NULL PRIMARY KEY, "applied_at" bigint NOT NULL )"#
        );
        let record = ledger.record("m1_it's");
        assert!(
            record.starts_with(
                r#"INSERT INTO "acme"."seaql_migrations" ("version", "applied_at") VALUES (E'm1_it\'s', "#
            ),
            "{record}"
        );
        let forget = ledger.forget("m1");
        assert!(
            forget.starts_with(r#"DELETE FROM "acme"."seaql_migrations" WHERE"#),
            "{forget}"
        );
        assert_eq!(ledger.drop(), r#"DROP TABLE IF EXISTS "acme"."seaql_migrations""#);
    }
}
