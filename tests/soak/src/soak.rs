//! [`run`]: one soak, from an empty database to its report.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tests::{Faults, Proxy, TestDatabase};
use tokio::sync::watch;

use crate::{
    args::Args,
    final_check::FinalCheck,
    lifecycle::Lifecycle,
    network,
    report::Report,
    stats::Stats,
    task::{RowModels, TASKS, Task},
    tenants::{AnyError, TenantSet},
};

/// Runs a soak in a new database on the server of `DATABASE_URL`.
pub(crate) async fn run(args: &Args) -> Result<Report, AnyError> {
    let database = TestDatabase::create().await;
    let began = Instant::now();
    let proxy = Proxy::start_with_seed(database.url(), args.seed).await;
    let tenant_set =
        Arc::new(TenantSet::create(database.url(), proxy.url(), args.tenants, acquire_timeout(args)).await?);
    let created = began.elapsed();
    let stats = Arc::new(Stats::new(TASKS, args.ops, args.stops_at_first_violation()));

    let began = Instant::now();
    let row_models = tokio::select! {
        row_models = work(args, &tenant_set, &stats) => row_models?,
        () = network::break_connections(&proxy) => Vec::new(),
    };
    proxy.set_faults(Faults::default());
    let worked = began.elapsed();
    let check = FinalCheck {
        tenant_set,
        stats: Arc::clone(&stats),
        row_models,
    };
    if !(args.stops_at_first_violation() && stats.violation_count() > 0) {
        check.run().await?;
    }
    Ok(Report::new(args, stats, proxy.counts(), created, worked))
}

/// Runs all tasks, and changes tenants meanwhile.
async fn work(
    args: &Args,
    tenant_set: &Arc<TenantSet>,
    stats: &Arc<Stats>,
) -> Result<Vec<RowModels>, AnyError> {
    let (stop, stopped) = watch::channel(false);
    let lifecycle = Lifecycle::new(Arc::clone(tenant_set), Arc::clone(stats), args.seed);
    let lifecycle = tokio::spawn(lifecycle.run(stopped));
    let alarm = args.time().map(|time| {
        let stats = Arc::clone(stats);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            stats.stop();
        })
    });
    let tasks = (0..TASKS).map(|number| {
        let task = Task::new(
            Arc::clone(tenant_set),
            Arc::clone(stats),
            number,
            args.seed,
            args.cancel_percent,
        );
        tokio::spawn(task.run())
    });
    let tasks: Vec<_> = tasks.collect();
    let row_models = join_all(tasks).await.into_iter().collect::<Result<_, _>>()?;
    stop.send_replace(true);
    lifecycle.await?;
    if let Some(alarm) = alarm {
        alarm.abort();
    }
    Ok(row_models)
}

/// Returns the time limit for acquiring a connection: 30 s. With a fault: 10 s, as all tasks wait this long if the
/// fault leaks transactions.
fn acquire_timeout(args: &Args) -> Duration {
    Duration::from_secs(if args.fault.is_some() { 10 } else { 30 })
}
