//! Random SQL, checked by PostgreSQL: a statement that the compiler accepts does not touch another tenant's schema.
//!
//! The statements run with a role that may use the schemas `acme` and `public`, but not `globex`. The role may not
//! read `public.note` either: this is the table that an unqualified tenant table would resolve to. If a statement names
//! one of the two, PostgreSQL fails with 42501 (insufficient privilege), independently of our parser.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestCaseError, TestError, TestRunner},
};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, JsonValue, Statement,
    TransactionTrait,
};
use tenant_core::{FanOutError, Refusal, SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants};
use tests::TestDatabase;

const CASES: u32 = 3000;

/// Cases that are run for each of several tenants.
const FAN_OUT_CASES: usize = 600;

const SETUP: &str = "
    CREATE SCHEMA acme; CREATE SCHEMA globex;
    CREATE TABLE acme.note (id int, title text, body text);
    CREATE TABLE acme.tag (id int, title text);
    CREATE TABLE globex.note (id int, title text, body text);
    CREATE TABLE globex.tag (id int, title text);
    CREATE FUNCTION globex.total(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE public.plan (id int, title text);
    CREATE TABLE public.note (id int, title text, body text);
    INSERT INTO acme.note VALUES (1, 'acme', ''); INSERT INTO globex.note VALUES (1, 'globex', '');
    CREATE ROLE property_tester;
    GRANT USAGE ON SCHEMA acme, public TO property_tester;
    GRANT ALL ON acme.note, acme.tag, public.plan TO property_tester;
    REVOKE ALL ON public.note FROM PUBLIC";

fn relation() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("note"),
        2 => Just("NOTE"),
        2 => Just("\"note\""),
        3 => Just("tag"),
        4 => Just("plan"),
        3 => Just("\"$tenant\".note"),
        2 => Just("\"$tenant\".\"tag\""),
        1 => Just("public.plan"),
        1 => Just("globex.note"),
        1 => Just("\"globex\".\"note\""),
        1 => Just("GLOBEX . note"),
        1 => Just("globex/**/.note"),
        1 => Just("ONLY note"),
        1 => Just("ONLY (note)"),
        1 => Just("secret"),
        2 => Just("generate_series(1, 2)"),
        1 => Just("globex.total(1)"),
    ]
    .prop_map(str::to_owned)
}

/// Generates white space and comments that lexers disagree about.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => Just(" "),
        1 => Just(" /* ' */ "),
        1 => Just(" -- '\n"),
        1 => Just(" /* /* */ ' */ "),
        1 => Just("\n"),
        1 => Just(" -- \r "),
        1 => Just("\u{a0}"),
    ]
    .prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("1"),
        2 => Just("'globex.note'"),
        1 => Just("'\\'"),
        1 => Just("E'\\' FROM globex.note --'"),
        1 => Just("$$ FROM globex.note $$"),
        1 => Just("$a$ ' $$ $a$"),
        1 => Just("U&'\\0027'"),
        1 => Just("1 +-- '\n 1"),
        1 => Just("1 <>/* ' */ 2"),
        1 => Just("$1$ 1 $1$"),
        1 => Just("'a' 'b'"),
        1 => Just("'a'\n'b'"),
        1 => Just("B'1'"),
        1 => Just("1 END"),
        1 => Just("interval"),
        1 => Just("E'a'\n'\\'', (SELECT title FROM globex.note) --'"),
        1 => Just("1 COLLATE"),
        1 => Just("1 AND"),
    ]
    .prop_map(str::to_owned)
}

