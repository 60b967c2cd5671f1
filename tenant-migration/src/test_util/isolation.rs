//! [`assert_isolated`].

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait, QueryTrait as _, Statement};
use serde_json::Value;

use super::TestTenant;

/// Asserts that an entity's rows are each tenant's own: PostgreSQL is asked, through the connection of each of the two, from
/// which schema it would read and delete rows.
///
/// # Panics
/// If it is a schema other than the tenant's, as for an entity that is `#[shared]`.
pub async fn assert_isolated<E: EntityTrait>(a: &TestTenant, b: &TestTenant) {
    assert_ne!(a.tenant().schema(), b.tenant().schema(), "two tenants are needed");
    for tenant in [a, b] {
        let own = BTreeSet::from([tenant.tenant().schema().to_string()]);
        let read = E::find().build(DbBackend::Postgres);
        let delete = E::delete_many().build(DbBackend::Postgres);
        for statement in [read, delete] {
            let sql = statement.to_string();
            let schemas = schemas_of(tenant, statement).await;
            assert_eq!(
                schemas,
                own,
                "tenant {}: the schemas that are reached by {sql}",
                tenant.tenant().schema()
            );
        }
    }
}

/// Returns the schemas of all tables in the plan of a statement.
async fn schemas_of(tenant: &TestTenant, statement: Statement) -> BTreeSet<String> {
    let mut explain = statement;
    explain.sql = format!("EXPLAIN (VERBOSE, FORMAT JSON) {}", explain.sql);
    let row = tenant
        .db()
        .query_one_raw(explain)
        .await
        .expect("a plan")
        .expect("a row");
    let plan: Value = row.try_get_by_index(0).expect("JSON");
    let mut schemas = BTreeSet::new();
    collect(&plan, &mut schemas);
    schemas
}

fn collect(plan: &Value, schemas: &mut BTreeSet<String>) {
    match plan {
        Value::Array(values) => values.iter().for_each(|value| collect(value, schemas)),
        Value::Object(fields) => {
            schemas.extend(fields.get("Schema").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, schemas));
        }
        _ => {}
    }
}
