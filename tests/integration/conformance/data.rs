//! The application's own data of tenants, by its loader.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tenant_core::{
    ConnectionError, Host, SchemaName, Tenant, TenantDataError, Tenants, TenantsBuilder, Unserved,
    catalog::CatalogError, resolve::Resolver,
};
use tenant_migration::{Target, TaskError, for_each_tenant, suspend_tenant};
use tests::TestDatabase;

use super::{
    FRAMEWORKS, STRANGER, Server, case, check_with, connect, database, get_at,
    listener::{HEARD, LONG, wait, wait_for_listener},
    send_from,
    servers::Plan,
};

/// Tenants with a shared table of their plans: two seats for the main site, three for acme, none for globex.
async fn with_plans() -> TestDatabase {
    let database = database().await;
    database
        .execute(
            "CREATE TABLE public.seats (tenant_id bigint PRIMARY KEY REFERENCES tenants (id), seats integer NOT NULL);
             INSERT INTO public.seats SELECT id, CASE schema_name WHEN 'acme' THEN 3 ELSE 2 END FROM tenants
             WHERE schema_name <> 'globex'",
        )
        .await;
    database
}

async fn load(tenant: Tenant, db: DatabaseConnection) -> Result<Plan, DbErr> {
    let sql = "SELECT seats FROM public.seats WHERE tenant_id = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [tenant.id().0.into()]);
    let row = db.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a plan".to_owned()))?;
    Ok(Plan {
        tenant: tenant.schema().to_string(),
        seats: row.try_get("", "seats")?,
    })
}

fn builder() -> TenantsBuilder {
    Tenants::builder().with_data(load)
}

async fn find(tenants: &Tenants, schema: &str) -> Tenant {
    let schema = SchemaName::new(schema).unwrap();
    tenants.by_schema(&schema).await.unwrap().unwrap()
}

#[tokio::test]
async fn handlers_get_the_data_of_the_requests_tenant() {
    let database = with_plans().await;
    let unavailable = "Service Unavailable\n";
    let cases = [
        case(get_at("acme.example.com", "/plan"), 200, "acme has 3 seats"),
        case(get_at("example.com", "/plan"), 200, "public has 2 seats"),
        // The loader fails for this tenant, whatever the handler asks for.
        case(get_at("globex.example.com", "/plan"), 503, unavailable),
        case(get_at("globex.example.com", "/whoami"), 503, unavailable),
        // The data has another type.
        case(
            get_at("acme.example.com", "/other"),
            500,
            "Internal Server Error\n",
        ),
        case(get_at("nobody.test", "/plan"), 404, "Not Found\n"),
    ];
    let cached = async || connect(&database, builder()).await;
    check_with(cached, &Resolver::default(), &cases).await;
    // Without a loader, there is nothing to extract.
    let cases = [case(
        get_at("acme.example.com", "/plan"),
        500,
        "Internal Server Error\n",
    )];
    let without = async || connect(&database, Tenants::builder()).await;
    check_with(without, &Resolver::default(), &cases).await;
    // A tenant that is not served gets the answer of its status, also where the loader would fail.
    let globex = SchemaName::new("globex").unwrap();
    suspend_tenant(&database.connect().await, &globex).await.unwrap();
    let cases = [case(get_at("globex.example.com", "/plan"), 403, "Forbidden")];
    check_with(cached, &Resolver::default(), &cases).await;
}

