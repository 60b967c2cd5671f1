//! Checks at the end: every row is in its tenant's schema, and every connection is as it was made.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement, TransactionTrait};

use crate::{
    model::RowModel,
    outcome::Kind,
    stats::Stats,
    task::RowModels,
    tenants::{FAULTY_POOL, POOL, PoolKind, ROLES_POOL, SEARCH_PATH, TenantSet, TestTenant},
};

/// Time limit for dropped transactions to end on the server.
const SETTLING: Duration = Duration::from_secs(30);

pub(crate) struct FinalCheck {
    pub(crate) tenant_set: Arc<TenantSet>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) row_models: Vec<RowModels>,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    id: i64,
    op: i64,
    owner: i64,
    watermark: String,
}

impl FinalCheck {
    pub(crate) async fn run(&self) -> Result<(), DbErr> {
        self.check_pool("the pool", PoolKind::Direct, POOL).await;
        self.check_pool("the pool behind the proxy", PoolKind::Faulty, FAULTY_POOL)
            .await;
        self.check_pool("the pool of roles", PoolKind::Roles, ROLES_POOL)
            .await;
        self.check_transactions().await?;
        self.check_public().await?;
        for slot in 0..self.tenant_set.slots() {
            self.check_tenant(slot).await?;
        }
        self.check_schemas().await
    }

    fn violation(&self, tenant: &str, found_by: &'static str, what: impl Into<String>) {
        self.stats.violation(tenant, found_by, None, what);
    }

    /// Checks that all connections can be acquired at once, and that the state of each is that of a new one.
    async fn check_pool(&self, name: &str, pool: PoolKind, size: u32) {
        let mut slots = (0..self.tenant_set.slots()).map(|slot| self.tenant_set.tenant(slot));
        let Some(tenant) = slots.find(|tenant| !tenant.deletion_has_begun()) else {
            return;
        };
        let db = self.tenant_set.handle(pool).tenants.connection(&tenant.record);
        let mut transactions = Vec::new();
        for _ in 0..size {
            match tokio::time::timeout(SETTLING, db.begin()).await {
                Ok(Ok(transaction)) => transactions.push(transaction),
                // The proxy may have broken the connection.
                Ok(Err(error)) if pool == PoolKind::Faulty && Kind::of(&error).is_loss() => {}
                other => {
                    let have = transactions.len();
                    let why = other.map(Result::err);
                    self.violation(
                        "",
                        "permits of the pool",
                        format!("{name} gives {have} of {size}: {why:?}"),
                    );
                    return;
                }
            }
        }
        for transaction in &transactions {
            match state(transaction).await {
                Ok(state) if state == (SEARCH_PATH.to_owned(), String::new()) => {}
                Ok(state) => self.violation(
                    "",
                    "state of sessions",
                    format!("a session of {name} is {state:?}"),
                ),
                Err(_) if pool == PoolKind::Faulty => {}
                Err(error) => self.violation("", "state of sessions", format!("{name}: {error}")),
            }
        }
    }

    /// Checks that no session is in a transaction.
    async fn check_transactions(&self) -> Result<(), DbErr> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
        let mut open = 0;
        for _ in 0..SETTLING.as_secs() * 4 {
            open = self.count(sql).await?;
            if open == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        self.violation(
            "",
            "open transactions",
            format!("{open} sessions are idle in transaction"),
        );
        Ok(())
    }

    async fn count(&self, sql: &str) -> Result<i64, DbErr> {
        let row = self
            .tenant_set
            .admin
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    }

    /// Checks that the decoy tables in `public` are unchanged.
    async fn check_public(&self) -> Result<(), DbErr> {
        let sql = "SELECT (SELECT count(*) FROM public.item WHERE watermark = 'public' AND op = 0 AND title = 'op 0') \
                        - (SELECT count(*) FROM public.item) + 64 * 24 \
                        - (SELECT count(*) FROM public.item) \
                        + (SELECT count(*) FROM public.part WHERE watermark <> 'public') \
                        + (SELECT count(*) FROM public.part) - 64 * 24 \
                        + (SELECT count(*) FROM public.seal) - 1 \
                        + (SELECT count(*) FROM public.leftover) - 1 \
                        + (SELECT count(*) FROM public.plan) - 2";
        if self.count(sql).await? != 0 {
            self.violation("public", "scan of public", "rows of public were changed");
        }
        Ok(())
    }

