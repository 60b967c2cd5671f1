//! Output for people.

use std::{
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

use comfy_table::{Row, Table, presets};

use crate::{
    define::Step,
    plan::{Observer, Outcome, Plan, Report, SchemaReport, SchemaStatus},
    run::Preview,
};

/// Writes one line for each schema as it finishes.
pub(super) struct Lines<'a> {
    out: &'a mut (dyn Write + Send),
    width: usize,
    is_verbose: bool,
    /// The first error of writing. It does not stop the run: a closed pipe must leave no tenant unmigrated.
    result: io::Result<()>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), plan: &Plan, is_verbose: bool) -> Self {
        let widths = plan.schemas().iter().map(|schema| schema.schema().as_str().len());
        Self {
            out,
            width: widths.max().unwrap_or_default(),
            is_verbose,
            result: Ok(()),
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.result
    }
}

impl Observer for Lines<'_> {
    fn finished(&mut self, report: &SchemaReport) {
        if self.result.is_ok() {
            let (schema, width) = (report.schema.as_str(), self.width);
            let text = describe_outcome(report, self.is_verbose);
            self.result = writeln!(self.out, "{schema:width$}  {text}").and_then(|()| self.out.flush());
        }
    }
}

pub(super) fn describe_outcome(report: &SchemaReport, is_verbose: bool) -> String {
    match &report.outcome {
        Outcome::Done(steps) => {
            let time = format_duration(report.time);
            format!("{} ({time})", describe_steps(steps, is_verbose))
        }
        Outcome::UpToDate => "nothing to do".to_owned(),
        Outcome::Failed { done: steps, error } if steps.is_empty() => format!("FAILED: {error}"),
        Outcome::Failed { done: steps, error } => {
            let steps = describe_steps(steps, is_verbose);
            format!("FAILED: {error}; before that, it {steps}")
        }
        Outcome::NotReached(reason) => format!("not begun, because {reason}"),
    }
}

/// Describes steps, such as "rolled back m2, then applied m1, m2". Neighbours of the same kind share a verb.
fn describe_steps(steps: &[Step], is_verbose: bool) -> String {
    let same = |a: &Step, b: &Step| std::mem::discriminant(a) == std::mem::discriminant(b);
    let groups = steps.chunk_by(same).map(|group| {
        let names: Vec<_> = group.iter().filter_map(Step::migration).collect();
        group[0].describe(&join_names(&names, is_verbose))
    });
    groups.collect::<Vec<_>>().join(", then ")
}

/// Number of names that a line lists in full.
const MAX_NAMES: usize = 3;

fn join_names(names: &[&str], is_verbose: bool) -> String {
    match names {
        names if is_verbose || names.len() <= MAX_NAMES => names.join(", "),
        [first, .., last] => format!("{} migrations, {first} to {last}", names.len()),
        names => names.join(", "),
    }
}

fn format_duration(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// Returns the number of schemas for each outcome. After a long run it repeats the failures, which may have scrolled by.
pub(super) fn summary(report: &Report, time: Duration) -> String {
    const LINES_ON_SCREEN: usize = 20;
    let schemas = &report.schemas;
    let failed: Vec<_> = schemas.iter().filter(|schema| !schema.is_success()).collect();
    let mut text = String::new();
    if !failed.is_empty() && schemas.len() > LINES_ON_SCREEN {
        let mut table = plain_table(["schema", "reason"]);
        for schema in &failed {
            table.add_row([schema.schema.to_string(), describe_outcome(schema, false)]);
        }
        text += &format!("\n{}\n", table.trim_fmt());
    }
    if schemas.len() > 1 {
        text += &format!("\n{} in {}\n", count_outcomes(schemas), format_duration(time));
    }
    text
}

const OUTCOMES: [&str; 4] = ["done", "nothing to do", "failed", "not begun"];

/// Returns the short name of an outcome.
pub(super) fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => OUTCOMES[0],
        Outcome::UpToDate => OUTCOMES[1],
        Outcome::Failed { .. } => OUTCOMES[2],
        Outcome::NotReached(_) => OUTCOMES[3],
    }
}

/// Counts schemas by outcome, such as "3 schemas: 1 done, 2 nothing to do".
fn count_outcomes(schemas: &[SchemaReport]) -> String {
    let counts = OUTCOMES.map(|word| {
        let of_word = schemas
            .iter()
            .filter(|schema| outcome_word(&schema.outcome) == word);
        (of_word.count(), word)
    });
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    format!("{} schemas: {}", schemas.len(), counts.join(", "))
}

