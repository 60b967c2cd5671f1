//! Results as a table and as JSON.

use std::{env, fs, path::PathBuf, time::Duration};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::bench::Bench;

#[derive(Default)]
pub(crate) struct Report {
    server: String,
    rows: Vec<Row>,
}

/// A line of the table.
pub(crate) struct Row {
    tenants: u32,
    work: &'static str,
    /// Name of the baseline. Empty without one.
    beside: &'static str,
    figure: Figure,
    /// Target: the maximum of the ratio, or of the figure if there is no baseline.
    aim: Option<f64>,
}

/// The library's figure and, if there is one, the baseline's.
#[derive(Clone, Copy)]
enum Figure {
    Time(Duration, Duration),
    Count(u64, u64),
    KiB(f64),
}

impl Row {
    pub(crate) fn times(
        tenants: u32,
        work: &'static str,
        beside: &'static str,
        ours: Duration,
        other: Duration,
    ) -> Self {
        Self::new(tenants, work, beside, Figure::Time(ours, other))
    }

    pub(crate) fn counts(
        tenants: u32,
        work: &'static str,
        beside: &'static str,
        ours: u64,
        other: u64,
    ) -> Self {
        Self::new(tenants, work, beside, Figure::Count(ours, other))
    }

    pub(crate) fn memory(tenants: u32, work: &'static str, kib: f64) -> Self {
        Self::new(tenants, work, "", Figure::KiB(kib))
    }

    fn new(tenants: u32, work: &'static str, beside: &'static str, figure: Figure) -> Self {
        Self {
            tenants,
            work,
            beside,
            figure,
            aim: None,
        }
    }

    pub(crate) fn at_most(mut self, aim: f64) -> Self {
        self.aim = Some(aim);
        self
    }

    fn is_met(&self) -> Option<bool> {
        let figure = self.figure.ratio().unwrap_or_else(|| self.figure.ours());
        self.aim.map(|aim| figure <= aim)
    }

    fn line(&self) -> String {
        let ratio = self
            .figure
            .ratio()
            .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let aim = match (self.aim, self.is_met()) {
            (Some(aim), Some(true)) => format!("<= {aim}"),
            (Some(aim), _) => format!("<= {aim}: missed"),
            _ => String::new(),
        };
        let [ours, other] = self.figure.words();
        let Self {
            tenants,
            work,
            beside,
            ..
        } = self;
        let line = format!("{tenants:>7}  {work:<36} {ours:>10}  {beside:<30} {other:>10} {ratio:>8}  {aim}");
        line.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        json!({
            "tenants": self.tenants,
            "work": self.work,
            "beside": self.beside,
            "unit": self.figure.unit(),
            "ours": self.figure.ours(),
            "other": self.figure.other(),
            "ratio": self.figure.ratio(),
            "at_most": self.aim,
            "is_met": self.is_met(),
        })
    }
}

impl Figure {
    fn ours(self) -> f64 {
        match self {
            Self::Time(ours, _) => ours.as_secs_f64(),
            Self::Count(ours, _) => ours as f64,
            Self::KiB(kib) => kib,
        }
    }

    fn other(self) -> Option<f64> {
        match self {
            Self::Time(_, other) => Some(other.as_secs_f64()),
            Self::Count(_, other) => Some(other as f64),
            Self::KiB(_) => None,
        }
    }

    fn ratio(self) -> Option<f64> {
        self.other().map(|other| self.ours() / other)
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Time(..) => "seconds",
            Self::Count(..) => "count",
            Self::KiB(_) => "KiB",
        }
    }

    fn words(self) -> [String; 2] {
        match self {
            Self::Time(ours, other) => [format!("{ours:.1?}"), format!("{other:.1?}")],
            Self::Count(ours, other) => [ours.to_string(), other.to_string()],
            Self::KiB(kib) => [format!("{kib:.1} KiB"), String::new()],
        }
    }
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Reads the server's version and settings for the heading.
    pub(crate) async fn describe(&mut self, bench: &Bench) {
        let sql = "SELECT format('PostgreSQL %s, fsync %s, synchronous_commit %s', current_setting('server_version'),
            current_setting('fsync'), current_setting('synchronous_commit')) AS server";
        let read = Statement::from_string(DbBackend::Postgres, sql);
        let row = bench.db.query_one_raw(read).await.unwrap().unwrap();
        self.server = row.try_get("", "server").unwrap();
    }

    /// Prints the table and writes the file.
    pub(crate) fn finish(&self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!(
            "Both variants on one server, in turns; medians. {}; {cores} cores.",
            self.server
        );
        println!(
            "{:>7}  {:<36} {:>10}  {:<30} {:>10} {:>8}  aim",
            "tenants", "work", "ours", "beside", "", "ratio"
        );
        for row in &self.rows {
            println!("{}", row.line());
        }
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let report = json!({ "server": self.server, "cores": cores, "rows": rows });
        write_json("migrate", &report);
    }
}

/// Writes the result of a benchmark into the target directory, and says where.
pub(crate) fn write_json(name: &str, report: &Value) {
    let path = directory().join(name).with_extension("json");
    fs::create_dir_all(directory()).unwrap();
    fs::write(&path, format!("{report:#}\n")).unwrap();
    println!("written to {}", path.display());
}

/// Returns the directory `bench` in cargo's target directory. The program is in `release/deps` of the target directory.
fn directory() -> PathBuf {
    let program = env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().join("bench")
}
