//! [`Job`]: one operation, with all it needs to decide and to check.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::DbErr;
use tenant_core::TenantConnection;

use crate::{
    entities::{Origin, item, mood, part, plan, title},
    fleet::{Fleet, Lane, Resident},
    random::Random,
    sheet::{Change, Sheet},
    wrong::{Done, Kind, require, violation},
};

/// How many numbers an operation has, one for each row that it writes.
pub(crate) const NUMBERS_PER_OPERATION: i64 = 16;

/// The bits of an operation's number, and of a row's id, below the number of the task.
const TASK_SHIFT: u32 = 40;
const OWNER_SHIFT: u32 = 32;

/// One operation.
pub(crate) struct Job {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) lane: Lane,
    pub(crate) resident: Arc<Resident>,
    pub(crate) db: TenantConnection,
    /// What the task knows of its rows.
    pub(crate) sheet: Arc<Sheet>,
    pub(crate) journal: Journal,
    pub(crate) random: Random,
    pub(crate) owner: i32,
    pub(crate) op: i64,
    pub(crate) last_id: i64,
}

/// The changes that were sent to be kept. It outlives the operation's future, and what was sent by then may have been
/// done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Change>>>);

impl Journal {
    /// To be called before the statement is sent, or the transaction committed.
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

/// The number of the first operation of a task.
pub(crate) fn first_op(task: u32) -> i64 {
    i64::from(task) << TASK_SHIFT
}

/// The task that an operation belongs to.
pub(crate) fn task_of(op: i64) -> i64 {
    op >> TASK_SHIFT
}

impl Job {
    pub(crate) fn watermark(&self) -> &str {
        self.resident.watermark()
    }

    /// An operation number for the `n`th row that it writes.
    pub(crate) fn number(&self, n: i64) -> i64 {
        self.op + n
    }

    /// An id that no row of this tenant has had. All tenants have the same ids.
    pub(crate) fn new_id(&mut self) -> i64 {
        self.last_id += 1;
        (i64::from(self.owner) << OWNER_SHIFT) + self.last_id
    }

    /// One of the items that are there for certain.
    pub(crate) fn pick(&mut self) -> Option<(i64, i64)> {
        let items: Vec<_> = self.sheet.items().collect();
        (!items.is_empty()).then(|| *self.random.pick(&items))
    }

    /// The item that operation `op` writes.
    pub(crate) fn item(&self, id: i64, op: i64) -> item::ActiveModel {
        crate::entities::new_item(id, self.owner, op, self.watermark())
    }

    pub(crate) fn part(&self, id: i64, item: i64, op: i64) -> part::ActiveModel {
        crate::entities::new_part(id, item, op, self.watermark())
    }

    /// A row must carry its tenant's watermark.
    pub(crate) fn check_watermark(&self, what: &str, watermark: &str) -> Done {
        require(watermark == self.watermark(), || {
            format!("{what} carries the watermark {watermark:?} of another tenant")
        })
    }

    /// Whoever wrote it, it must be the tenant's, and as one operation wrote it.
    pub(crate) fn check_item(&self, row: &item::Model) -> Done {
        self.check_watermark(&format!("item {}", row.id), &row.watermark)?;
        let is_whole = row.title == title(row.op)
            && row.mood == mood(row.op)
            && row.plan == plan(row.op)
            && i64::from(row.owner) == task_of(row.op);
        require(is_whole, || {
            format!("item {} is not as any operation wrote it: {row:?}", row.id)
        })
    }

    pub(crate) fn check_part(&self, row: &part::Model) -> Done {
        self.check_watermark(&format!("part {}", row.id), &row.watermark)
    }

    /// These must be the task's items, all of them.
    pub(crate) fn check_own(&self, rows: &[item::Model]) -> Done {
        rows.iter().try_for_each(|row| self.check_item(row))?;
        Ok(self.sheet.check_items(rows.iter().map(|row| (row.id, row.op)))?)
    }

    /// The same for what was read of them.
    pub(crate) fn check_origins(&self, rows: &[Origin]) -> Done {
        for row in rows {
            self.check_watermark(&format!("item {}", row.id), &row.watermark)?;
        }
        Ok(self.sheet.check_items(rows.iter().map(|row| (row.id, row.op)))?)
    }

    /// It must have failed in this way. On the lane of faults the connection may have been lost instead, and on a
    /// tenant that is being deleted the table.
    pub(crate) fn expect_kind<T: std::fmt::Debug>(
        &self,
        what: &str,
        result: Result<T, DbErr>,
        kind: &Kind,
    ) -> Done {
        match result {
            Err(error) if Kind::of(&error) == *kind => Ok(()),
            Err(error) if self.excuses(&Kind::of(&error)) => Err(error.into()),
            other => violation(format!(
                "{what} should have failed with {kind:?}, but was {other:?}"
            )),
        }
    }

    /// Whether an error of this kind is nobody's fault here and now.
    pub(crate) fn excuses(&self, kind: &Kind) -> bool {
        excuses(self.lane, &self.resident, kind)
    }
}

/// The errors that may happen: lost connections behind the proxy, and missing tables of a tenant that is leaving.
pub(crate) fn excuses(lane: Lane, resident: &Resident, kind: &Kind) -> bool {
    (lane == Lane::Faulty && kind.is_loss()) || (resident.is_leaving() && kind.is_of_a_dropped_schema())
}