#[tokio::test]
async fn a_change_is_seen_at_once_where_the_application_says_so() {
    let database = with_plans().await;
    // As the guide has it.
    let trigger = "CREATE FUNCTION public.seats_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
        BEGIN
            PERFORM pg_catalog.pg_notify('tenant_catalog', COALESCE(NEW.tenant_id, OLD.tenant_id)::pg_catalog.text);
            RETURN NULL;
        END $$;
        CREATE TRIGGER seats_changed AFTER INSERT OR UPDATE OR DELETE ON public.seats
            FOR EACH ROW EXECUTE FUNCTION public.seats_changed()";
    for framework in FRAMEWORKS {
        database
            .execute("UPDATE public.seats SET seats = 3 WHERE seats > 2")
            .await;
        let tenants = connect(&database, builder().host_cache_ttl(LONG)).await;
        wait_for_listener(&tenants).await;
        let server = Server::start(framework, tenants.clone(), Resolver::default());
        let seats = async || {
            let answer = send_from(STRANGER, server.address, &get_at("acme.example.com", "/plan")).await;
            answer.body
        };
        assert_eq!(seats().await, "acme has 3 seats");
        database
            .execute("UPDATE public.seats SET seats = 4 WHERE seats = 3")
            .await;
        assert_eq!(seats().await, "acme has 3 seats");
        tenants.forget_tenant(find(&tenants, "acme").await.id());
        assert_eq!(seats().await, "acme has 4 seats");
        // Another process says so by a notification.
        database.execute(trigger).await;
        database
            .execute("UPDATE public.seats SET seats = 5 WHERE seats = 4")
            .await;
        wait("the notification", HEARD, async || {
            seats().await == "acme has 5 seats"
        })
        .await;
        database
            .execute("DROP FUNCTION public.seats_changed CASCADE")
            .await;
    }
}

#[tokio::test]
async fn jobs_get_the_data_and_tenants_of_the_catalog_do_not() {
    let database = with_plans().await;
    let tenants = connect(&database, builder()).await;
    let acme = find(&tenants, "acme").await;
    let by_id = tenants.by_id(acme.id()).await.unwrap().unwrap();
    let listed = tenants.list().await.unwrap();
    for tenant in listed.iter().chain([&acme, &by_id]) {
        let error = tenant.data::<Plan>().unwrap_err();
        assert!(matches!(error, TenantDataError::NotLoaded { .. }), "{error}");
    }
    let loaded = tenants.load_data(&acme).await.unwrap();
    assert_eq!(loaded.data::<Plan>().unwrap().seats, 3);
    let error = loaded.data::<i32>().unwrap_err().to_string();
    assert!(
        error.starts_with("tenant acme (id ") && error.contains("Plan`, and not `i32`"),
        "{error}"
    );

    let db = tenants.resolve(&acme.reference()).await.unwrap();
    assert_eq!(db.tenant().data::<Plan>().unwrap().seats, 3);
    let by_host = tenants.by_host(&Host::parse("acme.example.com").unwrap()).await;
    assert_eq!(by_host.unwrap().unwrap().data::<Plan>().unwrap().tenant, "acme");

    let globex = find(&tenants, "globex").await;
    let error = tenants.resolve(&globex.reference()).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert!(
        matches!(error, Unserved::Catalog(CatalogError::Data { .. })),
        "{error}"
    );

    let task = async |db: tenant_core::TenantConnection| {
        Ok::<_, ConnectionError>(
            db.tenant()
                .data::<Plan>()
                .map(|plan| plan.seats)
                .unwrap_or_default(),
        )
    };
    let results = for_each_tenant(&tenants, Target::AllTenants, 2, task)
        .await
        .unwrap();
    let [(_, Ok(3)), (failed, Err(TaskError::Data(error)))] = &*results else {
        panic!("{results:?}");
    };
    assert_eq!(failed.schema().as_str(), "globex");
    assert!(error.to_string().starts_with("tenant globex (id "), "{error}");
}

/// The loader has the shared connection, on which no tenant's table is found.
#[tokio::test]
async fn a_loader_that_reads_a_tenants_entity_fails() {
    use sea_orm::EntityTrait as _;

    let database = database().await;
    let builder = Tenants::builder().with_data(|_, db| async move {
        let notes = example_entity::note::Entity::find().all(&db).await?;
        Ok::<_, DbErr>(notes.len())
    });
    let tenants = connect(&database, builder).await;
    let acme = find(&tenants, "acme").await;
    let error = tenants.load_data(&acme).await.unwrap_err().to_string();
    assert!(
        error.contains(r#"relation "$tenant.note" does not exist"#),
        "{error}"
    );
}
