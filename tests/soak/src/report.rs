//! [`Report`]: the result of a soak.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tests::Counts;

use crate::{args::Args, operations::Operation, stats::Stats};

/// The result of a soak.
pub(crate) struct Report {
    args: Args,
    stats: Arc<Stats>,
    faults: Counts,
    created: Duration,
    worked: Duration,
}

impl Report {
    pub(crate) fn new(
        args: &Args,
        stats: Arc<Stats>,
        faults: Counts,
        created: Duration,
        worked: Duration,
    ) -> Self {
        Self {
            args: args.clone(),
            stats,
            faults,
            created,
            worked,
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.stats.violation_count() == 0
    }

    pub(crate) fn first_violation(&self) -> Option<crate::stats::Violation> {
        self.stats.violations().into_iter().next()
    }

    fn operations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:34} {:>9} {:>9} {:>9}",
            "operation", "done", "cancelled", "excused"
        )?;
        for operation in Operation::all() {
            let count = self.stats.count(operation);
            let [done, cancelled, excused] =
                [&count.done, &count.cancelled, &count.excused].map(|count| count.load(Ordering::Relaxed));
            writeln!(f, "{:34} {done:>9} {cancelled:>9} {excused:>9}", operation.name())?;
        }
        Ok(())
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |of: fn(&crate::stats::Count) -> &std::sync::atomic::AtomicU64| -> u64 {
            Operation::all()
                .map(|operation| of(self.stats.count(operation)).load(Ordering::Relaxed))
                .sum()
        };
        let cancelled = sum(|count| &count.cancelled);
        let unpolled = sum(|count| &count.cancelled_unpolled);
        let operations = self.stats.operations();
        let rate = operations as f64 / self.worked.as_secs_f64();
        writeln!(
            f,
            "tenants       {} (made in {:.1} s)",
            self.args.tenants,
            self.created.as_secs_f64()
        )?;
        writeln!(
            f,
            "operations    {operations} in {:.1} s, {rate:.0} a second",
            self.worked.as_secs_f64()
        )?;
        writeln!(
            f,
            "cancelled     {cancelled}, {} of them after the first poll",
            cancelled - unpolled
        )?;
        self.faults(f)?;
        writeln!(f, "excused       {:?}", self.stats.excuses())?;
        writeln!(f, "tenants were  {:?}", self.stats.events())?;
        writeln!(f, "seed          {}", self.args.seed)?;
        writeln!(f, "violations    {}", self.stats.violation_count())
    }

    fn faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = &self.faults;
        writeln!(
            f,
            "faults        {} delays, {} splits, {} cuts, {} resets; {} connections through the proxy",
            faults.delays, faults.splits, faults.cuts, faults.resets, faults.connections
        )
    }

    fn violations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in self.stats.violations() {
            let operation = violation
                .operation
                .map_or(String::new(), |op| format!(", operation {op}"));
            writeln!(
                f,
                "VIOLATION after {} operations, tenant {:?}, {}{operation}: {}",
                violation.after, violation.tenant, violation.found_by, violation.what
            )?;
            for op in numbers(&violation.what) {
                if let Some(operation) = self.stats.history.describe(op) {
                    writeln!(f, "          operation {op} was: {operation}")?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the operation numbers in a text, each once.
fn numbers(text: &str) -> BTreeSet<i64> {
    let after = text.split("operation ").skip(1);
    let digits = after.filter_map(|text| text.split(|character: char| !character.is_ascii_digit()).next());
    digits.filter_map(|number| number.parse().ok()).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operations(f)?;
        writeln!(f)?;
        self.summary(f)?;
        self.violations(f)
    }
}
