//! [`Bar`]: the progress bar of a run. [`Countdown`]: the remaining seconds of a wait.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::{
    cli::{output::describe_outcome, print_error},
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

/// A wait, on the standard error: on a terminal a line with the remaining seconds, otherwise a line at the beginning.
#[derive(Clone)]
pub(super) struct Countdown {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Countdown {
    pub(super) fn new(is_terminal: bool) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            is_terminal,
        }
    }

    /// Begins the wait. `message` ends before the number of seconds.
    pub(super) fn start(&self, message: &str, time: Duration) {
        if !self.is_terminal {
            print_error(&format!("{message} {} s", seconds(time)));
            return;
        }
        let remaining = move |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{} s", seconds(time.saturating_sub(state.elapsed())));
        };
        if let Ok(style) = ProgressStyle::with_template("{msg} {remaining}") {
            self.bar.set_style(style.with_key("remaining", remaining));
        }
        self.bar.set_message(message.to_owned());
        self.bar.reset_elapsed();
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TICK);
    }

    /// Ends the wait.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

const TICK: Duration = Duration::from_millis(200);

fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}
