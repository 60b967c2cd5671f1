//! [`Distribution`]: how statements are distributed over tenants.

use std::fmt;

use clap::ValueEnum;
use fastrand::Rng;

/// Distribution of the statements over the tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Distribution {
    /// The n-th tenant is drawn 1/n times as often as the first.
    Zipf,
    /// All tenants are drawn equally often.
    Uniform,
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zipf => "zipf",
            Self::Uniform => "uniform",
        })
    }
}

/// Random choice of tenants.
#[derive(Debug)]
pub(crate) struct Tenants {
    /// Cumulative weights.
    sums: Vec<f64>,
}

impl Tenants {
    pub(crate) fn new(distribution: Distribution, count: u32) -> Self {
        let weight = |rank: u32| match distribution {
            Distribution::Zipf => 1.0 / f64::from(rank),
            Distribution::Uniform => 1.0,
        };
        let mut sum = 0.0;
        let sums = (1..=count).map(|rank| {
            sum += weight(rank);
            sum
        });
        Self { sums: sums.collect() }
    }

    pub(crate) fn draw(&self, random: &mut Rng) -> usize {
        let at = random.f64() * self.sums.last().expect("a tenant");
        self.sums
            .partition_point(|sum| *sum <= at)
            .min(self.sums.len() - 1)
    }
}
