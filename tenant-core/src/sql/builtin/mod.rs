//! Reviewed functions, types and operators of PostgreSQL.
//!
//! `scripts/builtins` writes the lists from the catalogs of PostgreSQL 15 and 18 and from `review.txt`, which has the
//! reason for each class. A name in no list is unknown.

mod generated;
mod reason;

use generated::{
    EXTENSIONS_REFUSED, FUNCTIONS, LITERAL_ONLY_TYPES, OPERATORS, REFUSED_FIELDS, REFUSED_FUNCTIONS,
    TABLESAMPLE_METHODS, TEXT_ONLY_FUNCTIONS, TEXT_SEARCH_CONFIGS, TEXT_SEARCH_DICTIONARIES,
    TEXT_SEARCH_FUNCTIONS, TYPES,
};
use reason::Reason;

use super::refusal::Refusal;

/// Functions that are words of the grammar, and in no catalog.
const KEYWORD_FUNCTIONS: &[&str] = &[
    "coalesce",
    "current_time",
    "current_timestamp",
    "greatest",
    "grouping",
    "least",
    "localtime",
    "localtimestamp",
    "merge_action",
    "nullif",
    "xmlconcat",
];

/// True for a function that was reviewed, allowed or not.
pub(super) fn is_known(function: &str) -> bool {
    is_allowed(function) || refused(function).is_some() || is_text_only(function)
}

/// Refuses a function of PostgreSQL's own unless it is harmless.
pub(super) fn check_function(function: &str) -> Result<(), Refusal> {
    if is_allowed(function) {
        return Ok(());
    }
    Err(match refused(function) {
        Some(reason) => Refusal::Function(function.to_owned(), reason.text()),
        None if is_text_only(function) => Refusal::Function(function.to_owned(), Reason::TypeName.text()),
        None => Refusal::UnknownFunction(function.to_owned()),
    })
}

/// Refuses a function that is written like a column: `('note_id_seq').nextval` is a call.
pub(super) fn check_field(field: &str) -> Result<(), Refusal> {
    // A type's name in this place is a cast.
    if !has(REFUSED_FIELDS, field) && !is_text_only(field) && !is_naming_type(element(field)) {
        return Ok(());
    }
    let reason = refused(field).unwrap_or(Reason::Named);
    Err(Refusal::Function(field.to_owned(), reason.text()))
}

/// True for functions that are called with a cast to text alone: `pg_typeof(x)::text`.
pub(super) fn is_text_only(function: &str) -> bool {
    has(TEXT_ONLY_FUNCTIONS, function)
}

/// True for functions that take the name of a text search configuration or dictionary as a literal.
pub(super) fn is_text_search(function: &str) -> bool {
    has(TEXT_SEARCH_FUNCTIONS, function)
}

/// The most arguments of a function of text search among which no configuration or dictionary can be.
pub(super) fn arguments_without_configuration(function: &str) -> usize {
    match function {
        "json_to_tsvector" | "jsonb_to_tsvector" | "ts_headline" => 2,
        _ => 1,
    }
}

/// True for the name of a configuration or dictionary of text search that is PostgreSQL's own.
pub(super) fn is_text_search_name(text: &str) -> bool {
    let name = text.strip_prefix("pg_catalog.").unwrap_or(text);
    has(TEXT_SEARCH_CONFIGS, name) || has(TEXT_SEARCH_DICTIONARIES, name)
}

/// True for methods of `TABLESAMPLE`.
pub(super) fn is_sampling_method(method: &str) -> bool {
    has(TABLESAMPLE_METHODS, method)
}

/// True for a type of PostgreSQL's own, allowed or not. An array's name is its element's with `_` in front.
pub(super) fn is_any_type(name: &str) -> bool {
    let element = element(name);
    has(TYPES, element) || is_literal_only_type(element) || is_naming_type(element)
}

/// True for types that only a literal is cast to.
pub(super) fn is_literal_only_type(name: &str) -> bool {
    has(LITERAL_ONLY_TYPES, name)
}

/// Refuses a type of PostgreSQL's own unless it is harmless.
pub(super) fn check_type(name: &str) -> Result<(), Refusal> {
    let element = element(name);
    if has(TYPES, element) {
        return Ok(());
    }
    if is_naming_type(element) || is_literal_only_type(element) {
        return Err(Refusal::Construct(
            "a type that finds a table, a type or a function by a text (`regclass` and its kind)",
            "name it in the statement itself, or use `TenantConnection::begin_unguarded`; a literal such as \
             `'english'::regconfig` may name what PostgreSQL brings",
        ));
    }
    Err(Refusal::UnknownType(name.to_owned()))
}

