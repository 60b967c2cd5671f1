//! The same application on axum and on actix-web.

use std::{net::SocketAddr, sync::mpsc, thread};

use sea_orm::EntityTrait as _;
use tenant_core::{
    Tenant, TenantConnection, Tenants, context,
    resolve::{PathPrefix, Resolver},
    web::TenantData,
};

pub(super) const FRAMEWORKS: [Framework; 2] = [Framework::Axum, Framework::Actix];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framework {
    Axum,
    Actix,
}

/// The application, or the handler that a TLS server asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    /// With rejections in words of its own.
    Worded,
    TlsAsk,
}

/// The claims that the application's authentication found in a request.
#[derive(Debug, Clone)]
pub(super) struct Claims {
    /// The schema of the tenant that the token is for.
    pub(super) tenant: String,
}

/// Stands for a checked token: `x-token: acme`.
const TOKEN: &str = "x-token";

/// The application's data of a tenant.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) tenant: String,
    pub(super) seats: i32,
}

/// The body of `/plan`: the data of the tenant, by the extractor and by the tenant.
fn plan(plan: &TenantData<Plan>, tenant: &Tenant) -> String {
    assert!(std::ptr::eq(&raw const *plan.0, tenant.data::<Plan>().unwrap()));
    format!("{} has {} seats", plan.tenant, plan.seats)
}

/// A server on its own port, in a thread of its own.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    stop: Option<Box<dyn FnOnce() + Send>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(framework: Framework, tenants: Tenants, resolver: Resolver) -> Self {
        Self::start_in(Mode::Plain, framework, tenants, resolver)
    }

    pub(super) fn start_worded(framework: Framework, tenants: Tenants, resolver: Resolver) -> Self {
        Self::start_in(Mode::Worded, framework, tenants, resolver)
    }

    pub(super) fn start_tls_ask(framework: Framework, tenants: Tenants) -> Self {
        Self::start_in(Mode::TlsAsk, framework, tenants, Resolver::default())
    }

    fn start_in(mode: Mode, framework: Framework, tenants: Tenants, resolver: Resolver) -> Self {
        match framework {
            Framework::Axum => on_axum::start(mode, tenants, resolver),
            Framework::Actix => on_actix::start(mode, tenants, resolver),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || thread::panicking());
        }
    }
}

/// The body of `/whoami`: the tenant, the prefix, and the target as handlers see it.
fn whoami(tenant: &Tenant, db: &TenantConnection, prefix: &PathPrefix, target: &str) -> String {
    assert_eq!(db.tenant(), tenant);
    assert_eq!(context::current().as_ref(), Some(tenant));
    format!("{} prefix={prefix} target={target}", tenant.schema())
}

/// The body of `/notes/{id}`: the title in the tenant's table, and the link to it.
async fn note(db: TenantConnection, prefix: PathPrefix, id: i32) -> String {
    let note = example_entity::note::Entity::find_by_id(id)
        .one(&db)
        .await
        .unwrap();
    let title = note.map_or_else(String::new, |note| note.title);
    format!("{title} at {}", prefix.path(&format!("/notes/{id}")))
}

mod on_axum {
    use axum::{
        Router,
        extract::{Path, Request},
        http::{StatusCode, Uri},
        middleware::{Next, from_fn},
        routing::get,
    };
    use tenant_core::axum::{PerKind, PublicOrTenant, TenantLayer, tls_ask};
    use tower_layer::Layer as _;

    use super::*;

    async fn authenticate(mut request: Request, next: Next) -> axum::response::Response {
        let token = request.headers().get(TOKEN).and_then(|token| token.to_str().ok());
        if let Some(tenant) = token.map(str::to_owned) {
            request.extensions_mut().insert(Claims { tenant });
        }
        next.run(request).await
    }

    async fn answer_whoami(tenant: Tenant, db: TenantConnection, prefix: PathPrefix, uri: Uri) -> String {
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        whoami(&tenant, &db, &prefix, target)
    }

    fn site(name: &'static str) -> Router {
        Router::new()
            .route("/", get(answer_whoami))
            .route("/whoami", get(answer_whoami))
            .route("/site", get(async move || name))
            .route("/plan", get(async |data, tenant: Tenant| plan(&data, &tenant)))
            .route("/other", get(async |data: TenantData<String>| data.to_string()))
            .route(
                "/notes/{id}",
                get(async |Path(id), db, prefix| note(db, prefix, id).await),
            )
            .fallback(async || (StatusCode::NOT_FOUND, "no route"))
    }

