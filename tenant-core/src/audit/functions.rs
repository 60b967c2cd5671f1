//! Functions that resolve names when they are called, and functions that change the session.

use sea_orm::FromQueryResult;

/// Condition on a row `proc` of `pg_proc` that the names in its body are looked up when it runs. It leaves out `BEGIN
/// ATOMIC`, whose names are bound when the function is defined, code that is not SQL, and members of extensions.
pub const RESOLVES_WHEN_CALLED: &str = "proc.prokind IN ('f', 'p') AND proc.prosqlbody IS NULL
    AND proc.prolang NOT IN (SELECT oid FROM pg_catalog.pg_language WHERE lanname IN ('internal', 'c'))
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_catalog.pg_proc'::regclass AND objid = proc.oid AND deptype = 'e'
    )";

/// A function that resolves names when it is called.
#[derive(Debug, FromQueryResult)]
pub(super) struct Function {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) is_security_definer: bool,
    pub(super) commits: bool,
    /// Its own `search_path`.
    pub(super) path: Option<String>,
}

pub(super) fn query() -> String {
    format!(
        r"SELECT space.nspname::text AS schema,
            (pg_identify_object('pg_proc'::regclass, proc.oid, 0)).identity AS name,
            prosecdef AS is_security_definer,
            prokind = 'p' AND prosrc ~* '\m(commit|rollback)\M' AS commits,
            (
                SELECT substr(setting, length('search_path=') + 1)
                FROM unnest(proconfig) AS setting WHERE setting LIKE 'search\_path=%'
            ) AS path
        FROM pg_catalog.pg_proc AS proc JOIN pg_catalog.pg_namespace AS space ON space.oid = pronamespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND {RESOLVES_WHEN_CALLED}"
    )
}

/// A function that seems to change the state of the session.
#[derive(Debug, FromQueryResult)]
pub(super) struct SessionChange {
    pub(super) schema: String,
    pub(super) name: String,
}

/// The functions whose text has something that outlives the transaction: `SET` without `LOCAL`, a setting by
/// `set_config(..., false)`, the random seed, connections of dblink, temporary tables, locks of the session, and so on.
///
/// It looks for words, so it may take one in a comment for a statement, and misses what is put together from strings.
pub(super) const CHANGES_SESSION: &str = r"
WITH body AS (
    SELECT nspname::text AS schema, proc.oid,
        regexp_replace(
            coalesce(pg_catalog.pg_get_function_sqlbody(proc.oid), prosrc),
            'set_config\s*\(([^;()]|\([^;()]*\))*,\s*''?true''?\s*\)', '', 'gi'
        ) AS text
    FROM pg_catalog.pg_proc AS proc JOIN pg_catalog.pg_namespace AS space ON space.oid = pronamespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND prokind IN ('f', 'p')
        AND prolang NOT IN (SELECT oid FROM pg_catalog.pg_language WHERE lanname IN ('internal', 'c'))
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend
            WHERE classid = 'pg_catalog.pg_proc'::regclass AND objid = proc.oid AND deptype = 'e'
        )
)
SELECT schema, (pg_identify_object('pg_proc'::regclass, oid, 0)).identity AS name
FROM body
WHERE text ~* '\m(set_config|setseed|set_limit|isn_weak|dblink\w*|pg_(try_)?advisory_lock(_shared)?)\s*\('
    OR text ~* '\mcreate\s+(local\s+|global\s+)?temp(orary)?\s'
    OR text ~* '(^|;|''|\m(begin|then|else|loop)\M)\s*(set\s+(?!(local|transaction|constraints)\M)|(reset|discard|listen|load|prepare|deallocate)\s)'";

/// The schemas of a `search_path` as `pg_proc` has it: quoted where they need it, with commas between.
///
/// A quote within quotes is doubled, and lost here: no schema that is looked for has one.
pub(super) fn schemas_of(path: &str) -> Vec<String> {
    let mut is_quoted = false;
    let parts = path.split(|character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    });
    let schemas = parts.map(|part| part.trim().replace('"', ""));
    schemas.filter(|schema| !schema.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_commas() {
        assert_eq!(
            schemas_of(r#"acme, "my-ext", pg_temp"#),
            ["acme", "my-ext", "pg_temp"]
        );
        assert_eq!(schemas_of(r#""$user", public"#), ["$user", "public"]);
        assert_eq!(schemas_of(r#""a, b",c"#), ["a, b", "c"]);
        assert!(schemas_of(r#""""#).is_empty());
    }
}
