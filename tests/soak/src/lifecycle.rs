//! [`Lifecycle`]: creates, suspends, resumes, migrates and deletes tenants while the tasks run.
//!
//! An event is an arm of [`Lifecycle::run`]. Tenants are suspended and deleted by plain SQL, not by functions of the library.
//! `operations/request.rs` judges the answers to requests meanwhile.

use std::{sync::Arc, time::Duration};

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use tenant_core::{TenantStatus, catalog::tenant};
use tenant_migration::{Action, Executor, Target, drop_tenant_role};

use crate::{
    migrations,
    outcome::Kind,
    random::Random,
    stats::Stats,
    tenants::{AnyError, TenantSet, TestTenant, options},
};

/// Time between two events.
const PAUSE: Duration = Duration::from_millis(40);
/// Maximal number of attempts of a deletion that meets deadlocks.
const ATTEMPTS: u32 = 20;

/// Changes tenants until the tasks are done.
pub(crate) struct Lifecycle {
    tenant_set: Arc<TenantSet>,
    stats: Arc<Stats>,
    random: Random,
}

impl Lifecycle {
    pub(crate) fn new(tenant_set: Arc<TenantSet>, stats: Arc<Stats>, seed: u64) -> Self {
        Self {
            tenant_set,
            stats,
            random: Random::of_task(seed, u32::MAX),
        }
    }

    /// Runs until `stop` or the end of the operations. An event that was begun is always finished.
    pub(crate) async fn run(mut self, mut stop: tokio::sync::watch::Receiver<bool>) {
        while !*stop.borrow() && !self.stats.is_over() {
            let slot = usize::try_from(self.random.below(self.tenant_set.slots() as u64)).unwrap_or(0);
            let tenant = self.tenant_set.tenant(slot);
            let (name, result) = match self.random.below(10) {
                0..=3 => ("suspended and resumed", self.suspend(&tenant).await),
                4..=7 => ("migrated up and down", self.migrate(&tenant).await),
                _ => ("deleted and replaced", self.replace(slot, &tenant).await),
            };
            match result {
                Ok(()) => self.stats.event(name),
                Err(error) => {
                    self.stats
                        .violation(tenant.watermark(), name, None, format!("{error}"));
                }
            }
            let _ = tokio::time::timeout(PAUSE, stop.changed()).await;
        }
    }

    async fn suspend(&mut self, tenant: &TestTenant) -> Result<(), AnyError> {
        self.set_status(tenant, TenantStatus::Suspended).await?;
        let pause = 100 + self.random.below(1400);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        self.set_status(tenant, TenantStatus::Active).await?;
        Ok(())
    }

    async fn set_status(&self, tenant: &TestTenant, status: TenantStatus) -> Result<(), DbErr> {
        tenant.service.begin_change();
        tenant::Entity::update_many()
            .col_expr(tenant::Column::Status, Expr::value(status.to_string()))
            .filter(tenant::Column::Id.eq(tenant.record.id().0))
            .exec(&self.tenant_set.admin)
            .await?;
        self.tenant_set.forget_hosts();
        tenant.service.end_change(status == TenantStatus::Active);
        Ok(())
    }

    /// Adds a column to a table that is being used, and drops it.
    async fn migrate(&mut self, tenant: &TestTenant) -> Result<(), AnyError> {
        let executor = Executor::connect(options(&self.tenant_set.url, 1), migrations::with_extra()).await?;
        let target = Target::Tenants(vec![tenant.schema().clone()]);
        for action in [Action::UP, Action::Down { steps: 1 }] {
            let plan = executor.plan(&target, action).await?;
            let _done = executor.run(plan, &mut ()).await.into_result()?;
            let pause = self.random.below(20);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        executor.close().await?;
        Ok(())
    }

    async fn replace(&mut self, slot: usize, tenant: &TestTenant) -> Result<(), AnyError> {
        tenant.begin_deletion();
        tenant.service.begin_change();
        let sql = format!(
            "DELETE FROM public.tenants WHERE id = {}; DROP SCHEMA {} CASCADE",
            tenant.record.id().0,
            tenant.schema().quoted()
        );
        let mut attempts = 0;
        while let Err(error) = self.tenant_set.execute(&sql).await {
            attempts += 1;
            if attempts == ATTEMPTS || !is_deadlock(&error) {
                return Err(error.into());
            }
        }
        self.tenant_set.forget_hosts();
        drop_tenant_role(&self.tenant_set.admin, tenant.schema()).await?;
        tenant.end_deletion();
        self.tenant_set.replace(slot).await
    }
}

fn is_deadlock(error: &DbErr) -> bool {
    Kind::of(error) == Kind::Database("40P01".to_owned())
}
