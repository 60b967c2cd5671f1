//! Reads a compiled statement with PostgreSQL's own parser, and follows its rules about names from there.
//!
//! A text that this parser refuses would be refused by the server as well, so nothing is asked of it.

use pg_query::ParserOptions;
use serde_json::{Map, Value};

use super::is_allowed_schema;

/// Nothing in the statement is outside of the tenant's schema and those that all may use.
pub(super) fn stays_in_the_tenant(sql: &str) {
    let Ok(parsed) = pg_query::parse(sql, ParserOptions::default()) else {
        return;
    };
    let tree = serde_json::to_value(&parsed.protobuf).expect("a tree is data");
    let mut judge = Judge {
        sql,
        ctes: Vec::new(),
    };
    judge.walk(&tree["stmts"]);
}

/// The kinds of statements that may come out.
const KINDS: &[&str] = &[
    "SelectStmt",
    "InsertStmt",
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
    "ExplainStmt",
    "CreateStmt",
    "IndexStmt",
    "AlterTableStmt",
    "RenameStmt",
    "CreateEnumStmt",
    "AlterEnumStmt",
    "DropStmt",
];

/// The fields that hold a name of one or two parts.
const NAMES: &[&str] = &[
    "funcname",
    "collname",
    "opclass",
    "collation",
    "use_op",
    "oper_name",
    "names",
    "type_name",
    "items",
    "method",
];

/// The fields that hold several names of one part.
const LISTS: &[&str] = &[
    "aliascolnames",
    "arg_names",
    "colnames",
    "ctecolcollations",
    "ctecolnames",
    "cycle_col_list",
    "fk_attrs",
    "indirection",
    "keys",
    "pk_attrs",
    "search_col_list",
    "vals",
];

/// Functions that leave the tenant by what they are told, or change the session. Some of each kind.
const LEAVING_FUNCTIONS: &[&str] = &[
    "array_in",
    "currtid2",
    "currval",
    "dblink",
    "has_table_privilege",
    "lastval",
    "lo_unlink",
    "nextval",
    "pg_advisory_lock",
    "pg_read_file",
    "pg_relation_size",
    "pg_terminate_backend",
    "query_to_xml",
    "regclassout",
    "regtypesend",
    "set_config",
    "setseed",
    "setval",
    "to_regclass",
    "ts_stat",
];

/// Types whose values are names that PostgreSQL looks up.
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

struct Judge<'a> {
    sql: &'a str,
    /// The names that each WITH around the place declares so far.
    ctes: Vec<Vec<String>>,
}

