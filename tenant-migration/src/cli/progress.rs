//! [`Bar`]: the progress bar of a run.

use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    cli::output::describe_outcome,
    plan::{Observer, Outcome, Plan, SchemaPlan, SchemaReport},
};

/// Progress bar on the standard error. Lines above it report failed schemas, and with `--verbose` all of them.
pub(super) struct Bar {
    bar: ProgressBar,
    failed: usize,
    is_verbose: bool,
}

impl Bar {
    pub(super) fn new(plan: &Plan, is_verbose: bool) -> Self {
        let bar = ProgressBar::new(u64::try_from(plan.schemas().len()).unwrap_or_default());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            failed: 0,
            is_verbose,
        }
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Bar {
    fn started(&mut self, schema: &SchemaPlan) {
        let mut message = schema.schema().to_string();
        if self.failed > 0 {
            let _ = write!(message, ", {} failed", self.failed);
        }
        self.bar.set_message(message);
    }

    fn finished(&mut self, report: &SchemaReport) {
        let is_failure = matches!(report.outcome, Outcome::Failed { .. });
        self.failed += usize::from(is_failure);
        if is_failure || self.is_verbose {
            self.bar.println(format!(
                "{}  {}",
                report.schema,
                describe_outcome(report, self.is_verbose)
            ));
        }
        self.bar.inc(1);
    }
}
