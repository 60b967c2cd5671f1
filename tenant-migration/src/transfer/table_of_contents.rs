//! The table of contents of a dump, which `pg_restore --list` writes.

use tenant_core::SchemaName;

/// Kinds of objects that are in a schema. Other kinds belong to the whole database, or must not be in an export.
const IN_A_SCHEMA: &[&str] = &[
    "AGGREGATE",
    "CHECK CONSTRAINT",
    "COLLATION",
    "COMMENT",
    "CONSTRAINT",
    "CONVERSION",
    "DEFAULT",
    "DOMAIN",
    "FK CONSTRAINT",
    "FOREIGN TABLE",
    "FUNCTION",
    "INDEX",
    "INDEX ATTACH",
    "MATERIALIZED VIEW",
    "MATERIALIZED VIEW DATA",
    "OPERATOR",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "POLICY",
    "PROCEDURE",
    "ROW SECURITY",
    "RULE",
    "SECURITY LABEL",
    "SEQUENCE",
    "SEQUENCE OWNED BY",
    "SEQUENCE SET",
    "SHELL TYPE",
    "STATISTICS",
    "STATISTICS DATA",
    "TABLE",
    "TABLE ATTACH",
    "TABLE DATA",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
    "TRIGGER",
    "TYPE",
    "VIEW",
];

/// Returns the lines of a schema's objects, for `pg_restore --use-list`. It leaves out the schema itself, which exists already.
///
/// # Errors
/// The first line about an object that is not in the schema.
pub(super) fn restorable_lines(list: &str, schema: &SchemaName) -> Result<String, String> {
    let mut lines = String::new();
    let mut has_schema = false;
    for line in list.lines().filter(|line| !is_comment(line)) {
        let entry = entry(line).ok_or_else(|| line.to_owned())?;
        if names_schema(entry, "SCHEMA -", schema) {
            has_schema = true;
        } else if is_in_schema(entry, schema) {
            lines.push_str(line);
            lines.push('\n');
        } else {
            return Err(line.to_owned());
        }
    }
    match has_schema {
        true => Ok(lines),
        false => Err("the schema is missing".to_owned()),
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with(';') || line.trim().is_empty()
}

/// Returns the part after the numbers, such as `TABLE acme note postgres` in `216; 1259 298659 TABLE acme note postgres`.
fn entry(line: &str) -> Option<&str> {
    let (id, rest) = line.split_once("; ")?;
    let (catalog, rest) = rest.split_once(' ')?;
    let (object, entry) = rest.split_once(' ')?;
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    [id, catalog, object].into_iter().all(is_number).then_some(entry)
}

fn is_in_schema(entry: &str, schema: &SchemaName) -> bool {
    let about_schema = ["COMMENT - SCHEMA", "SECURITY LABEL - SCHEMA"];
    let mut kinds = IN_A_SCHEMA.iter().chain(&about_schema);
    kinds.any(|kind| names_schema(entry, kind, schema))
}

/// True if an entry is a kind and then the schema's name. In entries about the schema itself, the name is quoted if necessary.
fn names_schema(entry: &str, kind: &str, schema: &SchemaName) -> bool {
    let follows = |name: &str| {
        let rest = entry.strip_prefix(kind)?.strip_prefix(' ')?;
        rest.strip_prefix(name)?.strip_prefix(' ')
    };
    follows(schema.as_str()).is_some() || (kind.ends_with(" SCHEMA") && follows(schema.quoted()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
;
; Archive created at 2026-11-25 09:04:28 UTC
;
6; 2615 298657 SCHEMA - Acme-1 postgres
3351; 0 0 COMMENT - SCHEMA \"Acme-1\" postgres
216; 1259 298659 TABLE Acme-1 note postgres
3352; 0 0 SEQUENCE OWNED BY Acme-1 note_id_seq postgres
3344; 0 298659 TABLE DATA Acme-1 odd name postgres
3353; 0 0 COMMENT Acme-1 TABLE note postgres
";

    fn schema() -> SchemaName {
        SchemaName::new("Acme-1").unwrap()
    }

    #[test]
    fn all_objects_of_the_schema_are_restored() {
        let lines = restorable_lines(LIST, &schema()).unwrap();
        let expected: Vec<_> = LIST.lines().skip(4).collect();
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn other_objects_are_refused() {
        for line in [
            "7; 2615 298657 SCHEMA - globex postgres",
            "7; 2615 298657 SCHEMA - Acme-12 postgres",
            "7; 2615 298657 SCHEMA - acme-1 postgres",
            "7; 1259 1 TABLE public note postgres",
            "7; 1259 1 TABLE globex Acme-1 postgres",
            "7; 1259 1 TABLE Acme-12 note postgres",
            "7; 1255 1 FUNCTION public steal() postgres",
            "7; 3079 1 EXTENSION - citext ",
            "7; 0 0 COMMENT - EXTENSION citext ",
            "7; 3466 1 EVENT TRIGGER - watch postgres",
            "7; 6104 1 PUBLICATION - all postgres",
            "7; 0 0 PUBLICATION TABLE Acme-1 all note postgres",
            "7; 6100 1 SUBSCRIPTION - all postgres",
            "7; 0 0 ACL Acme-1 TABLE note postgres",
            "7; 0 0 DEFAULT ACL Acme-1 DEFAULT PRIVILEGES FOR TABLES postgres",
            "7; 1262 1 DATABASE - app postgres",
            "7; 2612 1 PROCEDURAL LANGUAGE - plperl postgres",
            "7; 0 0 BLOBS - BLOBS ",
            "x; 0 0 TABLE Acme-1 note postgres",
            "TABLE Acme-1 note postgres",
        ] {
            let list = format!("{LIST}{line}\n");
            assert_eq!(restorable_lines(&list, &schema()), Err(line.to_owned()));
        }
        assert!(restorable_lines("", &schema()).is_err());
        assert!(restorable_lines("216; 1259 1 TABLE Acme-1 note postgres\n", &schema()).is_err());
    }

    #[test]
    fn a_schema_may_be_called_like_a_kind() {
        let schema = SchemaName::new("DATA").unwrap();
        let list = "6; 2615 1 SCHEMA - DATA postgres\n7; 1259 1 TABLE DATA note postgres\n";
        assert!(restorable_lines(list, &schema).is_ok());
    }
}
