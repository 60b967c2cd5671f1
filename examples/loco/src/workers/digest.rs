//! [`DigestWorker`]: writes a tenant's digest.

use loco_rs::prelude::*;
use serde::{Deserialize, Serialize};
use tenant_core::{TenantRef, context};

use crate::{initializers::tenants::tenants, models::notes};

/// Writes a note that says how many there are.
pub struct DigestWorker {
    ctx: AppContext,
}

/// Arguments of a job. The queue keeps them as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct DigestArgs {
    /// The tenant.
    pub tenant: TenantRef,
}

#[async_trait]
impl BackgroundWorker<DigestArgs> for DigestWorker {
    fn build(ctx: &AppContext) -> Self {
        Self { ctx: ctx.clone() }
    }

    /// The tenant may have been suspended or dropped since the job was stored: `resolve` refuses it then, and the job fails.
    async fn perform(&self, args: DigestArgs) -> Result<()> {
        let db = tenants(&self.ctx)?.resolve(&args.tenant).await;
        let db = db.map_err(Error::msg)?;
        context::scope(db.tenant().clone(), notes::create_digest(&db)).await?;
        Ok(())
    }
}
