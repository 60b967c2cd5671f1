//! [`Snapshots`]: what the creation of tenants has learned about their structure.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tenant_core::SchemaName;

use super::read::Snapshot;

/// Whose structure it is: the kind of the tenants, the database, its server and the user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    kind: String,
    database: String,
}

impl Key {
    pub(crate) async fn read(db: &impl ConnectionTrait, kind: &str) -> Result<Self, DbErr> {
        let sql = "SELECT concat_ws(' ', oid, pg_postmaster_start_time(), current_user, version(), current_database())
            FROM pg_catalog.pg_database WHERE datname = current_database()";
        let missing = || DbErr::RecordNotFound("the name of the database".to_owned());
        let row = db
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?;
        Ok(Self {
            kind: kind.to_owned(),
            database: row.ok_or_else(missing)?.try_get_by_index(0)?,
        })
    }
}

/// How a tenant gets its structure.
#[derive(Debug)]
pub(crate) enum Way {
    Migrations,
    /// By migrations, to learn from them.
    Learn,
    /// By a snapshot that was not tried yet, to see whether it makes what it should.
    Try(Arc<Snapshot>),
    Snapshot(Arc<Snapshot>),
}

/// What a tenant taught, once it is committed.
#[derive(Debug)]
pub(crate) enum Lesson {
    /// What migrations made.
    Seen { schema: SchemaName, snapshot: Snapshot },
    /// The snapshot made what it should.
    Proven,
    /// Migrations do what a snapshot does not.
    Unsuitable(String),
    /// The snapshot did not make what it should.
    Wrong(String),
}

/// The snapshots of one [`Migrations`](crate::Migrations), in memory only: one that is stored could be older than
/// the program.
///
/// A snapshot is used when the migrations of two tenants made the same, and it has made that once more.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(Mutex<HashMap<Key, State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    Seen {
        schema: SchemaName,
        snapshot: Arc<Snapshot>,
    },
    SeenTwice(Arc<Snapshot>),
    Proven(Arc<Snapshot>),
    Unusable,
}

impl Snapshots {
    fn states(&self) -> MutexGuard<'_, HashMap<Key, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn way(&self, key: &Key) -> Way {
        match self.states().get(key) {
            None | Some(State::Unknown | State::Seen { .. }) => Way::Learn,
            Some(State::SeenTwice(snapshot)) => Way::Try(Arc::clone(snapshot)),
            Some(State::Proven(snapshot)) => Way::Snapshot(Arc::clone(snapshot)),
            Some(State::Unusable) => Way::Migrations,
        }
    }

    /// Others may have learned something in the meantime.
    pub(crate) fn learn(&self, key: Key, lesson: Lesson) {
        let mut states = self.states();
        let state = states.entry(key).or_default();
        *state = std::mem::take(state).after(lesson);
    }
}

impl State {
    fn after(self, lesson: Lesson) -> Self {
        match (self, lesson) {
            (Self::Unknown, Lesson::Seen { schema, snapshot }) => Self::Seen {
                schema,
                snapshot: Arc::new(snapshot),
            },
            (
                Self::Seen { schema, snapshot },
                Lesson::Seen {
                    schema: other,
                    snapshot: second,
                },
            ) => Self::compare((schema, snapshot), &other, &second),
            (Self::SeenTwice(snapshot), Lesson::Proven) => Self::Proven(snapshot),
            (Self::Unusable, _) => Self::Unusable,
            (_, Lesson::Unsuitable(reason)) => {
                tracing::info!(
                    reason,
                    "tenants are created by their migrations, not by a snapshot"
                );
                Self::Unusable
            }
            (_, Lesson::Wrong(reason)) => {
                tracing::warn!(
                    reason,
                    "a snapshot of a tenant did not make another one: migrations do from now on"
                );
                Self::Unusable
            }
            (state, Lesson::Seen { .. } | Lesson::Proven) => state,
        }
    }

    /// Statements are compared, too: what is of the first tenant in them, such as a secret that its migration made up,
    /// must not get into another one.
    fn compare((schema, first): (SchemaName, Arc<Snapshot>), other: &SchemaName, second: &Snapshot) -> Self {
        if *other == schema {
            return Self::Seen {
                schema,
                snapshot: first,
            };
        }
        if *first == *second {
            return Self::SeenTwice(first);
        }
        let object = first.fingerprint().difference(second.fingerprint());
        tracing::warn!(
            object, first = %schema, second = %other,
            "the migrations of two tenants did not make the same: tenants are created by migrations, not by a snapshot"
        );
        Self::Unusable
    }
}
