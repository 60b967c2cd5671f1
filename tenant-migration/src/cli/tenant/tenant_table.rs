//! [`TenantTable`]: rows of several tenants in one table.

use std::collections::HashMap;

use comfy_table::Table;
use tenant_core::Tenant;

use crate::cli::output::plain_table;

/// Rows of several tenants under one header. Their columns may differ. Errors are in a column at the end, if there are any.
#[derive(Default)]
pub(super) struct TenantTable {
    columns: Vec<String>,
    /// Indices in `columns`. The key is a column's name, and the number of columns with that name before it in its row.
    indices: HashMap<(String, usize), usize>,
    rows: Vec<Row>,
    has_errors: bool,
}

struct Row {
    schema: String,
    /// Pairs of a column's index and a text.
    cells: Vec<(usize, String)>,
    error: String,
}

impl TenantTable {
    /// Adds a row of pairs of a column's name and a text. `None` is NULL.
    pub(super) fn add_row(&mut self, tenant: &Tenant, cells: Vec<(String, Option<String>)>) {
        let mut name_counts = HashMap::new();
        let mut row = Row::of(tenant);
        for (name, text) in cells {
            let nth = name_counts.entry(name.clone()).or_insert(0);
            let text = text.map_or_else(|| "NULL".to_owned(), |text| escape_controls(&text));
            row.cells.push((self.column_index(name, *nth), text));
            *nth += 1;
        }
        self.rows.push(row);
    }

    pub(super) fn add_error(&mut self, tenant: &Tenant, error: &str) {
        self.has_errors = true;
        self.rows.push(Row {
            error: escape_controls(error),
            ..Row::of(tenant)
        });
    }

    fn column_index(&mut self, name: String, nth: usize) -> usize {
        let Self { columns, indices, .. } = self;
        *indices.entry((name, nth)).or_insert_with_key(|(name, _)| {
            columns.push(escape_controls(name));
            columns.len() - 1
        })
    }

    /// Returns the table, or `None` if it has no rows.
    pub(super) fn to_table(&self) -> Option<Table> {
        if self.rows.is_empty() {
            return None;
        }
        let (error, columns) = (["error".to_owned()], self.columns.iter().cloned());
        let error = error.into_iter().filter(|_| self.has_errors);
        let header = std::iter::once("schema".to_owned()).chain(columns).chain(error);
        let mut table = plain_table(header.collect::<Vec<_>>());
        for row in &self.rows {
            table.add_row(self.line(row));
        }
        Some(table)
    }

    fn line(&self, row: &Row) -> Vec<String> {
        let mut line = vec![String::new(); self.columns.len() + 2];
        line[0].clone_from(&row.schema);
        for (column, text) in &row.cells {
            line[column + 1].clone_from(text);
        }
        line[self.columns.len() + 1].clone_from(&row.error);
        line.truncate(self.columns.len() + 1 + usize::from(self.has_errors));
        line
    }
}

impl Row {
    fn of(tenant: &Tenant) -> Self {
        Self {
            schema: tenant.schema().to_string(),
            cells: Vec::new(),
            error: String::new(),
        }
    }
}

/// Escapes line breaks and other control characters. A customer's text must not control the reader's terminal.
fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use tenant_core::{SchemaName, TenantId};

    use super::*;

    fn cells(cells: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let cell = |(name, text): &(&str, &str)| ((*name).to_owned(), Some((*text).to_owned()));
        cells.iter().map(cell).collect()
    }

    #[test]
    fn a_table_has_the_columns_of_all_rows() {
        let tenant = |name: &str| Tenant::new(TenantId(1), SchemaName::new(name).unwrap(), name);
        let mut table = TenantTable::default();
        assert!(table.to_table().is_none());
        table.add_error(&tenant("a"), "gone");
        table.add_row(&tenant("b"), cells(&[("id", "1"), ("id", "2")]));
        table.add_row(&tenant("c"), cells(&[("title", "x\u{1b}[2J\ny"), ("id", "3")]));
        let text = table.to_table().unwrap().trim_fmt();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "schema  id  id  title          error",
                "a                              gone",
                "b       1   2",
                r"c       3       x\u{1b}[2J\ny",
            ]
        );
    }
}
