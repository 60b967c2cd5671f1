//! SQL.

use arbitrary::Unstructured;
use tenant_core::SchemaName;

use crate::{grammar, oracle::judge, world};

/// Stack to read a statement again with, in bytes: the readers do not look after theirs.
const STACK: usize = 256 * 1024 * 1024;

/// The bytes are a statement. Returns whether it compiles.
pub fn statement(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(check)
}

/// The bytes are choices in a grammar of statements. Returns whether the one that comes out compiles.
pub fn statement_structured(data: &[u8]) -> bool {
    check(&grammar::statement(&mut Unstructured::new(data)))
}

/// Length from which a text counts as long, in bytes.
const LONG: usize = 2048;

/// Whatever is compiled stays in the tenant's schema; the public tenant and a tenant with another name get the same
/// text, but for the name.
fn check(sql: &str) -> bool {
    let Ok(after) = render(world::TENANT, sql) else {
        // It is refused whoever asks.
        assert!(render("public", sql).is_err(), "{sql}");
        is_the_same_when_long(sql, None);
        return false;
    };
    stacker::grow(STACK, || judge(sql, &after));
    is_the_same_for_others(sql, &after);
    is_the_same_when_long(sql, Some(&after));
    true
}

/// Repeated values of a long text are not parsed. What comes out is the same.
fn is_the_same_when_long(sql: &str, after: Option<&str>) {
    // In front of it, a byte order mark is none.
    if sql.starts_with('\u{feff}') {
        return;
    }
    let padding = format!("/*{}*/", " ".repeat(LONG));
    let long = render(world::TENANT, &format!("{padding}{sql}")).ok();
    assert_eq!(long, after.map(|after| format!("{padding}{after}")), "{sql}");
}

fn is_the_same_for_others(sql: &str, after: &str) {
    let other = render("Other-1", sql).unwrap_or_else(|error| panic!("{error}"));
    let has_tenant_names = after.len() != other.len();
    if !sql.contains(world::TENANT) {
        assert_eq!(other.replace("\"Other-1\"", "\"acme\""), after);
    }
    match render("public", sql) {
        Ok(public) => assert!(!has_tenant_names && public == after, "{sql}"),
        Err(_) => assert!(has_tenant_names, "{sql}"),
    }
}

fn render(schema: &str, sql: &str) -> Result<String, sea_orm::DbErr> {
    let schema = SchemaName::new(schema).expect("a name");
    world::connection(schema).render(sql)
}
