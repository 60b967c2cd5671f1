//! [`SchemaStatus`]: the content of the ledgers, read for all schemas in a few queries.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::try_join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Value};
use tenant_core::SchemaName;

use crate::{
    database::{is_without_table, rows},
    define::{LookupError, Migrations, Step, catalog, dirty_mark, schema_of},
    plan::{error::PlanError, failure::MigrationFailure, target::Target},
};

/// Applied and pending migrations of a schema.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SchemaStatus {
    /// The schema.
    pub schema: SchemaName,
    /// The kind of the tenant, which says which migrations are its own. The shared schema has none.
    pub kind: Option<Arc<str>>,
    /// True if the database has the schema. A tenant's schema that is missing was dropped by hand.
    pub exists: bool,
    /// True if the schema has a ledger.
    pub has_ledger: bool,
    /// The migrations that are applied, in the order of their definition.
    pub applied: Vec<Arc<str>>,
    /// The migrations that are not applied, in the order of their definition.
    pub pending: Vec<Arc<str>>,
    /// The migrations that the ledger has and this program has not.
    pub unknown: Vec<String>,
    /// The step outside of a transaction that was begun and did not end. It is done again by what takes it again.
    pub unfinished: Option<Step>,
    /// The last run that failed, if none has succeeded since.
    pub last_failure: Option<MigrationFailure>,
    /// Version in the catalog.
    pub(super) version: Option<String>,
    /// Id of a schema in the pool of pending schemas. The tenant that gets the schema keeps the id.
    pub(crate) pooled: Option<i64>,
}

impl SchemaStatus {
    /// Reads a row of [`find_shared`] or of [`query_tenants`]. The ledger is still to be read.
    fn new(row: &QueryResult, schema: SchemaName) -> Result<Self, DbErr> {
        let kind: Option<String> = row.try_get("", "kind")?;
        let comment: Option<String> = row.try_get("", "comment")?;
        Ok(Self {
            schema,
            kind: kind.map(Into::into),
            exists: row.try_get("", "exists")?,
            has_ledger: row.try_get("", "has_ledger")?,
            applied: Vec::new(),
            pending: Vec::new(),
            unknown: Vec::new(),
            unfinished: comment.as_deref().and_then(dirty_mark::parse),
            last_failure: MigrationFailure::of_row(row)?,
            version: row.try_get("", "version")?,
            pooled: row.try_get("", "pooled")?,
        })
    }

    /// Takes the names in the ledger.
    pub(super) fn with_ledger(mut self, migrations: &Migrations, ledger: Vec<String>) -> Self {
        let mut recorded: HashSet<String> = ledger.into_iter().collect();
        let names = migrations.set(self.kind.as_deref()).names().cloned();
        (self.applied, self.pending) = names.partition(|name| recorded.remove(&**name));
        self.unknown = recorded.into_iter().collect();
        self.unknown.sort_unstable();
        self
    }

    /// The version that the catalog should have and has not.
    pub(crate) fn unrecorded_version(&self) -> Option<Option<&str>> {
        let version = self.applied.last().map(|name| &**name);
        let is_stale = self.exists && self.kind.is_some() && version != self.version.as_deref();
        is_stale.then_some(version)
    }
}

/// Number of ledgers that one query reads. Each takes two locks of the server's lock table for a moment, and the time that
/// PostgreSQL takes to plan the query grows with the square of their number: 1,000 are read in 24 ms in parts of 25 to 100,
/// in 42 ms in parts of 250, and in 150 ms at once, by a session that has seen them before. One that has not takes three
/// times as long.
const CHUNK: usize = 64;

/// Returns the number of queries that read the ledgers of so many schemas.
pub(crate) fn chunks(found: &[SchemaStatus]) -> usize {
    found.len().div_ceil(CHUNK)
}

/// Reads the ledgers of `target`, the shared schema's first, on one connection.
#[cfg(feature = "cli")]
pub(crate) async fn read(
    db: &DatabaseConnection,
    migrations: &Migrations,
    target: &Target,
) -> Result<Vec<SchemaStatus>, PlanError> {
    with_retry(|| async {
        let found = find(db, migrations, target).await?;
        read_ledgers(&[db], migrations, &found).await
    })
    .await
}