/// True for an operator of PostgreSQL's own.
pub(super) fn is_operator(operator: &str) -> bool {
    has(OPERATORS, operator)
}

/// Refuses a function of an extension that leaves the tenant.
pub(super) fn check_extension_function(extension: &str, schema: &str, function: &str) -> Result<(), Refusal> {
    let refused = EXTENSIONS_REFUSED.iter().find(|(name, _)| *name == extension);
    let mut patterns = refused.iter().flat_map(|(_, patterns)| patterns.iter());
    let qualified = format!("{schema}.{function}");
    if patterns.any(|pattern| matches(pattern, function) || matches(pattern, &qualified)) {
        return Err(Refusal::Function(
            function.to_owned(),
            "it runs SQL, finds things by a text, or changes the session; use `TenantConnection::begin_unguarded`",
        ));
    }
    Ok(())
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

/// Types whose values name things.
fn is_naming_type(name: &str) -> bool {
    name.starts_with("reg")
        && matches!(
            name,
            "regclass"
                | "regcollation"
                | "regdatabase"
                | "regnamespace"
                | "regoper"
                | "regoperator"
                | "regproc"
                | "regprocedure"
                | "regrole"
                | "regtype"
        )
}

fn element(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

fn is_allowed(function: &str) -> bool {
    has(FUNCTIONS, function) || has(KEYWORD_FUNCTIONS, function)
}

fn refused(function: &str) -> Option<Reason> {
    let place = REFUSED_FUNCTIONS.binary_search_by_key(&function, |(name, _)| name);
    place.ok().map(|place| REFUSED_FUNCTIONS[place].1)
}

fn has(names: &[&str], name: &str) -> bool {
    names.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order() {
        for list in [
            FUNCTIONS,
            KEYWORD_FUNCTIONS,
            LITERAL_ONLY_TYPES,
            OPERATORS,
            REFUSED_FIELDS,
            TABLESAMPLE_METHODS,
            TEXT_ONLY_FUNCTIONS,
            TEXT_SEARCH_CONFIGS,
            TEXT_SEARCH_DICTIONARIES,
            TEXT_SEARCH_FUNCTIONS,
            TYPES,
        ] {
            assert!(list.is_sorted(), "{list:?}");
        }
        assert!(REFUSED_FUNCTIONS.is_sorted_by_key(|(name, _)| name));
    }

    #[test]
    fn functions_that_leave_the_tenant_are_refused() {
        for name in [
            "set_config",
            "query_to_xml",
            "schema_to_xml_and_xmlschema",
            "to_regclass",
            "regclassin",
            "regclassout",
            "regnamespaceout",
            "regtypesend",
            "has_any_column_privilege",
            "pg_relation_size",
            "pg_of_the_future",
            "format_type",
            "setseed",
            "pg_typeof",
            "pg_input_is_valid",
            "dblink",
        ] {
            assert!(check_function(name).is_err(), "{name}");
        }
        for name in ["lower", "pg_advisory_xact_lock", "count", "now", "coalesce"] {
            assert!(check_function(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn columns_may_be_called_nearly_anything() {
        for name in [
            "nextval",
            "pg_read_file",
            "to_regclass",
            "pg_table_size",
            "regtype",
            "regtypeout",
            "_regclass",
        ] {
            assert!(check_field(name).is_err(), "{name}");
        }
        for name in [
            "pg_rating",
            "lo_price",
            "id",
            "format_type",
            "name",
            "version",
            "text",
            "title",
            "path",
        ] {
            assert!(check_field(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn extensions_have_functions_that_are_refused() {
        let check = |extension, function| check_extension_function(extension, "public", function);
        assert!(check("pg_trgm", "similarity").is_ok());
        assert!(check("pg_trgm", "set_limit").is_err());
        assert!(check("dblink", "dblink_exec").is_err());
        assert!(check("dblink", "anything").is_err());
        assert!(check("tablefunc", "crosstab4").is_err());
        assert!(check_extension_function("pg_cron", "cron", "schedule").is_err());
    }
}
