//! Tenant roles: PostgreSQL denies access outside of the tenant, and allows everything else.

use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, RuntimeErr, Statement, StreamTrait, TransactionTrait,
};
use tenant_core::{ConnectionError, Refusal, TenantConnection, Tenants};

use crate::entities::{Mood, TwoTenants, note, plan};

const DENIED: &str = "42501";

/// Statements that acme runs on globex. The compiler would refuse them, so the tests allow globex or use unguarded
/// transactions.
const LEAVING: &[&str] = &[
    "SELECT title FROM globex.note",
    "INSERT INTO globex.note (title) VALUES ('x')",
    "UPDATE globex.note SET title = 'x'",
    "DELETE FROM globex.note",
    "SELECT note.title FROM note JOIN globex.note AS other ON other.id = note.id",
    "WITH other AS (SELECT title FROM globex.note) SELECT * FROM other",
    "INSERT INTO note (title) SELECT title FROM globex.note",
];

/// More statements on globex, of kinds that only unguarded transactions accept.
const LEAVING_UNCHECKED: &[&str] = &[
    "SELECT nextval('globex.note_id_seq')",
    "TRUNCATE globex.note",
    "COPY globex.note TO PROGRAM 'cat'",
    "DO $$ BEGIN UPDATE globex.note SET title = 'x'; END $$",
    "CREATE TABLE globex.mine ()",
    "CREATE TABLE public.mine ()",
    "DROP SCHEMA globex CASCADE",
    "INSERT INTO public.forgotten VALUES (2)",
];

fn statement(sql: &str) -> Statement {
    Statement::from_string(sea_orm::DbBackend::Postgres, sql)
}

fn sqlstate(error: &DbErr) -> String {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        panic!("not PostgreSQL's: {error}");
    };
    error.as_database_error().unwrap().code().unwrap().into_owned()
}

#[track_caller]
fn assert_denied<T: std::fmt::Debug>(result: Result<T, DbErr>, sql: &str) {
    let error = result.expect_err(sql);
    assert_eq!(sqlstate(&error), DENIED, "{sql}: {error}");
}

/// Checks that globex is unchanged.
async fn assert_untouched(db: &TwoTenants) {
    let titles = "SELECT string_agg(title, ', ' ORDER BY id) FROM globex.note";
    let row = db
        .tenants
        .shared_connection()
        .query_one_raw(statement(titles))
        .await;
    let titles: String = row.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(titles, "globex 1, globex 2");
}

async fn rows(db: &impl StreamTrait, sql: &str) -> Result<usize, DbErr> {
    let stream = db.stream_raw(statement(sql)).await?;
    Ok(stream.try_collect::<Vec<_>>().await?.len())
}

async fn role(db: &impl ConnectionTrait) -> String {
    let row = db.query_one_raw(statement("SELECT current_user::text")).await;
    row.unwrap().unwrap().try_get_by_index(0).unwrap()
}

fn role_of(db: &TwoTenants, schema: &str) -> String {
    format!("tenant.{}.{schema}", db.database.name())
}

#[tokio::test]
async fn a_statement_that_leaves_the_tenant_is_refused_by_postgresql() {
    // `allow_schema` makes the compiler accept globex for all tenants.
    let db = TwoTenants::with_roles(Tenants::builder().allow_schema("globex")).await;
    for sql in LEAVING {
        assert_denied(db.acme.execute_unprepared(sql).await, sql);
        assert_denied(db.acme.execute_raw(statement(sql)).await, sql);
        assert_denied(db.acme.query_one_raw(statement(sql)).await, sql);
        assert_denied(db.acme.query_all_raw(statement(sql)).await, sql);
        assert_denied(rows(&db.acme, sql).await, sql);
        let transaction = db.acme.begin().await.unwrap();
        let nested = transaction.begin().await.unwrap();
        assert_denied(nested.execute_raw(statement(sql)).await, sql);
        nested.rollback().await.unwrap();
        assert_denied(rows(&transaction, sql).await, sql);
    }
    assert_untouched(&db).await;
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn so_is_one_in_an_unguarded_transaction() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    for sql in LEAVING.iter().chain(LEAVING_UNCHECKED) {
        let transaction = db.acme.begin_unguarded().await.unwrap();
        assert_denied(transaction.execute_unprepared(sql).await, sql);
        drop(transaction);
    }
    for sql in LEAVING {
        let transaction = db.acme.begin_unguarded().await.unwrap();
        assert_denied(rows(&transaction, sql).await, sql);
    }
    assert_untouched(&db).await;
    db.tenants.close().await.unwrap();
}

