//! The notes of a tenant.

use axum::{http::StatusCode, middleware::from_fn};
use loco_rs::prelude::*;
use tenant_core::{Tenant, TenantConnection};

use super::only_tenants;
use crate::{
    models::notes::{self, Params},
    views::notes::NoteResponse,
    workers::digest::{DigestArgs, DigestWorker},
};

async fn list(db: TenantConnection, Query(page): Query<query::PaginationQuery>) -> Result<Response> {
    let (notes, info) = notes::page(&db, &page).await?;
    let results: Vec<_> = notes.into_iter().map(NoteResponse::from).collect();
    format::json(Pager::new(results, info))
}

async fn show(db: TenantConnection, Path(id): Path<i32>) -> Result<Response> {
    let note = notes::find(&db, id).await?;
    format::json(NoteResponse::from(note))
}

async fn add(db: TenantConnection, Json(params): Json<Params>) -> Result<Response> {
    let note = notes::create(&db, params).await?;
    let answer = format::render().status(StatusCode::CREATED);
    answer.json(NoteResponse::from(note))
}

/// Stores a job for the request's tenant.
async fn digest(State(ctx): State<AppContext>, tenant: Tenant) -> Result<Response> {
    let args = DigestArgs {
        tenant: tenant.reference(),
    };
    DigestWorker::perform_later(&ctx, args).await?;
    format::empty()
}

/// Returns the routes.
pub fn routes() -> Routes {
    Routes::new()
        .prefix("/notes")
        .add("/", get(list))
        .add("/", post(add))
        .add("/{id}", get(show))
        .add("/digest", post(digest))
        .layer(from_fn(only_tenants))
}
