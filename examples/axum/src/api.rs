//! The routes of the JSON API, below `/api`.

use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, State},
    middleware::from_fn,
    routing::get,
};
use example_app::{
    AppError, NoteInput, SignUp, Site,
    api::{ApiError, notes, plans, tenants, whoami},
};
use tenant_core::{Tenant, TenantConnection};

use crate::{app::refuse_cross_site, reply::Api};

/// The body of a request.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Api))]
struct Json<T>(T);

/// The id in a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Api))]
struct Path<T>(T);

/// Returns the routes of the main site's API.
pub(crate) fn public() -> Router<Site> {
    let routes = Router::new().route("/tenants", get(list_tenants).post(create_tenant));
    with_errors(routes)
}

/// Returns the routes of a tenant's API.
pub(crate) fn tenant() -> Router {
    let routes = Router::new()
        .route("/notes", get(list_notes).post(create_note))
        .route(
            "/notes/{id}",
            get(show_note).put(replace_note).delete(delete_note),
        )
        .route("/plans", get(list_plans))
        .route("/stats", get(show_stats))
        .route("/whoami", get(show_whoami));
    with_errors(routes)
}

fn with_errors<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .fallback(async || Api::from(AppError::NotFound))
        .method_not_allowed_fallback(async || Api::from(AppError::MethodNotAllowed))
        .layer(from_fn(refuse_cross_site::<ApiError>))
}

async fn list_tenants(State(site): State<Site>) -> Api {
    tenants::list(&site).await.into()
}

async fn create_tenant(State(site): State<Site>, main: Tenant, Json(input): Json<SignUp>) -> Api {
    tenants::create(&site, &main, &input).await.into()
}

async fn list_notes(db: TenantConnection) -> Api {
    notes::list(&db).await.into()
}

async fn create_note(db: TenantConnection, Json(input): Json<NoteInput>) -> Api {
    notes::create(&db, &input).await.into()
}

async fn show_note(db: TenantConnection, Path(id): Path<i32>) -> Api {
    notes::show(&db, id).await.into()
}

async fn replace_note(db: TenantConnection, Path(id): Path<i32>, Json(input): Json<NoteInput>) -> Api {
    notes::replace(&db, id, &input).await.into()
}

async fn delete_note(db: TenantConnection, Path(id): Path<i32>) -> Api {
    notes::delete(&db, id).await.into()
}

async fn list_plans(db: TenantConnection) -> Api {
    plans::list(&db).await.into()
}

async fn show_stats(db: TenantConnection) -> Api {
    plans::stats(&db).await.into()
}

async fn show_whoami(tenant: Tenant) -> Api {
    whoami::show(&tenant).into()
}
