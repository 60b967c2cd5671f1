//! Walks a parsed statement and decides on every relation, type and function in it: the table of
//! decisions in the documentation of [`crate::TenantConnection`].

use std::{
    collections::HashSet,
    ops::{ControlFlow, Range},
};

use sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, Assignment, AssignmentTarget, BinaryOperator, DataType, Delete, Expr,
    FromTable, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, Insert,
    JsonTableColumn, Merge, ObjectName, ObjectNamePart, OnConflict, OnConflictAction, OnInsert, OrderByExpr,
    OrderBySort, OutputClause, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    Statement, TableAlias, TableFactor, TableObject, TableWithJoins, Update, Visit, Visitor,
    XmlTableColumnOption,
};

use sqlparser::tokenizer::Location;

use super::{
    Rules, builtin, ddl,
    lexer::Places,
    name::{Qualified, fold},
    refusal::Refusal,
    scope::Scopes,
    template::Edit,
};
use crate::{
    plant::{self, Plant},
    registry::{Lookup, TENANT_MARKER},
};

/// What a walk over the statements of a text found.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// The edits, with the bytes of the token they stand at, in no order.
    pub(super) edits: Vec<(Range<usize>, Edit)>,
    /// The first relation or type of the tenant's schema.
    pub(super) tenant_name: Option<String>,
}

/// Decides on everything in `statements`, which were parsed from the tokens of `sql` at `places`.
pub(super) fn decide(
    statements: &[Statement],
    sql: &str,
    places: &Places,
    rules: &Rules,
) -> Result<Decisions, Refusal> {
    let mut walk = Walk {
        sql,
        places,
        rules,
        scopes: Scopes::default(),
        roles: Roles::default(),
        columns: HashSet::new(),
        decisions: Decisions::default(),
    };
    for statement in statements {
        check_kind(statement)?;
        if let ControlFlow::Break(refusal) = statement.visit(&mut walk) {
            return Err(refusal);
        }
    }
    walk.refuse_other_qualifiers()?;
    Ok(walk.decisions)
}

/// The walk over one text.
pub(super) struct Walk<'a> {
    sql: &'a str,
    places: &'a Places,
    rules: &'a Rules,
    scopes: Scopes,
    roles: Roles,
    /// Where a table or a column is in front of a dot, and no schema.
    columns: HashSet<Location>,
    decisions: Decisions,
}

/// The names whose place in the statement gives them another meaning than a relation that is read,
/// by their address, which stays what it is while the tree is borrowed.
#[derive(Debug, Default)]
struct Roles {
    targets: HashSet<*const ObjectName>,
    functions: HashSet<*const ObjectName>,
    /// The names are the values of an enum.
    are_literals_names: bool,
}

/// The kinds of statements that run on a tenant connection.
pub(super) fn check_kind(statement: &Statement) -> Result<(), Refusal> {
    match statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_) => Ok(()),
        Statement::Explain { statement, .. } => check_kind(statement),
        statement if ddl::is_allowed(statement) => Ok(()),
        statement => Err(kind_refusal(statement)),
    }
}

fn kind_refusal(statement: &Statement) -> Refusal {
    const UNGUARDED: &str =
        "run it in `TenantConnection::begin_unguarded`, whose search_path is the tenant's";
    let (kind, instead) = match statement {
        Statement::Set(_) | Statement::Reset(_) | Statement::Discard { .. } => (
            "a change of the session (SET, RESET, DISCARD)",
            "other tenants use the session after this one; `TenantConnection::begin_unguarded` has SET LOCAL",
        ),
        Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. } => (
            "transaction control as SQL",
            "call `begin`, `commit` and `rollback` of the connection",
        ),
        Statement::Copy { .. } => ("COPY", UNGUARDED),
        Statement::Truncate { .. } => ("TRUNCATE", "delete the rows, or write a migration"),
        Statement::CreateTable(_) => (
            "CREATE TABLE that is temporary or takes its shape from another table",
            UNGUARDED,
        ),
        Statement::ExplainTable { .. } => ("DESCRIBE", "query the columns by name"),
        Statement::LISTEN { .. } | Statement::UNLISTEN { .. } | Statement::NOTIFY { .. } => (
            "LISTEN, UNLISTEN or NOTIFY",
            "listen on a connection of its own, and notify with `SELECT pg_notify(...)`",
        ),
        Statement::Prepare { .. } | Statement::Execute { .. } | Statement::Deallocate { .. } => (
            "PREPARE, EXECUTE or DEALLOCATE",
            "bind values to the statement: the driver prepares it",
        ),
        _ => (
            "a statement other than SELECT, INSERT, UPDATE, DELETE, MERGE and EXPLAIN of those",
            "write a migration, or run it in `TenantConnection::begin_unguarded`",
        ),
    };
    Refusal::Statement(kind, instead)
}

