//! [`Crew`]: the workers of an executor.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::{migrations::Migrations, worker::Worker};

/// The first worker, and those who read for a plan and wait for its run.
#[derive(Debug)]
pub(crate) struct Crew {
    first: Worker,
    waiting: Mutex<Vec<Worker>>,
}

impl Crew {
    pub(crate) fn new(first: Worker) -> Self {
        Self {
            first,
            waiting: Mutex::default(),
        }
    }

    pub(crate) fn first(&self) -> &Worker {
        &self.first
    }

    pub(crate) fn migrations(&self) -> &Migrations {
        &self.first.migrations
    }

    /// These workers and more of them, the first one among them: as many as are `wanted`, and the server has connections
    /// for. They are the caller's until it lets them [wait](Self::keep) or [dismisses](Self::dismiss) them.
    pub(crate) async fn hire(&self, mut workers: Vec<Worker>, wanted: usize) -> Vec<Worker> {
        if workers.is_empty() {
            workers.push(self.first.clone());
        }
        workers.append(&mut self.lock());
        if workers.len() < wanted {
            self.hire_new(&mut workers, wanted).await;
        }
        workers
    }

    async fn hire_new(&self, workers: &mut Vec<Worker>, wanted: usize) {
        let free = match free_connections(&self.first.db).await {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the server does not say how many connections it has left: no more workers are used");
                0
            }
        };
        let more = (wanted - workers.len()).min(free);
        if workers.len() + more < wanted {
            tracing::warn!(
                wanted,
                free,
                "the server has few connections left: fewer workers are used"
            );
        }
        for id in workers.len()..workers.len() + more {
            match self.first.another(id).await {
                Ok(worker) => workers.push(worker),
                Err(error) => tracing::warn!(%error, "one worker less"),
            }
        }
    }

    /// Lets workers wait until they are hired again.
    pub(crate) fn keep(&self, workers: Vec<Worker>) {
        self.lock().extend(workers.into_iter().skip(1));
    }

    /// Closes the connections of workers but the first, and of those who wait.
    pub(crate) async fn dismiss(&self, workers: Vec<Worker>) {
        let waiting = std::mem::take(&mut *self.lock());
        for worker in workers.into_iter().skip(1).chain(waiting) {
            if let Err(error) = worker.db.close().await {
                tracing::debug!(%error, "a connection was not closed");
            }
        }
    }

    pub(crate) async fn close(self) -> Result<(), DbErr> {
        self.dismiss(Vec::new()).await;
        self.first.db.close().await
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many connections the server has left, apart from those that it keeps for superusers and some for others.
const FREE_CONNECTIONS: &str = "
    SELECT current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
        - count(*) AS free
    FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'";

/// What is left for others that connect meanwhile.
const LEFT_FOR_OTHERS: usize = 2;

async fn free_connections(db: &impl ConnectionTrait) -> Result<usize, DbErr> {
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, FREE_CONNECTIONS))
        .await?;
    let free: i64 = row.map_or(Ok(0), |row| row.try_get("", "free"))?;
    Ok(usize::try_from(free)
        .unwrap_or_default()
        .saturating_sub(LEFT_FOR_OTHERS))
}
