//! What people read.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::Duration,
};

use comfy_table::{Row, Table, presets};

use crate::{
    define::Step,
    plan::{Observer, Outcome, Plan, Report, SchemaReport, SchemaStatus},
    run::Preview,
};

/// Writes a line for every schema, when it is done.
pub(super) struct Lines<'a> {
    out: &'a mut (dyn Write + Send),
    width: usize,
    is_verbose: bool,
    /// A pipe that is closed does not stop the run.
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
            let (schema, width) = (report.schema().as_str(), self.width);
            let text = outcome(report, self.is_verbose);
            self.result = writeln!(self.out, "{schema:width$}  {text}").and_then(|()| self.out.flush());
        }
    }
}

pub(super) fn outcome(report: &SchemaReport, is_verbose: bool) -> String {
    match report.outcome() {
        Outcome::Done(steps) => format!("{} ({})", done(steps, is_verbose), time(report.time())),
        Outcome::UpToDate => "nothing to do".to_owned(),
        Outcome::Failed { done: steps, error } if steps.is_empty() => format!("FAILED: {error}"),
        Outcome::Failed { done: steps, error } => {
            format!("FAILED: {error}; before that, it {}", done(steps, is_verbose))
        }
        Outcome::NotReached(reason) => format!("not begun, because {reason}"),
    }
}

/// "rolled back m2, applied m1 and m2": the steps, with what they have in common said once.
fn done(steps: &[Step], is_verbose: bool) -> String {
    let same = |a: &Step, b: &Step| std::mem::discriminant(a) == std::mem::discriminant(b);
    let groups = steps.chunk_by(same).map(|group| {
        let names: Vec<_> = group.iter().filter_map(name).collect();
        match (group, names.as_slice()) {
            ([step, ..], [] | [_]) => step.to_string(),
            ([Step::Up(_), ..], names) => format!("applied {}", list(names, is_verbose)),
            ([Step::Fake(_), ..], names) => {
                format!("recorded {} without running them", list(names, is_verbose))
            }
            (_, names) => format!("rolled back {}", list(names, is_verbose)),
        }
    });
    groups.collect::<Vec<_>>().join(", then ")
}

fn name(step: &Step) -> Option<&str> {
    match step {
        Step::Up(name) | Step::Down(name) | Step::Fake(name) => Some(name),
        Step::Recreate | Step::DropLedger => None,
    }
}

/// How many names a line shows.
const SHOWN: usize = 3;

fn list(names: &[&str], is_verbose: bool) -> String {
    match names {
        names if is_verbose || names.len() <= SHOWN => names.join(", "),
        [first, .., last] => format!("{} migrations, {first} to {last}", names.len()),
        names => names.join(", "),
    }
}

fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// How often each outcome was, and all failures once more where they may have scrolled by.
pub(super) fn show_summary(report: &Report, time: Duration, out: &mut (dyn Write + Send)) -> io::Result<()> {
    const SCREEN: usize = 20;
    let schemas = report.schemas();
    let failed: Vec<_> = schemas.iter().filter(|schema| !schema.is_success()).collect();
    if !failed.is_empty() && schemas.len() > SCREEN {
        let mut table = plain_table(["schema", "reason"]);
        for schema in &failed {
            table.add_row([schema.schema().to_string(), outcome(schema, false)]);
        }
        writeln!(out, "\n{}", table.trim_fmt())?;
    }
    if schemas.len() > 1 {
        writeln!(out, "\n{} in {}", counts(schemas), self::time(time))?;
    }
    Ok(())
}

const OUTCOMES: [&str; 4] = ["done", "nothing to do", "failed", "not begun"];

/// An outcome in a word.
pub(super) fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => OUTCOMES[0],
        Outcome::UpToDate => OUTCOMES[1],
        Outcome::Failed { .. } => OUTCOMES[2],
        Outcome::NotReached(_) => OUTCOMES[3],
    }
}

/// "3 schemas: 1 done, 2 nothing to do"
fn counts(schemas: &[SchemaReport]) -> String {
    let count = |word: &&str| {
        schemas
            .iter()
            .filter(|schema| outcome_word(schema.outcome()) == *word)
            .count()
    };
    let counts = OUTCOMES.iter().map(|word| (count(word), word));
    let counts: Vec<_> = counts
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    format!("{} schemas: {}", schemas.len(), counts.join(", "))
}

/// What would be done to every schema.
pub(super) fn show_plan(plan: &Plan, is_verbose: bool, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut table = plain_table(["schema", "would be done"]);
    for schema in plan.schemas() {
        let steps = match schema.steps() {
            Ok([]) => "nothing".to_owned(),
            Ok(steps) => done(steps, is_verbose),
            Err(error) => format!("CANNOT: {error}"),
        };
        table.add_row([schema.schema().to_string(), steps]);
    }
    writeln!(out, "{}", table.trim_fmt())
}

/// The SQL of all schemas. Those with the same are said together.
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
    let mut places = HashMap::new();
    for preview in previews {
        let at = *places.entry(text(preview)).or_insert_with_key(|text| {
            groups.push((text.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(preview.schema.as_str());
    }
    for (sql, schemas) in groups {
        writeln!(out, "-- {}\n{sql}", schemas_of(&schemas))?;
    }
    Ok(())
}

/// "acme, globex and 998 more"
fn schemas_of(names: &[&str]) -> String {
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

fn with_semicolon(statement: &str) -> String {
    format!("{};\n", statement.trim_end().trim_end_matches(';'))
}

/// A line for every schema.
pub(super) fn show_overview(statuses: &[SchemaStatus], out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut table = plain_table(["schema", "applied", "pending", ""]);
    for status in statuses {
        table.add_row([
            status.schema().to_string(),
            status.applied().len().to_string(),
            status.pending().len().to_string(),
            remark(status),
        ]);
    }
    writeln!(out, "{}", table.trim_fmt())
}

fn remark(status: &SchemaStatus) -> String {
    if !status.exists() {
        return "the database has no such schema".to_owned();
    }
    if !status.unknown().is_empty() {
        return format!("unknown to this program: {}", status.unknown().join(", "));
    }
    if let Some(Step::Up(name) | Step::Down(name)) = status.unfinished() {
        return format!("{name} was begun and did not end");
    }
    let pending: Vec<_> = status.pending().iter().map(|name| &**name).collect();
    list(&pending, false)
}

/// Every migration of every schema.
pub(super) fn show_details(statuses: &[SchemaStatus], out: &mut (dyn Write + Send)) -> io::Result<()> {
    for status in statuses {
        let missing = if status.exists() {
            ""
        } else {
            ": the database has no such schema"
        };
        writeln!(out, "{}{missing}", status.schema())?;
        for name in status.applied() {
            writeln!(out, "  applied  {name}")?;
        }
        for name in status.pending() {
            writeln!(out, "  pending  {name}")?;
        }
        for name in status.unknown() {
            writeln!(out, "  unknown  {name}: its ledger has it, this program has not")?;
        }
        if status.applied().is_empty() && status.pending().is_empty() {
            writeln!(out, "  (no migrations)")?;
        }
    }
    Ok(())
}

/// A table that other programs can read too: a line each row, nothing but blanks between.
pub(super) fn plain_table(header: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}
