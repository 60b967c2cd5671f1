//! Parses a compiled statement with sqlparser again, and looks at the tree as data: whatever is a name of two or more
//! parts, wherever it is. Then each name with a dot in the text has to be one of those that were found.

use std::collections::HashSet;

use serde_json::Value;
use sqlparser::{dialect::PostgreSqlDialect, parser::Parser};

use super::{
    is_allowed_schema,
    tokens::{Token, tokens},
};

/// A longer text may have repetitions that were not parsed when it was compiled, in bytes.
const LONG: usize = 2048;

/// No name in the statement has a schema that it may not have.
pub(super) fn names_no_other_schema(sql: &str) {
    let statements = match Parser::parse_sql(&PostgreSqlDialect {}, sql) {
        Ok(statements) => statements,
        // A long text is parsed without its repetitions when it is compiled: there may be too many of them.
        Err(_) if sql.len() > LONG => return,
        Err(error) => panic!("the compiled text does not parse: {error}\n{sql}"),
    };
    let tree = serde_json::to_value(statements).expect("a tree is data");
    let mut found = Found {
        sql,
        tokens: tokens(sql),
        lines: lines(sql),
        columns: HashSet::new(),
    };
    found.walk(&tree, false);
    each_dot_is_accounted_for(sql, &found.tokens, &found.columns);
}

struct Found<'a> {
    sql: &'a str,
    tokens: Vec<Token>,
    /// The first byte of each character of each line.
    lines: Vec<Vec<usize>>,
    /// Where names start that are no schema's: columns, and what tables are called in this statement.
    columns: HashSet<usize>,
}

impl Found<'_> {
    /// `is_column` where the name is a column's for PostgreSQL, although the tree has it as an object's.
    fn walk(&mut self, tree: &Value, is_column: bool) {
        match tree {
            Value::Array(parts) => {
                if let Some(name) = object_name(parts) {
                    self.object(&name, is_column);
                }
                parts.iter().for_each(|part| self.walk(part, is_column));
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    match (key.as_str(), value) {
                        ("CompoundIdentifier", Value::Array(parts)) => self.compound(parts),
                        ("CompoundFieldAccess", _) => self.field_access(value),
                        _ => {}
                    }
                    // What is set are columns, with parts of theirs.
                    self.walk(value, matches!(key.as_str(), "ColumnName" | "Tuple" | "columns"));
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, name: &[&Value], is_column: bool) {
        // A list of columns looks the same, but for the dots.
        if name.len() < 2 || !self.has_dot_after(name[0]) {
            return;
        }
        if is_column {
            self.column(name[0]);
        } else {
            self.schema(name[0]);
        }
    }

    fn has_dot_after(&self, ident: &Value) -> bool {
        let start = self.start(ident);
        let token = self.tokens.binary_search_by_key(&start, |token| token.start);
        token.is_ok_and(|index| self.tokens.get(index + 1).is_some_and(|next| next.is('.')))
    }

    /// `table.column`, or `schema.table.column`.
    fn compound(&mut self, parts: &[Value]) {
        if parts.len() > 2 {
            self.schema(&parts[0]);
        }
        self.column(&parts[0]);
    }

    /// `table.column[1]`.
    fn field_access(&mut self, access: &Value) {
        if let Some(root) = access.pointer("/root/Identifier") {
            self.column(root);
        }
    }

    fn schema(&mut self, ident: &Value) {
        let schema = folded(ident);
        let is_code = schema == "pg_catalog";
        assert!(
            is_code || is_allowed_schema(&schema),
            "schema {schema} is named in\n{}",
            self.sql
        );
    }

    fn column(&mut self, ident: &Value) {
        let start = self.start(ident);
        self.columns.insert(start);
    }

    fn start(&self, ident: &Value) -> usize {
        let number = |path| ident.pointer(path).and_then(Value::as_u64).unwrap_or(0) as usize;
        let (line, column) = (number("/span/start/line"), number("/span/start/column"));
        self.lines[line.saturating_sub(1)][column.saturating_sub(1)]
    }
}

/// The identifiers of `[{"Identifier": {...}}, ...]`.
fn object_name(parts: &[Value]) -> Option<Vec<&Value>> {
    parts.iter().map(|part| part.get("Identifier")).collect()
}

fn folded(ident: &Value) -> String {
    let text = ident.get("value").and_then(Value::as_str).unwrap_or_default();
    match ident.get("quote_style") {
        Some(Value::String(_)) => text.to_owned(),
        _ => text.to_ascii_lowercase(),
    }
}

fn lines(sql: &str) -> Vec<Vec<usize>> {
    let mut lines = vec![Vec::new()];
    for (at, character) in sql.char_indices() {
        if let Some(line) = lines.last_mut() {
            line.push(at);
        }
        if character == '\n' {
            lines.push(Vec::new());
        }
    }
    lines
}

/// A name with a dot after it and none before it is an allowed schema or a table or column. The text has no third
/// kind. A name in front of `.*` is a table in any case.
fn each_dot_is_accounted_for(sql: &str, tokens: &[Token], columns: &HashSet<usize>) {
    for (index, token) in tokens.iter().enumerate() {
        let Some(name) = token.name() else { continue };
        let is = |at: Option<usize>, symbol| {
            at.and_then(|at| tokens.get(at))
                .is_some_and(|token| token.is(symbol))
        };
        let is_head = is(Some(index + 1), '.') && !is(Some(index + 2), '*') && !is(index.checked_sub(1), '.');
        if is_head && !is_allowed_schema(name) && name != "pg_catalog" {
            assert!(
                columns.contains(&token.start),
                "{:?} at byte {} is not accounted for in\n{sql}",
                token.kind,
                token.start
            );
        }
    }
}