    fn app(mode: Mode, tenants: Tenants, resolver: Resolver) -> Router {
        if mode == Mode::TlsAsk {
            return Router::new().route_service("/tls-ask", tls_ask(tenants));
        }
        let mut layer = TenantLayer::new(tenants).resolver(resolver);
        if mode == Mode::Worded {
            layer = layer.on_rejection(|rejection, parts| {
                let status = StatusCode::from_u16(rejection.status()).unwrap();
                (
                    status,
                    [("x-worded", "yes")],
                    format!("worded: {rejection} ({})", parts.method),
                )
            });
        }
        let customers = PerKind::new(site("customers")).kind("trial", site("trials"));
        let site = PublicOrTenant::new(site("main"), customers);
        Router::new()
            .fallback_service(layer.layer(site))
            .layer(from_fn(authenticate))
    }

    pub(super) fn start(mode: Mode, tenants: Tenants, resolver: Resolver) -> Server {
        let app = app(mode, tenants, resolver);
        let (send, receive) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                let app = app.into_make_service_with_connect_info::<SocketAddr>();
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Server {
            address: receive.recv().unwrap(),
            stop: Some(Box::new(move || stop.send(()).unwrap_or_default())),
            thread: Some(thread),
        }
    }
}

mod on_actix {
    use actix_web::{
        App, HttpMessage as _, HttpRequest, HttpResponse, HttpServer, ResponseError as _, dev::Service as _,
        guard::Not, middleware::Condition, web,
    };
    use tenant_core::actix::{TenantMiddleware, public_tenant, tenant_kind, tls_ask};

    use super::*;

    async fn answer_whoami(
        tenant: Tenant,
        db: TenantConnection,
        prefix: PathPrefix,
        request: HttpRequest,
    ) -> String {
        let target = request
            .uri()
            .path_and_query()
            .map_or("", |target| target.as_str());
        whoami(&tenant, &db, &prefix, target)
    }

    async fn answer_note(id: web::Path<i32>, db: TenantConnection, prefix: PathPrefix) -> String {
        note(db, prefix, id.into_inner()).await
    }

    fn site(name: &'static str) -> actix_web::Scope {
        web::scope("")
            .route("/", web::get().to(answer_whoami))
            .route("/whoami", web::get().to(answer_whoami))
            .route("/site", web::get().to(move || async move { name }))
            .route(
                "/plan",
                web::get().to(async |data: TenantData<Plan>, tenant: Tenant| plan(&data, &tenant)),
            )
            .route(
                "/other",
                web::get().to(async |data: TenantData<String>| data.to_string()),
            )
            .route("/notes/{id}", web::get().to(answer_note))
            .default_service(web::to(async || HttpResponse::NotFound().body("no route")))
    }

    fn configure(mode: Mode, tenants: &Tenants, config: &mut web::ServiceConfig) {
        if mode == Mode::TlsAsk {
            config.route("/tls-ask", tls_ask(tenants.clone()));
            return;
        }
        config
            .service(site("main").guard(public_tenant()))
            .service(site("trials").guard(tenant_kind("trial")))
            .service(site("customers").guard(Not(public_tenant())));
    }

    fn middleware(mode: Mode, tenants: &Tenants, resolver: &Resolver) -> TenantMiddleware {
        let middleware = TenantMiddleware::new(tenants.clone()).resolver(resolver.clone());
        if mode != Mode::Worded {
            return middleware;
        }
        middleware.on_rejection(|rejection, request| {
            HttpResponse::build(rejection.status_code())
                .insert_header(("x-worded", "yes"))
                .body(format!("worded: {rejection} ({})", request.method()))
        })
    }

    pub(super) fn start(mode: Mode, tenants: Tenants, resolver: Resolver) -> Server {
        let (send, receive) = mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let layer = Condition::new(mode != Mode::TlsAsk, middleware(mode, &tenants, &resolver));
                    App::new()
                        .configure(|config| configure(mode, &tenants, config))
                        .wrap(layer)
                        .wrap_fn(|request, service| {
                            let token = request.headers().get(TOKEN).and_then(|token| token.to_str().ok());
                            if let Some(tenant) = token.map(str::to_owned) {
                                request.extensions_mut().insert(Claims { tenant });
                            }
                            service.call(request)
                        })
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind_auto_h2c("127.0.0.1:0").unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                send.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = receive.recv().unwrap();
        Server {
            address,
            stop: Some(Box::new(move || drop(handle.stop(false)))),
            thread: Some(thread),
        }
    }
}
