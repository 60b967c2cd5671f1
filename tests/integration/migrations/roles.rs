//! Tenant roles: created with the tenant, granted privileges by every migration, and dropped.

use sea_orm::ConnectOptions;
use tenant_core::Tenants;
use tenant_migration::{RoleError, TenantRoles, drop_tenant_role, grant_tenant_role};
use tests::connection_of;

use super::*;

const OK: &str = "ok";

const CONCURRENTLY: Sql = Sql::new(
    "m3_index_concurrently",
    "CREATE INDEX CONCURRENTLY tag_id ON tag (id)",
    "DROP INDEX tag_id",
)
.outside_of_transactions();

fn with_roles(tenant: impl IntoIterator<Item = Sql>) -> Migrations {
    let roles = TenantRoles::new().write_shared("plan").write_shared("tenants");
    with(tenant).with_tenant_roles(roles)
}

async fn application(db: &TestDatabase) -> Tenants {
    let tenants = Tenants::builder().run_as_tenant_roles();
    tenants.connect(db.options()).await.unwrap()
}

/// Runs a statement with a tenant's role. Returns [`OK`], or the SQLSTATE of its error.
async fn attempt(tenants: &Tenants, schema: &str, sql: &str) -> String {
    let transaction = connection_of(tenants, schema)
        .await
        .begin_unguarded()
        .await
        .unwrap();
    let result = transaction.execute_unprepared(sql).await;
    let _ = transaction.rollback().await;
    match result {
        Ok(_) => OK.to_owned(),
        Err(DbErr::Exec(sea_orm::RuntimeErr::SqlxError(error))) => {
            error.as_database_error().unwrap().code().unwrap().into_owned()
        }
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn denied(sqlstate: &str) {
    assert_eq!(sqlstate, "42501");
}

async fn roles(db: &impl ConnectionTrait, database: &TestDatabase) -> Vec<String> {
    let name = database.name();
    let sql = format!(
        "SELECT replace(rolname, '{name}', 'db') FROM pg_roles WHERE '{name}' = ANY (string_to_array(rolname, '.')) ORDER BY 1"
    );
    column(db, &sql).await
}

#[tokio::test]
async fn a_tenant_is_created_with_its_role() {
    let migrations = with_roles([NOTE]);
    let (database, db) = with_tenants(&migrations, &["acme", "globex"]).await;
    let made = roles(&db, &database).await;
    assert_eq!(made, ["tenant.db.acme", "tenant.db.globex", "tenants.db"]);
    let tenants = application(&database).await;
    assert_eq!(
        attempt(&tenants, "acme", "INSERT INTO note DEFAULT VALUES").await,
        OK
    );
    assert_eq!(
        attempt(&tenants, "acme", "INSERT INTO public.plan VALUES ('team')").await,
        OK
    );
    assert_eq!(attempt(&tenants, "acme", "TABLE public.domains").await, OK);
    denied(&attempt(&tenants, "acme", "TABLE globex.note").await);
    denied(&attempt(&tenants, "acme", "TABLE seaql_migrations").await);
    denied(&attempt(&tenants, "acme", "TABLE public.seaql_migrations").await);
    denied(&attempt(&tenants, "acme", "UPDATE public.tenants SET name = 'x'").await);
    denied(&attempt(&tenants, "acme", "DELETE FROM public.domains").await);
    denied(&attempt(&tenants, "acme", "CREATE TABLE mine ()").await);
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn what_later_migrations_make_is_the_tenants_too() {
    let (database, db) = with_tenants(&with_roles([NOTE]), &["acme", "globex"]).await;
    let more = with_roles([NOTE, TAG, CONCURRENTLY]);
    assert!(up(&database, &more).await.is_success());
    let tenants = application(&database).await;
    assert_eq!(attempt(&tenants, "acme", "INSERT INTO tag VALUES (1)").await, OK);
    denied(&attempt(&tenants, "acme", "TABLE globex.tag").await);

    // Tables that the same user creates outside of migrations.
    let by_hand = "CREATE TABLE acme.by_hand (id serial); CREATE TABLE public.news (id int)";
    db.execute_unprepared(by_hand).await.unwrap();
    assert_eq!(
        attempt(&tenants, "acme", "INSERT INTO by_hand DEFAULT VALUES").await,
        OK
    );
    denied(&attempt(&tenants, "globex", "TABLE acme.by_hand").await);
    assert_eq!(attempt(&tenants, "globex", "TABLE public.news").await, OK);
    denied(&attempt(&tenants, "globex", "INSERT INTO public.news VALUES (1)").await);
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_made_anew_or_emptied_keeps_its_role() {
    let migrations = with_roles([NOTE]);
    let (database, _db) = with_tenants(&migrations, &["acme", "globex"]).await;
    let acme = tenant("acme");
    for action in [Action::Fresh, Action::Refresh, Action::Reset, Action::UP] {
        let report = act(&database, &migrations, &acme, action).await;
        assert!(report.is_success(), "{:?}", outcomes(&report));
    }
    let tenants = application(&database).await;
    assert_eq!(
        attempt(&tenants, "acme", "INSERT INTO note DEFAULT VALUES").await,
        OK
    );
    denied(&attempt(&tenants, "acme", "TABLE seaql_migrations").await);
    denied(&attempt(&tenants, "globex", "TABLE acme.note").await);
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn roles_are_switched_on_later() {
    let (database, db) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    grant_tenant_role(&db, &with([NOTE]), &schema("acme"))
        .await
        .unwrap();
    assert!(
        roles(&db, &database).await.is_empty(),
        "not without being told to"
    );
    let migrations = with_roles([NOTE]);
    for name in ["public", "acme", "globex", "acme"] {
        grant_tenant_role(&db, &migrations, &schema(name)).await.unwrap();
    }
    let tenants = application(&database).await;
    assert_eq!(
        attempt(&tenants, "acme", "INSERT INTO note DEFAULT VALUES").await,
        OK
    );
    denied(&attempt(&tenants, "acme", "TABLE globex.note").await);
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_table_that_is_not_named_any_more_is_not_written_any_more() {
    let (database, db) = with_tenants(&with_roles([NOTE]), &["acme"]).await;
    let fewer = with([NOTE]).with_tenant_roles(TenantRoles::new());
    grant_tenant_role(&db, &fewer, &schema("public")).await.unwrap();
    let tenants = application(&database).await;
    assert_eq!(attempt(&tenants, "acme", "TABLE public.plan").await, OK);
    denied(&attempt(&tenants, "acme", "INSERT INTO public.plan VALUES ('team')").await);
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_role_is_dropped_with_its_rights() {
    let (database, db) = with_tenants(&with_roles([NOTE]), &["acme", "globex"]).await;
    assert!(drop_tenant_role(&db, &schema("acme")).await.unwrap());
    assert!(!drop_tenant_role(&db, &schema("acme")).await.unwrap());
    assert_eq!(roles(&db, &database).await, ["tenant.db.globex", "tenants.db"]);
    db.execute_unprepared("DROP SCHEMA globex CASCADE").await.unwrap();
    assert!(drop_tenant_role(&db, &schema("globex")).await.unwrap());
    assert_eq!(tables(&db, "acme").await, ["note", "seaql_migrations"]);
}

#[tokio::test]
async fn a_role_that_may_log_in_is_not_a_tenants() {
    let migrations = with_roles([NOTE]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    let mine = format!("CREATE ROLE \"tenant.{}.acme\" LOGIN", database.name());
    db.execute_unprepared(&mine).await.unwrap();
    let error = create_tenant(&db, &migrations, &new("acme")).await.unwrap_err();
    let is_refused = matches!(
        &error,
        LifecycleError::Schema {
            source: SchemaError::Role(RoleError::NotATenants { .. }),
            ..
        }
    );
    assert!(is_refused, "{error}");
    assert_eq!(count(&db, "SELECT FROM public.tenants").await, 0);
}

#[tokio::test]
async fn several_tenants_are_created_at_the_same_time() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    let migrations = with_roles([NOTE]);
    let names: Vec<_> = (0..8).map(|n| format!("tenant{n}")).collect();
    let created = names.iter().map(|name| {
        let new = new(name);
        let (db, migrations) = (&db, &migrations);
        async move { create_tenant(db, migrations, &new).await.map(|_| ()) }
    });
    for result in futures_util::future::join_all(created).await {
        result.unwrap();
    }
    assert_eq!(roles(&db, &database).await.len(), names.len() + 1);
}

/// Migrations and the application work with two different users, neither of which is a superuser.
#[tokio::test]
async fn two_ordinary_users_are_enough() {
    let database = TestDatabase::create().await;
    let name = database.name();
    let (owner, app) = (format!("owner.{name}"), format!("app.{name}"));
    database
        .execute(&format!(
            "CREATE ROLE \"{owner}\" LOGIN CREATEROLE; CREATE ROLE \"{app}\" LOGIN; ALTER DATABASE \"{name}\" OWNER TO \"{owner}\""
        ))
        .await;
    let migrations = with([NOTE, TAG]).with_tenant_roles(TenantRoles::granted_to(&app));
    let executor = Executor::connect(as_user(&database, &owner), migrations.clone())
        .await
        .unwrap();
    let plan = executor.plan(&Target::Shared, Action::UP).await.unwrap();
    assert!(executor.run(plan, &mut ()).await.is_success());
    executor.close().await.unwrap();
    let db = sea_orm::Database::connect(as_user(&database, &owner))
        .await
        .unwrap();
    for name in ["acme", "globex"] {
        create_tenant(&db, &migrations, &new(name)).await.unwrap();
    }
    // The application's user reads the catalog.
    let catalog = format!("GRANT SELECT ON public.tenants, public.domains TO \"{app}\"");
    db.execute_unprepared(&catalog).await.unwrap();

    let tenants = Tenants::builder().run_as_tenant_roles();
    let tenants = tenants.connect(as_user(&database, &app)).await.unwrap();
    assert_eq!(
        attempt(&tenants, "acme", "INSERT INTO note DEFAULT VALUES").await,
        OK
    );
    denied(&attempt(&tenants, "acme", "TABLE globex.note").await);
    tenants.close().await.unwrap();
    assert!(drop_tenant_role(&db, &schema("acme")).await.unwrap());
    db.close().await.unwrap();
    let back = format!(
        "ALTER DATABASE \"{name}\" OWNER TO CURRENT_USER; REASSIGN OWNED BY \"{owner}\" TO CURRENT_USER"
    );
    database.execute(&back).await;
}

/// The application can use the same ordinary user as migrations. Since PostgreSQL 16, that user needs a grant to `SET
/// ROLE` to a role that it created.
#[tokio::test]
async fn the_application_may_be_the_ordinary_user_that_migrates() {
    let database = TestDatabase::create().await;
    let name = database.name();
    let owner = format!("owner.{name}");
    database
        .execute(&format!(
            "CREATE ROLE \"{owner}\" LOGIN CREATEROLE; ALTER DATABASE \"{name}\" OWNER TO \"{owner}\""
        ))
        .await;
    let migrations = with_roles([NOTE]);
    let executor = Executor::connect(as_user(&database, &owner), migrations.clone())
        .await
        .unwrap();
    let plan = executor.plan(&Target::Shared, Action::UP).await.unwrap();
    assert!(executor.run(plan, &mut ()).await.is_success());
    executor.close().await.unwrap();
    let db = sea_orm::Database::connect(as_user(&database, &owner))
        .await
        .unwrap();
    for name in ["acme", "globex"] {
        create_tenant(&db, &migrations, &new(name)).await.unwrap();
    }
    let tenants = Tenants::builder().run_as_tenant_roles();
    let tenants = tenants.connect(as_user(&database, &owner)).await.unwrap();
    assert_eq!(
        attempt(&tenants, "acme", "INSERT INTO note DEFAULT VALUES").await,
        OK
    );
    denied(&attempt(&tenants, "acme", "TABLE globex.note").await);
    tenants.close().await.unwrap();
    assert!(drop_tenant_role(&db, &schema("acme")).await.unwrap());
    db.close().await.unwrap();
    let back = format!(
        "ALTER DATABASE \"{name}\" OWNER TO CURRENT_USER; REASSIGN OWNED BY \"{owner}\" TO CURRENT_USER"
    );
    database.execute(&back).await;
}

pub(super) fn as_user(database: &TestDatabase, user: &str) -> ConnectOptions {
    let (scheme, rest) = database.url().split_once("://").unwrap();
    let (_, host) = rest.split_once('@').unwrap();
    let mut options = ConnectOptions::new(format!("{scheme}://{user}@{host}"));
    options.max_connections(2).sqlx_logging(false);
    options
}
