//! Output for people.

use std::{
    collections::HashMap,
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

/// Writes the number of schemas for each outcome. After a long run it repeats the failures, which may have scrolled by.
pub(super) fn show_summary(report: &Report, time: Duration, out: &mut (dyn Write + Send)) -> io::Result<()> {
    const LINES_ON_SCREEN: usize = 20;
    let schemas = &report.schemas;
    let failed: Vec<_> = schemas.iter().filter(|schema| !schema.is_success()).collect();
    if !failed.is_empty() && schemas.len() > LINES_ON_SCREEN {
        let mut table = plain_table(["schema", "reason"]);
        for schema in &failed {
            table.add_row([schema.schema.to_string(), describe_outcome(schema, false)]);
        }
        writeln!(out, "\n{}", table.trim_fmt())?;
    }
    if schemas.len() > 1 {
        writeln!(out, "\n{} in {}", count_outcomes(schemas), format_duration(time))?;
    }
    Ok(())
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

/// Writes the planned steps of each schema.
pub(super) fn show_plan(plan: &Plan, is_verbose: bool, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut table = plain_table(["schema", "would be done"]);
    for schema in plan.schemas() {
        let steps = match schema.steps() {
            Ok([]) => "nothing".to_owned(),
            Ok(steps) => describe_steps(steps, is_verbose),
            Err(error) => format!("CANNOT: {error}"),
        };
        table.add_row([schema.schema().to_string(), steps]);
    }
    writeln!(out, "{}", table.trim_fmt())
}

/// Writes the SQL of all schemas. Schemas with the same SQL share one listing.
pub(super) fn show_previews(previews: &[Preview], out: &mut (dyn Write + Send)) -> io::Result<()> {
    let text = |preview: &Preview| match &preview.statements {
        Ok(statements) if statements.is_empty() => "-- nothing\n".to_owned(),
        Ok(statements) => statements
            .iter()
            .map(|statement| with_semicolon(statement))
            .collect(),
        Err(error) => format!("-- CANNOT: {error}\n"),
    };
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    let mut index_by_sql = HashMap::new();
    for preview in previews {
        let index = *index_by_sql.entry(text(preview)).or_insert_with_key(|text| {
            groups.push((text.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(preview.schema.as_str());
    }
    for (sql, schemas) in groups {
        writeln!(out, "-- {}\n{sql}", join_schemas(&schemas))?;
    }
    Ok(())
}

/// Joins schemas, such as "acme, globex, initech and 997 more".
fn join_schemas(names: &[&str]) -> String {
    match names.len().saturating_sub(MAX_NAMES) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..MAX_NAMES].join(", ")),
    }
}

fn with_semicolon(statement: &str) -> String {
    format!("{};\n", statement.trim_end().trim_end_matches(';'))
}

/// Writes one line for each schema, with the numbers of applied and pending migrations.
pub(super) fn show_overview(statuses: &[SchemaStatus], out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut table = plain_table(["schema", "applied", "pending", ""]);
    for status in statuses {
        table.add_row([
            status.schema.to_string(),
            status.applied.len().to_string(),
            status.pending.len().to_string(),
            remark(status),
        ]);
    }
    writeln!(out, "{}", table.trim_fmt())
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

/// Writes every migration of every schema.
pub(super) fn show_details(statuses: &[SchemaStatus], out: &mut (dyn Write + Send)) -> io::Result<()> {
    for status in statuses {
        match status.exists {
            true => writeln!(out, "{}", status.schema)?,
            false => writeln!(out, "{}: the database has no such schema", status.schema)?,
        }
        for name in &status.applied {
            writeln!(out, "  applied  {name}")?;
        }
        for name in &status.pending {
            writeln!(out, "  pending  {name}")?;
        }
        for name in &status.unknown {
            writeln!(out, "  unknown  {name}: in the ledger, but not in this program")?;
        }
        if status.applied.is_empty() && status.pending.is_empty() {
            writeln!(out, "  (no migrations)")?;
        }
    }
    Ok(())
}

/// Counts things, such as "1 row" or "2 rows".
pub(super) fn count<N: Display + PartialEq + From<u8>>(number: N, word: &str) -> String {
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