impl Judge<'_> {
    fn walk(&mut self, tree: &Value) {
        match tree {
            Value::Array(elements) => elements.iter().for_each(|element| self.walk(element)),
            Value::Object(fields) => self.object(fields),
            _ => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) {
        let with = fields.get("with_clause").filter(|with| !with.is_null());
        if let Some(with) = with {
            self.declare(with);
        }
        for (key, value) in fields {
            self.field(fields, key, value);
        }
        if with.is_some() {
            self.ctes.pop();
        }
    }

    fn field(&mut self, fields: &Map<String, Value>, key: &str, value: &Value) {
        match key {
            "with_clause" => return,
            "into_clause" => self.check(value.is_null(), "SELECT INTO"),
            "relname" if fields.contains_key("schemaname") => self.relation(fields, true),
            "locked_rels" => return self.locked(value),
            "pktable" => return self.target(value),
            "relation" if fields.contains_key("relname") => {}
            "relation" => return self.relation_or_target(fields, value),
            "fields" => self.column(value),
            "ColumnRef" | "TypeName" => {}
            _ if key.ends_with("Stmt") => self.check(KINDS.contains(&key), "a statement of another kind"),
            _ => {}
        }
        self.names(fields, key, value);
        self.walk(value);
    }

    /// The relation of a change is never a common table expression.
    fn relation_or_target(&mut self, fields: &Map<String, Value>, value: &Value) {
        let is_sample = fields.contains_key("repeatable");
        match value {
            Value::Object(_) if !is_sample => self.target(value),
            _ => self.walk(value),
        }
    }

    fn target(&mut self, value: &Value) {
        if let Some(fields) = value.as_object() {
            self.relation(fields, false);
        }
    }

    fn relation(&mut self, fields: &Map<String, Value>, is_read: bool) {
        let (catalog, schema, name) = (
            text(fields, "catalogname"),
            text(fields, "schemaname"),
            text(fields, "relname"),
        );
        self.check(catalog.is_empty(), "a database");
        self.check(text(fields, "relpersistence") != "t", "a temporary table");
        let is_cte = schema.is_empty() && is_read && self.ctes.iter().flatten().any(|cte| cte == name);
        self.check(
            is_cte || is_allowed_schema(schema),
            &format!("relation {schema:?}.{name:?}"),
        );
    }

    /// `FOR UPDATE OF note` names what FROM has.
    fn locked(&mut self, value: &Value) {
        for relation in value.as_array().into_iter().flatten() {
            let schema = relation
                .pointer("/node/RangeVar/schemaname")
                .and_then(Value::as_str);
            self.check(schema.is_none_or(str::is_empty), "a schema in FOR UPDATE OF");
        }
    }

    /// With RECURSIVE every query of the list sees all names, without it those before it.
    fn declare(&mut self, with: &Value) {
        let is_recursive = with["recursive"] == Value::Bool(true);
        let tables = with["ctes"].as_array().cloned().unwrap_or_default();
        let names = tables
            .iter()
            .map(|table| &table["node"]["CommonTableExpr"]["ctename"]);
        let names = names.map(|name| name.as_str().unwrap_or_default().to_owned());
        let names: Vec<String> = names.collect();
        self.ctes
            .push(if is_recursive { names.clone() } else { Vec::new() });
        for (table, name) in tables.iter().zip(names) {
            self.walk(table);
            if let Some(frame) = self.ctes.last_mut() {
                frame.push(name);
            }
        }
    }

    /// `schema.table.column` has three parts, and a star may be the last.
    fn column(&mut self, value: &Value) {
        let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
        self.check(parts.len() < 4, "a column of four parts");
        if let [schema, _, _] = parts {
            self.check(string(schema).is_some_and(is_allowed_schema), "a column's schema");
        }
        if let [_, .., last] = parts {
            let is_call = string(last).is_some_and(|name| LEAVING_FUNCTIONS.contains(&name));
            self.check(!is_call, "a function that leaves the tenant, written as a column");
        }
    }

    fn names(&mut self, fields: &Map<String, Value>, key: &str, value: &Value) {
        let Some(parts) = strings(value) else { return };
        if key == "indirection" {
            let is_call = parts.iter().any(|name| LEAVING_FUNCTIONS.contains(name));
            self.check(!is_call, "a function that leaves the tenant, written as a column");
        }
        let is_operator = key == "name" && fields.contains_key("lexpr");
        if is_operator || NAMES.contains(&key) {
            self.name(key, &parts);
        } else if parts.len() > 1 {
            self.check(
                LISTS.contains(&key) || key == "fields",
                &format!("names in {key}"),
            );
        }
    }

    fn name(&mut self, key: &str, parts: &[&str]) {
        let [schema @ .., name] = parts else { return };
        self.check(schema.len() < 2, "a name of three parts");
        if let [schema] = schema {
            let is_code = key != "items" && *schema == "pg_catalog";
            self.check(
                is_code || is_allowed_schema(schema),
                &format!("{key} {schema:?}.{name:?}"),
            );
        }
        match key {
            "funcname" => {
                let leaves = LEAVING_FUNCTIONS.contains(name);
                self.check(!leaves, &format!("function {name}"));
            }
            "names" => self.type_name(schema, name),
            "items" | "type_name" => {
                self.check(!schema.is_empty(), &format!("{key} {name:?} without a schema"))
            }
            _ => {}
        }
    }

    fn type_name(&mut self, schema: &[&str], name: &str) {
        self.check(!NAMING_TYPES.contains(&name), &format!("type {name}"));
        let is_known = include_str!("postgres_types.txt")
            .lines()
            .any(|known| known == name);
        self.check(
            is_known || !schema.is_empty(),
            &format!("type {name:?} without a schema"),
        );
    }

    fn check(&self, holds: bool, what: &str) {
        assert!(holds, "for PostgreSQL there is {what} in\n{}", self.sql);
    }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The text of a node that is a string.
fn string(node: &Value) -> Option<&str> {
    node.pointer("/node/String/sval").and_then(Value::as_str)
}

/// The texts of a list of nothing but strings.
fn strings(value: &Value) -> Option<Vec<&str>> {
    let parts = value.as_array()?;
    parts
        .iter()
        .map(string)
        .collect::<Option<Vec<&str>>>()
        .filter(|parts| !parts.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(sql: &str) -> bool {
        assert!(pg_query::parse(sql, ParserOptions::default()).is_ok(), "{sql}");
        std::panic::catch_unwind(|| stays_in_the_tenant(sql)).is_err()
    }

    #[test]
    fn what_leaves_the_tenant_is_found() {
        for sql in [
            "SELECT * FROM note",
            "SELECT * FROM globex.note",
            "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
            "WITH note AS (SELECT 1) INSERT INTO note SELECT 1",
            "SELECT globex.mood 'a'",
            "SELECT 1::weather",
            "SELECT 'a'::regclass",
            "SELECT globex.f(1)",
            "SELECT nextval('a')",
            "SELECT (a).nextval FROM acme.note",
            "SELECT a.nextval FROM acme.note AS a",
            "SELECT globex.note.id FROM acme.note",
            "SELECT globex.note.* FROM acme.note",
            "SELECT 1 OPERATOR(globex.+) 2",
            "SELECT 1 = ANY (SELECT 1) ORDER BY 1 USING OPERATOR(globex.<)",
            "SELECT 'a' COLLATE globex.c",
            "SELECT json_value('1', '$' RETURNING globex.mood)",
            "SELECT 1 FROM acme.note TABLESAMPLE globex.system (1)",
            "SELECT 1 FROM acme.note FOR UPDATE OF globex.note",
            "SELECT 1 INTO acme.x",
            "CREATE TABLE acme.x (id int REFERENCES globex.note)",
            "CREATE TABLE acme.x (id int) INHERITS (globex.note)",
            "CREATE TEMPORARY TABLE x (id int)",
            "DROP TABLE acme.note, globex.note",
            "DROP TYPE globex.mood",
            "CREATE TYPE globex.mood AS ENUM ('a')",
            "ALTER TABLE acme.note SET SCHEMA globex",
            "CREATE INDEX ON acme.note (id globex.ops)",
            "SET search_path = globex",
            "COMMIT",
            "COPY acme.note TO STDOUT",
        ] {
            assert!(is_found(sql), "{sql}");
        }
    }

    #[test]
    fn what_stays_in_the_tenant_is_not() {
        for sql in [
            "SELECT n.id, (n.a).b, count(n.*) FROM acme.note AS n JOIN public.plan ON true WHERE n.id IN (1, 2)",
            "WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM a), b AS (SELECT * FROM a) SELECT * FROM b, a",
            "WITH a AS (DELETE FROM acme.note RETURNING *) SELECT * FROM a FOR UPDATE OF a",
            "INSERT INTO acme.note AS n (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = excluded.id, a.b = 1",
            "SELECT extract(year from now()), 'a'::text, 1::acme.mood, '1'::pg_catalog.int4, interval '1' day",
            "CREATE TABLE acme.x (id serial PRIMARY KEY, FOREIGN KEY (a, b) REFERENCES public.plan (c, d))",
            "DROP TABLE IF EXISTS acme.note CASCADE",
            "DROP TYPE acme.mood",
            "CREATE TYPE acme.mood AS ENUM ('a', 'b')",
            "EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM acme.note",
        ] {
            assert!(!is_found(sql), "{sql}");
        }
    }
}
