//! The cost of a role for each tenant.
//!
//! `scripts/with-postgres cargo bench -p tests --bench roles` runs the same work with and without roles, in turns, and
//! prints the medians and their ratio: a read by primary key, a transaction of ten reads, and a stream of 1,000 rows.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and a panic is its report"
)]

use std::time::Instant;

use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, Statement, StreamTrait, TransactionTrait};
use tenant_core::{RoleName, SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants};
use tests::{TestDatabase, median};

const ROUNDS: usize = 500;

#[tokio::main]
async fn main() {
    let database = TestDatabase::create().await;
    let schema = SchemaName::new("acme").unwrap();
    let role = RoleName::new(database.name(), &schema).unwrap().quoted();
    let sql = format!(
        "CREATE SCHEMA acme; CREATE TABLE acme.note (id int PRIMARY KEY, title text);
         INSERT INTO acme.note SELECT n, 'title' FROM generate_series(1, 1000) n;
         CREATE ROLE {role}; GRANT USAGE ON SCHEMA acme TO {role}; GRANT SELECT ON acme.note TO {role}"
    );
    database.execute(&sql).await;
    let builder = || Tenants::builder().table(Scope::Tenant, "note");
    let plain = builder().connect(database.options()).await.unwrap();
    let roles = builder()
        .run_as_tenant_roles()
        .connect(database.options())
        .await
        .unwrap();
    let acme = Tenant::new(TenantId(1), schema, "Acme");
    let (without, with) = (plain.connection(&acme), roles.connection(&acme));

    println!("{:<28} {:>12} {:>12} {:>8}", "work", "without", "with", "ratio");
    compare("one read", &without, &with, read).await;
    compare("transaction of ten reads", &without, &with, transaction).await;
    compare("stream of 1,000 rows", &without, &with, stream).await;
    plain.close().await.unwrap();
    roles.close().await.unwrap();
}

async fn compare(
    name: &str,
    without: &TenantConnection,
    with: &TenantConnection,
    work: impl AsyncFn(&TenantConnection),
) {
    let (mut plain, mut roles) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (db, times) in [(without, &mut plain), (with, &mut roles)] {
            let start = Instant::now();
            work(db).await;
            times.push(start.elapsed());
        }
    }
    let (plain, roles) = (median(plain), median(roles));
    let ratio = roles.as_secs_f64() / plain.as_secs_f64();
    println!("{name:<28} {plain:>12.2?} {roles:>12.2?} {ratio:>8.2}");
}

fn by_key() -> Statement {
    Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT title FROM note WHERE id = $1",
        [7.into()],
    )
}

async fn read(db: &TenantConnection) {
    db.query_one_raw(by_key()).await.unwrap();
}

async fn transaction(db: &TenantConnection) {
    let transaction = db.begin().await.unwrap();
    for _ in 0..10 {
        transaction.query_one_raw(by_key()).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

async fn stream(db: &TenantConnection) {
    let all = Statement::from_string(DbBackend::Postgres, "SELECT title FROM note");
    let rows = db.stream_raw(all).await.unwrap();
    assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap().len(), 1_000);
}
