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
    "regconfig",
    "regdictionary",
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

/// The types whose values are names of things: a text that becomes one is looked up, along search_path or in the
/// schema that it names. Those of text search (`regconfig`, `regdictionary`) name no data and stay allowed.
const NAMING_TYPES: &[&str] = &[
    "regclass",
    "regcollation",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

/// Refuses the types whose values are names that PostgreSQL looks up.
pub(super) fn check_type(name: &str) -> Result<(), Refusal> {
    if NAMING_TYPES.contains(&element(name)) {
        return Err(Refusal::Construct(
            "a type that finds a table, a type or a function by a text (`regclass` and its kind)",
            "name it in the statement itself, or use `TenantConnection::begin_unguarded`",
        ));
    }
    Ok(())
}

/// The type that an array's own name stands for: `_regclass` is `regclass[]`.
fn element(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

/// Functions about a thing named by a text or an id, which take more than that. So they cannot be written like a
/// column, and a column may have their name.
const NAMED_AMONG_OTHERS: &[&str] = &[
    "array_in",
    "brin_page_items",
    "domain_in",
    "format_type",
    "gist_page_items",
    "hash_bitmap_info",
    "heap_force_freeze",
    "heap_force_kill",
    "heap_page_item_attrs",
    "tuple_data_split",
];

const OTHERS: &str = "it shows or stops what others do in this database";
const LARGE_OBJECTS: &str = "large objects belong to no schema, so that every tenant has the same ones";
const SESSION: &str = "it changes the session, which other tenants use after this one; \
                       `TenantConnection::begin_unguarded` has the setting in a transaction of its own";
const SESSION_LOCK: &str =
    "its lock stays with the session, which other tenants use after this one; use `pg_advisory_xact_lock`";
const TEXT: &str = "it runs SQL, or opens a table, that is given as text and cannot be checked; \
                    use `TenantConnection::begin_unguarded`";
const NAMED: &str = "it finds a table, a type or another thing by a text or an id, which may be another tenant's; \
                     use `TenantConnection::begin_unguarded`";
const SEQUENCE: &str = "it finds its sequence by a text, through search_path; let the column's default \
                        draw the number, or use `TenantConnection::begin_unguarded`";
const SERVER: &str = "PostgreSQL's own functions (`pg_...`) look at the server and its catalog, where all tenants are; \
                      use `TenantConnection::begin_unguarded`";

/// The functions `pg_...` that know nothing of other tenants, or leave with the transaction what they change.
const HARMLESS: &[&str] = &[
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_backend_pid",
    "pg_char_to_encoding",
    "pg_client_encoding",
    "pg_collation_for",
    "pg_column_compression",
    "pg_column_size",
    "pg_current_snapshot",
    "pg_current_wal_lsn",
    "pg_current_xact_id",
    "pg_current_xact_id_if_assigned",
    "pg_encoding_to_char",
    "pg_input_error_info",
    "pg_input_is_valid",
    "pg_is_in_recovery",
    "pg_last_wal_replay_lsn",
    "pg_lsn",
    "pg_notify",
    "pg_postmaster_start_time",
    "pg_size_bytes",
    "pg_size_pretty",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_snapshot_xip",
    "pg_snapshot_xmax",
    "pg_snapshot_xmin",
    "pg_timezone_abbrevs",
    "pg_timezone_names",
    "pg_trigger_depth",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
    "pg_typeof",
    "pg_visible_in_snapshot",
    "pg_wal_lsn_diff",
    "pg_xact_commit_timestamp",
    "pg_xact_status",
];

/// The beginnings of those that are not, for where a word may be a column's name as well.
const SERVER_FAMILIES: &[&str] = &[
    "pg_advisory_",
    "pg_backup_",
    "pg_cancel_",
    "pg_database_",
    "pg_describe_",
    "pg_drop_",
    "pg_export_",
    "pg_get_",
    "pg_import_",
    "pg_indexes_size",
    "pg_log_",
    "pg_logical_",
    "pg_ls_",
    "pg_partition_",
    "pg_prewarm",
    "pg_promote",
    "pg_read_",
    "pg_relation_",
    "pg_reload_conf",
    "pg_replication_",
    "pg_sequence_",
    "pg_stat_",
    "pg_table_size",
    "pg_tablespace_",
    "pg_terminate_",
    "pg_total_relation_size",
    "pg_try_advisory_lock",
    "pg_wal_replay_",
];

/// Refuses the functions of PostgreSQL and its usual extensions that leave the tenant by what they are
/// told, or that change the session. A net for mistakes and not a sandbox: a function of one's own may call
/// any of these.
pub(super) fn check_function(name: &str) -> Result<(), Refusal> {
    let reason = reason(name).or_else(|| {
        let is_server = name.starts_with("pg_") && HARMLESS.binary_search(&name).is_err();
        is_server.then_some(SERVER)
    });
    let is_named = NAMED_AMONG_OTHERS.contains(&name);
    refuse(name, reason.or(is_named.then_some(NAMED)))
}

/// Refuses the same functions where they are written like a column: `('note_id_seq').nextval` is a call.
/// <https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-USAGE>
pub(super) fn check_field(name: &str) -> Result<(), Refusal> {
    let reason = reason(name).or_else(|| {
        let is_server = SERVER_FAMILIES.iter().any(|family| name.starts_with(family));
        (is_server && HARMLESS.binary_search(&name).is_err()).then_some(SERVER)
    });
    refuse(name, reason)
}

fn refuse(name: &str, reason: Option<&'static str>) -> Result<(), Refusal> {
    match reason {
        Some(reason) => Err(Refusal::Function(name.to_owned(), reason)),
        None => Ok(()),
    }
}

/// Why a function is refused, if it is one of those that are known by their names.
fn reason(name: &str) -> Option<&'static str> {
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
        "lo_close" | "lo_creat" | "lo_create" | "lo_export" | "lo_from_bytea" | "lo_get" | "lo_import"
        | "lo_lseek" | "lo_lseek64" | "lo_open" | "lo_put" | "lo_tell" | "lo_tell64" | "lo_truncate"
        | "lo_truncate64" | "lo_unlink" | "loread" | "lowrite" => LARGE_OBJECTS,
        "pg_advisory_lock"
        | "pg_advisory_lock_shared"
        | "pg_try_advisory_lock"
        | "pg_try_advisory_lock_shared"
        | "pg_advisory_unlock"
        | "pg_advisory_unlock_shared"
        | "pg_advisory_unlock_all" => SESSION_LOCK,
        "nextval" | "currval" | "setval" | "lastval" => SEQUENCE,
        "ts_stat"
        | "ts_rewrite"
        | "crosstab"
        | "crosstab2"
        | "crosstab3"
        | "crosstab4"
        | "crosstab_hash"
        | "connectby"
        | "xpath_table"
        | "pg_read_file"
        | "pg_read_binary_file"
        | "pg_ls_dir" => TEXT,
        name if name.starts_with("dblink") || is_xml_of_other(name) => TEXT,
        name if is_about_a_named_thing(name) => NAMED,
        _ => return None,
    };
    Some(reason)
}

