//! Growing numbers of tenants: PostgreSQL's catalogs and sessions get larger with each schema.
//!
//! `scripts/bench scale` runs this benchmark.

use std::time::{Duration, Instant};

use clap::Args;
use fastrand::Rng;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tests::{TestDatabase, median};

use crate::{
    distribution::Distribution,
    round::{Measurement, Run},
    schema,
    shape::Case,
    variant::{Variant, VariantName},
};

/// Tables of each schema.
const TABLES: u32 = 10;

/// Tenants whose first statement is timed.
const TOUCHED: usize = 200;

#[derive(Debug, Args)]
pub(crate) struct ScaleArgs {
    /// Numbers of tenants, in ascending order: the same database grows from one to the next.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 3_000, 10_000])]
    tenants: Vec<u32>,
    /// Number of rounds. Each round measures each variant once.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Measures each number of tenants: plain SeaORM on one schema, and the library on all schemas.
pub(crate) async fn measure(args: &ScaleArgs) {
    let database = TestDatabase::create().await;
    let db = database.connect().await;
    schema::create_one(&db).await;
    print_head();
    let mut present = 0;
    for &tenants in &args.tenants {
        for tenant in present..tenants {
            schema::create_with_tables(&db, tenant as usize, TABLES).await;
        }
        present = present.max(tenants);
        db.execute_unprepared("VACUUM ANALYZE").await.unwrap();
        let catalog = catalog_size(&db).await;
        let touch = Touch::measure(&database, tenants).await;
        for distribution in [Distribution::Zipf, Distribution::Uniform] {
            let measured = throughput(args, &database, tenants, distribution).await;
            print_line(tenants, distribution, catalog, &touch, &measured);
        }
    }
    db.close().await.unwrap();
}

/// Returns the size of PostgreSQL's catalogs in MB.
async fn catalog_size(db: &DatabaseConnection) -> f64 {
    let sql = "SELECT sum(pg_total_relation_size(oid))::float8 / 1048576 FROM pg_class
        WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
        .unwrap();
    row.expect("a row").try_get_by_index(0).unwrap()
}

/// Median times of a tenant's first and second statement on a connection, in microseconds.
struct Touch {
    first: f64,
    again: f64,
}

impl Touch {
    async fn measure(database: &TestDatabase, tenants: u32) -> Self {
        let variant = Variant::connect(VariantName::Ours, database.url(), 1, None).await;
        let mut random = Rng::with_seed(1);
        let all: Vec<_> = (0..tenants as usize).collect();
        let chosen = random.choose_multiple(all, TOUCHED);
        let mut times = [Vec::new(), Vec::new()];
        for tenant in chosen {
            for times in &mut times {
                let (shape, value) = Case::Key.draw(&mut random);
                let start = Instant::now();
                variant.run(tenant, &shape, value).await;
                times.push(start.elapsed().as_secs_f64() * 1e6);
            }
        }
        variant.close().await;
        let [first, again] = times.map(median);
        Self { first, again }
    }
}

async fn throughput(
    args: &ScaleArgs,
    database: &TestDatabase,
    tenants: u32,
    distribution: Distribution,
) -> Measurement {
    let run = Run {
        case: Case::Key,
        distribution,
        delay: 0,
        tasks: 16,
        tenants,
        turn: Duration::from_secs(3),
    };
    let mut variants = Vec::new();
    for name in [VariantName::Plain, VariantName::Ours] {
        variants.push(Variant::connect(name, database.url(), 8, None).await);
    }
    run.measure(variants, args.rounds, database).await[1]
}

fn print_head() {
    println!(
        "{:>7} {:>7} {:>10} {:>9} {:>9} {:<8} {:>9} {:>7} {:>8} {:>8} {:>8}",
        "tenants",
        "tables",
        "catalog MB",
        "first us",
        "again us",
        "dist",
        "a second",
        "ratio",
        "p50 us",
        "p99 us",
        "MB"
    );
}

fn print_line(tenants: u32, distribution: Distribution, catalog: f64, touch: &Touch, measured: &Measurement) {
    println!(
        "{tenants:>7} {:>7} {catalog:>10.1} {:>9.0} {:>9.0} {:<8} {:>9.0} {:>7.2} {:>8.0} {:>8.0} {:>8.1}",
        tenants * TABLES,
        touch.first,
        touch.again,
        distribution.to_string(),
        measured.statements_a_second,
        measured.ratio,
        measured.p50,
        measured.p99,
        measured.memory
    );
}
