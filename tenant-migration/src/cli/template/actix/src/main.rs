//! The web application. The host of a request finds its tenant.

use std::{env, error::Error};

use actix_web::{App, HttpServer, error::ErrorInternalServerError, web};
use entity::note;
use sea_orm::{DbErr, EntityTrait};
use tenant_core::{SkewPolicy, Tenant, TenantConnection, Tenants, actix::TenantMiddleware};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    dotenvy::dotenv().ok();
    tracing_subscriber::fmt::init();
    let url = env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL, in .env or in the environment")?;
    let tenants = Tenants::builder()
        // Tenants whose migrations are pending get 503.
        .expect_versions(migration::migrations().versions(), SkewPolicy::Refuse)
        .connect(url)
        .await?;
    let app = move || {
        App::new()
            .wrap(TenantMiddleware::new(tenants.clone()))
            .route("/", web::get().to(notes))
    };
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8000".to_owned());
    let server = HttpServer::new(app).bind(address)?;
    println!("listening on {}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}

/// Shows the notes of the request's tenant.
pub(crate) async fn notes(tenant: Tenant, db: TenantConnection) -> Result<String, actix_web::Error> {
    let notes = note::Entity::find().all(&db).await.map_err(internal)?;
    let titles: String = notes.iter().map(|note| format!("- {}\n", note.title)).collect();
    Ok(format!("{} has {} notes\n{titles}", tenant.name(), notes.len()))
}

/// Logs an error of the database, and returns the answer for the client.
fn internal(error: DbErr) -> actix_web::Error {
    tracing::error!("{error}");
    ErrorInternalServerError("the server failed")
}
