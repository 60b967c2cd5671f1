//! SeaORM's spans around statements, with its feature `tracing-spans`.

/// Runs a statement in a span like SeaORM's.
macro_rules! in_span {
    ($name:literal, $lease:expr, $sql:expr, $work:expr) => {{
        #[cfg(feature = "tracing-spans")]
        {
            let sql: &str = $sql;
            let span = tracing::info_span!(
                $name,
                otel.kind = "client",
                db.system = "postgresql",
                db.operation = $crate::pool::span::operation(sql),
                db.statement = tracing::field::Empty,
                otel.status_code = tracing::field::Empty,
                exception.message = tracing::field::Empty,
            );
            if $lease.records_statements() {
                span.record("db.statement", sql);
            }
            let result = tracing::Instrument::instrument($work, span.clone()).await;
            $crate::pool::span::record(&span, &result);
            result
        }
        #[cfg(not(feature = "tracing-spans"))]
        {
            $work.await
        }
    }};
}

pub(super) use in_span;

/// Returns the operation of a statement, for OpenTelemetry.
#[cfg(feature = "tracing-spans")]
pub(super) fn operation(sql: &str) -> &'static str {
    let first = sql.split_whitespace().next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE"]
        .into_iter()
        .find(|word| first.eq_ignore_ascii_case(word))
        .unwrap_or("EXECUTE")
}

#[cfg(feature = "tracing-spans")]
pub(super) fn record<T>(span: &tracing::Span, result: &Result<T, sea_orm::DbErr>) {
    match result {
        Ok(_) => span.record("otel.status_code", "OK"),
        Err(error) => span
            .record("otel.status_code", "ERROR")
            .record("exception.message", tracing::field::display(error)),
    };
}
