//! Middleware and extractors for actix-web.

use std::time::Duration;

use actix_web::{
    App,
    http::{StatusCode, header},
    test as harness, web,
};
use tenant_core::{Host, SchemaName, Tenant, TenantConnection, Tenants, actix::TenantMiddleware, context};
use tenant_migration::{Action, Executor, NewTenant, Target, create_tenant};
use tests::TestDatabase;

async fn whoami(tenant: Tenant, db: TenantConnection) -> String {
    assert_eq!(db.tenant(), &tenant);
    assert_eq!(context::current().as_ref(), Some(&tenant));
    tenant.schema().to_string()
}

async fn tenants_of(database: &TestDatabase) -> Tenants {
    let migrations = example_migration::migrations();
    let executor = Executor::connect(database.options(), migrations.clone())
        .await
        .unwrap();
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    assert!(report.is_success(), "{report:?}");
    executor.close().await.unwrap();
    let builder = Tenants::builder().host_cache_ttl(Duration::ZERO);
    let tenants = builder.connect(database.options()).await.unwrap();
    for schema in ["acme", "globex"] {
        let domain = Host::parse(&format!("{schema}.example.com")).unwrap();
        let new = NewTenant::new(SchemaName::new(schema).unwrap(), schema).domain(domain);
        create_tenant(tenants.shared_connection(), &migrations, &new)
            .await
            .unwrap();
    }
    tenants
}

/// Sends a request with these headers, and returns the status and the body of the response.
async fn get(tenants: &Tenants, headers: &[(&'static str, &str)]) -> (StatusCode, String) {
    let app = App::new()
        .wrap(TenantMiddleware::new(tenants.clone()))
        .route("/", web::get().to(whoami));
    let app = harness::init_service(app).await;
    let mut request = harness::TestRequest::get().uri("/");
    for header in headers {
        request = request.append_header(*header);
    }
    match harness::try_call_service(&app, request.to_request()).await {
        Ok(answer) => {
            let status = answer.status();
            let body = harness::read_body(answer).await;
            (status, String::from_utf8(body.to_vec()).unwrap())
        }
        Err(error) => (error.as_response_error().status_code(), error.to_string()),
    }
}

fn run<F: Future>(work: F) -> F::Output {
    actix_web::rt::System::new().block_on(work)
}

#[test]
fn each_host_leads_to_its_tenant() {
    run(async {
        let database = TestDatabase::create().await;
        let tenants = tenants_of(&database).await;
        for (host, schema) in [("acme.example.com", "acme"), ("GLOBEX.example.com.:80", "globex")] {
            assert_eq!(
                get(&tenants, &[("host", host)]).await,
                (StatusCode::OK, schema.to_owned())
            );
        }
    });
}

#[test]
fn what_has_no_tenant_does_not_get_through() {
    run(async {
        let database = TestDatabase::create().await;
        let tenants = tenants_of(&database).await;
        let status = async |headers: &[(&'static str, &str)]| get(&tenants, headers).await.0;
        assert_eq!(
            status(&[("host", "nobody.example.com")]).await,
            StatusCode::NOT_FOUND
        );
        assert_eq!(status(&[("host", "a..b")]).await, StatusCode::BAD_REQUEST);
        assert_eq!(status(&[]).await, StatusCode::BAD_REQUEST);
        let twice = [("host", "acme.example.com"), ("host", "globex.example.com")];
        assert_eq!(status(&twice).await, StatusCode::BAD_REQUEST);
        let forwarded = [
            ("host", "nobody.example.com"),
            ("x-forwarded-host", "acme.example.com"),
            ("forwarded", "host=acme.example.com"),
        ];
        assert_eq!(status(&forwarded).await, StatusCode::NOT_FOUND);
        for (word, expected) in [
            ("suspended", StatusCode::FORBIDDEN),
            ("maintenance", StatusCode::SERVICE_UNAVAILABLE),
        ] {
            database
                .execute(&format!(
                    "UPDATE tenants SET status = '{word}' WHERE schema_name = 'acme'"
                ))
                .await;
            assert_eq!(status(&[("host", "acme.example.com")]).await, expected);
        }
        assert_eq!(status(&[("host", "globex.example.com")]).await, StatusCode::OK);
    });
}

/// RFC 9112, section 3.2: HTTP/1.1 needs the header, even if the target has a host.
#[test]
fn a_target_with_a_host_needs_the_header_as_well() {
    run(async {
        let database = TestDatabase::create().await;
        let tenants = tenants_of(&database).await;
        let middleware = TenantMiddleware::new(tenants.clone());
        let app = App::new().wrap(middleware).route("/", web::get().to(whoami));
        let app = harness::init_service(app).await;
        let request = || harness::TestRequest::get().uri("http://acme.example.com/");
        let with_header = request().append_header((header::HOST, "acme.example.com"));
        let answer = harness::call_service(&app, with_header.to_request()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let refused = harness::try_call_service(&app, request().to_request()).await;
        let status = refused.unwrap_err().as_response_error().status_code();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        tenants.close().await.unwrap();
    });
}

#[test]
fn an_extractor_without_the_middleware_fails_and_names_it() {
    run(async {
        let app = harness::init_service(App::new().route("/", web::get().to(whoami))).await;
        let request = harness::TestRequest::get()
            .uri("/")
            .append_header((header::HOST, "acme.example.com"));
        let answer = harness::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = harness::read_body(answer).await;
        assert!(String::from_utf8_lossy(&body).contains("TenantMiddleware"));
    });
}
