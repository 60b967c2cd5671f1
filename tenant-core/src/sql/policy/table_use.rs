//! Collects the tables of a statement, for rules of access.

use squawk_parser::SyntaxKind;

use super::{
    Walk,
    name::{self, Name},
};
use crate::{
    registry::Lookup,
    sql::{refusal::Refusal, template::TableUse},
};

impl<'t> Walk<'_, 't> {
    /// Adds a table, with what the statement does to it at this place.
    pub(super) fn add_use(&mut self, place: SyntaxKind, name: &Name<'t>) -> Result<(), Refusal> {
        let table = name.folded().into_owned();
        let schema = match name.schema()? {
            Some(schema) if name::is_marker(schema) => None,
            Some(schema) => Some(name::fold(schema).into_owned()),
            None => match self.rules.registry().table(&table) {
                Lookup::Shared(schema) => Some(schema.to_owned()),
                Lookup::Tenant | Lookup::Ambiguous | Lookup::Unknown => None,
            },
        };
        for &action in actions(place) {
            self.decisions.uses.push(TableUse {
                action,
                schema: schema.clone(),
                table: table.clone(),
            });
        }
        Ok(())
    }
}

/// Returns the permissions that a table needs. A change of the schema needs others, which SeaQuery finds.
fn actions(place: SyntaxKind) -> &'static [&'static str] {
    match place {
        SyntaxKind::RELATION_FROM_ITEM | SyntaxKind::TABLE => &["select"],
        SyntaxKind::INSERT => &["insert"],
        SyntaxKind::UPDATE => &["update"],
        SyntaxKind::DELETE => &["delete"],
        SyntaxKind::MERGE => &["insert", "update", "delete"],
        _ => &[],
    }
}