/// Finds schemas and reads their ledgers, and does it again if one has gone meanwhile.
pub(crate) async fn with_retry<T, R>(read: impl Fn() -> R) -> Result<T, PlanError>
where
    R: Future<Output = Result<T, PlanError>>,
{
    let mut attempt = 1;
    loop {
        match read().await {
            // A tenant was dropped, or a schema got another name, after it was found.
            Err(PlanError::Database(error)) if attempt < READ_ATTEMPTS && is_without_table(&error) => {
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Number of attempts. Each time, something was dropped or renamed within some milliseconds.
const READ_ATTEMPTS: u32 = 10;

/// Finds the schemas of `target`, the shared one first. Their ledgers are still to be read.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    target: &Target,
) -> Result<Vec<SchemaStatus>, PlanError> {
    let mut found = Vec::new();
    if matches!(target, Target::All | Target::Shared) {
        found.push(find_shared(db, migrations).await?);
    }
    found.extend(find_tenants(db, migrations, target).await?);
    Ok(found)
}

/// Reads the ledgers of schemas. The connections take turns.
pub(crate) async fn read_ledgers(
    connections: &[&DatabaseConnection],
    migrations: &Migrations,
    found: &[SchemaStatus],
) -> Result<Vec<SchemaStatus>, PlanError> {
    let turns = connections.iter().enumerate().map(|(turn, db)| {
        let chunks = found.chunks(CHUNK).skip(turn).step_by(connections.len());
        read_chunks(db, migrations, chunks)
    });
    let turns = try_join_all(turns).await?;
    let mut turns: Vec<_> = turns.into_iter().map(Vec::into_iter).collect();
    let in_order = (0..chunks(found)).filter_map(|chunk| turns.get_mut(chunk % connections.len())?.next());
    Ok(in_order.flatten().collect())
}

async fn read_chunks(
    db: &DatabaseConnection,
    migrations: &Migrations,
    chunks: impl Iterator<Item = &[SchemaStatus]>,
) -> Result<Vec<Vec<SchemaStatus>>, PlanError> {
    let mut read = Vec::new();
    for chunk in chunks {
        let ledgers = ledgers(db, migrations, chunk).await?;
        let found = chunk.iter().cloned().zip(ledgers);
        let statuses = found.map(|(found, ledger)| found.with_ledger(migrations, ledger));
        read.push(statuses.collect());
    }
    Ok(read)
}

async fn find_shared(db: &impl ConnectionTrait, migrations: &Migrations) -> Result<SchemaStatus, DbErr> {
    let schema = SchemaName::shared();
    let sql = "SELECT to_regnamespace($1) IS NOT NULL AS exists, to_regclass($2) IS NOT NULL AS has_ledger,
        obj_description(to_regclass($2), 'pg_class') AS comment, NULL AS kind, NULL AS version, NULL::int8 AS pooled,
        NULL::jsonb AS failure";
    let ledger = migrations.shared().ledger_of(&schema).quoted();
    let rows = rows(db, sql, [schema.quoted().into(), ledger.into()]).await?;
    let missing = || DbErr::RecordNotFound("a SELECT without FROM gave no row".to_owned());
    SchemaStatus::new(rows.first().ok_or_else(missing)?, schema)
}

/// Returns the query for tenants, in the order of their names, pending schemas at the end. The public tenant has no
/// schema of its own. The ledgers of kinds with migrations of their own are `$2`, an object of JSON.
fn query_tenants(condition: &str) -> String {
    format!(
        "SELECT tenant.schema_name, tenant.kind, to_jsonb(tenant) ->> 'version' AS version, space.oid IS NOT NULL AS exists,
            ledger.oid IS NOT NULL AS has_ledger, note.description AS comment,
            CASE tenant.status WHEN 'pending' THEN tenant.id END AS pooled, to_jsonb(tenant) -> 'migration_failure' AS failure
        FROM public.tenants AS tenant
        LEFT JOIN pg_catalog.pg_namespace AS space ON space.nspname = tenant.schema_name
        LEFT JOIN pg_catalog.pg_class AS ledger ON ledger.relnamespace = space.oid
            AND ledger.relname = coalesce($2::jsonb ->> tenant.kind, $1) AND ledger.relkind IN ('r', 'p')
        LEFT JOIN pg_catalog.pg_description AS note
            ON note.objoid = ledger.oid AND note.classoid = 'pg_catalog.pg_class'::regclass AND note.objsubid = 0
        WHERE lower(tenant.schema_name) <> 'public' AND {condition}
        ORDER BY tenant.status = 'pending', tenant.schema_name"
    )
}

async fn find_tenants(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    target: &Target,
) -> Result<Vec<SchemaStatus>, PlanError> {
    let wanted: &[SchemaName] = match target {
        Target::All | Target::AllTenants | Target::Kind(_) => &[],
        Target::Shared => return Ok(Vec::new()),
        Target::Tenants(schemas) if schemas.is_empty() => return Ok(Vec::new()),
        Target::Tenants(schemas) => schemas,
    };
    if !catalog::exists(db).await? {
        return match wanted.first() {
            None => Ok(Vec::new()),
            Some(_) => Err(LookupError::NoCatalog.into()),
        };
    }
    let (sql, values) = select_tenants(migrations, target);
    let rows = rows(db, &sql, values).await?;
    let entry = |row| SchemaStatus::new(row, schema_of(&row.try_get::<String>("", "schema_name")?)?);
    let found: Vec<_> = rows.iter().map(entry).collect::<Result<_, _>>()?;
    let is_missing = |wanted: &&SchemaName| !found.iter().any(|found| found.schema == **wanted);
    match wanted.iter().find(is_missing).cloned() {
        Some(schema) => Err(LookupError::NoSuchTenant { schema }.into()),
        None => Ok(found),
    }
}

fn select_tenants(migrations: &Migrations, target: &Target) -> (String, Vec<Value>) {
    let ledgers = migrations
        .sets()
        .filter_map(|(_, kind, set)| Some((kind?, set.ledger())));
    let ledgers: serde_json::Map<_, _> = ledgers
        .map(|(kind, ledger)| (kind.to_owned(), ledger.into()))
        .collect();
    let mut values: Vec<Value> = vec![
        migrations.tenant().ledger().into(),
        serde_json::Value::Object(ledgers).into(),
    ];
    let condition = match target {
        Target::Tenants(schemas) => {
            let places: Vec<_> = (3..schemas.len() + 3).map(|place| format!("${place}")).collect();
            let names = schemas
                .iter()
                .map(|schema| schema.as_str().to_ascii_lowercase().into());
            values.extend(names);
            format!("lower(tenant.schema_name) IN ({})", places.join(", "))
        }
        Target::Kind(kind) => {
            values.push(kind.as_str().into());
            format!("{IS_IN_USE} AND tenant.kind = $3")
        }
        _ => IS_IN_USE.to_owned(),
    };
    (query_tenants(&condition), values)
}

/// The statuses that [`Target::All`] includes. Tenants of other statuses must be named.
const IS_IN_USE: &str = "tenant.status NOT IN ('provisioning', 'archived', 'dropping')";

/// Reads the ledgers of schemas. A schema without one has none applied.
async fn ledgers(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    schemas: &[SchemaStatus],
) -> Result<Vec<Vec<String>>, PlanError> {
    let mut ledgers = vec![Vec::new(); schemas.len()];
    let selects = schemas.iter().enumerate().filter(|(_, found)| found.has_ledger);
    let selects: Vec<_> = selects
        .map(|(at, found)| {
            let set = migrations.set(found.kind.as_deref());
            let ledger = set.ledger_of(&found.schema).quoted();
            format!("SELECT {at}::int4 AS at, version FROM {ledger}")
        })
        .collect();
    if selects.is_empty() {
        return Ok(ledgers);
    }
    for row in rows(db, &selects.join(" UNION ALL "), []).await? {
        let at: i32 = row.try_get("", "at")?;
        if let Some(ledger) = usize::try_from(at).ok().and_then(|at| ledgers.get_mut(at)) {
            ledger.push(row.try_get("", "version")?);
        }
    }
    Ok(ledgers)
}
