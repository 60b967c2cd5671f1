//! [`Filling`]: how a new tenant gets its structure: by its migrations, or by the snapshot of what they made for others.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    error::reason,
    migrations::Migrations,
    retry::is_transient,
    rows::rows,
    snapshot::{Fingerprint, Key, Lesson, ReadError, Reading, Snapshot, Snapshots, Way, Witness, aside},
    work::Home,
};

pub(super) struct Filling<'a, C> {
    db: &'a C,
    migrations: &'a Migrations,
    home: Home<'a>,
    known: Option<(Arc<Snapshots>, Key)>,
    way: Way,
    witness: Option<Witness>,
    lesson: Option<Lesson>,
}

/// What is learned if the tenant is committed.
pub(super) struct Learned {
    snapshots: Arc<Snapshots>,
    key: Key,
    lesson: Lesson,
}

impl Learned {
    pub(super) fn keep(self) {
        self.snapshots.learn(self.key, self.lesson);
    }
}

impl<'a, C: ConnectionTrait> Filling<'a, C> {
    /// Decides, when the schema has its ledger and what a hook of the application did.
    pub(super) async fn begin(db: &'a C, migrations: &'a Migrations, home: Home<'a>) -> Result<Self, DbErr> {
        let mut filling = Self {
            db,
            migrations,
            home,
            known: None,
            way: Way::Migrations,
            witness: None,
            lesson: None,
        };
        if let (Some(snapshots), Some(kind)) = (migrations.snapshot_memory(), home.kind) {
            let key = Key::read(db, kind).await?;
            if migrations.hooks().is_none() || filling.is_new().await? {
                filling.way = snapshots.way(&key);
            }
            filling.known = Some((Arc::clone(snapshots), key));
        }
        if let Way::Learn = filling.way {
            filling.witness = Some(Witness::before(db).await?);
        }
        Ok(filling)
    }

    /// Whether the schema has its ledger and nothing else.
    async fn is_new(&self) -> Result<bool, DbErr> {
        let sql = "SELECT count(*) = 1 AND bool_and(pg_depend.objid = to_regclass($2) AND classid = 'pg_class'::regclass)
            FROM pg_catalog.pg_depend
            WHERE refclassid = 'pg_namespace'::regclass
                AND refobjid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)";
        let ledger = self.home.ledger(self.migrations);
        let values = [self.home.schema.as_str().into(), ledger.quoted().into()];
        let rows = rows(self.db, sql, values).await?;
        let is_alone = rows
            .first()
            .map_or(Ok(Some(false)), |row| row.try_get_by_index(0))?;
        Ok(is_alone == Some(true) && ledger.read(self.db).await?.is_empty())
    }

    /// Makes everything by the snapshot, with the ledger's rows. `false` if the migrations are to do it: nothing
    /// was changed then.
    pub(super) async fn replay(&mut self) -> Result<bool, DbErr> {
        let (snapshot, is_proven) = match &self.way {
            Way::Snapshot(snapshot) => (Arc::clone(snapshot), true),
            Way::Try(snapshot) => (Arc::clone(snapshot), false),
            Way::Learn | Way::Migrations => return Ok(false),
        };
        let lesson = match self.db.execute_unprepared(&self.script(&snapshot)).await {
            Ok(_) if is_proven => None,
            Ok(_) => Some(self.compare(&snapshot).await?),
            Err(error) => {
                let lesson = (!is_transient(&error)).then(|| Lesson::Wrong(reason(&error)));
                self.undo(lesson).await?;
                return Ok(false);
            }
        };
        if let Some(Lesson::Wrong(_)) = &lesson {
            self.undo(lesson).await?;
            return Ok(false);
        }
        self.lesson = lesson;
        self.db.execute_unprepared("RELEASE SAVEPOINT replay").await?;
        Ok(true)
    }

    fn script(&self, snapshot: &Snapshot) -> String {
        let ledger = self.home.ledger(self.migrations);
        let names = self.home.set(self.migrations).names();
        let records: Vec<_> = names.map(|name| ledger.record(name)).collect();
        let statements = ["SAVEPOINT replay"].into_iter().chain(snapshot.statements());
        let statements = statements.chain(records.iter().map(String::as_str));
        statements.collect::<Vec<_>>().join(";\n")
    }

    async fn undo(&mut self, lesson: Option<Lesson>) -> Result<(), DbErr> {
        self.lesson = lesson;
        let undo = "ROLLBACK TO SAVEPOINT replay; RELEASE SAVEPOINT replay";
        self.db.execute_unprepared(undo).await?;
        Ok(())
    }

    async fn compare(&self, snapshot: &Snapshot) -> Result<Lesson, DbErr> {
        let made = aside(self.db, Fingerprint::read(self.db, &self.reading())).await?;
        Ok(match made {
            Ok(made) => match snapshot.fingerprint().difference(&made) {
                None => Lesson::Proven,
                Some(object) => Lesson::Wrong(format!("it made another {object}")),
            },
            Err(error) => Lesson::Wrong(reason(&error)),
        })
    }

    /// Learns from what the migrations did.
    pub(super) async fn learn(&mut self) -> Result<(), DbErr> {
        let Some(witness) = self.witness.take() else {
            return Ok(());
        };
        let seen = aside(self.db, self.see(&witness)).await?;
        self.lesson = Some(seen.unwrap_or_else(|error| Lesson::Unsuitable(error.to_string())));
        Ok(())
    }

    async fn see(&self, witness: &Witness) -> Result<Lesson, ReadError> {
        let schema = self.home.schema;
        let ledger = self.home.ledger(self.migrations);
        if let Some(trace) = witness.trace(self.db, schema, ledger.table).await? {
            return Ok(Lesson::Unsuitable(trace));
        }
        let recorded = ledger.read(self.db).await?;
        let names = self.home.set(self.migrations).names();
        if recorded != names.map(ToString::to_string).collect() {
            return Ok(Lesson::Unsuitable("migrations write their ledger".to_owned()));
        }
        let snapshot = Snapshot::read(self.db, &self.reading()).await?;
        Ok(Lesson::Seen {
            schema: schema.clone(),
            snapshot,
        })
    }

    fn reading(&self) -> Reading<'a> {
        let ledger = self.home.ledger(self.migrations).table;
        Reading::new(self.migrations, self.home.schema).without_table(ledger)
    }

    pub(super) fn learned(self) -> Option<Learned> {
        let (snapshots, key) = self.known?;
        let lesson = self.lesson?;
        Some(Learned {
            snapshots,
            key,
            lesson,
        })
    }
}
