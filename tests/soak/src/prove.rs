//! [`prove`]: breaks the library in every known way, one after the other.

use std::fmt;

use crate::{
    args::Args,
    fleet::AnyError,
    plants::{SCENARIOS, Scenario, clear},
    report::Report,
    soak,
};

/// Few tenants, so that tasks meet.
const TENANTS: u32 = 6;
/// What it takes at the most to find a plant.
const OPERATIONS: u64 = 100_000;
const SECONDS: u64 = 60;
/// How many operations of the unbroken library must pass.
const CONTROL: u64 = 4_000;

/// What was found, plant by plant.
pub(crate) struct Proof {
    /// The report of the unbroken library.
    control: Report,
    found: Vec<(&'static Scenario, Report)>,
}

/// Soaks the library as it is, and then with each of the plants.
pub(crate) async fn prove(args: &Args) -> Result<Proof, AnyError> {
    clear();
    let control = Args {
        tenants: TENANTS,
        ops: CONTROL,
        prove: false,
        ..args.clone()
    };
    let control = soak::run(&control).await?;
    let mut found = Vec::new();
    for scenario in SCENARIOS {
        let args = Args {
            tenants: TENANTS,
            ops: OPERATIONS,
            seconds: Some(SECONDS),
            plant: Some(scenario.name.to_owned()),
            prove: false,
            ..args.clone()
        };
        scenario.plant();
        let report = soak::run(&args).await;
        clear();
        let report = report?;
        let what = report.first_violation().map(|violation| violation.what);
        eprintln!("{}: {}", scenario.name, what.as_deref().unwrap_or("NOT FOUND"));
        found.push((scenario, report));
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
            "plant", "what it breaks", "found", "operations"
        )?;
        for (scenario, report) in &self.found {
            let violation = report.first_violation();
            let (is_found, after, by) = violation.as_ref().map_or(("NO", 0, ""), |violation| {
                ("yes", violation.after, violation.found_by)
            });
            writeln!(
                f,
                "{:25} {:50} {is_found:9} {after:>10}  {by}",
                scenario.name, scenario.breaks
            )?;
        }
        let found = self.found.iter().filter(|(_, report)| !report.is_clean()).count();
        writeln!(f, "\n{found} of {} plants were found", self.found.len())?;
        if !self.control.is_clean() {
            writeln!(f, "The library is not clean without any:\n{}", self.control)?;
        }
        Ok(())
    }
}
