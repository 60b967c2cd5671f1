//! Metrics, scraped as by Prometheus.

use std::sync::LazyLock;

use example_app::{Metrics, Recorder};
use futures_util::{StreamExt as _, stream};
use metrics_exporter_prometheus::PrometheusBuilder;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tenant_core::{SchemaName, Tenants, metrics::MeasuredTenants};
use tests::TestDatabase;
use tokio::sync::Mutex;

use super::{Answer, Framework, MAIN, Server, TestApp, create, migrate, site};

on_each_framework!(
    a_scrape_counts_the_requests_of_each_tenant,
    unknown_hosts_make_no_series,
);

/// The recorder of this process. Its gauges are those of one application at a time.
static RECORDER: LazyLock<Mutex<Recorder>> =
    LazyLock::new(|| Mutex::new(Recorder::install().expect("the only recorder")));

/// The application, with a port for scrapes.
struct MeasuredApp {
    app: TestApp,
    scrapes: Server,
    tenants: Tenants,
}

impl MeasuredApp {
    async fn start(framework: Framework, recorder: &Recorder, measured: &[String]) -> Self {
        let database = TestDatabase::create().await;
        migrate(&database).await;
        let measured = measured.iter().map(SchemaName::new).collect::<Result<_, _>>();
        let tenants = Tenants::builder()
            .measured_tenants(MeasuredTenants::Named(measured.expect("schemas")))
            .connect(database.options())
            .await
            .expect("connect");
        create(&tenants, "public", "Notes", MAIN).await;
        Self {
            app: TestApp::serve(framework, site(&tenants), database),
            scrapes: Server::start_metrics(framework, Metrics::new(recorder.clone(), tenants.clone())),
            tenants,
        }
    }