/// The same statements succeed without roles. This proves that PostgreSQL denies them because of the roles.
#[tokio::test]
async fn without_roles_they_run() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let plain = Tenants::builder()
        .from_connection(db.tenants.shared_connection().clone())
        .await
        .unwrap();
    let acme = plain.connection(db.acme.tenant());
    for sql in LEAVING {
        let transaction = acme.begin_unguarded().await.unwrap();
        transaction.execute_unprepared(sql).await.unwrap();
        transaction.rollback().await.unwrap();
    }
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn every_way_to_run_a_statement_runs_as_the_role() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let acme = role_of(&db, "acme");
    assert_eq!(role(&db.acme).await, acme);
    assert_eq!(role(&db.globex).await, role_of(&db, "globex"));
    assert_eq!(role(&db.public).await, format!("tenants.{}", db.database.name()));

    let transaction = db.acme.begin().await.unwrap();
    let nested = transaction.begin().await.unwrap();
    assert_eq!(role(&nested).await, acme);
    nested.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    nested.rollback().await.unwrap();
    assert_eq!(role(&transaction).await, acme);
    transaction.commit().await.unwrap();
    let unguarded = db.acme.begin_unguarded().await.unwrap();
    assert_eq!(role(&unguarded).await, acme);
    unguarded.commit().await.unwrap();

    let mut stream = db
        .acme
        .stream_raw(statement("SELECT current_user::text"))
        .await
        .unwrap();
    let row = stream.try_next().await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), acme);
    drop(stream);
    let login = role(db.tenants.shared_connection()).await;
    assert_ne!(login, acme, "the role ends with the transaction");
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn entities_work_as_they_do_without_roles() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let happy = note::ActiveModel {
        title: Set("happy".to_owned()),
        mood: Set(Some(Mood::Happy)),
        plan: Set("team".to_owned()),
        ..Default::default()
    };
    let happy = happy.insert(&db.acme).await.unwrap();
    assert_eq!(happy.id, 3, "the sequence is acme's");
    let mut sad: note::ActiveModel = happy.clone().into();
    sad.mood = Set(Some(Mood::Sad));
    sad.update(&db.acme).await.unwrap();
    let found = note::Entity::find().filter(note::Column::Mood.eq(Mood::Sad));
    assert_eq!(found.one(&db.acme).await.unwrap().unwrap().id, happy.id);
    note::Entity::delete_by_id(happy.id).exec(&db.acme).await.unwrap();
    assert_eq!(note::Entity::find().count(&db.acme).await.unwrap(), 2);
    let locked = "SELECT id FROM note FOR UPDATE";
    assert_eq!(db.acme.query_all_raw(statement(locked)).await.unwrap().len(), 2);

    let written = db.acme.transaction(|transaction| {
        Box::pin(async move {
            transaction
                .execute_unprepared("UPDATE note SET title = 'x'")
                .await
        })
    });
    assert_eq!(written.await.unwrap().rows_affected(), 2);
    assert_eq!(note::Entity::find().count(&db.globex).await.unwrap(), 2);
    assert_untouched(&db).await;
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn shared_tables_are_read_and_those_that_are_named_written() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    for tenant in [&db.acme, &db.public] {
        assert_eq!(plan::Entity::find().count(tenant).await.unwrap(), 2);
        let forgotten = "SELECT * FROM public.forgotten";
        assert_eq!(tenant.query_all_raw(statement(forgotten)).await.unwrap().len(), 1);
        let write = "INSERT INTO public.forgotten VALUES (2)";
        assert_denied(tenant.execute_unprepared(write).await, write);
        let write = "UPDATE plan SET name = upper(name)";
        assert_eq!(tenant.execute_unprepared(write).await.unwrap().rows_affected(), 2);
    }
    let acme = db.public.begin_unguarded().await.unwrap();
    assert_denied(
        acme.execute_unprepared("TABLE acme.note").await,
        "the public tenant",
    );
    drop(acme);
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_gives_every_row_and_the_error() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let many = "SELECT n FROM generate_series(1, 1000) AS n";
    assert_eq!(rows(&db.acme, many).await.unwrap(), 1000);
    let broken = "SELECT 1 / (500 - n) FROM generate_series(1, 1000) AS n";
    assert_eq!(sqlstate(&rows(&db.acme, broken).await.unwrap_err()), "22012");
    // A stream ends after COMMIT, which checks deferred constraints.
    let deferred = "CREATE TABLE acme.late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
        GRANT ALL ON acme.late TO PUBLIC";
    db.tenants
        .shared_connection()
        .execute_unprepared(deferred)
        .await
        .unwrap();
    let twice = "INSERT INTO \"$tenant\".late VALUES (1), (1) RETURNING id";
    assert_eq!(sqlstate(&rows(&db.acme, twice).await.unwrap_err()), "23505");
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_dropped_early_gives_its_connection_back() {
    let database = TwoTenants::with_roles(Tenants::builder()).await;
    let mut options = database.database.options();
    options.max_connections(1);
    let tenants = Tenants::builder()
        .run_as_tenant_roles()
        .connect(options)
        .await
        .unwrap();
    let acme = tenants.connection(database.acme.tenant());
    let write = "INSERT INTO note (title) SELECT 'new' FROM generate_series(1, 1000) RETURNING id";
    let mut stream = acme.stream_raw(statement(write)).await.unwrap();
    stream.try_next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(
        note::Entity::find().count(&acme).await.unwrap(),
        1002,
        "as without a role"
    );
    tenants.close().await.unwrap();
    database.tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_fails_leaves_the_connection_as_it_was() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let error = db.acme.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    assert_eq!(sqlstate(&error), "22012");
    let error = db
        .acme
        .execute_unprepared("INSERT INTO note (title) VALUES (NULL)")
        .await
        .unwrap_err();
    assert_eq!(sqlstate(&error), "23502");
    assert_eq!(note::Entity::find().count(&db.acme).await.unwrap(), 2);
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn guarded_statements_cannot_change_the_role() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let transaction = db.acme.begin().await.unwrap();
    for sql in [
        "RESET ROLE",
        "SET ROLE postgres",
        "SET LOCAL ROLE NONE",
        "SET SESSION AUTHORIZATION DEFAULT",
        "RESET SESSION AUTHORIZATION",
        "RESET ALL",
        "DISCARD ALL",
        "SELECT set_config('role', 'none', true)",
        "SELECT pg_catalog.set_config('role', 'none', true)",
        "SELECT 1; RESET ROLE",
        "COMMIT; RESET ROLE",
    ] {
        for result in [
            db.acme.execute_unprepared(sql).await,
            transaction.execute_unprepared(sql).await,
        ] {
            let error = result.expect_err(sql);
            let refused = ConnectionError::of(&error);
            assert!(
                matches!(refused, Some(ConnectionError::Refused { .. })),
                "{sql}: {error}"
            );
        }
    }
    assert_eq!(role(&transaction).await, role_of(&db, "acme"));
    transaction.commit().await.unwrap();
    db.tenants.close().await.unwrap();
}

