//! [`TenantTable`]: rows of several tenants in one table.

use std::collections::HashMap;

use comfy_table::Table;
use tenant_core::Tenant;

use crate::cli::output::plain_table;

/// A row: pairs of a column's name and a text. `None` is NULL.
pub(super) type Cells = Vec<(String, Option<String>)>;

/// Rows of several tenants under one header. Their columns may differ. Errors are in a column at the end, if there are any.
#[derive(Default)]
pub(super) struct TenantTable {
    columns: Vec<String>,
    /// Indices in `columns`. The key is a column's name, and the number of columns with that name before it in its row.
    indices: HashMap<(String, usize), usize>,
    rows: Vec<Row>,
}

struct Row {
    schema: String,
    /// Pairs of a column's index and a text.
    cells: Vec<(usize, String)>,
    error: Option<String>,
}

impl TenantTable {
    pub(super) fn add_row(&mut self, tenant: &Tenant, cells: Cells) {
        let mut name_counts = HashMap::new();
        let cells = cells.into_iter().map(|(name, text)| {
            let nth = name_counts.entry(name.clone()).or_insert(0);
            *nth += 1;
            let text = text.map_or_else(|| "NULL".to_owned(), |text| escape_controls(&text));
            (self.column_index(name, *nth), text)
        });
        let cells = cells.collect();
        self.add(tenant, cells, None);
    }

    pub(super) fn add_error(&mut self, tenant: &Tenant, error: &str) {
        self.add(tenant, Vec::new(), Some(escape_controls(error)));
    }

    fn add(&mut self, tenant: &Tenant, cells: Vec<(usize, String)>, error: Option<String>) {
        let schema = tenant.schema().to_string();
        self.rows.push(Row { schema, cells, error });
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
        let has_errors = self.rows.iter().any(|row| row.error.is_some());
        let columns = self.columns.iter().map(String::as_str);
        let header = ["schema"].into_iter().chain(columns);
        let header = header.chain(has_errors.then_some("error"));
        let mut table = plain_table(header.collect::<Vec<_>>());
        for row in &self.rows {
            let mut line = vec![""; self.columns.len()];
            for (column, text) in &row.cells {
                line[*column] = text;
            }
            let line = [&*row.schema].into_iter().chain(line);
            table.add_row(line.chain(row.error.as_deref()));
        }
        Some(table)
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

    fn cells(cells: &[(&str, &str)]) -> Cells {
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
