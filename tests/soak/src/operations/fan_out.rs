//! Reading several tenants by one query: each row is given to the tenant that it is of.

use std::sync::Arc;

use sea_orm::DbErr;
use tenant_core::{FanOutError, Tenant};

use super::{OperationContext, read::own};
use crate::{
    entities::item,
    outcome::{Failure, Kind, Outcome, require, violation},
    tenants::TestTenant,
};

/// Most tenants of a read, beside the operation's own.
const OTHERS: usize = 4;

/// Reads the task's items in several tenants.
pub(super) async fn own_items(mut context: OperationContext) -> Outcome {
    let tenants = choose(&mut context);
    let records: Vec<_> = tenants.iter().map(|tenant| tenant.record.clone()).collect();
    let handle = context.tenant_set.handle(context.pool);
    let rows = match handle.tenants.fan_out().over(records).all(own(&context)).await {
        Ok(rows) => rows,
        Err(error) => return excuse(&tenants, error),
    };
    rows.iter().try_for_each(|row| check_row(&tenants, row))?;
    let rows = rows
        .into_iter()
        .filter(|(tenant, _)| *tenant == context.tenant.record);
    let rows: Vec<_> = rows.map(|(_, row)| row).collect();
    context.check_own(&rows)
}

/// Returns the operation's tenant and others, in any order.
fn choose(context: &mut OperationContext) -> Vec<Arc<TestTenant>> {
    let mut tenants = vec![Arc::clone(&context.tenant)];
    let slots: Vec<_> = (0..context.tenant_set.slots()).collect();
    for _ in 0..OTHERS {
        let tenant = context.tenant_set.tenant(*context.random.pick(&slots));
        if tenants.iter().all(|other| other.record != tenant.record) {
            tenants.push(tenant);
        }
    }
    if context.random.coin() {
        tenants.reverse();
    }
    tenants
}

fn check_row(tenants: &[Arc<TestTenant>], (tenant, row): &(Tenant, item::Model)) -> Outcome {
    let Some(found) = tenants.iter().find(|found| found.record == *tenant) else {
        return violation(format!("a row is of {tenant:?}, which was not read"));
    };
    require(row.watermark == found.watermark(), || {
        format!(
            "item {} of {tenant:?} carries the watermark {:?}",
            row.id, row.watermark
        )
    })
}

/// Excuses an error by the deletion of a tenant that was read.
fn excuse(tenants: &[Arc<TestTenant>], error: FanOutError) -> Outcome {
    let (named, source): (_, DbErr) = match error {
        FanOutError::Tenant { tenant, source } => (Some(tenant.id), source),
        FanOutError::Statement { source, .. } => (None, source),
        error => return violation(error.to_string()),
    };
    let mut may_be_deleted = tenants
        .iter()
        .filter(|tenant| named.is_none_or(|id| tenant.record.id() == id))
        .filter(|tenant| tenant.deletion_has_begun());
    match may_be_deleted.next() {
        Some(_) if Kind::of(&source).is_dropped_schema() => Ok(()),
        _ => Err(Failure::Error(source)),
    }
}