/// The documentation states this: an unguarded transaction is no sandbox. The next user of the pool is not affected.
#[tokio::test]
async fn unguarded_statements_can_leave_the_role_until_their_transaction_ends() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let transaction = db.acme.begin_unguarded().await.unwrap();
    transaction
        .execute_unprepared("RESET ROLE; SELECT * FROM globex.note")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(role(&db.globex).await, role_of(&db, "globex"));
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_tenant_without_a_role_runs_nothing() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    let drop = format!("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", role_of(&db, "acme"));
    db.tenants
        .shared_connection()
        .execute_unprepared(&drop)
        .await
        .unwrap();
    for error in [
        db.acme.execute_unprepared("SELECT 1").await.unwrap_err(),
        db.acme.begin().await.unwrap_err(),
        db.acme.begin_unguarded().await.unwrap_err(),
        rows(&db.acme, "SELECT 1").await.unwrap_err(),
    ] {
        assert!(
            matches!(ConnectionError::of(&error), Some(ConnectionError::NoRole { .. })),
            "{error}"
        );
    }
    assert_eq!(note::Entity::find().count(&db.globex).await.unwrap(), 2);
    db.tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_is_refused_does_not_reach_the_database() {
    let db = TwoTenants::with_roles(Tenants::builder()).await;
    db.tenants.close().await.unwrap();
    let refused = |error: &DbErr| match ConnectionError::of(error) {
        Some(ConnectionError::Refused { refusal, .. }) => Some(refusal.clone()),
        _ => None,
    };
    let sql = "SELECT * FROM globex.note";
    let error = db.acme.execute_unprepared(sql).await.unwrap_err();
    assert!(
        matches!(refused(&error), Some(Refusal::ForeignSchema { .. })),
        "{error}"
    );
    assert!(refused(&rows(&db.acme, sql).await.unwrap_err()).is_some());
}

/// Tenants with the same schema name in two databases of a cluster have different roles.
#[tokio::test]
async fn tenants_of_two_databases_do_not_share_a_role() {
    let one = TwoTenants::with_roles(Tenants::builder()).await;
    let other = TwoTenants::with_roles(Tenants::builder()).await;
    assert_ne!(role(&one.acme).await, role(&other.acme).await);
    let acme: &TenantConnection = &other.acme;
    assert_eq!(note::Entity::find().count(acme).await.unwrap(), 2);
    one.tenants.close().await.unwrap();
    other.tenants.close().await.unwrap();
}
