//! Single statements on the connections of the pool.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

use super::{
    TenantConnection,
    row_stream::RowStream,
    transaction::{begin_statement, commit_error, role_error},
};
use crate::{
    pool::{EndOnDrop, Lease, Operation, Pool, QueryAllOnce},
    role_name::RoleName,
};

impl TenantConnection {
    /// Performs an operation on a connection of the pool, as the tenant's role if roles are used.
    pub(super) async fn perform<Q: Operation>(&self, pool: &Pool, operation: &Q) -> Result<Q::Output, DbErr> {
        let Some(role) = self.role().await? else {
            let mut lease = pool.acquire(self.key).await?;
            return operation.perform(&mut lease).await;
        };
        let mut lease = pool.acquire(self.key).await?;
        self.begin_as(&mut lease, &role).await?;
        let mut answer = operation.perform(&mut lease).await;
        if answer.is_err() && lease.take_out_of_date() {
            lease.end("ROLLBACK").await?;
            self.begin_as(&mut lease, &role).await?;
            answer = operation.perform(&mut lease).await;
        }
        // After an error, dropping the lease rolls back without waiting.
        let answer = answer?;
        self.commit(&mut lease).await?;
        Ok(answer)
    }

    /// Returns the rows of a statement that is rendered already, and whose text does not come again.
    pub(crate) async fn query_rendered_once(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.pool {
            Some(pool) => {
                let mut lease = pool.acquire(self.key).await?;
                QueryAllOnce(&statement).perform(&mut lease).await
            }
            None => self.db.query_all_raw(statement).await,
        }
    }

    /// Returns [`ConnectionError::NoSchema`](crate::ConnectionError::NoSchema) in place of PostgreSQL's error of a missing
    /// table if the schema is missing.
    pub(crate) async fn explained(&self, error: DbErr) -> DbErr {
        let explained = self.context.explain::<()>(&self.db, Err(error)).await;
        explained.err().unwrap_or_else(|| self.context.no_schema())
    }

    async fn begin_as(&self, lease: &mut Lease, role: &RoleName) -> Result<(), DbErr> {
        let begin = begin_statement(&sea_orm::TransactionOptions::default(), Some(role));
        let begun = lease.begin(&begin).await;
        begun.map_err(|error| role_error(self.context.schema(), role, error))
    }

    async fn commit(&self, lease: &mut Lease) -> Result<(), DbErr> {
        let committed = lease.end("COMMIT").await;
        committed.map_err(|error| commit_error(self.context.schema(), error))
    }

    /// Returns the rows of a statement. The statement has its effect even if they are not read to the end.
    pub(super) async fn stream_rows(
        &self,
        pool: &Pool,
        statement: Statement,
    ) -> Result<RowStream<'static>, DbErr> {
        let role = self.role().await?;
        let mut lease = pool.acquire(self.key).await?;
        if let Some(role) = &role {
            self.begin_as(&mut lease, role).await?;
            lease.end_on_drop(EndOnDrop::Commit);
        }
        let connection = self.clone();
        Ok(RowStream::new(|row| async move {
            let read = lease.for_each_row(&statement, |found| row.push(found)).await;
            connection.context.explain(&connection.db, read).await?;
            match role {
                Some(_) => connection.commit(&mut lease).await,
                None => Ok(()),
            }
        }))
    }
}
