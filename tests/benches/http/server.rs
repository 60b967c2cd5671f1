//! [`Server`]: a server of one framework. All have the same handlers.

use std::{fmt, net::SocketAddr, thread};

use actix_web::web;
use axum::{Router, extract::State, routing::get};
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use tenant_core::{
    SchemaName, Tenant, TenantConnection, TenantId, Tenants, actix::TenantMiddleware, axum::TenantLayer,
};

/// The framework of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

impl Framework {
    pub(crate) const ALL: [Self; 2] = [Self::Axum, Self::Actix];
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Axum => "axum",
            Self::Actix => "actix",
        })
    }
}

/// A server on its own port, which runs until the process ends.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) framework: Framework,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(framework: Framework, tenants: &Tenants) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        match framework {
            Framework::Axum => serve_axum(listener, tenants.clone()),
            Framework::Actix => serve_actix(listener, tenants.clone()),
        }
        Self { framework, address }
    }
}

fn serve_axum(listener: std::net::TcpListener, tenants: Tenants) {
    let alone = first(&tenants);
    let tenant = Router::new()
        .route("/hello", get(async || "Hello"))
        .route("/note", get(async |db: TenantConnection| title(&db).await))
        .layer(TenantLayer::new(tenants));
    let alone = Router::new()
        .route("/hello", get(async || "Hello"))
        .route(
            "/note",
            get(async |State(db): State<TenantConnection>| title(&db).await),
        )
        .with_state(alone);
    let app = Router::new().nest("/alone", alone).nest("/tenant", tenant);
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
}

/// Serves on a new thread, since Actix starts its own runtimes.
fn serve_actix(listener: std::net::TcpListener, tenants: Tenants) {
    let app = move || {
        let tenant = web::scope("/tenant")
            .wrap(TenantMiddleware::new(tenants.clone()))
            .route("/hello", web::get().to(async || "Hello"))
            .route(
                "/note",
                web::get().to(async |db: TenantConnection| title(&db).await),
            );
        let alone = web::scope("/alone")
            .app_data(web::Data::new(first(&tenants)))
            .route("/hello", web::get().to(async || "Hello"))
            .route(
                "/note",
                web::get().to(async |db: web::Data<TenantConnection>| title(&db).await),
            );
        actix_web::App::new().service(alone).service(tenant)
    };
    thread::spawn(|| {
        let server = actix_web::HttpServer::new(app).disable_signals();
        let server = server.listen(listener).unwrap().run();
        actix_web::rt::System::new().block_on(server)
    });
}

/// Returns the connection of the first tenant.
fn first(tenants: &Tenants) -> TenantConnection {
    let schema = SchemaName::new("tenant_0").unwrap();
    tenants.connection(&Tenant::new(TenantId(0), schema, "Tenant 0"))
}

async fn title(db: &TenantConnection) -> String {
    let sql = "SELECT title FROM note WHERE id = $1";
    let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [1.into()]);
    let row = db.query_one_raw(statement).await.unwrap().expect("a row");
    row.try_get_by_index(0).unwrap()
}
