//! The web application. The host of a request finds its tenant.

use std::{env, error::Error};

use axum::{Router, http::StatusCode, routing::get};
use entity::note;
use sea_orm::{DbErr, EntityTrait};
use tenant_core::{SkewPolicy, Tenant, TenantConnection, Tenants, axum::TenantLayer};
use tokio::{net::TcpListener, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    dotenvy::dotenv().ok();
    tracing_subscriber::fmt::init();
    let url = env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL, in .env or in the environment")?;
    let tenants = Tenants::builder()
        // Tenants whose migrations are pending get 503.
        .expect_versions(migration::migrations().versions(), SkewPolicy::Refuse)
        .connect(url)
        .await?;
    let app = Router::new()
        .route("/", get(notes))
        .layer(TenantLayer::new(tenants.clone()));
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async { signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    tenants.close().await?;
    Ok(())
}

/// Shows the notes of the request's tenant.
async fn notes(tenant: Tenant, db: TenantConnection) -> Result<String, StatusCode> {
    let notes = note::Entity::find().all(&db).await.map_err(internal)?;
    let titles: String = notes.iter().map(|note| format!("- {}\n", note.title)).collect();
    Ok(format!("{} has {} notes\n{titles}", tenant.name(), notes.len()))
}

/// Logs an error of the database, and returns the status for the client.
fn internal(error: DbErr) -> StatusCode {
    tracing::error!("{error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
