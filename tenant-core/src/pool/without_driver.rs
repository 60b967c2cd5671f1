//! The pool without the driver `sqlx-postgres`: its types have no values.

#[path = "status.rs"]
mod status;

use std::future::Future;

use sea_orm::{DbErr, ExecResult, QueryResult, Statement};

pub use status::{ClosedConnections, PoolStatus, WaitHistogram};

/// Has no values.
#[derive(Debug, Clone)]
pub(crate) enum Pool {}

/// Has no values.
#[derive(Debug)]
pub(crate) enum Lease {}

#[derive(Debug, Clone, Copy)]
pub(crate) struct TenantHash;

#[derive(Debug, Clone, Copy)]
pub(crate) enum EndOnDrop {
    Commit,
}

impl TenantHash {
    pub(crate) fn of(_: &str) -> Self {
        Self
    }
}

impl Pool {
    pub(crate) async fn acquire(&self, _: TenantHash) -> Result<Lease, DbErr> {
        match *self {}
    }

    pub(crate) fn is_behind_pooler(&self) -> bool {
        match *self {}
    }

    pub(crate) fn status(&self) -> PoolStatus {
        match *self {}
    }

    pub(crate) async fn close(&self) {
        match *self {}
    }
}

impl Lease {
    pub(crate) async fn ping(&mut self) -> Result<(), DbErr> {
        match *self {}
    }

    pub(crate) async fn run(&mut self, _: &str) -> Result<(), DbErr> {
        match *self {}
    }

    pub(crate) async fn begin(&mut self, _: &str) -> Result<(), DbErr> {
        match *self {}
    }

    pub(crate) async fn end(&mut self, _: &str) -> Result<(), DbErr> {
        match *self {}
    }

    pub(crate) async fn synchronize(&mut self) -> Result<(), DbErr> {
        match *self {}
    }

    pub(crate) async fn for_each_row<F, W>(&mut self, _: &Statement, _: F) -> Result<(), DbErr>
    where
        F: FnMut(QueryResult) -> W + Send,
        W: Future<Output = ()> + Send,
    {
        match *self {}
    }

    pub(crate) fn end_on_drop(&mut self, _: EndOnDrop) {
        match *self {}
    }

    pub(crate) fn set_unguarded(&mut self) {
        match *self {}
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        match *self {}
    }

    pub(crate) fn take_unseen_error(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn take_out_of_date(&mut self) -> bool {
        match *self {}
    }
}

/// A statement with the type of its result.
pub(crate) trait Operation: Sync {
    type Output: Send;

    fn perform(&self, lease: &mut Lease) -> impl Future<Output = Result<Self::Output, DbErr>> + Send;
}

macro_rules! operations {
    ($($name:ident($of:ty) -> $answer:ty;)+) => {$(
        #[allow(dead_code, reason = "without a driver nothing is run")]
        pub(crate) struct $name<'a>(pub(crate) &'a $of);

        impl Operation for $name<'_> {
            type Output = $answer;

            async fn perform(&self, lease: &mut Lease) -> Result<$answer, DbErr> {
                match *lease {}
            }
        }
    )+};
}

operations! {
    Execute(Statement) -> ExecResult;
    QueryOne(Statement) -> Option<QueryResult>;
    QueryAll(Statement) -> Vec<QueryResult>;
    QueryAllOnce(Statement) -> Vec<QueryResult>;
    ExecuteUnprepared(str) -> ExecResult;
}
