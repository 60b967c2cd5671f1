//! Decides on tables and views.

use squawk_parser::SyntaxKind;

use super::{Step, Walk, name::Name, unreviewed};
use crate::{
    registry::Lookup,
    sql::{refusal::Refusal, tree::Node},
};

impl<'t> Walk<'_, 't> {
    /// Decides on a table by the place it stands at.
    pub(super) fn relation(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        let name = Name::of_path_in(node)?;
        let place = place(node);
        match place {
            Some(SyntaxKind::RELATION_FROM_ITEM | SyntaxKind::TABLE) => {
                if self.is_common_table(&name)? {
                    return Ok(Step::Over);
                }
                self.table(&name)?;
            }
            // PostgreSQL never takes the target of a change for a common table expression.
            Some(
                SyntaxKind::INSERT
                | SyntaxKind::UPDATE
                | SyntaxKind::DELETE
                | SyntaxKind::MERGE
                | SyntaxKind::REFERENCES_CONSTRAINT
                | SyntaxKind::FOREIGN_KEY_CONSTRAINT,
            ) => self.table(&name)?,
            Some(SyntaxKind::CREATE_INDEX | SyntaxKind::ALTER_TABLE | SyntaxKind::DROP_TABLE) => {
                self.own_table(&name)?;
            }
            place => return Err(unreviewed(place.unwrap_or(SyntaxKind::ERROR))),
        }
        #[cfg(feature = "rbac")]
        if let Some(place) = place {
            self.add_use(place, &name)?;
        }
        Ok(Step::Over)
    }

    /// True for a common table expression in scope.
    fn is_common_table(&self, name: &Name<'t>) -> Result<bool, Refusal> {
        Ok(name.schema()?.is_none() && self.scopes.contains(&name.folded()))
    }

    /// Decides on a name that is no common table expression.
    pub(super) fn table(&mut self, name: &Name<'t>) -> Result<(), Refusal> {
        if let Some(schema) = name.schema()? {
            return self.schema(schema, name);
        }
        let table = name.folded();
        match self.rules.registry().table(&table) {
            Lookup::Tenant => self.insert_tenant(name),
            Lookup::Shared(schema) => self.insert_shared(name, schema),
            Lookup::Ambiguous => return Err(Refusal::AmbiguousTable(table.into_owned())),
            Lookup::Unknown => return Err(self.unknown_table(table.into_owned())),
        }
        Ok(())
    }

    fn unknown_table(&self, name: String) -> Refusal {
        let tables = self.rules.registry().tables().map(|(table, _)| table);
        let similar = similar(&name, tables).map(str::to_owned);
        Refusal::UnknownTable { name, similar }
    }
}

/// The kind of the node that a table belongs to, without ONLY and its brackets.
fn place(table: Node<'_>) -> Option<SyntaxKind> {
    let parent = table.parent()?;
    match parent.kind() {
        SyntaxKind::RELATION_NAME | SyntaxKind::TABLE_RELATION_NAME => Some(parent.parent()?.kind()),
        kind => Some(kind),
    }
}

/// Returns the known name that is one or two letters off.
fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const MOST_LETTERS: usize = 2;
    known
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|(letters, _)| *letters <= MOST_LETTERS && *letters < name.len())
        .min()
        .map(|(_, other)| other)
}
