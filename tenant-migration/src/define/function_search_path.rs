//! Gives the functions of a tenant's schema the `search_path` that its migrations ran with.

use tenant_core::{__private::RESOLVES_WHEN_CALLED, SchemaName};

/// Number of rows that [`ask_for_functions`] gives for a schema with functions. It is larger than the number of other rows
/// that a message changes.
pub(crate) const FUNCTIONS_FOUND: u64 = 10;

/// A query that gives [`FUNCTIONS_FOUND`] rows if the schema has a function, and none otherwise. Most schemas have none,
/// and to plan [`set_function_search_path`] takes longer than many a migration. It is the end of a message of other statements, of
/// which PostgreSQL tells how many rows each had, so that it is answered without a round trip.
pub(crate) fn ask_for_functions(schema: &SchemaName) -> String {
    format!(
        "SELECT pg_catalog.generate_series(1, {FUNCTIONS_FOUND}) FROM pg_catalog.pg_depend
        WHERE refclassid = 'pg_namespace'::regclass AND refobjid = '{}'::regnamespace
            AND classid = 'pg_proc'::regclass
        LIMIT {FUNCTIONS_FOUND}",
        schema.quoted()
    )
}

/// The condition, on a row `proc` of `pg_proc`, that a function has no `search_path` of its own.
const HAS_NO_PATH: &str =
    "NOT EXISTS (SELECT FROM unnest(proc.proconfig) AS setting WHERE setting LIKE 'search\\_path=%')";

/// The statement that does it, for the session's current schema. `path` is what migrations of it run with.
///
/// - PostgreSQL looks into `pg_catalog` first where a path does not name it, as it did for the migrations.
/// - It looks for tables into `pg_temp` before all else where a path does not name it, so this one does, at the
///   end: no temporary table of a caller stands in for the tenant's.
///   <https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY>
/// - A procedure with a `SET` may not end transactions, so those that seem to are left as they are.
/// - Somebody else's function cannot be altered, and is left as it is.
pub(crate) fn set_function_search_path(path: &str) -> String {
    format!(
        "
DO $pin$
DECLARE command text;
BEGIN
    FOR command IN
        SELECT format('ALTER ROUTINE %s SET search_path = {path}, pg_temp', proc.oid::regprocedure)
        FROM pg_namespace AS space
        -- There is no index on the functions of a schema, but on what depends on it.
        JOIN pg_depend ON refclassid = 'pg_namespace'::regclass AND refobjid = space.oid
            AND classid = 'pg_proc'::regclass
        JOIN pg_proc AS proc ON proc.oid = objid
        WHERE nspname = current_schema()
            AND {RESOLVES_WHEN_CALLED} AND {HAS_NO_PATH}
            AND NOT (prokind = 'p' AND prosrc ~* E'\\\\m(commit|rollback)\\\\M')
            AND pg_has_role(proowner, 'USAGE')
    LOOP
        EXECUTE command;
    END LOOP;
END
$pin$"
    )
}
