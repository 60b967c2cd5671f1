//! Recording the SQL that migrations run.
//!
//! SeaORM's `SchemaManager` takes its own connections only, so none of ours can stand between. But the driver tells
//! `tracing` of every statement. A subscriber for the migration's own future hears that, and passes it on to whoever would
//! have heard it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use log::LevelFilter;
use sea_orm::sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use tracing::{
    Dispatch, Event, Metadata, Subscriber, dispatcher,
    field::{Field, Visit},
    instrument::WithSubscriber as _,
    span,
    subscriber::Interest,
};

/// Makes the driver log every statement at the level TRACE, slow ones too.
pub(crate) fn with_all_statements_logged(options: PgConnectOptions) -> PgConnectOptions {
    const NEVER_SLOW: Duration = Duration::from_secs(u32::MAX as u64);
    options
        .log_statements(LevelFilter::Trace)
        .log_slow_statements(LevelFilter::Trace, NEVER_SLOW)
}

tokio::task_local! {
    static RECORDER: StatementRecorder;
}

/// The statements of migrations, in the order in which they ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatementRecorder(Arc<Mutex<Vec<String>>>);

impl StatementRecorder {
    pub(crate) fn into_statements(self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    /// Runs `work`, and records the statements of the migrations in it.
    pub(crate) async fn record<F: Future>(&self, work: F) -> F::Output {
        RECORDER.scope(self.clone(), work).await
    }

    fn keep(&self, statement: String) {
        self.lock().push(statement);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a migration, and records its statements if there is a recorder.
pub(crate) async fn recorded<F: Future>(migration: F) -> F::Output {
    match RECORDER.try_with(StatementRecorder::clone) {
        Ok(tape) => {
            let parent = dispatcher::get_default(Dispatch::clone);
            migration
                .with_subscriber(RecordingSubscriber { tape, parent })
                .await
        }
        Err(_) => migration.await,
    }
}

/// The target of the driver's events.
const STATEMENTS: &str = "sqlx::query";

/// Subscriber for the events of the driver.
struct RecordingSubscriber {
    tape: StatementRecorder,
    /// Subscriber that gets the events without this one.
    parent: Dispatch,
}

impl Subscriber for RecordingSubscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Another subscriber may want what this one does not, so it is asked each time.
        match metadata.target() {
            STATEMENTS => Interest::sometimes(),
            _ => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == STATEMENTS
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut heard = StatementEvent::default();
        event.record(&mut heard);
        if let Some(statement) = heard.statement() {
            self.tape.keep(statement);
        }
        if self.parent.enabled(event.metadata()) {
            self.parent.event(event);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Text of a statement in an event of the driver: all of it, or a summary if that is all of it.
#[derive(Default)]
struct StatementEvent {
    summary: Option<String>,
    text: Option<String>,
}

impl StatementEvent {
    fn statement(self) -> Option<String> {
        let text = self
            .text
            .filter(|text| !text.trim().is_empty())
            .or(self.summary)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Visit for StatementEvent {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = Some(value.to_owned()),
            "db.statement" => self.text = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
