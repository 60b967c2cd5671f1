//! One query over many tenants.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, DerivePartialModel, EntityTrait, FromQueryResult,
    JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement, raw_sql,
};
use tenant_core::{
    ConnectionError, FanOutError, Refusal, SchemaName, SchemaVersions, SkewPolicy, Tenant, TenantId, Tenants,
};
use tenant_migration::suspend_tenant;
use tests::TestDatabase;

use crate::{
    conformance,
    entities::{Mood, TwoTenants, note, plan},
};

/// Tenants `t0`, `t1` and so on. Each has the notes 1 and 2, with its name in their titles.
struct Many {
    tenants: Tenants,
    all: Vec<Tenant>,
    database: TestDatabase,
}

impl Many {
    async fn create(count: usize) -> Self {
        let database = TestDatabase::create().await;
        database
            .execute(
                "CREATE TABLE public.plan (code text PRIMARY KEY, name text NOT NULL);
                 INSERT INTO public.plan VALUES ('free', 'Free'), ('team', 'Team')",
            )
            .await;
        let schemas = format!(
            "DO $do$ BEGIN FOR n IN 0..{} LOOP EXECUTE replace($sql$
                CREATE SCHEMA tenant; CREATE TYPE tenant.mood AS ENUM ('happy', 'sad');
                CREATE TABLE tenant.note (
                    id int PRIMARY KEY, title text NOT NULL, mood tenant.mood, plan text NOT NULL DEFAULT 'free'
                );
                INSERT INTO tenant.note VALUES (1, 'tenant 1', 'sad'), (2, 'tenant 2', 'happy')
             $sql$, 'tenant', 't' || n); END LOOP; END $do$",
            count - 1
        );
        database.execute(&schemas).await;
        let tenants = Tenants::connect(database.options()).await.unwrap();
        Self {
            tenants,
            all: (0..count).map(tenant).collect(),
            database,
        }
    }
}

fn tenant(number: usize) -> Tenant {
    let schema = SchemaName::new(format!("t{number}")).unwrap();
    Tenant::new(TenantId(i64::try_from(number).unwrap()), schema, "")
}

fn raw(sql: &str) -> sea_orm::SelectorRaw<sea_orm::SelectModel<Title>> {
    Title::find_by_statement(Statement::from_string(DbBackend::Postgres, sql))
}

#[derive(Debug, FromQueryResult)]
struct Title {
    title: String,
}

fn titles(rows: Vec<(Tenant, Title)>) -> Vec<String> {
    let title = |(tenant, row): (Tenant, Title)| format!("{}: {}", tenant.schema(), row.title);
    rows.into_iter().map(title).collect()
}

#[track_caller]
fn refusal(result: Result<impl std::fmt::Debug, FanOutError>) -> Refusal {
    match result.unwrap_err() {
        FanOutError::Refused { refusal, .. } => refusal,
        error => panic!("not refused: {error}"),
    }
}

/// The schema that an error names, and its source.
#[track_caller]
fn failed(result: Result<impl std::fmt::Debug, FanOutError>) -> (String, DbErr) {
    match result.unwrap_err() {
        FanOutError::Tenant { tenant, source } => (tenant.schema.to_string(), source),
        error => panic!("it names no tenant: {error}"),
    }
}

