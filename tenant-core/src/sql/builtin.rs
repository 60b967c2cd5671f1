//! What PostgreSQL brings: its types, and the functions that a tenant connection does not call.

use super::refusal::Refusal;

/// The types of `pg_catalog` that sqlparser has no variant for, or that are written in quotes, as SeaORM
/// does (`CAST("mood" AS "text")`). From PostgreSQL 15's `pg_type` without arrays, catalogs and internals,
/// and the names its grammar adds (`serial`).
const TYPES: &[&str] = &[
    "aclitem",
    "bigint",
    "bigserial",
    "bit",
    "bool",
    "boolean",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "cstring",
    "date",
    "datemultirange",
    "daterange",
    "decimal",
    "float4",
    "float8",
    "gtsvector",
    "inet",
    "int",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "integer",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "real",
    "record",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallint",
    "smallserial",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "varbit",
    "varchar",
    "void",
    "xid",
    "xid8",
    "xml",
];

/// Whether PostgreSQL itself brings a type of this name.
pub(super) fn is_type(name: &str) -> bool {
    TYPES.binary_search(&name).is_ok()
}

/// The words that PostgreSQL reserves (classes R and T of `pg_get_keywords()`, versions 15 to 18), but for those
/// that stand for a value (`current_date`, `default`) or an option (`EXPLAIN (ANALYZE)`).
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "notnull",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "similar",
    "some",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "union",
    "unique",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// Reserved words that are functions, or look like one.
const RESERVED_FUNCTIONS: &[&str] = &["all", "any", "array", "left", "right", "some"];

/// Whether a word cannot be a name unless it is in quotes or a label says so. sqlparser takes some of them for
/// names all the same, and what comes after them for something else than it is: `SELECT interval FROM note` is
/// an interval of a column `FROM`, labelled `note`.
pub(super) fn is_reserved(word: &str, is_called: bool) -> bool {
    RESERVED.binary_search(&word).is_ok() && !(is_called && RESERVED_FUNCTIONS.contains(&word))
}

const OTHERS: &str = "it shows or stops what others do in this database";
const LARGE_OBJECTS: &str = "large objects belong to no schema, so that every tenant has the same ones";
const SESSION: &str = "it changes the session, which other tenants use after this one; \
                       `TenantConnection::begin_unguarded` has the setting in a transaction of its own";
const SESSION_LOCK: &str =
    "its lock stays with the session, which other tenants use after this one; use `pg_advisory_xact_lock`";
const TEXT: &str = "it runs SQL, or opens a table, that is given as text and cannot be checked; \
                    use `TenantConnection::begin_unguarded`";
const SEQUENCE: &str = "it finds its sequence by a text, through search_path; let the column's default \
                        draw the number, or use `TenantConnection::begin_unguarded`";

/// Refuses the functions of PostgreSQL and its usual extensions that leave the tenant by what they are
/// told in a text, or that change the session. A net for mistakes and not a sandbox: a function of one's
/// own may call any of these.
pub(super) fn check_function(name: &str) -> Result<(), Refusal> {
    let reason = match name {
        "set_config" | "pg_reload_conf" | "setseed" | "set_limit" => SESSION,
        "pg_stat_get_activity"
        | "pg_prepared_statement"
        | "pg_prepared_xact"
        | "pg_cursor"
        | "pg_terminate_backend"
        | "pg_cancel_backend"
        | "pg_get_viewdef"
        | "pg_sequence_last_value"
        | "currtid2" => OTHERS,
        name if name.starts_with("lo_") || name.starts_with("loread") || name.starts_with("lowrite") => {
            LARGE_OBJECTS
        }
        name if name.starts_with("dblink") => TEXT,
        "pg_advisory_lock"
        | "pg_advisory_lock_shared"
        | "pg_try_advisory_lock"
        | "pg_try_advisory_lock_shared"
        | "pg_advisory_unlock"
        | "pg_advisory_unlock_shared"
        | "pg_advisory_unlock_all" => SESSION_LOCK,
        "nextval" | "currval" | "setval" | "lastval" => SEQUENCE,
        "query_to_xml"
        | "query_to_xmlschema"
        | "query_to_xml_and_xmlschema"
        | "table_to_xml"
        | "table_to_xmlschema"
        | "table_to_xml_and_xmlschema"
        | "schema_to_xml"
        | "schema_to_xmlschema"
        | "schema_to_xml_and_xmlschema"
        | "database_to_xml"
        | "database_to_xmlschema"
        | "database_to_xml_and_xmlschema"
        | "cursor_to_xml"
        | "cursor_to_xmlschema"
        | "ts_stat"
        | "ts_rewrite"
        | "crosstab"
        | "crosstab2"
        | "crosstab3"
        | "crosstab4"
        | "connectby"
        | "xpath_table"
        | "pg_read_file"
        | "pg_read_binary_file"
        | "pg_ls_dir" => TEXT,
        _ => return Ok(()),
    };
    Err(Refusal::Function(name.to_owned(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order() {
        assert!(TYPES.is_sorted() && RESERVED.is_sorted());
        assert!(is_type("text") && is_type("uuid") && !is_type("mood"));
    }

    #[test]
    fn functions_that_leave_the_tenant_are_refused() {
        assert!(check_function("set_config").is_err());
        assert!(check_function("query_to_xml").is_err());
        assert!(check_function("lower").is_ok());
        assert!(check_function("pg_advisory_xact_lock").is_ok());
    }
}