/// Returns the planned steps of each schema.
pub(super) fn describe_plan(plan: &Plan, is_verbose: bool) -> String {
    let mut table = plain_table(["schema", "would be done"]);
    for schema in plan.schemas() {
        let steps = match schema.steps() {
            Ok([]) => "nothing".to_owned(),
            Ok(steps) => describe_steps(steps, is_verbose),
            Err(error) => format!("CANNOT: {error}"),
        };
        table.add_row([schema.schema().to_string(), steps]);
    }
    table.trim_fmt()
}

/// Returns the SQL of all schemas. Schemas with the same SQL share one listing.
pub(super) fn describe_previews(previews: &[Preview]) -> String {
    let mut listings: Vec<(String, Vec<&str>)> = Vec::new();
    for preview in previews {
        let schema = preview.schema.as_str();
        let sql = match &preview.statements {
            Ok(statements) if statements.is_empty() => "-- nothing\n".to_owned(),
            Ok(statements) => statements.iter().map(with_semicolon).collect(),
            Err(error) => format!("-- CANNOT: {error}\n"),
        };
        match listings.iter_mut().find(|(listed, _)| *listed == sql) {
            Some((_, schemas)) => schemas.push(schema),
            None => listings.push((sql, vec![schema])),
        }
    }
    let listings = listings.iter();
    let listings = listings.map(|(sql, schemas)| format!("-- {}\n{sql}", join_schemas(schemas)));
    listings.collect::<Vec<_>>().join("\n")
}

/// Joins schemas, such as "acme, globex, initech and 997 more".
fn join_schemas(names: &[&str]) -> String {
    match names.len().saturating_sub(MAX_NAMES) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..MAX_NAMES].join(", ")),
    }
}

fn with_semicolon(statement: impl AsRef<str>) -> String {
    format!("{};\n", statement.as_ref().trim_end().trim_end_matches(';'))
}

/// Returns one line for each schema, with the numbers of applied and pending migrations, and the last failure.
pub(super) fn describe_statuses(statuses: &[SchemaStatus]) -> String {
    let mut table = plain_table(["schema", "applied", "pending", ""]);
    for status in statuses {
        table.add_row([
            status.schema.to_string(),
            status.applied.len().to_string(),
            status.pending.len().to_string(),
            remark_with_failure(status),
        ]);
    }
    table.trim_fmt()
}

fn remark_with_failure(status: &SchemaStatus) -> String {
    let remark = remark(status);
    match &status.last_failure {
        None => remark,
        Some(failure) if remark.is_empty() => format!("failed {failure}"),
        Some(failure) => format!("{remark}; failed {failure}"),
    }
}

fn remark(status: &SchemaStatus) -> String {
    if !status.exists {
        return "the database has no such schema".to_owned();
    }
    if !status.unknown.is_empty() {
        return format!("unknown to this program: {}", status.unknown.join(", "));
    }
    if let Some(Step::Up(name) | Step::Down(name)) = &status.unfinished {
        return format!("{name} was begun and did not end");
    }
    let pending: Vec<_> = status.pending.iter().map(|name| &**name).collect();
    join_names(&pending, false)
}

/// Returns every migration of every schema.
pub(super) fn list_migrations(statuses: &[SchemaStatus]) -> String {
    let mut lines = Vec::new();
    for status in statuses {
        lines.push(match status.exists {
            true => status.schema.to_string(),
            false => format!("{}: the database has no such schema", status.schema),
        });
        lines.extend(status.applied.iter().map(|name| format!("  applied  {name}")));
        lines.extend(status.pending.iter().map(|name| format!("  pending  {name}")));
        let unknown = |name| format!("  unknown  {name}: in the ledger, but not in this program");
        lines.extend(status.unknown.iter().map(unknown));
        if status.applied.is_empty() && status.pending.is_empty() {
            lines.push("  (no migrations)".to_owned());
        }
    }
    lines.join("\n")
}

/// Counts things, such as "1 row" or "2 rows".
pub(super) fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, word: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {word}{plural}")
}

/// Returns a table without borders, which other programs can parse: one line a row, columns separated by blanks.
pub(super) fn plain_table(header: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}