/// 130 tenants are three statements.
#[tokio::test]
async fn each_row_comes_with_its_tenant_in_the_order_of_the_tenants() {
    let db = Many::create(130).await;
    let own = db.tenants.clone();
    let brought = Tenants::builder()
        .from_connection(db.database.connect().await)
        .await
        .unwrap();
    for tenants in [&own, &brought] {
        // Order and limit are those of each tenant.
        let newest = note::Entity::find()
            .filter(note::Column::Id.lt(100))
            .order_by_desc(note::Column::Id)
            .limit(1);
        let rows = tenants
            .fan_out()
            .over(db.all.iter().rev().cloned())
            .all(newest)
            .await
            .unwrap();
        assert_eq!(rows.len(), 130);
        for ((tenant, note), expected) in rows.iter().zip(db.all.iter().rev()) {
            assert_eq!(tenant, expected);
            assert_eq!(
                (note.id, note.title.clone()),
                (2, format!("{} 2", expected.schema()))
            );
            assert_eq!(note.mood, Some(Mood::Happy));
        }
        let rows = tenants
            .fan_out()
            .over(db.all.clone())
            .all(note::Entity::find().order_by_desc(note::Column::Id));
        let rows = rows.await.unwrap();
        assert_eq!(rows.len(), 260);
        for (place, (tenant, note)) in rows.into_iter().enumerate() {
            assert_eq!(tenant, db.all[place / 2]);
            assert_eq!(note.title, format!("{} {}", tenant.schema(), 2 - place % 2));
        }
        let nobody = tenants
            .fan_out()
            .over([])
            .all(note::Entity::find())
            .await
            .unwrap();
        assert!(nobody.is_empty());
    }
    own.close().await.unwrap();
}

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "note::Entity")]
struct Part {
    id: i32,
}

#[tokio::test]
async fn all_forms_of_queries_that_seaorm_makes() {
    let db = Many::create(3).await;
    let fan_out = || db.tenants.fan_out().over(db.all.clone());
    let query = || note::Entity::find().filter(note::Column::Mood.eq(Mood::Happy));

    let tuples = query()
        .select_only()
        .columns([note::Column::Title, note::Column::Plan]);
    let tuples = fan_out()
        .all(tuples.into_tuple::<(String, String)>())
        .await
        .unwrap();
    let tuples: Vec<_> = tuples
        .into_iter()
        .map(|(tenant, row)| (tenant.id().0, row))
        .collect();
    let free = || "free".to_owned();
    let expected = [
        (0, ("t0 2", free())),
        (1, ("t1 2", free())),
        (2, ("t2 2", free())),
    ];
    assert_eq!(
        tuples,
        expected.map(|(id, (title, plan))| (id, (title.to_owned(), plan)))
    );
    let counts = note::Entity::find()
        .select_only()
        .column_as(note::Column::Id.count(), "n");
    let counts = fan_out().all(counts.into_tuple::<i64>()).await.unwrap();
    assert_eq!(counts.into_iter().map(|(_, n)| n).collect::<Vec<_>>(), [2, 2, 2]);
    let parts = fan_out().all(query().into_partial_model::<Part>()).await.unwrap();
    assert!(parts.len() == 3 && parts.iter().all(|(_, part)| *part == Part { id: 2 }));
    let values = fan_out().all(query().into_json()).await.unwrap();
    assert_eq!(values[1].1["title"], "t1 2");
    // Raw SQL with values, which all tenants share. The line that ends with a comment does not hide what follows.
    let (id, wanted) = (1, "%1");
    let sql = raw_sql!(
        Postgres,
        "WITH tagged AS (SELECT note.* FROM note WHERE id = {id})
         SELECT title FROM tagged WHERE title LIKE {wanted} -- one"
    );
    let rows = fan_out().all(Title::find_by_statement(sql)).await.unwrap();
    assert_eq!(titles(rows), ["t0: t0 1", "t1: t1 1", "t2: t2 1"]);
    // A shared table is the same for all.
    let plans = fan_out().all(plan::Entity::find()).await.unwrap();
    assert_eq!(plans.len(), 6);
}

