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
    fleet::{AnyError, Fleet},
    lifecycle::Lifecycle,
    network,
    report::Report,
    tally::Tally,
    task::{Sheets, TASKS, Task},
};

/// Runs it in a database of its own on the server of `DATABASE_URL`.
pub(crate) async fn run(args: &Args) -> Result<Report, AnyError> {
    let database = TestDatabase::create().await;
    let began = Instant::now();
    let proxy = Proxy::start_with_seed(database.url(), args.seed).await;
    let fleet = Arc::new(Fleet::create(database.url(), proxy.url(), args.tenants, patience(args)).await?);
    let created = began.elapsed();
    let tally = Arc::new(Tally::new(args.ops, args.stops_at_first_violation()));

    let began = Instant::now();
    let sheets = tokio::select! {
        sheets = work(args, &fleet, &tally) => sheets?,
        () = network::break_connections(&proxy) => Vec::new(),
    };
    proxy.set_faults(Faults::default());
    let worked = began.elapsed();
    let check = FinalCheck {
        fleet,
        tally: Arc::clone(&tally),
        sheets,
    };
    if !(args.stops_at_first_violation() && tally.violation_count() > 0) {
        check.run().await?;
    }
    Ok(Report::new(args, tally, proxy.counts(), created, worked))
}

/// Lets all tasks work, and the tenants come and go meanwhile.
async fn work(args: &Args, fleet: &Arc<Fleet>, tally: &Arc<Tally>) -> Result<Vec<Sheets>, AnyError> {
    let (stop, stopped) = watch::channel(false);
    let lifecycle = Lifecycle::new(Arc::clone(fleet), Arc::clone(tally), args.seed);
    let lifecycle = tokio::spawn(lifecycle.run(stopped));
    let alarm = args.time().map(|time| {
        let tally = Arc::clone(tally);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            tally.stop();
        })
    });
    let tasks = (0..TASKS).map(|number| {
        let task = Task::new(
            Arc::clone(fleet),
            Arc::clone(tally),
            number,
            args.seed,
            args.cancel_percent,
        );
        tokio::spawn(task.run())
    });
    let tasks: Vec<_> = tasks.collect();
    let sheets = join_all(tasks).await.into_iter().collect::<Result<_, _>>()?;
    stop.send_replace(true);
    lifecycle.await?;
    if let Some(alarm) = alarm {
        alarm.abort();
    }
    Ok(sheets)
}

/// How long a task waits for a connection. With none left, as when a fault makes transactions leak, all wait this long.
fn patience(args: &Args) -> Duration {
    Duration::from_secs(if args.fault.is_some() { 10 } else { 30 })
}
