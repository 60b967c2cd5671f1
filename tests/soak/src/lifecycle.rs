//! What happens to tenants meanwhile: created, suspended, resumed, migrated, deleted.

use std::{sync::Arc, time::Duration};

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use tenant_core::{TenantStatus, catalog::tenant};
use tenant_migration::{Action, Executor, Target, drop_tenant_role};

use crate::{
    fleet::{AnyError, Fleet, Resident, options},
    migrations,
    random::Random,
    tally::Tally,
    wrong::Kind,
};

/// The time between two events.
const PAUSE: Duration = Duration::from_millis(40);
/// How often a deletion is tried that meets a deadlock.
const ATTEMPTS: u32 = 20;

/// Changes tenants until the tasks are done.
pub(crate) struct Lifecycle {
    fleet: Arc<Fleet>,
    tally: Arc<Tally>,
    random: Random,
}

impl Lifecycle {
    pub(crate) fn new(fleet: Arc<Fleet>, tally: Arc<Tally>, seed: u64) -> Self {
        Self {
            fleet,
            tally,
            random: Random::of_task(seed, u32::MAX),
        }
    }

    /// Runs until it is dropped. What it does to a tenant is done to its end by then, or by nobody.
    pub(crate) async fn run(mut self, mut stop: tokio::sync::watch::Receiver<bool>) {
        while !*stop.borrow() && !self.tally.is_over() {
            let seat = usize::try_from(self.random.below(self.fleet.seats() as u64)).unwrap_or(0);
            let resident = self.fleet.resident(seat);
            let (name, result) = match self.random.below(10) {
                0..=3 => ("suspended and resumed", self.suspend(&resident).await),
                4..=7 => ("migrated up and down", self.migrate(&resident).await),
                _ => ("deleted and replaced", self.replace(seat, &resident).await),
            };
            match result {
                Ok(()) => self.tally.event(name),
                Err(error) => {
                    self.tally
                        .violation(resident.watermark(), name, None, format!("{error}"));
                }
            }
            let _ = tokio::time::timeout(PAUSE, stop.changed()).await;
        }
    }

    async fn suspend(&mut self, resident: &Resident) -> Result<(), AnyError> {
        self.set_status(resident, TenantStatus::Suspended).await?;
        let pause = 100 + self.random.below(1400);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        self.set_status(resident, TenantStatus::Active).await?;
        Ok(())
    }

    async fn set_status(&self, resident: &Resident, status: TenantStatus) -> Result<(), DbErr> {
        resident.service.begin_change();
        tenant::Entity::update_many()
            .col_expr(tenant::Column::Status, Expr::value(status.to_string()))
            .filter(tenant::Column::Id.eq(resident.tenant.id().0))
            .exec(&self.fleet.admin)
            .await?;
        self.fleet.forget_hosts();
        resident.service.end_change(status == TenantStatus::Active);
        Ok(())
    }

    /// Adds a column to a table that is being used, and drops it.
    async fn migrate(&mut self, resident: &Resident) -> Result<(), AnyError> {
        let executor = Executor::connect(options(&self.fleet.url, 1), migrations::with_extra()).await?;
        let target = Target::Tenants(vec![resident.schema().clone()]);
        for action in [Action::UP, Action::Down { steps: 1 }] {
            let plan = executor.plan(&target, action).await?;
            let _done = executor.run(plan, &mut ()).await.into_result()?;
            let pause = self.random.below(20);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        executor.close().await?;
        Ok(())
    }

    async fn replace(&mut self, seat: usize, resident: &Resident) -> Result<(), AnyError> {
        resident.leave();
        resident.service.begin_change();
        let sql = format!(
            "DELETE FROM public.tenants WHERE id = {}; DROP SCHEMA {} CASCADE",
            resident.tenant.id().0,
            resident.schema().quoted()
        );
        let mut attempts = 0;
        while let Err(error) = self.fleet.execute(&sql).await {
            attempts += 1;
            if attempts == ATTEMPTS || !is_deadlock(&error) {
                return Err(error.into());
            }
        }
        self.fleet.forget_hosts();
        drop_tenant_role(&self.fleet.admin, resident.schema()).await?;
        resident.be_gone();
        self.fleet.replace(seat).await
    }
}

fn is_deadlock(error: &DbErr) -> bool {
    Kind::of(error) == Kind::Database("40P01".to_owned())
}
