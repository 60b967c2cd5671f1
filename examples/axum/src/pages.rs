//! The routes of the pages.

use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, Query, State, rejection::QueryRejection},
    middleware::from_fn,
    routing::{get, post},
};
use example_app::{
    AppError, NoteInput, SignUp, Site,
    operator::NewStatus,
    pages::{PageError, assets, landing, notes, operator},
};
use tenant_core::{Tenant, TenantConnection};

use crate::{
    app::refuse_cross_site,
    head::{Operator, Port},
    reply::Page,
};

/// The body of a request from a form.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Page))]
struct Form<T>(T);

/// The parameter of a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Page))]
struct Path<T>(T);

/// Returns the routes of the main site's pages.
pub(crate) fn public() -> Router<Site> {
    let routes = Router::new()
        .route("/", get(show_landing))
        // If a browser reloads the answer to an invalid form, it gets an empty form.
        .route("/signup", get(show_landing).post(sign_up))
        .route("/operator", get(show_tenants))
        .route("/operator/tenants", get(show_tenants).post(create_tenant))
        .route("/operator/tenants/{schema}", get(show_tenants).post(set_status));
    with_assets_and_errors(routes)
}

/// Returns the routes of a tenant's pages.
pub(crate) fn tenant() -> Router {
    let routes = Router::new()
        .route("/", get(list_notes))
        .route("/notes", get(list_notes).post(create_note))
        .route("/notes/{id}", get(edit_note).post(save_note))
        .route("/notes/{id}/edit", get(edit_note))
        .route("/notes/{id}/delete", post(delete_note));
    with_assets_and_errors(routes)
}

fn with_assets_and_errors<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .route("/style.css", get(async || Page::from(Ok(assets::style()))))
        .route("/icon.svg", get(async || Page::from(Ok(assets::icon()))))
        .fallback(async || Page::from(AppError::NotFound))
        .method_not_allowed_fallback(async || Page::from(AppError::MethodNotAllowed))
        .layer(from_fn(refuse_cross_site::<PageError>))
}

async fn show_landing(State(site): State<Site>, main: Tenant, Port(port): Port) -> Page {
    landing::show(&site, &main, port).await.into()
}

async fn sign_up(
    State(site): State<Site>,
    main: Tenant,
    Port(port): Port,
    Form(input): Form<SignUp>,
) -> Page {
    landing::sign_up(&site, &main, port, input).await.into()
}

async fn show_tenants(
    Operator(operator): Operator,
    main: Tenant,
    Port(port): Port,
    search: Result<Query<operator::Search>, QueryRejection>,
) -> Page {
    let search = search.map(|Query(search)| search).unwrap_or_default();
    operator::show(&operator, &main, port, search).await.into()
}

async fn create_tenant(
    Operator(operator): Operator,
    main: Tenant,
    Port(port): Port,
    Form(input): Form<SignUp>,
) -> Page {
    operator::create(&operator, &main, port, input).await.into()
}

async fn set_status(
    Operator(operator): Operator,
    main: Tenant,
    Port(port): Port,
    Path(schema): Path<String>,
    Form(new): Form<NewStatus>,
) -> Page {
    operator::set_status(&operator, &main, port, &schema, new)
        .await
        .into()
}

async fn list_notes(db: TenantConnection) -> Page {
    notes::list(&db).await.into()
}

async fn create_note(db: TenantConnection, Form(input): Form<NoteInput>) -> Page {
    notes::create(&db, input).await.into()
}

async fn edit_note(db: TenantConnection, Path(id): Path<i32>) -> Page {
    notes::edit(&db, id).await.into()
}

async fn save_note(db: TenantConnection, Path(id): Path<i32>, Form(input): Form<NoteInput>) -> Page {
    notes::save(&db, id, input).await.into()
}

async fn delete_note(db: TenantConnection, Path(id): Path<i32>) -> Page {
    notes::delete(&db, id).await.into()
}
