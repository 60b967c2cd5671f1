//! The routes of the pages.

use actix_web::{
    Error, Resource,
    web::{self, Form, FormConfig, Path, PathConfig, Query, ServiceConfig, ThinData},
};
use example_app::{
    AppError, MAX_BODY_BYTES, NoteInput, SignUp, Site,
    operator::NewStatus,
    pages::{assets, landing, notes, operator},
};
use tenant_core::{Tenant, TenantConnection};

use crate::{
    app::get,
    head::{Operator, Port},
    reply::Page,
};

/// Adds the routes of the main site's pages.
pub(crate) fn public(config: &mut ServiceConfig) {
    config
        .configure(assets_extractors_and_errors)
        .service(resource("/", "GET,HEAD").route(get().to(show_landing)))
        // If a browser reloads the answer to an invalid form, it gets an empty form.
        .service(
            resource("/signup", "GET,HEAD,POST")
                .route(get().to(show_landing))
                .post(sign_up),
        )
        .service(resource("/operator", "GET,HEAD").route(get().to(show_tenants)))
        .service(
            resource("/operator/tenants", "GET,HEAD,POST")
                .route(get().to(show_tenants))
                .post(create_tenant),
        )
        .service(
            resource("/operator/tenants/{schema}", "GET,HEAD,POST")
                .route(get().to(show_tenants))
                .post(set_status),
        );
}

/// Adds the routes of a tenant's pages.
pub(crate) fn tenant(config: &mut ServiceConfig) {
    config
        .configure(assets_extractors_and_errors)
        .service(resource("/", "GET,HEAD").route(get().to(list_notes)))
        .service(
            resource("/notes", "GET,HEAD,POST")
                .route(get().to(list_notes))
                .post(create_note),
        )
        .service(
            resource("/notes/{id}", "GET,HEAD,POST")
                .route(get().to(edit_note))
                .post(save_note),
        )
        .service(resource("/notes/{id}/edit", "GET,HEAD").route(get().to(edit_note)))
        .service(resource("/notes/{id}/delete", "POST").post(delete_note));
}

fn assets_extractors_and_errors(config: &mut ServiceConfig) {
    config
        .service(resource("/style.css", "GET,HEAD").route(get().to(async || Page::from(Ok(assets::style())))))
        .service(resource("/icon.svg", "GET,HEAD").route(get().to(async || Page::from(Ok(assets::icon())))))
        .app_data(
            FormConfig::default()
                .limit(MAX_BODY_BYTES)
                .error_handler(|error, _| Page::from(error).into()),
        )
        // A parameter of a path that cannot be parsed names nothing.
        .app_data(PathConfig::default().error_handler(|_, _| Page::from(AppError::NotFound).into()))
        .default_service(web::to(async || Page::from(AppError::NotFound)));
}

/// Returns a path without routes. `allow` lists the methods that it gets.
fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move { Page::not_allowed(allow) }))
}

async fn show_landing(ThinData(site): ThinData<Site>, main: Tenant, Port(port): Port) -> Page {
    landing::show(&site, &main, port).await.into()
}

async fn sign_up(
    ThinData(site): ThinData<Site>,
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
    search: Result<Query<operator::Search>, Error>,
) -> Page {
    let search = search.map(Query::into_inner).unwrap_or_default();
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
    schema: Path<String>,
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

async fn edit_note(db: TenantConnection, id: Path<i32>) -> Page {
    notes::edit(&db, *id).await.into()
}

async fn save_note(db: TenantConnection, id: Path<i32>, Form(input): Form<NoteInput>) -> Page {
    notes::save(&db, *id, input).await.into()
}

async fn delete_note(db: TenantConnection, id: Path<i32>) -> Page {
    notes::delete(&db, *id).await.into()
}
