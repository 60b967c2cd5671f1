//! Functions: the `search_path` that migrations set on them, and the findings for functions without one.

use super::*;

/// A trigger that writes into the first table `log` on the search path.
const TRIGGER: &str = "CREATE TABLE log (id int); CREATE TABLE doc (id int);
     CREATE FUNCTION write_log() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN INSERT INTO log VALUES (new.id); RETURN new; END';
     CREATE TRIGGER log AFTER INSERT ON doc FOR EACH ROW EXECUTE FUNCTION write_log()";

async fn paths(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = format!(
        "SELECT proname || ' ' || coalesce(array_to_string(proconfig, ' '), '-') FROM pg_proc
         WHERE pronamespace = '\"{schema}\"'::regnamespace ORDER BY 1"
    );
    column(db, &sql).await
}

#[tokio::test]
async fn a_trigger_writes_to_its_own_tenant_whoever_calls() {
    let (_db, db) = with_tenants(&with([Sql::new("m1", TRIGGER, "")]), &["acme", "globex"]).await;
    let sql = "CREATE TABLE public.log (id int);
        BEGIN; SET LOCAL search_path = globex, public; CREATE TEMPORARY TABLE log (id int);
        INSERT INTO acme.doc VALUES (7); COMMIT";
    db.execute_unprepared(sql).await.unwrap();
    assert_eq!(column(&db, "SELECT id FROM acme.log").await, ["7"]);
    let elsewhere = "SELECT id FROM globex.log UNION ALL SELECT id FROM public.log";
    assert!(column(&db, elsewhere).await.is_empty());
}

#[tokio::test]
async fn without_pinning_it_writes_elsewhere_and_the_audit_says_so() {
    let migrations = with([Sql::new("m1", TRIGGER, "")]).set_function_search_path(false);
    let (_db, db) = with_tenants(&migrations, &["acme", "globex"]).await;
    let sql = "BEGIN; SET LOCAL search_path = globex; INSERT INTO acme.doc VALUES (7); COMMIT";
    db.execute_unprepared(sql).await.unwrap();
    assert_eq!(column(&db, "SELECT id FROM globex.log").await, ["7"]);
    let unpinned = |schema: &str| {
        let function = format!("{schema}.write_log()");
        (
            schema.to_owned(),
            Finding::UnpinnedFunction {
                function,
                security_definer: false,
                commits: false,
            },
        )
    };
    assert_eq!(found(&db).await, [unpinned("acme"), unpinned("globex")]);
}

#[tokio::test]
async fn pinning_leaves_alone_what_needs_it_not() {
    let sql = "CREATE TABLE log (id int);
        CREATE FUNCTION a_plain() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM log';
        CREATE FUNCTION b_own() RETURNS int LANGUAGE sql SET search_path = '' AS 'SELECT 1';
        CREATE FUNCTION c_bound() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM log; END;
        CREATE FUNCTION d_c(int, int) RETURNS int LANGUAGE internal AS 'int4pl';
        CREATE AGGREGATE e_sum(int) (SFUNC = d_c, STYPE = int);
        CREATE PROCEDURE f_commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
        CREATE PROCEDURE g_plain() LANGUAGE plpgsql SET work_mem = '1MB' AS 'BEGIN DELETE FROM log; END'";
    let extensions = tenant_core::SchemaName::new("my-ext").unwrap();
    let migrations = with([Sql::new("m1", sql, "")]).with_extension_schemas([extensions]);
    let (_db, db) = with_tenants(&migrations, &[]).await;
    db.execute_unprepared("CREATE SCHEMA \"my-ext\"").await.unwrap();
    create_tenant(&db, &migrations, &new("T-1")).await.unwrap();
    let path = r#"search_path="T-1", "my-ext", pg_temp"#;
    let expected = [
        format!("a_plain {path}"),
        r#"b_own search_path="""#.to_owned(),
        "c_bound -".to_owned(),
        "d_c -".to_owned(),
        "e_sum -".to_owned(),
        "f_commits -".to_owned(),
        format!("g_plain work_mem=1MB {path}"),
    ];
    assert_eq!(paths(&db, "T-1").await, expected);
    db.execute_unprepared("CALL \"T-1\".g_plain()").await.unwrap();
    db.execute_unprepared("CALL \"T-1\".f_commits()").await.unwrap();
    let audit = audit(&db, &nothing().allow_schema(&schema("my-ext")))
        .await
        .unwrap();
    let [only] = audit.findings() else {
        panic!("{audit:?}")
    };
    assert_eq!(only.severity(), Severity::Warning);
    assert!(
        matches!(only.finding(), Finding::UnpinnedFunction { commits: true, .. }),
        "{only:?}"
    );
}

/// Migrations do not change the functions of an extension, even in a tenant's schema.
#[tokio::test]
async fn functions_of_extensions_are_left_alone() {
    let sql =
        "CREATE EXTENSION IF NOT EXISTS plpgsql; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        ALTER EXTENSION plpgsql ADD FUNCTION f()";
    let migrations = with([Sql::new("m1", sql, "")]);
    let (_db, db) = with_tenants(&migrations, &["acme"]).await;
    assert_eq!(paths(&db, "acme").await, ["f -"]);
    assert_eq!(found(&db).await, []);
}

