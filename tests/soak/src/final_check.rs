//! What must be so at the end: every row where it belongs, every connection as it was made.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement, TransactionTrait};

use crate::{
    fleet::{FAULTY_POOL, Fleet, Lane, POOL, ROLES_POOL, Resident, SEARCH_PATH},
    sheet::Sheet,
    tally::Tally,
    task::Sheets,
    wrong::Kind,
};

/// How long what was given up may take to end.
const SETTLING: Duration = Duration::from_secs(30);

pub(crate) struct FinalCheck {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) sheets: Vec<Sheets>,
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
        self.check_pool("the pool", Lane::Direct, POOL).await;
        self.check_pool("the pool behind the proxy", Lane::Faulty, FAULTY_POOL)
            .await;
        self.check_pool("the pool of roles", Lane::Roles, ROLES_POOL)
            .await;
        self.check_transactions().await?;
        self.check_public().await?;
        for seat in 0..self.fleet.seats() {
            self.check_resident(seat).await?;
        }
        self.check_schemas().await
    }

    fn violation(&self, tenant: &str, found_by: &'static str, what: impl Into<String>) {
        self.tally.violation(tenant, found_by, None, what);
    }

    /// All connections can be had at once, and each is as it was made.
    async fn check_pool(&self, name: &str, lane: Lane, size: u32) {
        let mut seats = (0..self.fleet.seats()).map(|seat| self.fleet.resident(seat));
        let Some(resident) = seats.find(|resident| !resident.is_leaving()) else {
            return;
        };
        let db = self.fleet.handle(lane).tenants.connection(&resident.tenant);
        let mut transactions = Vec::new();
        for _ in 0..size {
            match tokio::time::timeout(SETTLING, db.begin()).await {
                Ok(Ok(transaction)) => transactions.push(transaction),
                // The proxy may refuse it; then it is nobody's fault.
                Ok(Err(error)) if lane == Lane::Faulty && Kind::of(&error).is_loss() => {}
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
                Err(_) if lane == Lane::Faulty => {}
                Err(error) => self.violation("", "state of sessions", format!("{name}: {error}")),
            }
        }
    }

    /// No session is inside of a transaction.
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
            .fleet
            .admin
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    }

    /// Nothing was written into the tables of nobody.
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

    async fn check_resident(&self, seat: usize) -> Result<(), DbErr> {
        let resident = self.fleet.resident(seat);
        if resident.is_gone() {
            return Ok(());
        }
        let items = "id, op, owner::bigint AS owner, watermark FROM";
        let items = self
            .rows(
                &resident,
                &format!("SELECT {items} \"{}\".item", resident.watermark()),
            )
            .await?;
        let parts = format!(
            "SELECT id, op, id >> 32 AS owner, watermark FROM \"{}\".part",
            resident.watermark()
        );
        let parts = self.rows(&resident, &parts).await?;
        for (task, sheets) in self.sheets.iter().enumerate() {
            let task = i64::try_from(task).unwrap_or(-1);
            let unknown = Arc::default();
            let sheet = match sheets.get(&seat) {
                Some((number, sheet)) if *number == resident.number => sheet,
                _ => &unknown,
            };
            self.check_sheet(&resident, sheet, of(&items, task), of(&parts, task));
        }
        let strangers = items
            .keys()
            .chain(parts.keys())
            .filter(|task| **task >= self.sheets.len() as i64);
        if strangers.count() > 0 {
            self.violation(resident.watermark(), "scan of all schemas", "rows of no task");
        }
        Ok(())
    }

    fn check_sheet(&self, resident: &Resident, sheet: &Sheet, items: &[Row], parts: &[Row]) {
        let ids = |rows: &[Row]| rows.iter().map(|row| (row.id, row.op)).collect::<Vec<_>>();
        for result in [sheet.check_items(ids(items)), sheet.check_parts(ids(parts))] {
            if let Err(what) = result {
                self.violation(resident.watermark(), "scan of all schemas", what);
            }
        }
    }

    /// The rows by task, after a look at their watermarks.
    async fn rows(&self, resident: &Resident, sql: &str) -> Result<BTreeMap<i64, Vec<Row>>, DbErr> {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let rows = Row::find_by_statement(statement).all(&self.fleet.admin).await?;
        let mut by_task = BTreeMap::<_, Vec<Row>>::new();
        for row in rows {
            if row.watermark != resident.watermark() {
                self.violation(
                    resident.watermark(),
                    "scan of all schemas",
                    format!("a row of another tenant: {row:?}"),
                );
            }
            by_task.entry(row.owner).or_default().push(row);
        }
        Ok(by_task)
    }

    /// There are no schemas but those of tenants, and no tables in them but theirs.
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
        if usize::try_from(seals).ok() != Some(self.fleet.seats()) {
            self.violation(
                "",
                "scan of all schemas",
                format!("{seals} tenants for {} seats", self.fleet.seats()),
            );
        }
        Ok(())
    }
}

fn of(rows: &BTreeMap<i64, Vec<Row>>, task: i64) -> &[Row] {
    rows.get(&task).map_or(&[], Vec::as_slice)
}

/// The search path of a session, and the mark that unguarded work leaves in one.
async fn state(db: &impl ConnectionTrait) -> Result<(String, String), DbErr> {
    let sql = "SELECT current_setting('search_path') AS path, coalesce(current_setting('soak.mark', true), '') AS mark";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the state of a session".to_owned()))?;
    Ok((row.try_get("", "path")?, row.try_get("", "mark")?))
}
