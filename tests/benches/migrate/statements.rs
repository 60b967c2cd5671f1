//! A count of the statements that sqlx logs. A message of several statements counts once. BEGIN does not count, since
//! sqlx does not log it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sea_orm::ConnectOptions;
use tracing::{Event, Metadata, Subscriber, level_filters::LevelFilter, subscriber};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
};

static COUNT: AtomicU64 = AtomicU64::new(0);

struct Counter;

impl<S: Subscriber> Layer<S> for Counter {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns the number of statements that `work` sends through connections with [`counted`] options.
pub(crate) async fn count(work: impl Future<Output = ()>) -> u64 {
    // Only the first call sets the subscriber; later calls fail, and need none.
    let _ = subscriber::set_global_default(Registry::default().with(Counter));
    let before = COUNT.load(Ordering::Relaxed);
    work.await;
    COUNT.load(Ordering::Relaxed) - before
}

/// Returns options with which statements are counted, slow ones included.
pub(crate) fn counted(mut options: ConnectOptions) -> ConnectOptions {
    let level = options.get_sqlx_logging_level();
    options
        .sqlx_logging(true)
        .sqlx_slow_statements_logging_settings(level, Duration::ZERO);
    options
}