/// `query_to_xml`, `table_to_xmlschema`, `schema_to_xml_and_xmlschema`, ...
fn is_xml_of_other(name: &str) -> bool {
    ["query", "table", "schema", "database", "cursor"]
        .iter()
        .any(|source| {
            name.strip_prefix(source)
                .is_some_and(|rest| rest.starts_with("_to_xml"))
        })
}

fn is_about_a_named_thing(name: &str) -> bool {
    let is_privilege = name
        .strip_prefix("has_")
        .is_some_and(|what| what.ends_with("_privilege"));
    // `regclass('note')` and `regclassin('note')` are casts as well, and `to_regclass` is one with another error.
    let cast = name.strip_prefix("to_").unwrap_or(name);
    let cast = cast.strip_suffix("in").unwrap_or(cast);
    let is_maintenance = [
        "brin_summarize_",
        "brin_desummarize_",
        "binary_upgrade_",
        "pgstat",
        "pgrowlocks",
    ]
    .iter()
    .any(|family| name.starts_with(family));
    let is_known = matches!(
        name,
        "bt_index_check"
            | "bt_index_parent_check"
            | "bt_metap"
            | "bt_multi_page_stats"
            | "bt_page_items"
            | "bt_page_stats"
            | "col_description"
            | "get_raw_page"
            | "gin_clean_pending_list"
            | "obj_description"
            | "row_security_active"
            | "satisfies_hash_partition"
            | "shobj_description"
            | "to_regtypemod"
            | "verify_heapam"
    );
    is_privilege || NAMING_TYPES.contains(&element(cast)) || is_maintenance || is_known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order() {
        assert!(TYPES.is_sorted() && RESERVED.is_sorted() && HARMLESS.is_sorted());
        assert!(is_type("text") && is_type("uuid") && !is_type("mood"));
    }

    #[test]
    fn functions_that_leave_the_tenant_are_refused() {
        for name in [
            "set_config",
            "query_to_xml",
            "schema_to_xml_and_xmlschema",
            "to_regclass",
            "regclassin",
            "has_any_column_privilege",
            "pg_relation_size",
            "pg_of_the_future",
            "pgstattuple_approx",
            "_regclass",
            "format_type",
        ] {
            assert!(check_function(name).is_err(), "{name}");
        }
        for name in [
            "lower",
            "pg_advisory_xact_lock",
            "to_region",
            "lo_price",
            "has_privilege",
        ] {
            assert!(check_function(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn columns_may_be_called_nearly_anything() {
        for name in ["nextval", "pg_read_file", "to_regclass", "pg_table_size"] {
            assert!(check_field(name).is_err(), "{name}");
        }
        for name in ["pg_rating", "lo_price", "pg_notify", "id", "format_type"] {
            assert!(check_field(name).is_ok(), "{name}");
        }
    }
}