fn query() -> impl Strategy<Value = String> {
    let leaf = (relation(), noise(), literal(), noise()).prop_map(|(relation, before, literal, after)| {
        format!("SELECT {literal}{after}AS id, 'x' AS title FROM{before}{relation} AS t")
    });
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} UNION ALL {b}")),
            (relation(), inner.clone())
                .prop_map(|(r, q)| format!("SELECT 1, 'x' FROM {r} AS t WHERE EXISTS ({q})")),
            (relation(), inner.clone())
                .prop_map(|(r, q)| format!("SELECT 1, 'x' FROM {r} AS t, LATERAL ({q}) AS u")),
            (relation(), relation())
                .prop_map(|(a, b)| format!("SELECT 1, 'x' FROM {a} AS t JOIN {b} AS u ON true")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("WITH note AS ({a}) {b}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("WITH tag AS ({a}), note AS ({b}) {c}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("WITH RECURSIVE plan AS ({a}) {b}")),
            (inner.clone(), relation()).prop_map(|(q, r)| format!(
                "WITH note AS ({q}), gone AS (DELETE FROM {r} RETURNING id) SELECT id, 'x' FROM gone"
            )),
            inner
                .clone()
                .prop_map(|q| format!("SELECT (SELECT count(*) FROM ({q}) AS q), 'x'")),
            inner.prop_map(|q| format!(
                "SELECT t.id, 'x' FROM ({q}) AS t ORDER BY (SELECT 1 FROM note LIMIT 1)"
            )),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => query(),
        1 => (relation(), query()).prop_map(|(r, q)| format!("INSERT INTO {r} (id, title) {q}")),
        1 => (relation(), relation(), query())
            .prop_map(|(r, s, q)| format!("UPDATE {r} SET title = 'y' FROM {s} AS s WHERE EXISTS ({q})")),
        1 => (relation(), relation()).prop_map(|(r, s)| format!("DELETE FROM {r} USING {s} AS s")),
        1 => (query(), relation(), query())
            .prop_map(|(q, r, s)| format!("WITH note AS ({q}) INSERT INTO {r} (id, title) {s}")),
        1 => (relation(), relation()).prop_map(|(r, s)| format!(
            "MERGE INTO {r} AS r USING {s} AS s ON true WHEN MATCHED THEN DELETE"
        )),
        1 => query().prop_map(|q| format!("EXPLAIN {q}")),
        1 => relation().prop_map(|r| format!("TABLE {r}")),
        1 => (query(), query()).prop_map(|(a, b)| format!("{a}; {b}")),
    ]
}

/// Runs a compiled statement with the restricted role. True if PostgreSQL denies it. Other errors, such as invalid
/// syntax, do not count.
async fn leaves_the_tenant(db: &DatabaseConnection, sql: &str) -> Result<bool, DbErr> {
    let transaction = db.begin().await?;
    transaction
        .execute_unprepared("SET LOCAL ROLE property_tester; SET LOCAL statement_timeout = '2s'")
        .await?;
    let result = transaction.execute_unprepared(sql).await;
    transaction.rollback().await?;
    Ok(matches!(result, Err(error) if error.to_string().contains("permission denied")))
}

#[test]
fn no_statement_leaves_the_tenant() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (database, tenants, acme) = runtime.block_on(setup());
    let mut passed = 0;
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&statement(), |sql| {
        let Ok(text) = acme.render(&sql) else {
            return Ok(());
        };
        let left = runtime.block_on(leaves_the_tenant(tenants.shared_connection(), &text));
        match left {
            Ok(false) => Ok(()),
            Ok(true) => Err(TestCaseError::fail(format!("left the tenant: {text}"))),
            Err(error) => Err(TestCaseError::fail(error.to_string())),
        }
    });
    if let Err(TestError::Fail(reason, sql)) = outcome {
        panic!("{reason}\nfrom: {sql}");
    }
    // The property proves nothing if the compiler refuses every statement.
    let mut samples = TestRunner::deterministic();
    for _ in 0..200 {
        let sql = statement().new_tree(&mut samples).unwrap().current();
        passed += usize::from(acme.render(&sql).is_ok());
    }
    assert!(passed > 20, "only {passed} of 200 statements compile");
    runtime.block_on(tenants.close()).unwrap();
    runtime.block_on(database.execute("DROP OWNED BY property_tester; DROP ROLE property_tester"));
}

/// The rows of a query, in some order.
async fn rows_alone(db: &TenantConnection, sql: &str) -> Result<Vec<String>, DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = JsonValue::find_by_statement(statement).all(db).await?;
    let mut rows: Vec<_> = rows.iter().map(ToString::to_string).collect();
    rows.sort_unstable();
    Ok(rows)
}

/// The same, with the rows of other tenants in the same statement.
async fn rows_together(
    tenants: &Tenants,
    all: &[Tenant],
    sql: &str,
) -> Result<Vec<Vec<String>>, FanOutError> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let query = JsonValue::find_by_statement(statement);
    let mut of_tenants = vec![Vec::new(); all.len()];
    for (tenant, mut row) in tenants.fan_out().over(all.to_vec()).all(query).await? {
        let label = row.as_object_mut().and_then(|row| row.remove("$tenant"));
        assert_eq!(label, Some(tenant.schema().as_str().into()));
        let place = all.iter().position(|other| *other == tenant).unwrap();
        of_tenants[place].push(row.to_string());
    }
    of_tenants.iter_mut().for_each(|rows| rows.sort_unstable());
    Ok(of_tenants)
}