#[tokio::test]
async fn a_later_migration_pins_what_it_replaces() {
    let first = Sql::new("m1", TRIGGER, "");
    let again = Sql::new(
        "m2",
        "CREATE OR REPLACE FUNCTION write_log() RETURNS trigger LANGUAGE plpgsql
         AS 'BEGIN INSERT INTO log VALUES (new.id + 1); RETURN new; END'",
        "",
    );
    let apart = Sql::new(
        "m3",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "",
    );
    let (test, db) = with_tenants(&with([first.clone()]), &["acme"]).await;
    assert!(
        up(&test, &with([first, again, apart.outside_of_transactions()]))
            .await
            .is_success()
    );
    let pinned = [
        "f search_path=acme, pg_temp",
        "write_log search_path=acme, pg_temp",
    ];
    assert_eq!(paths(&db, "acme").await, pinned);
}

#[tokio::test]
async fn functions_of_the_shared_schema_stay_as_they_are() {
    let (test, db) = clean().await;
    let sql = "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION public.g() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'";
    db.execute_unprepared(sql).await.unwrap();
    assert!(up(&test, &with([CLEAN])).await.is_success());
    let audit = audit(&db, &nothing()).await.unwrap();
    let found: Vec<_> = audit
        .findings()
        .iter()
        .map(|found| (found.schema(), found.severity()))
        .collect();
    assert_eq!(
        found,
        [("public", Severity::Error), ("public", Severity::Warning)]
    );
    assert_eq!((audit.errors(), audit.warnings()), (1, 1));
}

#[tokio::test]
async fn a_function_with_the_rights_of_its_owner_is_named() {
    let sql = "CREATE FUNCTION acme.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'";
    let expected = "acme: acme.f() finds what it names where its caller stands, with the rights of its owner: \
        ALTER ROUTINE ... SET search_path, or BEGIN ATOMIC";
    assert_eq!(messages_after(sql).await, [expected]);
}

#[tokio::test]
async fn a_path_that_leads_elsewhere_is_found() {
    let sql =
        "CREATE FUNCTION acme.f() RETURNS int LANGUAGE sql SET search_path = acme, globex AS 'SELECT 1';
        CREATE FUNCTION acme.g() RETURNS int LANGUAGE sql SET search_path = \"$user\", public AS 'SELECT 1';
        CREATE FUNCTION public.h() RETURNS int LANGUAGE sql SET search_path = acme AS 'SELECT 1'";
    let expected = [
        "acme: the search_path of acme.f() leads to globex",
        "acme: the search_path of acme.g() leads to $user",
        "public: the search_path of public.h() leads to acme",
    ];
    assert_eq!(messages_after(sql).await, expected);
}

#[tokio::test]
async fn what_outlives_the_transaction_is_found() {
    let changes = [
        "BEGIN SET work_mem = ''64MB''; END",
        "BEGIN IF true THEN RESET ALL; END IF; END",
        "BEGIN PERFORM set_config(''app.user'', ''1'', false); END",
        "BEGIN EXECUTE ''SET ROLE x''; END",
        "BEGIN PERFORM setseed(0.5); END",
        "BEGIN CREATE TEMP TABLE t (id int); END",
        "BEGIN PERFORM dblink_connect(''x''); END",
        "BEGIN PERFORM pg_advisory_lock(1); END",
    ];
    let keeps = [
        "BEGIN SET LOCAL work_mem = ''64MB''; UPDATE note SET title = ''x''; END",
        "BEGIN PERFORM set_config(''app.user'', ''1'', true); END",
        "BEGIN PERFORM pg_advisory_xact_lock(1); END",
        "BEGIN CREATE TABLE template (id int); END",
    ];
    let function = |name: String, body: &str| {
        format!(
            "CREATE FUNCTION acme.{name}() RETURNS void LANGUAGE plpgsql SET search_path = acme AS '{body}';"
        )
    };
    let changing = changes.iter().enumerate();
    let changing = changing.map(|(number, body)| function(format!("changes_{number}"), body));
    let keeping = keeps.iter().enumerate();
    let keeping = keeping.map(|(number, body)| function(format!("keeps_{number}"), body));
    let atomic = "CREATE FUNCTION acme.atomic() RETURNS text LANGUAGE sql
        BEGIN ATOMIC SELECT set_config('app.user', '1', false); END;"
        .to_owned();
    let found = messages_after(&changing.chain(keeping).chain([atomic]).collect::<String>()).await;
    let found: Vec<_> = found
        .iter()
        .map(|message| message.split(" seems to change the session").next().unwrap())
        .collect();
    let expected: Vec<_> = ["acme: acme.atomic()".to_owned()]
        .into_iter()
        .chain((0..changes.len()).map(|number| format!("acme: acme.changes_{number}()")))
        .collect();
    assert_eq!(found, expected);
}
