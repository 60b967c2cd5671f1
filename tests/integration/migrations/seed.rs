//! Initial rows of a tenant: `TenantHooks::seed`.

use sea_orm::{ActiveValue::Set, EntityTrait as _};
use tenant_migration::{
    CloneData, Migrating, NewTenant, Seeding, TenantHooks, TenantRoles, clone_tenant, fill_pool,
    tenant_transaction,
};

use super::*;
use crate::entities::note;

const BODY: Sql = Sql::new(
    "m1_create_note",
    "CREATE TABLE note (id serial PRIMARY KEY, title text NOT NULL, mood text, plan text DEFAULT 'free')",
    "DROP TABLE note",
);

/// Hook that seeds a note with its arguments, creates a table and a function, and changes the search path.
struct Welcome;

#[async_trait::async_trait]
impl TenantHooks for Welcome {
    async fn after(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let sql = "INSERT INTO note (title) VALUES ('after')";
        tenant.manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn seed(&self, tenant: Seeding<'_>) -> Result<(), DbErr> {
        let db = tenant_transaction(tenant.manager).await?;
        let title = format!(
            "{} {} {} {}",
            tenant.schema, tenant.kind, tenant.name, tenant.metadata
        );
        let welcome = note::ActiveModel {
            title: Set(title),
            plan: Set("free".to_owned()),
            ..Default::default()
        };
        note::Entity::insert(welcome).exec_without_returning(&db).await?;
        db.commit().await?;
        let db = tenant.manager.get_connection();
        db.execute_unprepared(
            "CREATE TABLE made (id int);
             CREATE FUNCTION seeded() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM note';
             SET LOCAL search_path = public",
        )
        .await?;
        match tenant.name {
            "FAILS" => Err(DbErr::Custom("not this one".to_owned())),
            "PANICS" => panic!("not this one either"),
            _ => Ok(()),
        }
    }
}

async fn titles(db: &impl ConnectionTrait, name: &str) -> Vec<String> {
    column(db, &format!("SELECT title FROM \"{name}\".note ORDER BY id")).await
}

/// A pending schema is seeded when a tenant claims it.
#[tokio::test]
async fn a_tenant_with_a_pending_schema_is_seeded_too() {
    let migrations = with([BODY]).with_hooks(Welcome);
    let (_db, connection) = with_tenants(&migrations, &[]).await;
    fill_pool(&connection, &migrations, "trial", 1).await.unwrap();
    let made = column(&connection, "SELECT schema_name FROM tenants").await;
    assert_eq!(made.len(), 1);
    assert_eq!(titles(&connection, &made[0]).await, ["after"]);
    let failing = NewTenant::new(schema("globex"), "FAILS").kind("trial");
    let refused = create_tenant(&connection, &migrations, &failing).await;
    assert!(
        matches!(
            refused,
            Err(LifecycleError::Schema {
                source: SchemaError::Hook { .. },
                ..
            })
        ),
        "{refused:?}"
    );
    let new = new("acme")
        .kind("trial")
        .metadata(serde_json::json!({ "of": "acme" }));
    create_tenant(&connection, &migrations, &new).await.unwrap();
    assert_eq!(
        titles(&connection, "acme").await,
        ["after", "acme trial ACME {\"of\":\"acme\"}"]
    );
    let path = "SELECT array_to_string(proconfig, ';') FROM pg_proc WHERE proname = 'seeded'";
    assert_eq!(column(&connection, path).await, ["search_path=acme, pg_temp"]);
    assert_eq!(count(&connection, "SELECT FROM tenants").await, 1);
}

#[tokio::test]
async fn every_new_tenant_has_its_own_once() {
    let migrations = with([BODY]).with_hooks(Welcome);
    let (db, connection) = with_tenants(&migrations, &[]).await;
    let names = ["acme", "globex", "initech", "my-umbrella", "order"];
    for name in names {
        let metadata = serde_json::json!({ "of": name });
        let new = new(name).kind("trial").metadata(metadata);
        create_tenant(&connection, &migrations, &new).await.unwrap();
    }
    for name in names {
        let told = format!("{name} trial {} {{\"of\":\"{name}\"}}", name.to_uppercase());
        assert_eq!(titles(&connection, name).await, ["after".to_owned(), told]);
    }

    // Functions that the seed created get a `search_path`, too.
    let path = "SELECT DISTINCT unnest(proconfig) FROM pg_proc WHERE proname = 'seeded'";
    assert_eq!(column(&connection, path).await.len(), 5, "functions are pinned");

    // The seed does not run for the public tenant, in later migrations, or for a clone.
    let public = NewTenant::new(SchemaName::shared(), "Main");
    create_tenant(&connection, &migrations, &public).await.unwrap();
    let fresh = act(&db, &migrations, &tenant("globex"), Action::Fresh).await;
    assert!(fresh.is_success(), "{fresh:?}");
    assert_eq!(titles(&connection, "globex").await, ["after"]);
    let copy = new("copy").kind("trial");
    clone_tenant(&connection, &migrations, &schema("acme"), &copy, CloneData::Rows)
        .await
        .unwrap();
    assert_eq!(
        titles(&connection, "copy").await,
        titles(&connection, "acme").await
    );
}

#[tokio::test]
async fn one_that_fails_leaves_nothing() {
    let migrations = with([BODY]).with_hooks(Welcome);
    let (_db, connection) = with_tenants(&migrations, &[]).await;
    for made in ["acme", "globex"] {
        for (name, reason) in [
            ("fails", "the hook that seeds it failed: not this one"),
            (
                "panics",
                "the hook that seeds it failed: it panicked: not this one either",
            ),
        ] {
            let error = create_tenant(&connection, &migrations, &new(name))
                .await
                .unwrap_err();
            assert!(
                matches!(
                    error,
                    LifecycleError::Schema {
                        source: SchemaError::Hook { .. },
                        ..
                    }
                ),
                "{error:?}"
            );
            assert!(error.to_string().ends_with(reason), "{error}");
        }
        create_tenant(&connection, &migrations, &new(made)).await.unwrap();
    }
    let left = "SELECT nspname FROM pg_namespace WHERE nspname IN ('fails', 'panics')
        UNION ALL SELECT schema_name FROM public.tenants WHERE schema_name IN ('fails', 'panics')
        UNION ALL SELECT domain FROM public.domains WHERE domain ~ '^(fails|panics)'";
    assert_eq!(column(&connection, left).await, Vec::<String>::new());
}

/// The tenant's role has privileges on the table that the seed created, and none on another tenant's.
#[tokio::test]
async fn the_tenants_role_has_its_rights_on_what_the_seed_made() {
    let migrations = with([BODY])
        .with_tenant_roles(TenantRoles::new())
        .with_hooks(Welcome);
    let (_db, connection) = with_tenants(&migrations, &["acme", "globex", "initech"]).await;
    let database = column(&connection, "SELECT current_database()").await.remove(0);
    for name in ["acme", "initech"] {
        let role = tenant_core::RoleName::new(&database, &schema(name)).unwrap();
        let sql = format!(
            "SELECT nspname FROM pg_namespace AS space JOIN pg_class AS class ON relnamespace = space.oid
            WHERE relname = 'made' AND has_schema_privilege('{role}', space.oid, 'USAGE')
                AND has_table_privilege('{role}', class.oid, 'INSERT')"
        );
        assert_eq!(column(&connection, &sql).await, [name]);
    }
}
