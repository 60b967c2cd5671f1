//! Creating tenants, compared with psql.

use std::time::Duration;

use sea_orm::{Database, DatabaseConnection};
use tenant_core::{DEFAULT_KIND, Host, SchemaName};
use tenant_migration::{Migrations, NewTenant, create_tenant, fill_pool};
use tests::median;

use crate::{
    bench::{self, Bench},
    psql::{Files, Message},
    report::{Report, Row},
    time::time,
};

/// Tenants that each variant creates in each round.
const TENANTS: u32 = 20;

/// A variant of `create_tenant`.
struct Variant {
    name: &'static str,
    aim: f64,
    /// True if the pool of schemas is filled first, which is not timed.
    has_pool: bool,
}

fn variants() -> [Variant; 2] {
    let by_migrations = Variant {
        name: "create_tenant, by migrations",
        aim: 2.0,
        has_pool: false,
    };
    let by_claim = Variant {
        name: "create_tenant, by a claim",
        aim: 1.0,
        has_pool: true,
    };
    [by_migrations, by_claim]
}

pub(crate) async fn measure(bench: &Bench, report: &mut Report) {
    eprintln!("new tenants");
    let mut options = bench.database.options();
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    let (variants, migrations) = (variants(), bench.schema.migrations());
    let mut ours = vec![Vec::new(); variants.len()];
    let (mut statements, mut tenants) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds {
        for (n, (variant, times)) in variants.iter().zip(&mut ours).enumerate() {
            let names = names(&format!("way{n}"), round);
            if variant.has_pool {
                let size = TENANTS as usize;
                fill_pool(&db, &migrations, DEFAULT_KIND, size).await.unwrap();
            }
            times.push(time(create_all(&db, &migrations, names)).await.1 / TENANTS);
        }
        statements.push(by_hand(bench, round, Message::Statement).await / TENANTS);
        tenants.push(by_hand(bench, round, Message::Tenant).await / TENANTS);
    }
    db.close().await.unwrap();
    let (statements, tenants) = (median(statements), median(tenants));
    for (variant, times) in variants.iter().zip(ours) {
        let ours = median(times);
        let row =
            |beside, other| Row::times(bench.tenants, variant.name, beside, ours, other).at_most(variant.aim);
        report.add(row("1 psql", statements));
        report.add(row("1 psql, one message", tenants));
    }
}

fn names(variant: &str, round: u32) -> Vec<String> {
    (1..=TENANTS).map(|n| format!("{variant}_{round}_{n}")).collect()
}

async fn create_all(db: &DatabaseConnection, migrations: &Migrations, names: Vec<String>) {
    for name in names {
        let domain = Host::parse(&format!("{}.example.com", name.replace('_', "-"))).unwrap();
        let new = NewTenant::new(SchemaName::new(&name).unwrap(), name).domain(domain);
        create_tenant(db, migrations, &new).await.unwrap();
    }
}

async fn by_hand(bench: &Bench, round: u32, message: Message) -> Duration {
    let create = |name: String| bench::create(&name, bench.schema);
    let variant = match message {
        Message::Statement => "statements",
        Message::Tenant => "tenants",
    };
    let files = Files::write(1, message, names(variant, round).into_iter().map(create));
    time(async { files.run(bench.database.url()) }).await.1
}
