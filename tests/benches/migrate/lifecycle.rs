//! Operations on one tenant, with few and with many other tenants in the database.

use std::time::Duration;

use clap::Args;
use sea_orm::{Database, DatabaseConnection};
use serde_json::{Value, json};
use tenant_core::{DEFAULT_KIND, Host, SchemaName};
use tenant_migration::{
    CloneData, DropOptions, Migrations, NewTenant, RenameOptions, add_domain, clone_tenant, create_tenant,
    drop_tenant, fill_pool, rename_schema, suspend_tenant,
};
use tests::median;

use crate::{bench::Bench, report::write_json, time::time};

#[derive(Debug, Args)]
pub(crate) struct LifecycleArgs {
    /// The numbers of other tenants, of ten tables each.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    tenants: Vec<u32>,
    /// The number of times that each operation is done.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// The operations, and the longest time that each should take with the most tenants.
const OPERATIONS: [(&str, Option<Duration>); 7] = [
    ("create", None),
    ("claim", Some(Duration::from_millis(10))),
    ("clone", None),
    ("rename the schema", None),
    ("suspend", None),
    ("add a domain", None),
    ("drop", None),
];

/// The most that an operation may take with the most tenants, as a ratio to the next fewer.
const MOST_GROWTH: f64 = 1.5;

/// The median of each operation.
type Medians = [Duration; OPERATIONS.len()];

pub(crate) async fn measure(args: &LifecycleArgs) {
    let mut sizes = args.tenants.clone();
    sizes.sort_unstable();
    let mut bench = Bench::start(0, args.rounds).await;
    let mut columns = Vec::new();
    for &tenants in &sizes {
        eprintln!("with {tenants} tenants");
        bench.grow(tenants).await;
        columns.push(medians(&bench).await);
    }
    print(&sizes, &columns);
    write_json("lifecycle", &to_json(&sizes, &columns));
}

async fn medians(bench: &Bench) -> Medians {
    let mut options = bench.database.options();
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    let migrations = bench.schema.migrations();
    // The first one makes the session read what it keeps.
    round(&db, &migrations, &format!("{}_0", bench.tenants)).await;
    let mut rounds = Vec::new();
    for n in 1..=bench.rounds {
        rounds.push(round(&db, &migrations, &format!("{}_{n}", bench.tenants)).await);
    }
    db.close().await.unwrap();
    std::array::from_fn(|operation| median(rounds.iter().map(|times| times[operation]).collect::<Vec<_>>()))
}

/// Does each operation once, on tenants whose names end with `id`.
async fn round(db: &DatabaseConnection, migrations: &Migrations, id: &str) -> Medians {
    let name = |operation: &str| SchemaName::new(format!("{operation}_{id}")).unwrap();
    let tenant = |operation: &str| NewTenant::new(name(operation), operation);
    let (created, renamed) = (name("created"), name("renamed"));
    let made = time(create_tenant(db, migrations, &tenant("created"))).await;
    fill_pool(db, migrations, DEFAULT_KIND, 1).await.unwrap();
    let claimed = time(create_tenant(db, migrations, &tenant("claimed"))).await;
    let copy = tenant("cloned");
    let cloned = time(clone_tenant(db, migrations, &created, &copy, CloneData::Rows)).await;
    let suspended = time(suspend_tenant(db, &created)).await;
    let at_once = RenameOptions::default().settle(Duration::ZERO);
    let moved = time(rename_schema(db, migrations, &created, &renamed, &at_once)).await;
    let domain = Host::parse(&format!("more-{}.example.com", id.replace('_', "-"))).unwrap();
    let added = time(add_domain(db, &renamed, &domain, false)).await;
    let now = DropOptions::default().drain(Duration::ZERO);
    let dropped = time(drop_tenant(db, migrations, &renamed, &now)).await;
    for other in ["claimed", "cloned"] {
        drop_tenant(db, migrations, &name(other), &now).await.unwrap();
    }
    for tenant in [made.0, claimed.0] {
        tenant.unwrap();
    }
    cloned.0.unwrap();
    suspended.0.unwrap();
    moved.0.unwrap();
    added.0.unwrap();
    dropped.0.unwrap();
    [
        made.1,
        claimed.1,
        cloned.1,
        moved.1,
        suspended.1,
        added.1,
        dropped.1,
    ]
}

fn print(sizes: &[u32], columns: &[Medians]) {
    let header: String = sizes.iter().map(|size| format!("{size:>12}")).collect();
    println!("{:<20}{header}      growth  aim", "tenants");
    for (operation, (name, most)) in OPERATIONS.iter().enumerate() {
        let times: String = columns
            .iter()
            .map(|column| format!("{:>12}", format!("{:.2?}", column[operation])))
            .collect();
        let growth = growth(columns, operation);
        let last = columns.last().map_or(Duration::ZERO, |column| column[operation]);
        let is_met =
            growth.is_none_or(|growth| growth <= MOST_GROWTH) && most.is_none_or(|most| last <= most);
        let aim = most.map_or_else(String::new, |most| format!(", {most:?}"));
        let missed = if is_met { "" } else { ": missed" };
        let growth = growth.map_or_else(String::new, |growth| format!("{growth:.2}"));
        println!("{name:<20}{times}{growth:>12}  <= {MOST_GROWTH}{aim}{missed}");
    }
}

/// The time with the most tenants beside that with the next fewer.
fn growth(columns: &[Medians], operation: usize) -> Option<f64> {
    let [.., before, last] = columns else { return None };
    Some(last[operation].as_secs_f64() / before[operation].as_secs_f64())
}

fn to_json(sizes: &[u32], columns: &[Medians]) -> Value {
    let rows = OPERATIONS.iter().enumerate().map(|(operation, (name, most))| {
        let seconds: Vec<_> = columns
            .iter()
            .map(|column| column[operation].as_secs_f64())
            .collect();
        json!({
            "operation": name,
            "seconds": seconds,
            "growth": growth(columns, operation),
            "at_most": MOST_GROWTH,
            "at_most_seconds": most.map(|most| most.as_secs_f64()),
        })
    });
    json!({ "tenants": sizes, "rows": rows.collect::<Vec<_>>() })
}