    /// Asks for `/metrics` at the address, as Prometheus does: that is the host of no tenant.
    async fn scrape(&self) -> Scrape {
        let url = format!("http://{}/metrics", self.scrapes.address);
        let answer = Answer::to(self.app.client.get(url)).await.expect(200);
        assert_eq!(
            answer.header("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        Scrape(answer.text)
    }
}

struct Scrape(String);

impl Scrape {
    /// Returns the value of a series, or 0.
    #[track_caller]
    fn value(&self, series: &str) -> f64 {
        let line = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }
}

async fn a_scrape_counts_the_requests_of_each_tenant(framework: Framework) {
    let recorder = RECORDER.lock().await;
    // Series stay, so each run has tenants of its own.
    let name = |letter: &str| format!("measured-{framework:?}-{letter}").to_lowercase();
    let [a, b, other] = ["a", "b", "c"].map(name);
    let measured = MeasuredApp::start(framework, &recorder, &[a.clone(), b.clone()]).await;
    for schema in [&a, &b, &other] {
        let new = json!({"schema": schema, "name": schema});
        measured.app.post(MAIN, "/api/tenants", &new).await.expect(201);
    }
    let before = measured.scrape().await;
    let get = async |schema: &str, path: &str, status: u16| {
        let host = format!("{schema}.localhost");
        measured.app.get(&host, path).await.expect(status);
    };
    for (schema, times) in [(&a, 3), (&b, 2), (&other, 4)] {
        for _ in 0..times {
            get(schema, "/api/notes", 200).await;
        }
    }
    get(&a, "/api/nothing", 404).await;
    get("nobody", "/api/notes", 404).await;
    let tenant = SchemaName::new(&a).expect("a schema");
    let tenant = measured.tenants.by_schema(&tenant).await.expect("the catalog");
    let db = measured.tenants.connection(&tenant.expect("a tenant"));
    db.execute_unprepared("SELECT * FROM globex.note")
        .await
        .expect_err("refused");

    let after = measured.scrape().await;
    let requests = |tenant: &str, status: &str| {
        let series = format!("tenant_requests_total{{tenant=\"{tenant}\",status=\"{status}\"}}");
        after.value(&series) - before.value(&series)
    };
    assert_eq!(requests(&a, "2xx"), 3.0, "{}", after.0);
    assert_eq!(requests(&a, "4xx"), 1.0);
    assert_eq!(requests(&b, "2xx"), 2.0);
    assert_eq!(requests("other", "2xx"), 4.0);
    assert!(!after.0.contains(&other), "{}", after.0);
    let durations = |part: &str| after.value(&format!("tenant_request_duration_seconds_{part}"));
    assert_eq!(durations(&format!("count{{tenant=\"{a}\"}}")), 4.0);
    assert_eq!(durations(&format!("bucket{{tenant=\"{b}\",le=\"10\"}}")), 2.0);
    assert!(durations(&format!("sum{{tenant=\"{a}\"}}")) > 0.0);
    let unknown = "tenant_rejections_total{reason=\"unknown_tenant\"}";
    assert!(after.value(unknown) > before.value(unknown));

    // A counter of this process is that of the application with the most: the values are compared in another recorder.
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || measured.tenants.record_metrics());
    let exact = Scrape(recorder.handle().render());
    let (pool, cache) = (
        measured.tenants.pool_status().expect("a pool"),
        measured.tenants.cache_status(),
    );
    let statements = measured.tenants.statement_status();
    assert_eq!(statements.refused, 1);
    for (series, value) in [
        ("tenant_pool_connections_max", pool.max_connections as u64),
        ("tenant_pool_opened_total", pool.opened),
        ("tenant_pool_acquires_total{home=\"hit\"}", pool.home_hits),
        (
            "tenant_pool_wait_seconds_bucket{le=\"+Inf\"}",
            pool.waits.counts().iter().sum(),
        ),
        ("tenant_pool_waiting", 0),
        ("tenant_pool_closed_total{reason=\"lost\"}", 0),
        ("tenant_cache_entries{of=\"tenants\"}", cache.tenants as u64),
        ("tenant_cache_entries{of=\"unknown\"}", cache.unknown as u64),
        ("tenant_cache_requests_total{result=\"hit\"}", cache.hits),
        ("tenant_cache_requests_total{result=\"miss\"}", cache.misses),
        ("tenant_cache_loads_total", cache.loads),
        ("tenant_statements_cached", statements.cached as u64),
        ("tenant_statements_parsed_total", statements.parsed),
        ("tenant_statements_refused_total", 1),
    ] {
        assert!(
            after.0.contains(&format!("\n{series} ")),
            "no {series}: {}",
            after.0
        );
        assert_eq!(exact.value(series), value as f64, "{series}");
    }
    assert!(pool.home_hits > 0 && cache.hits > 0 && statements.parsed > 0);

    // Nothing else is at this address, and the site has no such page.
    let url = format!("http://{}/", measured.scrapes.address);
    Answer::to(measured.app.client.get(url)).await.expect(404);
    measured.app.get(MAIN, "/metrics").await.expect(404);
}

async fn unknown_hosts_make_no_series(framework: Framework) {
    const HOSTS: usize = 10_000;
    let recorder = RECORDER.lock().await;
    let measured = MeasuredApp::start(framework, &recorder, &[]).await;
    let unknown = "tenant_rejections_total{reason=\"unknown_tenant\"}";
    let before = measured.scrape().await.value(unknown);
    stream::iter(0..HOSTS)
        .map(async |number| {
            let host = format!("attack-{number}.localhost");
            measured.app.get(&host, &format!("/{host}")).await.expect(404);
        })
        .buffer_unordered(16)
        .count()
        .await;
    let scrape = measured.scrape().await;
    // Other tests may have asked for unknown hosts meanwhile.
    assert!(scrape.value(unknown) - before >= HOSTS as f64);
    assert!(!scrape.0.contains("attack"), "{}", scrape.0);
    assert!(measured.tenants.cache_status().unknown <= HOSTS);
}
