//! [`OperationContext`]: the tenant, the connection, the expected rows and the random decisions of one operation.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::DbErr;
use tenant_core::TenantConnection;

use crate::{
    entities::{Origin, item, mood, part, plan, title},
    model::{Change, RowModel},
    outcome::{Kind, Outcome, require, violation},
    random::Random,
    tenants::{PoolKind, TenantSet, TestTenant},
};

/// Number of operation numbers that each operation reserves: one for each row that it writes.
pub(crate) const NUMBERS_PER_OPERATION: i64 = 16;

/// Position of the task's number in an operation number.
const TASK_SHIFT: u32 = 40;
/// Position of the task's number in a row's id.
const OWNER_SHIFT: u32 = 32;

/// The tenant, the connection, the expected rows and the random decisions of one operation.
pub(crate) struct OperationContext {
    pub(crate) tenant_set: Arc<TenantSet>,
    pub(crate) pool: PoolKind,
    pub(crate) tenant: Arc<TestTenant>,
    pub(crate) db: TenantConnection,
    /// The rows that the task expects.
    pub(crate) row_model: Arc<RowModel>,
    pub(crate) journal: Journal,
    pub(crate) random: Random,
    pub(crate) owner: i32,
    pub(crate) op: i64,
    pub(crate) last_id: i64,
}

/// The changes that were sent to be committed. It outlives the operation's future: the server may apply a change after
/// the future is dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Change>>>);

impl Journal {
    /// Records changes. Call it before the statement is sent or the transaction is committed.
    pub(crate) fn send(&self, changes: impl IntoIterator<Item = Change>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(changes);
    }

    pub(crate) fn take(&self) -> Vec<Change> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the first operation number of a task.
pub(crate) fn first_op(task: u32) -> i64 {
    i64::from(task) << TASK_SHIFT
}

/// Returns the task of an operation number.
pub(crate) fn task_of(op: i64) -> i64 {
    op >> TASK_SHIFT
}

impl OperationContext {
    pub(crate) fn watermark(&self) -> &str {
        self.tenant.watermark()
    }

    /// Returns the operation number for the `n`th row that it writes.
    pub(crate) fn number(&self, n: i64) -> i64 {
        self.op + n
    }

    /// Returns an id that no row of this tenant has had. All tenants have the same ids.
    pub(crate) fn new_id(&mut self) -> i64 {
        self.last_id += 1;
        (i64::from(self.owner) << OWNER_SHIFT) + self.last_id
    }

    /// Picks an item that is certain to exist: its id, and the operation that wrote it.
    pub(crate) fn pick(&mut self) -> Option<(i64, i64)> {
        let items: Vec<_> = self.row_model.items().collect();
        (!items.is_empty()).then(|| *self.random.pick(&items))
    }

    /// Returns the item that operation `op` writes.
    pub(crate) fn item(&self, id: i64, op: i64) -> item::ActiveModel {
        crate::entities::new_item(id, self.owner, op, self.watermark())
    }

    pub(crate) fn part(&self, id: i64, item: i64, op: i64) -> part::ActiveModel {
        crate::entities::new_part(id, item, op, self.watermark())
    }

    /// Checks that a row carries this tenant's watermark.
    pub(crate) fn check_watermark(&self, what: &str, watermark: &str) -> Outcome {
        require(watermark == self.watermark(), || {
            format!("{what} carries the watermark {watermark:?} of another tenant")
        })
    }

    /// Checks that an item of any task is the tenant's, and that all its columns are of the same operation.
    pub(crate) fn check_item(&self, row: &item::Model) -> Outcome {
        self.check_watermark(&format!("item {}", row.id), &row.watermark)?;
        let is_whole = row.title == title(row.op)
            && row.mood == mood(row.op)
            && row.plan == plan(row.op)
            && i64::from(row.owner) == task_of(row.op);
        require(is_whole, || {
            format!("item {} is not as any operation wrote it: {row:?}", row.id)
        })
    }

    pub(crate) fn check_part(&self, row: &part::Model) -> Outcome {
        self.check_watermark(&format!("part {}", row.id), &row.watermark)
    }

    /// Checks that these are all of the task's items.
    pub(crate) fn check_own(&self, rows: &[item::Model]) -> Outcome {
        rows.iter().try_for_each(|row| self.check_item(row))?;
        Ok(self
            .row_model
            .check_items(rows.iter().map(|row| (row.id, row.op)))?)
    }

    /// Checks that these are the origins of all of the task's items.
    pub(crate) fn check_origins(&self, rows: &[Origin]) -> Outcome {
        for row in rows {
            self.check_watermark(&format!("item {}", row.id), &row.watermark)?;
        }
        Ok(self
            .row_model
            .check_items(rows.iter().map(|row| (row.id, row.op)))?)
    }

    /// Checks that `result` is an error of this kind. Behind the proxy, a lost connection is excused. If the tenant is
    /// being deleted, a missing table is.
    pub(crate) fn expect_kind<T: std::fmt::Debug>(
        &self,
        what: &str,
        result: Result<T, DbErr>,
        kind: &Kind,
    ) -> Outcome {
        match result {
            Err(error) if Kind::of(&error) == *kind => Ok(()),
            Err(error) if self.excuses(&Kind::of(&error)) => Err(error.into()),
            other => violation(format!(
                "{what} should have failed with {kind:?}, but was {other:?}"
            )),
        }
    }

    /// True if the proxy or a deletion explains an error of this kind.
    pub(crate) fn excuses(&self, kind: &Kind) -> bool {
        excuses(self.pool, &self.tenant, kind)
    }
}

/// True if the proxy or a deletion explains an error of this kind: a lost connection behind the proxy, or a missing
/// table of a tenant that is being deleted.
pub(crate) fn excuses(pool: PoolKind, tenant: &TestTenant, kind: &Kind) -> bool {
    (pool == PoolKind::Faulty && kind.is_loss()) || (tenant.deletion_has_begun() && kind.is_dropped_schema())
}
