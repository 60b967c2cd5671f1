//! [`NotesPurge`]: `cargo loco task notes:purge`.

use loco_rs::prelude::*;
use tenant_core::TenantConnection;
use tenant_migration::{Target, for_each_tenant};

use crate::{initializers::tenants::tenants, models::notes};

/// Number of tenants that are worked on at the same time.
const JOBS: usize = 4;

/// Deletes the notes without a title of every tenant that is served.
pub struct NotesPurge;

#[async_trait]
impl Task for NotesPurge {
    fn task(&self) -> TaskInfo {
        TaskInfo {
            name: "notes:purge".to_owned(),
            detail: "Deletes the notes without a title of every tenant".to_owned(),
        }
    }

    async fn run(&self, ctx: &AppContext, _: &task::Vars) -> Result<()> {
        let purge = async |db: TenantConnection| notes::purge(&db).await;
        let results = for_each_tenant(&tenants(ctx)?, Target::AllTenants, JOBS, purge).await;
        for (tenant, result) in results.map_err(Error::msg)? {
            let gone =
                result.map_err(|error| Error::string(&format!("tenant {}: {error}", tenant.schema())))?;
            println!("{}: {gone} notes", tenant.schema());
        }
        Ok(())
    }
}
