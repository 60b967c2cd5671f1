//! The mark of a migration outside of a transaction that was begun and did not end.
//!
//! It is the comment of the schema's ledger. So it needs no table of its own, it is read with the ledgers of all schemas
//! in one query, and `sea-orm-migration` never sees it.

use std::sync::Arc;

use crate::define::{ledger::Ledger, step::Step};

const UP: &str = "tenant-migration: began up ";
const DOWN: &str = "tenant-migration: began down ";

/// The step that a ledger's comment says was begun and did not end.
pub(crate) fn parse(comment: &str) -> Option<Step> {
    let up = || comment.strip_prefix(UP).map(|name| Step::Up(Arc::from(name)));
    let down = || comment.strip_prefix(DOWN).map(|name| Step::Down(Arc::from(name)));
    up().or_else(down)
}

/// Says that a step begins.
pub(crate) fn mark(ledger: Ledger<'_>, step: &Step) -> String {
    let text = match step {
        Step::Up(name) => format!("{UP}{name}"),
        Step::Down(name) => format!("{DOWN}{name}"),
        // These are done in a transaction.
        Step::Fake(_) | Step::Recreate | Step::DropLedger => return String::new(),
    };
    comment(ledger, &format!("'{}'", text.replace('\'', "''")))
}

/// Says that it ended.
pub(crate) fn unmark(ledger: Ledger<'_>) -> String {
    comment(ledger, "NULL")
}

fn comment(ledger: Ledger<'_>, text: &str) -> String {
    format!("COMMENT ON TABLE {} IS {text}", ledger.quoted())
}

#[cfg(test)]
mod tests {
    use tenant_core::SchemaName;

    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let schema = SchemaName::new("acme").unwrap();
        let ledger = Ledger {
            schema: &schema,
            table: "seaql_migrations",
        };
        let step = Step::Up("m1_it's".into());
        let sql = mark(ledger, &step);
        assert_eq!(
            sql,
            r#"COMMENT ON TABLE "acme"."seaql_migrations" IS 'tenant-migration: began up m1_it''s'"#
        );
        assert_eq!(parse("tenant-migration: began up m1_it's"), Some(step));
        assert_eq!(
            parse("tenant-migration: began down m1"),
            Some(Step::Down("m1".into()))
        );
        assert_eq!(parse("the ledger of the application"), None);
    }
}
