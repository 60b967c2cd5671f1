//! [`Run`]: the measurement of one line of the table for each variant.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use sea_orm::DatabaseConnection;
use tests::{OWN_PROCESS, TestDatabase, median, processor_time, relay::Counter};

use crate::{
    cost::{backends, memory},
    distribution::{Distribution, Tenants},
    shape::Case,
    variant::{Variant, VariantName},
};

/// Statements over which round trips are counted. The same number runs first, uncounted, to fill the caches.
const COUNTED: u32 = 4_000;

/// Parameters of a measurement.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) case: Case,
    pub(crate) distribution: Distribution,
    pub(crate) delay: u64,
    pub(crate) tasks: usize,
    pub(crate) tenants: u32,
    pub(crate) turn: Duration,
}

/// One measurement of a variant.
#[derive(Debug, Clone, Copy)]
struct Turn {
    statements_a_second: f64,
    /// Processor time a statement in microseconds: this process's and the server's.
    processor_time: f64,
    /// The server's part of `processor_time`.
    server_time: f64,
    p50: f64,
    p99: f64,
}

/// Medians of a variant's measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measurement {
    pub(crate) variant: VariantName,
    pub(crate) statements_a_second: f64,
    pub(crate) ratio: f64,
    pub(crate) processor_time: f64,
    pub(crate) server_time: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) memory: f64,
    pub(crate) round_trips: f64,
}

impl Run {
    /// Measures each variant in each round, in rotating order, after two rounds that do not count. Closes the variants.
    pub(crate) async fn measure(
        &self,
        variants: Vec<Variant>,
        rounds: u32,
        database: &TestDatabase,
    ) -> Vec<Measurement> {
        let admin = database.connect().await;
        let variants: Vec<_> = variants.into_iter().map(Arc::new).collect();
        let mut turns = vec![Vec::new(); variants.len()];
        for _ in 0..2 {
            for variant in &variants {
                self.turn(variant, &admin).await;
            }
        }
        for round in 0..rounds as usize {
            for position in 0..variants.len() {
                let number = (round + position) % variants.len();
                turns[number].push(self.turn(&variants[number], &admin).await);
            }
        }
        let mut measured = Vec::new();
        for (variant, of_variant) in variants.iter().zip(&turns) {
            let memory = memory(&backends(&admin, variant.name).await);
            let round_trips = self.round_trips(variant.name, database).await;
            measured.push(summary(variant.name, of_variant, &turns[0], memory, round_trips));
        }
        admin.close().await.unwrap();
        for variant in variants {
            Arc::into_inner(variant).expect("no task has it").close().await;
        }
        measured
    }

    async fn turn(&self, variant: &Arc<Variant>, admin: &DatabaseConnection) -> Turn {
        let backends = backends(admin, variant.name).await;
        let tenants = Arc::new(Tenants::new(self.distribution, self.tenants));
        let processor_times = || (processor_time(OWN_PROCESS), processor_time(&backends));
        let before = processor_times();
        let start = Instant::now();
        let end = start + self.turn;
        let mut times = self.send_until(variant, &tenants, end).await;
        let (elapsed, after) = (start.elapsed(), processor_times());
        times.sort_unstable();
        let count = f64::from(u32::try_from(times.len()).unwrap());
        let percentile = |of: usize| f64::from(times[(times.len() - 1) * of / 100]);
        let for_each = |time: Duration| time.as_secs_f64() * 1e6 / count;
        let server_time = for_each(after.1 - before.1);
        Turn {
            statements_a_second: count / elapsed.as_secs_f64(),
            processor_time: for_each(after.0 - before.0) + server_time,
            server_time,
            p50: percentile(50),
            p99: percentile(99),
        }
    }

    /// Sends statements until `end`, and returns their times in microseconds.
    async fn send_until(&self, variant: &Arc<Variant>, tenants: &Arc<Tenants>, end: Instant) -> Vec<u32> {
        let tasks = (0..self.tasks).map(|_| {
            let (variant, tenants, case) = (Arc::clone(variant), Arc::clone(tenants), self.case);
            tokio::spawn(async move {
                let mut random = Rng::new();
                let mut times = Vec::new();
                while Instant::now() < end {
                    let (shape, value) = case.draw(&mut random);
                    let start = Instant::now();
                    variant.run(tenants.draw(&mut random), &shape, value).await;
                    times.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
                }
                times
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.unwrap());
        }
        times
    }

    async fn round_trips(&self, variant: VariantName, database: &TestDatabase) -> f64 {
        let counter = Counter::start(database.url()).await;
        let variant = Variant::connect(variant, counter.url(), 8, None).await;
        let tenants = Tenants::new(self.distribution, self.tenants);
        let mut random = Rng::with_seed(1);
        let mut before = 0;
        for number in 0..6 * COUNTED {
            if number == 5 * COUNTED {
                before = counter.trips();
            }
            let (shape, value) = self.case.draw(&mut random);
            variant.run(tenants.draw(&mut random), &shape, value).await;
        }
        let trips = counter.trips() - before;
        variant.close().await;
        f64::from(u32::try_from(trips).unwrap()) / f64::from(COUNTED)
    }
}

fn summary(
    variant: VariantName,
    turns: &[Turn],
    plain: &[Turn],
    memory: f64,
    round_trips: f64,
) -> Measurement {
    let of = |value: fn(&Turn) -> f64| median(turns.iter().map(value));
    let ratio = |value: fn(&Turn) -> f64| {
        let ratios = turns.iter().zip(plain);
        median(ratios.map(|(turn, plain)| value(turn) / value(plain)))
    };
    Measurement {
        variant,
        statements_a_second: of(|turn| turn.statements_a_second),
        ratio: ratio(|turn| turn.statements_a_second),
        processor_time: of(|turn| turn.processor_time),
        server_time: of(|turn| turn.server_time),
        cpu_ratio: ratio(|turn| turn.processor_time),
        p50: of(|turn| turn.p50),
        p99: of(|turn| turn.p99),
        memory,
        round_trips,
    }
}
