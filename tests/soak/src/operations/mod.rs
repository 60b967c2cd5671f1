//! [`Operation`]: a kind of operation. Each is a function that takes random decisions from its [`OperationContext`],
//! runs statements, and checks their results.

mod fan_out;
mod read;
mod refused;
mod request;
mod sql;
mod transaction;
mod unguarded;
mod write;

use futures_util::{FutureExt, future::BoxFuture};

pub(crate) use crate::context::OperationContext;
use crate::{outcome::Outcome, random::Random};

macro_rules! operations {
    ($($name:literal $weight:literal $function:path;)*) => {
        /// Names and weights of all operations. The probability of an operation is its share of the sum of the weights.
        const OPERATIONS: &[(&str, u64)] = &[$(($name, $weight)),*];

        fn run(index: usize, context: OperationContext) -> BoxFuture<'static, Outcome> {
            let mut number = 0;
            $(
                if number == index {
                    return $function(context).boxed();
                }
                number += 1;
            )*
            unreachable!("operation {index} of {number}")
        }
    };
}

operations! {
    "find by id" 8 read::by_id;
    "find all" 6 read::all;
    "stream" 4 read::stream;
    "paginate" 3 read::paginate;
    "count" 3 read::count;
    "find any" 4 read::any;
    "find also related" 3 read::also_related;
    "find with related" 3 read::with_related;
    "load many" 3 read::load_many;
    "load one" 2 read::load_one;
    "partial model" 3 read::partial;
    "filter by enum" 2 read::by_mood;
    "shared entity" 2 read::shared;
    "read of many tenants" 3 fan_out::own_items;
    "raw join" 4 sql::join;
    "raw common table expression" 3 sql::expression;
    "raw shadowing expression" 3 sql::shadow;
    "raw stream" 2 sql::stream;
    "session" 3 sql::session;
    "raw update" 3 sql::update;
    "raw insert from select" 2 sql::insert_from_select;
    "raw delete in an expression" 2 sql::delete_in_expression;
    "insert" 8 write::insert;
    "insert many" 4 write::insert_many;
    "upsert" 4 write::upsert;
    "insert or nothing" 2 write::insert_or_nothing;
    "save" 4 write::save;
    "update" 5 write::update;
    "update many" 3 write::update_many;
    "update many returning" 3 write::update_many_returning;
    "delete" 4 write::delete;
    "delete many" 2 write::delete_many;
    "insert part" 4 write::insert_part;
    "transaction" 5 transaction::commit_or_not;
    "nested transactions" 5 transaction::nested;
    "transaction closure" 4 transaction::closure;
    "nested closure" 2 transaction::nested_closure;
    "stream in a transaction" 4 transaction::stream;
    "skip locked" 3 transaction::skip_locked;
    "read-only transaction" 2 transaction::read_only;
    "nested begin given up" 3 transaction::begin_given_up;
    "statement fails, commit" 3 transaction::failed_commit;
    "statement fails, nested" 2 transaction::failed_nested;
    "statement fails, begin" 2 transaction::failed_begin;
    "use around a nested one" 2 transaction::around_nested;
    "begin_unguarded" 4 unguarded::work;
    "must be refused" 5 refused::statement;
    "must be refused in a transaction" 3 refused::in_transaction;
    "entity without its tenant" 2 refused::plain;
    "deleted tenant" 1 refused::deleted;
    "by_host" 4 request::by_host;
    "request" 5 request::page;
    "unknown host" 2 request::unknown;
}

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation(u8);

impl Operation {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).take(OPERATIONS.len()).map(Self)
    }

    pub(crate) fn choose(random: &mut Random) -> Self {
        let total = OPERATIONS.iter().map(|(_, weight)| weight).sum();
        let mut remaining = random.below(total);
        for operation in Self::all() {
            let (_, weight) = OPERATIONS[operation.index()];
            if remaining < weight {
                return operation;
            }
            remaining -= weight;
        }
        Self(0)
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    pub(crate) fn name(self) -> &'static str {
        OPERATIONS[self.index()].0
    }

    pub(crate) fn run(self, context: OperationContext) -> BoxFuture<'static, Outcome> {
        run(self.index(), context)
    }
}