impl Walk<'_> {
    /// A word in front of a dot that may not be a schema here has to be a table or column that the walk came by.
    /// The tree has names in places that the visitor does not lead to; this finds them in the text.
    fn refuse_other_qualifiers(&self) -> Result<(), Refusal> {
        let others = self.places.qualifiers();
        for (_, place) in others.filter(|(at, _)| !self.columns.contains(at)) {
            let written = &self.sql[place];
            let schema = match written.strip_prefix('"') {
                Some(quoted) => quoted.trim_end_matches('"').replace("\"\"", "\""),
                None => written.to_ascii_lowercase(),
            };
            let is_allowed =
                self.rules.allows_schema(&schema) || matches!(&*schema, TENANT_MARKER | "pg_catalog");
            if !is_allowed {
                return Err(Refusal::ForeignSchema {
                    name: format!("what follows {written} and a dot"),
                    schema,
                });
            }
        }
        Ok(())
    }

    /// A relation that is read, or the target of a change.
    fn relation(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        let address = std::ptr::from_ref(name);
        if self.roles.functions.contains(&address) {
            return self.function(name);
        }
        let is_target = self.roles.targets.contains(&address);
        self.table(name, !is_target)
    }

    /// A table, which may be a common table expression where it is read.
    pub(super) fn table(&mut self, name: &ObjectName, is_read: bool) -> Result<(), Refusal> {
        let qualified = Qualified::new(name)?;
        if let Some(schema) = qualified.schema {
            return self.schema(schema, name);
        }
        let table = fold(qualified.name);
        refuse_only(qualified.name)?;
        if is_read && self.scopes.contains(&table) {
            return Ok(());
        }
        match self.rules.registry().table(&table) {
            Lookup::Tenant if plant::is(Plant::TableNotQualified) => Ok(()),
            Lookup::Tenant => self.insert_tenant(qualified.name, name),
            Lookup::Shared(schema) => self.insert_shared(qualified.name, schema),
            Lookup::Ambiguous => Err(Refusal::AmbiguousTable(table)),
            Lookup::Unknown if plant::is(Plant::UnknownTablePasses) => Ok(()),
            Lookup::Unknown => Err(Refusal::UnknownTable(table)),
        }
    }

    fn schema(&mut self, schema: &Ident, name: &ObjectName) -> Result<(), Refusal> {
        if is_marker(schema) {
            return self.replace_marker(schema, name);
        }
        let folded = fold(schema);
        if self.rules.allows_schema(&folded) {
            Ok(())
        } else {
            Err(Refusal::ForeignSchema {
                name: name.to_string(),
                schema: folded,
            })
        }
    }

    /// `pg_catalog` cannot be read, but its types, functions and collations can be named.
    fn schema_of_code(&mut self, schema: &Ident, name: &ObjectName) -> Result<(), Refusal> {
        if fold(schema) == "pg_catalog" {
            return Ok(());
        }
        self.schema(schema, name)
    }

    fn function(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        let qualified = Qualified::new(name)?;
        refuse_only(qualified.name)?;
        builtin::check_function(&fold(qualified.name))?;
        self.code(name)
    }

    /// A type, or what it is made of.
    pub(super) fn data_type(&mut self, data_type: &DataType) -> Result<(), Refusal> {
        match data_type {
            DataType::Custom(name, _) => self.custom_type(name),
            DataType::Array(
                ArrayElemTypeDef::AngleBracket(element)
                | ArrayElemTypeDef::SquareBracket(element, _)
                | ArrayElemTypeDef::Parenthesis(element)
                | ArrayElemTypeDef::Qualified(element, _),
            ) => self.data_type(element),
            // What sqlparser knows of PostgreSQL's own. It knows names of other databases too, which PostgreSQL
            // would look for along search_path.
            DataType::Character(_)
            | DataType::Char(_)
            | DataType::CharacterVarying(_)
            | DataType::CharVarying(_)
            | DataType::Varchar(_)
            | DataType::Uuid
            | DataType::Numeric(_)
            | DataType::Decimal(_)
            | DataType::Dec(_)
            | DataType::Float(_)
            | DataType::Int2(_)
            | DataType::SmallInt(_)
            | DataType::Int(_)
            | DataType::Int4(_)
            | DataType::Int8(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::Float4
            | DataType::Float8
            | DataType::Real
            | DataType::DoublePrecision
            | DataType::Bool
            | DataType::Boolean
            | DataType::Date
            | DataType::Time(..)
            | DataType::Timestamp(..)
            | DataType::Interval { .. }
            | DataType::JSON
            | DataType::JSONB
            | DataType::Text
            | DataType::Bytea
            | DataType::Bit(_)
            | DataType::BitVarying(_)
            | DataType::VarBit(_)
            | DataType::GeometricType(_)
            | DataType::TsVector
            | DataType::TsQuery => Ok(()),
            DataType::Regclass => builtin::check_type("regclass"),
            _ => Err(Refusal::Construct(
                "a type of another database",
                "write PostgreSQL's name of it, or put a type of your own in double quotes",
            )),
        }
    }

    /// A type that is to be changed, which only the tenant's own are.
    pub(super) fn own_type(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        let qualified = Qualified::new(name)?;
        match qualified.schema {
            Some(schema) if is_marker(schema) => return self.replace_marker(schema, name),
            None if self.rules.registry().enum_type(&fold(qualified.name)) == Lookup::Tenant => {
                return self.insert_tenant(qualified.name, name);
            }
            _ => {}
        }
        Err(Refusal::Construct(
            "a change of a type outside the tenant's schema",
            "write \"$tenant\" in front of it, or change shared types in the shared migrations",
        ))
    }

    fn custom_type(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        let qualified = Qualified::new(name)?;
        builtin::check_type(&fold(qualified.name))?;
        if let Some(schema) = qualified.schema {
            return self.schema_of_code(schema, name);
        }
        let folded = fold(qualified.name);
        if builtin::is_type(&folded) || self.rules.allows_type(&folded) {
            return Ok(());
        }
        match self.rules.registry().enum_type(&folded) {
            Lookup::Tenant => self.insert_tenant(qualified.name, name),
            Lookup::Shared(schema) => self.insert_shared(qualified.name, schema),
            Lookup::Ambiguous => Err(Refusal::AmbiguousType(folded)),
            Lookup::Unknown => Err(Refusal::UnknownType(folded)),
        }
    }

    fn insert_tenant(&mut self, at: &Ident, name: &ObjectName) -> Result<(), Refusal> {
        self.edit(at, Edit::InsertTenant)?;
        self.note_tenant_name(name);
        Ok(())
    }

    fn insert_shared(&mut self, at: &Ident, schema: &str) -> Result<(), Refusal> {
        self.edit(at, Edit::InsertShared(schema.to_owned()))
    }

    fn replace_marker(&mut self, at: &Ident, name: &ObjectName) -> Result<(), Refusal> {
        self.edit(at, Edit::ReplaceMarker)?;
        self.note_tenant_name(name);
        Ok(())
    }

    /// An identifier whose token cannot be found is refused: the text would go out as it came in.
    fn edit(&mut self, at: &Ident, edit: Edit) -> Result<(), Refusal> {
        let place = self
            .places
            .bytes_at(at.span.start)
            .ok_or_else(|| Refusal::Unparseable(format!("the place of {at} in the text was not found")))?;
        self.decisions.edits.push((place, edit));
        Ok(())
    }

    fn note_tenant_name(&mut self, name: &ObjectName) {
        self.decisions.tenant_name.get_or_insert_with(|| name.to_string());
    }

    /// In `schema.table.column` the schema is decided on like any other. What follows the first part may be a
    /// function.
    fn column(&mut self, parts: &[Ident]) -> Result<(), Refusal> {
        if let [first, .., last] = parts {
            self.columns.insert(first.span.start);
            builtin::check_field(&fold(last))?;
        }
        match parts {
            [schema, _, _] => self.schema(schema, &ObjectName::from(parts.to_vec())),
            [_, _, _, _, ..] => Err(Refusal::Construct(
                "a column of four or more parts",
                "write it without the database",
            )),
            _ => Ok(()),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<(), Refusal> {
        match expr {
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::CompoundFieldAccess { root, access_chain } => self.fields(root, access_chain),
            Expr::Function(function) => {
                refuse_treat(&function.name)?;
                self.arguments(&function.args)?;
                self.function(&function.name)
            }
            Expr::Cast { data_type, .. } => self.data_type(data_type),
            Expr::Convert {
                data_type: Some(data_type),
                ..
            } => self.data_type(data_type),
            // MySQL's `_utf8 'a'`.
            Expr::Prefixed { prefix, .. } => Err(typed_literal(prefix)),
            Expr::TypedString(typed) => self.data_type(&typed.data_type),
            Expr::Collate { collation, .. } => self.code(collation),
            Expr::BinaryOp {
                op: BinaryOperator::PGCustomBinaryOperator(parts),
                ..
            } => check_operator(parts),
            _ => Ok(()),
        }
    }

    /// `note.*`, or `schema.note.*`.
    fn wildcard(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        match name.0.as_slice() {
            [_] => Ok(()),
            [ObjectNamePart::Identifier(schema), _] => self.schema(schema, name),
            _ => Err(Refusal::Construct(
                "a name of three parts",
                "write it without the database",
            )),
        }
    }

    /// What SELECT or RETURNING gives back.
    fn select_items(&mut self, items: &[SelectItem]) -> Result<(), Refusal> {
        items.iter().try_for_each(|item| match item {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                self.wildcard(name)
            }
            _ => Ok(()),
        })
    }

    /// `count(note.*)`.
    fn wildcards_among(&mut self, arguments: &[FunctionArg]) -> Result<(), Refusal> {
        for argument in arguments {
            let (FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg)) = argument;
            if let FunctionArgExpr::QualifiedWildcard(name) = arg {
                self.wildcard(name)?;
            }
        }
        Ok(())
    }

    /// `note.tags[1].name`, `(note).title`. Up to the first bracket it is a name like any other.
    fn fields(&mut self, root: &Expr, access_chain: &[AccessExpr]) -> Result<(), Refusal> {
        let field = |access: &AccessExpr| match access {
            AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
            _ => None,
        };
        if let Expr::Identifier(root) = root {
            let parts = access_chain.iter().map_while(field);
            let parts: Vec<Ident> = [root.clone()].into_iter().chain(parts).collect();
            self.column(&parts)?;
        }
        let mut fields = access_chain.iter().filter_map(field);
        fields.try_for_each(|name| builtin::check_field(&fold(&name)))
    }

    /// `json_object('mood': $1 RETURNING mood)` has a type among its arguments.
    fn arguments(&mut self, arguments: &FunctionArguments) -> Result<(), Refusal> {
        let FunctionArguments::List(list) = arguments else {
            return Ok(());
        };
        self.wildcards_among(&list.args)?;
        for clause in &list.clauses {
            if let FunctionArgumentClause::JsonReturningClause(returning) = clause {
                self.data_type(&returning.data_type)?;
            }
        }
        Ok(())
    }

    /// The columns that are set, which may be parts of a column.
    fn assignments(&mut self, assignments: &[Assignment]) {
        for assignment in assignments {
            let names = match &assignment.target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names.as_slice(),
            };
            self.set_columns(names);
        }
    }

    fn set_columns(&mut self, names: &[ObjectName]) {
        let firsts = names.iter().filter_map(|name| name.0.first()?.as_ident());
        self.columns.extend(firsts.map(|first| first.span.start));
    }

    /// Refuses a reserved word that sqlparser took for a name, and a literal that it took for a label.
    fn ident(&self, ident: &Ident) -> Result<(), Refusal> {
        if ident.quote_style == Some('\'') && !self.roles.are_literals_names {
            return Err(typed_literal(ident));
        }
        if ident.quote_style.is_some() {
            return Ok(());
        }
        let context = self.places.context_at(ident.span.start);
        let (is_label, is_called) = context.map_or((false, false), |at| (at.is_label, at.is_called));
        if is_label || !builtin::is_reserved(&ident.value.to_ascii_lowercase(), is_called) {
            return Ok(());
        }
        Err(Refusal::Unparseable(format!(
            "the word {ident} may be read in two ways: put a name in double quotes, and AS before a label, \
             such as in `SELECT \"interval\" AS \"end\" FROM note`"
        )))
    }

    /// A function, a collation, an operator or an operator class, which a schema may be written in front of.
    pub(super) fn code(&mut self, name: &ObjectName) -> Result<(), Refusal> {
        match Qualified::new(name)?.schema {
            Some(schema) => self.schema_of_code(schema, name),
            None => Ok(()),
        }
    }

    fn table_factor(&mut self, factor: &TableFactor) -> Result<(), Refusal> {
        match factor {
            TableFactor::Table {
                name, args, alias, ..
            } => {
                if let Some(arguments) = args {
                    self.roles.functions.insert(std::ptr::from_ref(name));
                    self.wildcards_among(&arguments.args)?;
                }
                self.alias(alias.as_ref())
            }
            TableFactor::Function {
                name, args, alias, ..
            } => {
                self.wildcards_among(args)?;
                self.function(name)?;
                self.alias(alias.as_ref())
            }
            TableFactor::JsonTable { columns, alias, .. } => {
                self.json_columns(columns)?;
                self.alias(alias.as_ref())
            }
            TableFactor::XmlTable { columns, alias, .. } => {
                for column in columns {
                    if let XmlTableColumnOption::NamedInfo { r#type, .. } = &column.option {
                        self.data_type(r#type)?;
                    }
                }
                self.alias(alias.as_ref())
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. } => self.alias(alias.as_ref()),
            _ => Err(Refusal::Construct(
                "a table expression of another database",
                "write PostgreSQL's",
            )),
        }
    }

    /// `json_to_recordset(...) AS t(mood "mood")` has types in its alias.
    fn alias(&mut self, alias: Option<&TableAlias>) -> Result<(), Refusal> {
        let columns = alias.into_iter().flat_map(|alias| &alias.columns);
        for data_type in columns.filter_map(|column| column.data_type.as_ref()) {
            self.data_type(data_type)?;
        }
        Ok(())
    }

    fn json_columns(&mut self, columns: &[JsonTableColumn]) -> Result<(), Refusal> {
        for column in columns {
            match column {
                JsonTableColumn::Named(column) => self.data_type(&column.r#type)?,
                JsonTableColumn::Nested(column) => self.json_columns(&column.columns)?,
                JsonTableColumn::ForOrdinality(_) => {}
            }
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Refusal> {
        self.roles.are_literals_names =
            matches!(statement, Statement::CreateType { .. } | Statement::AlterType(_));
        match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.merge(merge),
            Statement::Query(_) | Statement::Explain { .. } => Ok(()),
            statement => ddl::decide(self, statement),
        }
    }

    fn insert(&mut self, insert: &Insert) -> Result<(), Refusal> {
        match &insert.table {
            TableObject::TableName(name) => {
                self.mark_target(name);
                self.set_columns(&insert.columns);
                self.select_items(insert.returning.as_deref().unwrap_or_default())?;
                if let Some(OnInsert::OnConflict(OnConflict {
                    action: OnConflictAction::DoUpdate(update),
                    ..
                })) = &insert.on
                {
                    self.assignments(&update.assignments);
                }
                Ok(())
            }
            _ => Err(Refusal::Construct(
                "INSERT into other than a table",
                "name the table",
            )),
        }
    }

    fn update(&mut self, update: &Update) -> Result<(), Refusal> {
        self.assignments(&update.assignments);
        self.select_items(update.returning.as_deref().unwrap_or_default())?;
        self.only_target(std::slice::from_ref(&update.table))
    }

    fn merge(&mut self, merge: &Merge) -> Result<(), Refusal> {
        if let Some(OutputClause::Returning { select_items, .. }) = &merge.output {
            self.select_items(select_items)?;
        }
        self.target(&merge.table)
    }

    fn delete(&mut self, delete: &Delete) -> Result<(), Refusal> {
        self.select_items(delete.returning.as_deref().unwrap_or_default())?;
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        if delete.tables.is_empty() {
            self.only_target(tables)
        } else {
            Err(MANY_TARGETS)
        }
    }

    fn only_target(&mut self, tables: &[TableWithJoins]) -> Result<(), Refusal> {
        match tables {
            [table] if table.joins.is_empty() => self.target(&table.relation),
            _ => Err(MANY_TARGETS),
        }
    }

    fn target(&mut self, factor: &TableFactor) -> Result<(), Refusal> {
        match factor {
            TableFactor::Table { name, args: None, .. } => {
                self.mark_target(name);
                Ok(())
            }
            _ => Err(Refusal::Construct(
                "a change of other than a table",
                "name the table",
            )),
        }
    }

    /// Whether `name` is, as far as it says, a table of the tenant's schema.
    pub(super) fn is_tenant_table(&self, name: &ObjectName) -> Result<bool, Refusal> {
        let qualified = Qualified::new(name)?;
        Ok(match qualified.schema {
            Some(schema) => is_marker(schema),
            // What is not registered is refused later, by its own name.
            None => !matches!(
                self.rules.registry().table(&fold(qualified.name)),
                Lookup::Shared(_)
            ),
        })
    }

    pub(super) fn mark_target(&mut self, name: &ObjectName) {
        self.roles.targets.insert(std::ptr::from_ref(name));
    }
}

const MANY_TARGETS: Refusal = Refusal::Construct(
    "a change of several tables at once",
    "PostgreSQL changes one; join the others with FROM or USING",
);

/// `FROM ONLY note` reads as a table `ONLY` with an alias, and `FROM ONLY (note)` as a function of that
/// name, whose argument would go unnoticed.
fn refuse_only(name: &Ident) -> Result<(), Refusal> {
    if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("only") {
        return Err(Refusal::Construct("ONLY", "name the table without it"));
    }
    Ok(())
}

/// For PostgreSQL `mood 'happy'` is a value of a type, where sqlparser sees a column and its label.
fn typed_literal(part: &Ident) -> Refusal {
    Refusal::Unparseable(format!(
        "{part} may be a part of a literal with its type: put a label in double quotes, and write a value of a type \
         with CAST"
    ))
}

/// For PostgreSQL `treat(x AS f)` is a call of its own function `f`.
fn refuse_treat(name: &ObjectName) -> Result<(), Refusal> {
    match Qualified::new(name)? {
        Qualified { schema: None, name } if fold(name) == "treat" => {
            Err(Refusal::Construct("TREAT", "write CAST, or call the function"))
        }
        _ => Ok(()),
    }
}

fn is_marker(schema: &Ident) -> bool {
    schema.quote_style.is_some() && schema.value == TENANT_MARKER
}

/// `OPERATOR(schema.+)` runs the function of that schema's operator.
fn check_operator(parts: &[String]) -> Result<(), Refusal> {
    match parts {
        [_] => Ok(()),
        [schema, _] if schema.eq_ignore_ascii_case("pg_catalog") => Ok(()),
        _ => Err(Refusal::Construct(
            "an operator of a schema",
            "write the operator alone",
        )),
    }
}

fn refuse_set_expr(body: &SetExpr) -> Result<(), Refusal> {
    match body {
        SetExpr::Table(_) => Err(Refusal::Construct(
            "TABLE name",
            "write `SELECT * FROM name`, which is the same",
        )),
        SetExpr::SetOperation { left, right, .. } => {
            refuse_set_expr(left)?;
            refuse_set_expr(right)
        }
        _ => Ok(()),
    }
}

fn refuse_into(select: &Select) -> Result<(), Refusal> {
    match select.into {
        Some(_) => Err(Refusal::Construct(
            "SELECT INTO",
            "create the table in a migration and use INSERT ... SELECT",
        )),
        None => Ok(()),
    }
}

fn flow(result: Result<(), Refusal>) -> ControlFlow<Refusal> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(refusal),
    }
}

impl Visitor for Walk<'_> {
    type Break = Refusal;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Refusal> {
        flow(self.statement(statement))
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        self.scopes.enter(query);
        flow(refuse_set_expr(&query.body))
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        self.scopes.leave(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        flow(refuse_into(select).and_then(|()| self.select_items(&select.projection)))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        flow(self.table_factor(factor))
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Refusal> {
        flow(self.relation(name))
    }

    fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<Refusal> {
        flow(self.ident(ident))
    }

    fn pre_visit_order_by_expr(&mut self, order: &OrderByExpr) -> ControlFlow<Refusal> {
        match &order.options.sort {
            Some(OrderBySort::Using(operator)) => flow(self.code(operator)),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        flow(self.expr(expr))
    }
}
