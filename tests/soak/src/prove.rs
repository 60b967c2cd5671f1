//! [`prove`]: breaks the library in every known way, one after the other.

use std::fmt;

use crate::{
    args::Args,
    faults::{FAULTS, Fault, disarm},
    report::Report,
    soak,
    tenants::AnyError,
};

/// Few tenants, so that tasks meet.
const TENANTS: u32 = 6;
/// Limits of finding a fault.
const OPERATIONS: u64 = 100_000;
const SECONDS: u64 = 60;
/// Operations of the unbroken library, all of which must pass.
const CONTROL: u64 = 4_000;

/// The reports of the faults.
pub(crate) struct Proof {
    /// The report of the unbroken library.
    control: Report,
    found: Vec<(&'static Fault, Report)>,
}

/// Soaks the library as it is, and then with each of these faults. None means all.
pub(crate) async fn prove(args: &Args, faults: &[&'static Fault]) -> Result<Proof, AnyError> {
    let all: Vec<_> = FAULTS.iter().collect();
    let faults = if faults.is_empty() { &all } else { faults };
    disarm();
    let control = Args {
        tenants: TENANTS,
        ops: CONTROL,
        ..args.clone()
    };
    let control = soak::run(&control).await?;
    let mut found = Vec::new();
    for fault in faults {
        let args = Args {
            tenants: TENANTS,
            ops: OPERATIONS,
            seconds: Some(SECONDS),
            fault: Some(fault),
            ..args.clone()
        };
        fault.arm();
        let report = soak::run(&args).await;
        disarm();
        let report = report?;
        let what = report.first_violation().map(|violation| violation.what);
        eprintln!("{}: {}", fault.name, what.as_deref().unwrap_or("NOT FOUND"));
        found.push((*fault, report));
    }
    Ok(Proof { control, found })
}

impl Proof {
    pub(crate) fn holds(&self) -> bool {
        self.control.is_clean() && self.found.iter().all(|(_, report)| !report.is_clean())
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:25} {:50} {:9} {:>10}  found by",
            "fault", "what it breaks", "found", "operations"
        )?;
        for (fault, report) in &self.found {
            let violation = report.first_violation();
            let (is_found, after, by) = violation.as_ref().map_or(("NO", 0, ""), |violation| {
                ("yes", violation.after, violation.found_by)
            });
            writeln!(
                f,
                "{:25} {:50} {is_found:9} {after:>10}  {by}",
                fault.name, fault.breaks
            )?;
        }
        let found = self.found.iter().filter(|(_, report)| !report.is_clean()).count();
        writeln!(f, "\n{found} of {} faults were found", self.found.len())?;
        if !self.control.is_clean() {
            writeln!(f, "The library is not clean without any:\n{}", self.control)?;
        }
        Ok(())
    }
}
