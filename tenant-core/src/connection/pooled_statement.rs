//! Single statements on the connections of the pool.

use sea_orm::{DbErr, Statement};

use super::{
    TenantConnection,
    row_stream::RowStream,
    transaction::{begin_statement, commit_error, role_error},
};
use crate::{
    pool::{EndOnDrop, Lease, Operation, Pool},
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