    async fn check_tenant(&self, slot: usize) -> Result<(), DbErr> {
        let tenant = self.tenant_set.tenant(slot);
        if tenant.is_deleted() {
            return Ok(());
        }
        let items = "id, op, owner::bigint AS owner, watermark FROM";
        let items = self
            .rows(
                &tenant,
                &format!("SELECT {items} \"{}\".item", tenant.watermark()),
            )
            .await?;
        let parts = format!(
            "SELECT id, op, id >> 32 AS owner, watermark FROM \"{}\".part",
            tenant.watermark()
        );
        let parts = self.rows(&tenant, &parts).await?;
        for (task, row_models) in self.row_models.iter().enumerate() {
            let task = i64::try_from(task).unwrap_or(-1);
            let empty = Arc::default();
            let row_model = match row_models.get(&slot) {
                Some((number, row_model)) if *number == tenant.number => row_model,
                _ => &empty,
            };
            self.check_row_model(&tenant, row_model, of(&items, task), of(&parts, task));
        }
        let strangers = items
            .keys()
            .chain(parts.keys())
            .filter(|task| **task >= self.row_models.len() as i64);
        if strangers.count() > 0 {
            self.violation(tenant.watermark(), "scan of all schemas", "rows of no task");
        }
        Ok(())
    }

    fn check_row_model(&self, tenant: &TestTenant, row_model: &RowModel, items: &[Row], parts: &[Row]) {
        let ids = |rows: &[Row]| rows.iter().map(|row| (row.id, row.op)).collect::<Vec<_>>();
        for result in [
            row_model.check_items(ids(items)),
            row_model.check_parts(ids(parts)),
        ] {
            if let Err(what) = result {
                self.violation(tenant.watermark(), "scan of all schemas", what);
            }
        }
    }

    /// Reads rows, checks their watermarks, and groups them by task.
    async fn rows(&self, tenant: &TestTenant, sql: &str) -> Result<BTreeMap<i64, Vec<Row>>, DbErr> {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let rows = Row::find_by_statement(statement)
            .all(&self.tenant_set.admin)
            .await?;
        let mut by_task = BTreeMap::<_, Vec<Row>>::new();
        for row in rows {
            if row.watermark != tenant.watermark() {
                self.violation(
                    tenant.watermark(),
                    "scan of all schemas",
                    format!("a row of another tenant: {row:?}"),
                );
            }
            by_task.entry(row.owner).or_default().push(row);
        }
        Ok(by_task)
    }

    /// Checks that every schema belongs to a tenant, and that there is one tenant a slot.
    async fn check_schemas(&self) -> Result<(), DbErr> {
        let sql = "SELECT count(*) FROM pg_namespace n
                   WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
                   AND NOT EXISTS (SELECT 1 FROM public.tenants t WHERE t.schema_name = n.nspname)";
        let orphans = self.count(sql).await?;
        if orphans > 0 {
            self.violation(
                "",
                "scan of all schemas",
                format!("{orphans} schemas belong to no tenant"),
            );
        }
        let seals = self.count("SELECT count(*) FROM public.tenants").await?;
        if usize::try_from(seals).ok() != Some(self.tenant_set.slots()) {
            self.violation(
                "",
                "scan of all schemas",
                format!("{seals} tenants for {} seats", self.tenant_set.slots()),
            );
        }
        Ok(())
    }
}

fn of(rows: &BTreeMap<i64, Vec<Row>>, task: i64) -> &[Row] {
    rows.get(&task).map_or(&[], Vec::as_slice)
}

/// Returns the search path of a session, and the mark that unguarded transactions set.
async fn state(db: &impl ConnectionTrait) -> Result<(String, String), DbErr> {
    let sql = "SELECT current_setting('search_path') AS path, coalesce(current_setting('soak.mark', true), '') AS mark";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the state of a session".to_owned()))?;
    Ok((row.try_get("", "path")?, row.try_get("", "mark")?))
}
