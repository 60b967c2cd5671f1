//! The schema changes that SeaORM's schema builder makes, on the tenant's own tables and types.
//!
//! sqlparser's visitor does not see every name in these, so each shape is taken apart here, and a shape
//! that is not listed is refused.

use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, CreateTable, ObjectName, ObjectType,
    Statement, TableConstraint, UserDefinedTypeRepresentation,
};

use super::{decide::Walk, refusal::Refusal};

const SHAPE: Refusal = Refusal::Construct("this change of a table", "write a migration");

/// Whether a statement is one of the kinds this module decides on.
pub(super) fn is_allowed(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => takes_no_shape_from_elsewhere(table),
        Statement::CreateIndex(_)
        | Statement::AlterTable(_)
        | Statement::AlterType(_)
        | Statement::CreateType {
            representation: Some(UserDefinedTypeRepresentation::Enum { .. }),
            ..
        } => true,
        Statement::Drop {
            object_type,
            temporary,
            ..
        } => matches!(object_type, ObjectType::Table | ObjectType::Type) && !temporary,
        _ => false,
    }
}

fn takes_no_shape_from_elsewhere(table: &CreateTable) -> bool {
    !table.temporary
        && table.query.is_none()
        && table.like.is_none()
        && table.clone.is_none()
        && table.inherits.is_none()
        && table.partition_of.is_none()
}

/// Decides on the names that the visitor does not see. It sees the tables that CREATE TABLE, ALTER TABLE
/// and CREATE INDEX name first, and every expression.
pub(super) fn decide(walk: &mut Walk<'_>, statement: &Statement) -> Result<(), Refusal> {
    match statement {
        Statement::CreateTable(table) => {
            walk.own_table(&table.name)?;
            columns(walk, &table.columns)?;
            constraints(walk, &table.constraints)
        }
        Statement::CreateIndex(index) => {
            walk.own_table(&index.table_name)?;
            let classes = index
                .columns
                .iter()
                .filter_map(|column| column.operator_class.as_ref());
            classes.into_iter().try_for_each(|class| walk.code(class))
        }
        Statement::AlterTable(table) => {
            walk.own_table(&table.name)?;
            table
                .operations
                .iter()
                .try_for_each(|change| operation(walk, change))
        }
        Statement::CreateType { name, .. } => walk.own_type(name),
        Statement::AlterType(change) => walk.own_type(&change.name),
        Statement::Drop {
            object_type: ObjectType::Type,
            names,
            ..
        } => names.iter().try_for_each(|name| walk.own_type(name)),
        Statement::Drop { names, .. } => names.iter().try_for_each(|name| {
            walk.own_table(name)?;
            walk.table(name, false)
        }),
        _ => Err(SHAPE),
    }
}

fn columns(walk: &mut Walk<'_>, columns: &[ColumnDef]) -> Result<(), Refusal> {
    columns.iter().try_for_each(|definition| column(walk, definition))
}

fn column(walk: &mut Walk<'_>, definition: &ColumnDef) -> Result<(), Refusal> {
    walk.data_type(&definition.data_type)?;
    for option in &definition.options {
        match &option.option {
            ColumnOption::ForeignKey(key) => walk.table(&key.foreign_table, false)?,
            ColumnOption::Null
            | ColumnOption::NotNull
            | ColumnOption::Default(_)
            | ColumnOption::PrimaryKey(_)
            | ColumnOption::Unique(_)
            | ColumnOption::Check(_)
            | ColumnOption::Comment(_)
            | ColumnOption::Generated { .. } => {}
            _ => return Err(SHAPE),
        }
    }
    Ok(())
}

fn constraints(walk: &mut Walk<'_>, constraints: &[TableConstraint]) -> Result<(), Refusal> {
    constraints
        .iter()
        .try_for_each(|definition| constraint(walk, definition))
}

fn constraint(walk: &mut Walk<'_>, definition: &TableConstraint) -> Result<(), Refusal> {
    match definition {
        TableConstraint::ForeignKey(key) => walk.table(&key.foreign_table, false),
        TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_) | TableConstraint::Check(_) => Ok(()),
        _ => Err(SHAPE),
    }
}

fn operation(walk: &mut Walk<'_>, change: &AlterTableOperation) -> Result<(), Refusal> {
    match change {
        AlterTableOperation::AddColumn { column_def, .. } => column(walk, column_def),
        AlterTableOperation::AddConstraint {
            constraint: added, ..
        } => constraint(walk, added),
        AlterTableOperation::AlterColumn {
            op: AlterColumnOperation::SetDataType { data_type, .. },
            ..
        } => walk.data_type(data_type),
        AlterTableOperation::AlterColumn { .. }
        | AlterTableOperation::DropColumn { .. }
        | AlterTableOperation::DropConstraint { .. }
        | AlterTableOperation::RenameColumn { .. }
        | AlterTableOperation::RenameConstraint { .. }
        | AlterTableOperation::ValidateConstraint { .. } => Ok(()),
        _ => Err(SHAPE),
    }
}

impl Walk<'_> {
    /// The table a change is made to must be the tenant's. The visitor decides on its name afterwards.
    fn own_table(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        self.mark_target(name);
        if self.is_tenant_table(name)? {
            return Ok(());
        }
        Err(Refusal::Construct(
            "a change of a table outside the tenant's schema",
            "change shared tables in the shared migrations",
        ))
    }
}
