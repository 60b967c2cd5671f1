//! Decides on what CREATE, ALTER and DROP change: the tenant's own tables, indexes and enum types, as SeaORM's schema
//! builder does.

use squawk_parser::SyntaxKind;

use super::{
    Step, Walk,
    name::{self, Name},
    unreviewed,
};
use crate::{
    registry::Lookup,
    sql::{refusal::Refusal, tree::Node},
};

impl<'t> Walk<'_, 't> {
    /// Decides on a name that a schema change makes, changes or drops.
    pub(super) fn definition(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        let name = Name::of_path_in(node)?;
        let place = node.parent().map(Node::kind);
        match (node.kind(), place) {
            (SyntaxKind::TABLE_NAME, Some(SyntaxKind::CREATE_TABLE)) => self.own_table(&name)?,
            (SyntaxKind::TYPE_NAME, Some(SyntaxKind::CREATE_TYPE))
            | (SyntaxKind::TYPE_NAME_REF, Some(SyntaxKind::ALTER_TYPE | SyntaxKind::DROP_TYPE)) => {
                self.own_type(&name)?;
            }
            (SyntaxKind::INDEX_REF, Some(SyntaxKind::DROP_INDEX)) => self.own_index(&name)?,
            // PostgreSQL takes no schema for these.
            (SyntaxKind::TABLE_NAME, Some(SyntaxKind::TABLE_RENAME_TO))
            | (SyntaxKind::TYPE_NAME, Some(SyntaxKind::TYPE_RENAME_TO))
            | (SyntaxKind::INDEX, Some(SyntaxKind::CREATE_INDEX))
            | (SyntaxKind::CONSTRAINT_NAME_REF, _)
                if name.qualifiers().is_empty() => {}
            _ => return Err(unreviewed(node.kind())),
        }
        Ok(Step::Over)
    }

    /// Decides on a table that is made, changed or dropped, which only the tenant's own are.
    pub(super) fn own_table(&mut self, name: &Name<'t>) -> Result<(), Refusal> {
        let is_own = match name.schema()? {
            Some(schema) => name::is_marker(schema),
            None => !matches!(self.rules.registry().table(&name.folded()), Lookup::Shared(_)),
        };
        if is_own {
            // A name that is not registered is refused there.
            return self.table(name);
        }
        Err(Refusal::Construct(
            "a change of a table outside the tenant's schema",
            "change shared tables in the shared migrations",
        ))
    }

    /// An index has no scope of its own: without a schema, it is the tenant's.
    fn own_index(&mut self, name: &Name<'t>) -> Result<(), Refusal> {
        match name.schema()? {
            None => self.insert_tenant(name),
            Some(schema) if name::is_marker(schema) => self.replace_marker(schema, name),
            Some(_) => {
                return Err(Refusal::Construct(
                    "a change of an index outside the tenant's schema",
                    "change indexes of shared tables in the shared migrations",
                ));
            }
        }
        Ok(())
    }
}
