//! Gives the functions of a tenant's schema the `search_path` that its migrations ran with.

use tenant_core::__private::RESOLVES_WHEN_CALLED;

/// The statement that does it, for the session's current schema. `path` is what migrations of it run with.
///
/// - PostgreSQL looks into `pg_catalog` first where a path does not name it, as it did for the migrations.
/// - It looks for tables into `pg_temp` before all else where a path does not name it, so this one does, at the
///   end: no temporary table of a caller stands in for the tenant's.
///   <https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY>
/// - A procedure with a `SET` may not end transactions, so those that seem to are left as they are.
/// - Somebody else's function cannot be altered, and is left as it is.
pub(crate) fn pin_functions(path: &str) -> String {
    format!(
        "
DO $pin$
DECLARE command text;
BEGIN
    -- Most schemas have none, and to plan the query below takes longer than a migration.
    IF NOT EXISTS (
        SELECT FROM pg_depend
        WHERE refclassid = 'pg_namespace'::regclass AND refobjid = quote_ident(current_schema())::regnamespace
            AND classid = 'pg_proc'::regclass
    ) THEN
        RETURN;
    END IF;
    FOR command IN
        SELECT format('ALTER ROUTINE %s SET search_path = {path}, pg_temp', proc.oid::regprocedure)
        FROM pg_namespace AS space
        -- There is no index on the functions of a schema, but on what depends on it.
        JOIN pg_depend ON refclassid = 'pg_namespace'::regclass AND refobjid = space.oid
            AND classid = 'pg_proc'::regclass
        JOIN pg_proc AS proc ON proc.oid = objid
        WHERE nspname = current_schema()
            AND {RESOLVES_WHEN_CALLED}
            AND NOT EXISTS (
                SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search\\_path=%'
            )
            AND NOT (prokind = 'p' AND prosrc ~* '\\m(commit|rollback)\\M')
            AND pg_has_role(proowner, 'USAGE')
    LOOP
        EXECUTE command;
    END LOOP;
END
$pin$"
    )
}
