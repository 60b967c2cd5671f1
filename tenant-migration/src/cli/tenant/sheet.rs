//! [`Sheet`]: rows of many tenants in one table.

use std::collections::HashMap;

use comfy_table::Table;
use tenant_core::Tenant;

use crate::cli::output::plain_table;

/// Rows of many tenants under one header, although they may have different columns. What failed is in a column at
/// the end, if anything did.
#[derive(Default)]
pub(super) struct Sheet {
    columns: Vec<String>,
    /// By name, and by how many columns of that name the row has in front of it.
    places: HashMap<(String, usize), usize>,
    rows: Vec<Row>,
    has_errors: bool,
}

struct Row {
    schema: String,
    /// By their columns.
    cells: Vec<(usize, String)>,
    error: String,
}

impl Sheet {
    /// A row, by the names of its columns. `None` is NULL.
    pub(super) fn add(&mut self, tenant: &Tenant, cells: Vec<(String, Option<String>)>) {
        let mut seen = HashMap::new();
        let mut row = Row::of(tenant);
        for (name, text) in cells {
            let nth = seen.entry(name.clone()).or_insert(0);
            let text = text.map_or_else(|| "NULL".to_owned(), |text| visible(&text));
            row.cells.push((self.place(name, *nth), text));
            *nth += 1;
        }
        self.rows.push(row);
    }

    pub(super) fn add_error(&mut self, tenant: &Tenant, error: &str) {
        self.has_errors = true;
        self.rows.push(Row {
            error: visible(error),
            ..Row::of(tenant)
        });
    }

    fn place(&mut self, name: String, nth: usize) -> usize {
        let Self { columns, places, .. } = self;
        *places.entry((name, nth)).or_insert_with_key(|(name, _)| {
            columns.push(visible(name));
            columns.len() - 1
        })
    }

    /// Nothing, if there is no row.
    pub(super) fn table(&self) -> Option<Table> {
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

/// On one line. A customer's text must not move the cursor of who reads it, or colour what is behind it.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    visible
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
    fn columns_that_not_all_rows_have_are_columns_of_the_table() {
        let tenant = |name: &str| Tenant::new(TenantId(1), SchemaName::new(name).unwrap(), name);
        let mut sheet = Sheet::default();
        assert!(sheet.table().is_none());
        sheet.add_error(&tenant("a"), "gone");
        sheet.add(&tenant("b"), cells(&[("id", "1"), ("id", "2")]));
        sheet.add(&tenant("c"), cells(&[("title", "x\u{1b}[2J\ny"), ("id", "3")]));
        let text = sheet.table().unwrap().trim_fmt();
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