#[tokio::test]
async fn an_error_names_the_tenant_whose_schema_differs_and_no_rows_are_returned() {
    let db = Many::create(120).await;
    let fan_out = |from: usize| db.tenants.fan_out().over(db.all[from..].to_vec());
    let notes = note::Entity::find;
    let change = async |sql: &str| db.database.execute(sql).await;

    change("ALTER TABLE t77.note DROP COLUMN plan").await;
    let (tenant, error) = failed(fan_out(0).all(notes()).await);
    assert_eq!(tenant, "t77");
    assert!(error.to_string().contains("plan"), "{error}");
    // Other columns, and other types of columns that are not read, do not matter.
    change("ALTER TABLE t77.note ADD COLUMN plan text NOT NULL DEFAULT 'free'").await;
    change("ALTER TABLE t3.note ADD COLUMN more int[]").await;
    assert_eq!(fan_out(0).all(notes()).await.unwrap().len(), 240);

    // A type that cannot be united with that of the others.
    change("ALTER TABLE t33.note ALTER COLUMN plan DROP DEFAULT, ALTER COLUMN plan TYPE int USING 1").await;
    assert_eq!(failed(fan_out(0).all(notes()).await).0, "t33");
    change("ALTER TABLE t33.note ALTER COLUMN plan TYPE text").await;
    // One that can be, and that no model reads.
    change("ALTER TABLE t34.note ALTER COLUMN id TYPE bigint").await;
    assert!(fan_out(0).all(notes()).await.is_err());
    change("ALTER TABLE t34.note ALTER COLUMN id TYPE int").await;

    change("DROP TABLE t118.note").await;
    assert_eq!(failed(fan_out(0).all(notes()).await).0, "t118");
    // The first of a statement, and the last.
    assert_eq!(failed(fan_out(118).all(notes()).await).0, "t118");
    change("DROP SCHEMA t119 CASCADE").await;
    let (tenant, error) = failed(fan_out(119).all(notes()).await);
    assert_eq!(tenant, "t119");
    let error = ConnectionError::of(&error);
    assert!(
        matches!(error, Some(ConnectionError::NoSchema { .. })),
        "{error:?}"
    );

    // PostgreSQL does not say where it is when it runs the statement.
    change("UPDATE t5.note SET title = '' WHERE id = 1").await;
    let divided = raw("SELECT (1 / length(title))::text AS title FROM note");
    let error = fan_out(0).all(divided).await.err();
    let Some(FanOutError::Statement { first, last, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((first.as_str(), last.as_str()), ("t0", "t49"));
}

/// `UNION ALL` takes the names of the first part, and goes by the place of columns.
#[tokio::test]
async fn columns_in_another_order_are_never_mixed_up() {
    let db = TwoTenants::create().await;
    let change = "ALTER TABLE globex.note RENAME COLUMN title TO old; ALTER TABLE globex.note RENAME COLUMN plan TO title;
        ALTER TABLE globex.note RENAME COLUMN old TO plan; ALTER TABLE globex.note DROP CONSTRAINT note_plan_fkey;
        UPDATE globex.note SET title = plan, plan = 'free'";
    db.database.execute(change).await;
    let both = [db.acme.tenant().clone(), db.globex.tenant().clone()];
    let rows = db
        .tenants
        .fan_out()
        .over(both.clone())
        .all(note::Entity::find())
        .await
        .unwrap();
    for (tenant, note) in rows {
        assert_eq!(note.title, format!("{} {}", tenant.schema(), note.id));
        assert_eq!(note.plan, "free");
    }
    for sql in ["SELECT * FROM note", "SELECT n.* FROM note AS n", "TABLE note"] {
        let refusal = refusal(db.tenants.fan_out().over(both.clone()).all(raw(sql)).await);
        assert!(refusal.to_string().contains("name the columns"), "{refusal}");
    }
}

#[tokio::test]
async fn served_tenants_are_read_and_no_others_unless_they_are_named() {
    let database = conformance::database().await;
    let tenants = Tenants::connect(database.options()).await.unwrap();
    let notes = || example_entity::note::Entity::find();
    let read = async |tenants: &Tenants| {
        let rows = tenants.fan_out().all(notes()).await.unwrap();
        let schema = |(tenant, note): (Tenant, example_entity::note::Model)| {
            assert_eq!(note.title, format!("of {}", tenant.schema()));
            tenant.schema().to_string()
        };
        rows.into_iter().map(schema).collect::<Vec<_>>()
    };
    assert_eq!(read(&tenants).await, ["acme", "globex"]);
    let with_plans = notes().find_also_related(example_entity::plan::Entity);
    let with_plans = tenants.fan_out().all(with_plans).await.unwrap();
    assert_eq!(with_plans.len(), 2);
    for (tenant, (note, plan)) in with_plans {
        assert_eq!(note.title, format!("of {}", tenant.schema()));
        assert_eq!(plan.unwrap().code, note.plan);
    }
    let globex = SchemaName::new("globex").unwrap();
    suspend_tenant(tenants.shared_connection(), &globex)
        .await
        .unwrap();
    assert_eq!(read(&tenants).await, ["acme"]);
    let globex = tenants.by_schema(&globex).await.unwrap();
    assert_eq!(
        tenants.fan_out().over(globex).all(notes()).await.unwrap().len(),
        1
    );
    // The public tenant has no tenant tables.
    let public = tenants.by_schema(&SchemaName::shared()).await.unwrap();
    let (tenant, error) = failed(tenants.fan_out().over(public.clone()).all(notes()).await);
    assert_eq!(tenant, "public");
    assert!(
        matches!(Refusal::of(&error), Some(Refusal::TenantTableOnPublic(_))),
        "{error}"
    );
    let plans = example_entity::plan::Entity::find();
    assert!(
        !tenants
            .fan_out()
            .over(public)
            .all(plans)
            .await
            .unwrap()
            .is_empty()
    );
    // Neither is a tenant that is behind.
    database.execute("UPDATE tenants SET version = NULL").await;
    let behind = Tenants::builder().expect_versions(SchemaVersions::new(["new"]), SkewPolicy::Refuse);
    let behind = behind.connect(database.options()).await.unwrap();
    assert!(read(&behind).await.is_empty());
}

#[tokio::test]
async fn with_roles_each_tenant_is_read_as_its_role() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let both = || {
        db.tenants
            .fan_out()
            .over([db.globex.tenant().clone(), db.acme.tenant().clone()])
    };
    let rows = both()
        .all(raw("SELECT current_user::text AS title"))
        .await
        .unwrap();
    let role = |schema| format!("{schema}: tenant.{}.{schema}", db.database.name());
    assert_eq!(titles(rows), [role("globex"), role("acme")]);
    let notes = both()
        .all(note::Entity::find().order_by_asc(note::Column::Id))
        .await
        .unwrap();
    let notes: Vec<_> = notes.into_iter().map(|(_, note)| note.title).collect();
    assert_eq!(notes, ["globex 1", "globex 2", "acme 1", "acme 2"]);
    let locks = refusal(both().all(raw("SELECT title FROM note FOR UPDATE")).await);
    assert!(matches!(locks, Refusal::FanOut(..)), "{locks}");
    db.database.execute("DROP TABLE acme.note").await;
    assert_eq!(failed(both().all(note::Entity::find()).await).0, "acme");
    db.tenants.close().await.unwrap();
}

/// The ways out of the brackets, and the ways to give a row to another tenant.
#[tokio::test]
async fn no_text_leaves_its_brackets_or_changes_its_tenant() {
    let db = TwoTenants::create().await;
    let both = || {
        db.tenants
            .fan_out()
            .over([db.acme.tenant().clone(), db.globex.tenant().clone()])
    };
    for sql in [
        "SELECT title FROM note) x UNION ALL SELECT title, 'globex' FROM (SELECT title FROM note",
        "SELECT title FROM note) AS \"$tenant\" UNION ALL (SELECT 'x', 'globex'",
        "SELECT title, 'globex' AS \"$tenant\" FROM note",
        "SELECT title FROM note /*",
        "SELECT title FROM note WHERE title = '",
        "SELECT title FROM note;",
        "SELECT title FROM note; DELETE FROM note",
        "SELECT title FROM globex.note",
        "SELECT title FROM note UNION ALL SELECT title FROM globex.note",
        "WITH note AS (SELECT title FROM globex.note) SELECT title FROM note",
        "WITH gone AS (DELETE FROM note RETURNING title) SELECT title FROM gone",
        "DELETE FROM note RETURNING title",
        "SELECT title FROM note FOR UPDATE",
        "SELECT title FROM (SELECT title FROM note FOR SHARE) AS x",
        "EXPLAIN ANALYZE DELETE FROM note",
        "SELECT title INTO public.copy FROM note",
        "SELECT relname AS title FROM pg_class",
    ] {
        let refused = db.tenants.statement_status().refused;
        refusal(both().all(raw(sql)).await);
        assert_eq!(db.tenants.statement_status().refused, refused + 1, "{sql}");
    }
    for (sql, expected) in [
        // A CTE hides the tenant's table, as on the tenant's own connection.
        (
            "WITH note AS (SELECT 'cte' AS title) SELECT title FROM note",
            vec!["acme: cte", "globex: cte"],
        ),
        (
            "SELECT title FROM note WHERE id = 1 UNION ALL SELECT '\"$tenant\".note' UNION ALL SELECT $$) x; --$$",
            vec![
                "acme: acme 1",
                "acme: \"$tenant\".note",
                "acme: ) x; --",
                "globex: globex 1",
                "globex: \"$tenant\".note",
                "globex: ) x; --",
            ],
        ),
        (
            "SELECT title FROM \"$tenant\".note WHERE id = 2 -- ) AS x UNION ALL SELECT 'x', 'globex' --",
            vec!["acme: acme 2", "globex: globex 2"],
        ),
        (
            "(SELECT title FROM note ORDER BY id DESC LIMIT 1) /* ) */",
            vec!["acme: acme 2", "globex: globex 2"],
        ),
        (
            "SELECT current_schema()::text AS title, 'globex' AS \"$Tenant\", 'globex' AS tenant",
            vec!["acme: acme", "globex: globex"],
        ),
        ("VALUES ('a')", vec![]),
    ] {
        let rows = both().all(raw(sql)).await;
        if expected.is_empty() {
            // Its column has another name than the model reads.
            assert!(matches!(rows, Err(FanOutError::Tenant { .. })), "{sql}");
        } else {
            assert_eq!(titles(rows.unwrap()), expected, "{sql}");
        }
    }
    let notes = db
        .tenants
        .shared_connection()
        .query_one_raw(Statement::from_string(
            DbBackend::Postgres,
            "SELECT (SELECT count(*) FROM acme.note) + (SELECT count(*) FROM globex.note) AS n",
        ));
    assert_eq!(notes.await.unwrap().unwrap().try_get::<i64>("", "n").unwrap(), 4);
}

/// All parts share the parameters, so their number is no limit.
#[tokio::test]
async fn the_most_parameters_for_many_tenants() {
    let db = Many::create(5).await;
    let notes = note::Entity::find().filter(note::Column::Id.is_in(2..=65_535));
    let rows = db
        .tenants
        .fan_out()
        .over(db.all.clone())
        .all(notes)
        .await
        .unwrap();
    let found: Vec<_> = rows
        .into_iter()
        .map(|(tenant, note)| (tenant.id().0, note.id))
        .collect();
    assert_eq!(found, [(0, 2), (1, 2), (2, 2), (3, 2), (4, 2)]);
}

#[tokio::test]
async fn texts_of_many_tenants_are_not_kept_prepared() {
    let db = Many::create(20).await;
    let kept = || db.tenants.pool_status().unwrap().statements_kept;
    let connection = db.tenants.connection(&db.all[0]);
    note::Entity::find().all(&connection).await.unwrap();
    let before = kept();
    assert!(before > 0);
    for count in [1, 2, 20, 20, 20] {
        let some = db.all[..count].to_vec();
        let rows = db
            .tenants
            .fan_out()
            .over(some)
            .all(note::Entity::find())
            .await
            .unwrap();
        assert_eq!(rows.len(), 2 * count);
        // Types that the driver does not know yet: it looks them up, which loses an unnamed statement.
        let moods = "SELECT mood FROM note WHERE mood IS NOT NULL";
        let moods = JsonValue::find_by_statement(Statement::from_string(DbBackend::Postgres, moods));
        let rows = db
            .tenants
            .fan_out()
            .over([db.all[count - 1].clone()])
            .all(moods)
            .await
            .unwrap();
        assert_eq!(rows.len(), 2);
    }
    assert_eq!(kept(), before);
}
