//! The routes of the JSON API, below `/api`.

use actix_web::{
    Resource,
    web::{self, Json, JsonConfig, Path, PathConfig, ServiceConfig, ThinData},
};
use example_app::{
    AppError, MAX_BODY_BYTES, NoteInput, SignUp, Site,
    api::{notes, plans, tenants, whoami},
};
use tenant_core::{Tenant, TenantConnection};

use crate::{app::get, reply::Api};

/// Adds the routes of the main site's API.
pub(crate) fn public(config: &mut ServiceConfig) {
    config.configure(extractors_and_errors).service(
        resource("/tenants", "GET,HEAD,POST")
            .route(get().to(list_tenants))
            .post(create_tenant),
    );
}

/// Adds the routes of a tenant's API.
pub(crate) fn tenant(config: &mut ServiceConfig) {
    config
        .configure(extractors_and_errors)
        .service(
            resource("/notes", "GET,HEAD,POST")
                .route(get().to(list_notes))
                .post(create_note),
        )
        .service(
            resource("/notes/{id}", "GET,HEAD,PUT,DELETE")
                .route(get().to(show_note))
                .put(replace_note)
                .delete(delete_note),
        )
        .service(resource("/plans", "GET,HEAD").route(get().to(list_plans)))
        .service(resource("/stats", "GET,HEAD").route(get().to(show_stats)))
        .service(resource("/whoami", "GET,HEAD").route(get().to(show_whoami)));
}

fn extractors_and_errors(config: &mut ServiceConfig) {
    config
        .app_data(
            JsonConfig::default()
                .limit(MAX_BODY_BYTES)
                .error_handler(|error, _| Api::from(error).into()),
        )
        // A parameter of a path that cannot be parsed names nothing.
        .app_data(PathConfig::default().error_handler(|_, _| Api::from(AppError::NotFound).into()))
        .default_service(web::to(async || Api::from(AppError::NotFound)));
}

/// Returns a path without routes. `allow` lists the methods that it gets.
fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move { Api::not_allowed(allow) }))
}

async fn list_tenants(ThinData(site): ThinData<Site>) -> Api {
    tenants::list(&site).await.into()
}

async fn create_tenant(ThinData(site): ThinData<Site>, main: Tenant, Json(input): Json<SignUp>) -> Api {
    tenants::create(&site, &main, &input).await.into()
}

async fn list_notes(db: TenantConnection) -> Api {
    notes::list(&db).await.into()
}

async fn create_note(db: TenantConnection, Json(input): Json<NoteInput>) -> Api {
    notes::create(&db, &input).await.into()
}

async fn show_note(db: TenantConnection, id: Path<i32>) -> Api {
    notes::show(&db, *id).await.into()
}

async fn replace_note(db: TenantConnection, id: Path<i32>, Json(input): Json<NoteInput>) -> Api {
    notes::replace(&db, *id, &input).await.into()
}

async fn delete_note(db: TenantConnection, id: Path<i32>) -> Api {
    notes::delete(&db, *id).await.into()
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