#[test]
fn many_tenants_have_the_rows_together_that_each_has_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_database, tenants) = runtime.block_on(fan_out_setup());
    let tenant = |id, name: &str| Tenant::new(TenantId(id), SchemaName::new(name).unwrap(), name);
    let all = [tenant(1, "acme"), tenant(2, "globex"), tenant(3, "initech")];
    let mut compared = 0;
    let mut runner = TestRunner::deterministic();
    for _ in 0..FAN_OUT_CASES {
        let sql = prop_oneof![3 => query(), 1 => statement()]
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let db = tenants.connection(&all[0]);
        let together = runtime.block_on(rows_together(&tenants, &all, &sql));
        if let Err(FanOutError::Refused { refusal, .. }) = &together {
            let is_refused = db.render(&sql).is_err() || matches!(refusal, Refusal::FanOut(..));
            assert!(is_refused, "{sql}: {refusal}");
            continue;
        }
        for (place, tenant) in all.iter().enumerate() {
            let alone = runtime.block_on(rows_alone(&tenants.connection(tenant), &sql));
            match (&together, alone) {
                (Ok(rows), Ok(alone)) => assert_eq!(rows[place], alone, "{sql}"),
                (Err(_), Err(_)) => continue,
                (together, alone) => panic!("{sql}\ntogether: {together:?}\nalone: {alone:?}"),
            }
            compared += 1;
        }
    }
    assert!(
        compared > FAN_OUT_CASES / 2,
        "only {compared} results were compared"
    );
    runtime.block_on(tenants.close()).unwrap();
}

async fn fan_out_setup() -> (TestDatabase, Tenants) {
    let database = TestDatabase::create().await;
    for schema in ["acme", "globex", "initech"] {
        let tables = format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {schema}.note (id int, title text, body text);
             CREATE TABLE {schema}.tag (id int, title text); INSERT INTO {schema}.note VALUES (1, '{schema}', '');
             INSERT INTO {schema}.tag VALUES (1, 'tag of {schema}'), (2, '')"
        );
        database.execute(&tables).await;
    }
    database
        .execute("CREATE TABLE public.plan (id int, title text)")
        .await;
    let tenants = connect(&database).await;
    (database, tenants)
}

async fn connect(database: &TestDatabase) -> Tenants {
    let builder = Tenants::builder()
        .table(Scope::Tenant, "note")
        .table(Scope::Tenant, "tag");
    builder
        .table(Scope::Shared, "plan")
        .connect(database.options())
        .await
        .unwrap()
}

async fn setup() -> (TestDatabase, Tenants, TenantConnection) {
    let database = TestDatabase::create().await;
    let tenants = connect(&database).await;
    // A role belongs to the server, so an earlier run may have left it behind.
    let _ = tenants
        .shared_connection()
        .execute_unprepared("CREATE ROLE property_tester")
        .await;
    let setup = SETUP.replace("CREATE ROLE property_tester;", "");
    tenants
        .shared_connection()
        .execute_unprepared(&setup)
        .await
        .unwrap();
    let acme = Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme");
    let acme = tenants.connection(&acme);
    (database, tenants, acme)
}

proptest! {
    /// Compiling any text does not panic, and only adds schema names to the text.
    #[test]
    fn text_is_only_ever_added_to(sql in "\\PC{0,80}|[a-z\"'$.(), \\-/*\\n]{0,60}") {
        let acme = Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme");
        let db = TenantConnection::new(DatabaseConnection::default(), acme).unwrap();
        if let Ok(text) = db.render(&sql) {
            prop_assert_eq!(text.replace("\"acme\".", "").replace("\"public\".", ""), sql.replace("\"$tenant\".", ""));
        }
    }

    /// Compiling a long list of rows keeps every literal unchanged.
    #[test]
    fn long_lists_keep_their_literals(values in proptest::collection::vec("[a-z']{0,6}", 200..400)) {
        let acme = Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme");
        let db = TenantConnection::new(DatabaseConnection::default(), acme).unwrap();
        let list = values.iter().map(|v| format!("('{}', {})", v.replace('\'', "''"), v.len()));
        let list = list.collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO \"$tenant\".x VALUES {list}");
        prop_assert_eq!(db.render(&sql).unwrap(), format!("INSERT INTO \"acme\".x VALUES {list}"));
    }
}
