//! [`Template`]: a compiled statement, its text cut where the tenant's schema goes.

use super::refusal::Refusal;
use crate::schema_name::SchemaName;

/// A compiled statement. Rendering it for a tenant is a concatenation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: Box<str>,
    /// Places of the tenant's schema name, in ascending order.
    cuts: Box<[Cut]>,
    /// The first relation or type of the tenant's schema, for the error on a public connection.
    tenant_name: Option<Box<str>>,
    changes_schema: bool,
    /// Tables of the statement, for rules of access.
    #[cfg(feature = "rbac")]
    uses: Box<[TableUse]>,
}

/// Place of the tenant's schema name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// In bytes of the text.
    at: usize,
    /// True for the name as an identifier in quotes, false for the name alone.
    is_quoted: bool,
}

/// Use of a table by a statement.
#[cfg(feature = "rbac")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableUse {
    /// `select`, `insert`, `update` or `delete`.
    pub(crate) action: &'static str,
    /// `None` for the tenant's schema.
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
}

/// One change to the text of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// Put the tenant's schema and a dot in front.
    InsertTenant,
    /// Put a shared schema and a dot in front.
    InsertShared(String),
    /// Replace the marker by the tenant's schema.
    ReplaceMarker,
    /// Replace `current_schema()` by a call that returns the name of the tenant's schema.
    CurrentSchema,
}

impl Template {
    /// Applies `edits`, which are sorted by their place: the bytes of the token they stand at.
    pub(super) fn new(
        sql: &str,
        edits: impl IntoIterator<Item = (std::ops::Range<usize>, Edit)>,
        tenant_name: Option<String>,
    ) -> Self {
        let mut text = String::with_capacity(sql.len() + 16);
        let mut cuts = Vec::new();
        let mut done = 0;
        let quoted_at = |at| Cut { at, is_quoted: true };
        for (range, edit) in edits {
            text.push_str(&sql[done..range.start]);
            done = range.start;
            match edit {
                Edit::InsertTenant => {
                    cuts.push(quoted_at(text.len()));
                    text.push('.');
                }
                Edit::InsertShared(schema) => {
                    text.push_str(&quoted(&schema));
                    text.push('.');
                }
                Edit::ReplaceMarker => {
                    cuts.push(quoted_at(text.len()));
                    done = range.end;
                }
                Edit::CurrentSchema => {
                    text.push_str("pg_catalog.name('");
                    cuts.push(Cut {
                        at: text.len(),
                        is_quoted: false,
                    });
                    text.push_str("')");
                    done = range.end;
                }
            }
        }
        text.push_str(&sql[done..]);
        Self {
            text: text.into(),
            cuts: cuts.into(),
            tenant_name: tenant_name.map(String::into_boxed_str),
            changes_schema: false,
            #[cfg(feature = "rbac")]
            uses: Box::default(),
        }
    }

    /// Adds the tables of the statement.
    #[cfg(feature = "rbac")]
    pub(super) fn using(mut self, uses: Vec<TableUse>) -> Self {
        self.uses = uses.into();
        self
    }

    /// Returns the tables of the statement, also those in subqueries and in custom SQL.
    #[cfg(feature = "rbac")]
    pub(crate) fn uses(&self) -> &[TableUse] {
        &self.uses
    }

    /// Returns the text, without the tenant's schema.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Marks the template of a CREATE, ALTER or DROP.
    pub(super) fn changing_schema(mut self, changes_schema: bool) -> Self {
        self.changes_schema = changes_schema;
        self
    }

    /// True for a CREATE, ALTER or DROP, which only runs on a connection for schema changes.
    pub(crate) fn changes_schema(&self) -> bool {
        self.changes_schema
    }

    /// Returns the statement for the tenant of `schema`.
    pub(crate) fn render(&self, schema: &SchemaName) -> Result<String, Refusal> {
        if self.cuts.is_empty() {
            return Ok(self.text.to_string());
        }
        if schema.is_shared() && self.cuts.iter().any(|cut| cut.is_quoted) {
            let name = self.tenant_name.as_deref().unwrap_or("the statement");
            return Err(Refusal::TenantTableOnPublic(name.to_owned()));
        }
        Ok(self.concatenate(schema))
    }

    fn concatenate(&self, schema: &SchemaName) -> String {
        let mut sql = String::with_capacity(self.text.len() + self.cuts.len() * schema.quoted().len());
        let mut done = 0;
        for &Cut { at, is_quoted } in &self.cuts {
            sql.push_str(&self.text[done..at]);
            sql.push_str(match is_quoted {
                true => schema.quoted(),
                // A schema's name has letters, digits, `_` and `-` only.
                false => schema.as_str(),
            });
            done = at;
        }
        sql.push_str(&self.text[done..]);
        sql
    }

    /// Returns the size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let size = size_of::<Self>() + self.text.len() + size_of_val(&*self.cuts);
        #[cfg(feature = "rbac")]
        let size = size + self.uses.iter().map(TableUse::size).sum::<usize>();
        size
    }
}

#[cfg(feature = "rbac")]
impl TableUse {
    fn size(&self) -> usize {
        size_of::<Self>() + self.table.len() + self.schema.as_ref().map_or(0, String::len)
    }
}

/// Shared schemas come from attributes and the configuration, which checked them; doubling the quotes
/// costs nothing and holds for any text.
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> SchemaName {
        SchemaName::new("acme").unwrap()
    }

    #[test]
    fn edits_are_applied_in_place() {
        let sql = "SELECT * FROM note, plan, \"$tenant\".tag";
        let template = Template::new(
            sql,
            [
                (14..18, Edit::InsertTenant),
                (20..24, Edit::InsertShared("public".to_owned())),
                (26..35, Edit::ReplaceMarker),
            ],
            Some("\"note\"".to_owned()),
        );
        assert_eq!(
            template.render(&acme()).unwrap(),
            "SELECT * FROM \"acme\".note, \"public\".plan, \"acme\".tag"
        );
        assert_eq!(
            template.render(&SchemaName::shared()),
            Err(Refusal::TenantTableOnPublic("\"note\"".to_owned()))
        );
    }

    #[test]
    fn a_statement_without_tenant_tables_runs_on_the_public_tenant() {
        let template = Template::new("SELECT 1", [], None);
        assert_eq!(template.render(&SchemaName::shared()).unwrap(), "SELECT 1");
    }
}
