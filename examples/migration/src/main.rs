//! The command line: `cargo run -p example-migration -- --help`, or `sea-orm-cli migrate -d examples/migration`.

use std::process::ExitCode;

use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbErr};
use tenant_core::TenantConnection;

#[tokio::main]
async fn main() -> ExitCode {
    tenant_migration::cli::run_cli(example_migration::migrations().task("purge", purge)).await
}

/// Deletes the notes without a title, and returns their number. Run it with `tenant run purge --tenants`.
async fn purge(db: TenantConnection) -> Result<u64, DbErr> {
    let gone = db
        .execute_unprepared(r#"DELETE FROM "$tenant".note WHERE title = ''"#)
        .await?;
    Ok(gone.rows_affected())
}
