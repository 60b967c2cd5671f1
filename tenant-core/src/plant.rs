//! Faults that can be planted in this library, so that `scripts/soak` can be seen to find them.
//!
//! They are in builds with the feature `_plants` and debug assertions only: without either, [`is`] is a constant.

/// One thing that goes wrong when it is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[cfg_attr(
    not(all(feature = "_plants", debug_assertions)),
    allow(
        dead_code,
        unreachable_pub,
        reason = "nothing is planted in this build, and nothing exported"
    )
)]
pub enum Plant {
    /// The tenant's schema is left out of statements.
    SchemaLeftOut,
    /// The text that was rendered first is kept, and sent for every tenant.
    TextKept,
    /// Statements are not checked.
    GuardOff,
    /// A table that nobody registered is looked for in the shared schema.
    UnknownTablePasses,
    /// A tenant table without a schema is left to the search path.
    TableNotQualified,
    /// The name of a common table expression hides a table after its query, too.
    ExpressionNeverEnds,
    /// A transaction goes on after a nested one failed to begin.
    NotBrokenOff,
    /// A transaction is used while one nested in it is open.
    NestedIgnored,
    /// A transaction that is dropped stays open.
    DroppedStaysOpen,
    /// The rollback that PostgreSQL makes of COMMIT is taken for a commit.
    FailureForgotten,
    /// A COMMIT without an answer is taken for a commit.
    LossIgnored,
    /// Rolling back commits.
    RollbackCommits,
    /// Rolling back a nested transaction keeps its changes.
    NestedRollbackKeeps,
    /// Statements that are streamed in a transaction are sent as they are written.
    StreamNotCompiled,
    /// `begin_unguarded` changes the search path of the session.
    SearchPathStays,
    /// `begin_unguarded` puts the shared schema before the tenant's.
    SharedSchemaFirst,
    /// Statements run as the role that logged in, whatever role was asked for.
    RoleNotAssumed,
    /// Connections go back to the pool as they are, in the middle of something.
    LeftoversStay,
    /// Sessions that ran unguarded statements are used again.
    UnguardedKept,
    /// A remembered tenant is given to any host.
    HostsMixedUp,
    /// Hosts are not forgotten when that is asked for.
    HostsNotForgotten,
    /// Hosts are remembered for ever.
    MemoryNeverEnds,
    /// Tenants are served whatever their status is.
    StatusIgnored,
}

#[cfg(all(feature = "_plants", debug_assertions))]
mod armed {
    use std::{
        collections::HashMap,
        sync::{
            Mutex, PoisonError,
            atomic::{AtomicU32, Ordering},
        },
    };

    use super::Plant;
    use crate::schema_name::SchemaName;

    static ARMED: AtomicU32 = AtomicU32::new(0);
    static TEXTS: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);

    /// Plants these and no others, in the whole process.
    pub fn arm(plants: &[Plant]) {
        let bits = plants.iter().fold(0, |bits, plant| bits | bit(*plant));
        ARMED.store(bits, Ordering::SeqCst);
        *TEXTS.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn bit(plant: Plant) -> u32 {
        1 << plant as u8
    }

    pub(crate) fn is(plant: Plant) -> bool {
        ARMED.load(Ordering::Relaxed) & bit(plant) != 0
    }

    /// What becomes of a statement that was rendered as `text`.
    pub(crate) fn rendered(sql: &str, text: String, schema: &SchemaName) -> String {
        if is(Plant::SchemaLeftOut) {
            return text.replace(&format!("{}.", schema.quoted()), "");
        }
        if is(Plant::TextKept) {
            let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
            return texts
                .get_or_insert_default()
                .entry(sql.to_owned())
                .or_insert(text)
                .clone();
        }
        text
    }
}

#[cfg(not(all(feature = "_plants", debug_assertions)))]
mod armed {
    use super::Plant;
    use crate::schema_name::SchemaName;

    pub(crate) const fn is(_: Plant) -> bool {
        false
    }

    pub(crate) fn rendered(_: &str, text: String, _: &SchemaName) -> String {
        text
    }
}

#[cfg(all(feature = "_plants", debug_assertions))]
pub use armed::arm;
pub(crate) use armed::{is, rendered};
