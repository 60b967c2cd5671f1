//! `generate entity`, which writes entities of existing tables.
//!
//! SeaORM's own generator gets the tables of one tenant and of the shared schema at once, so that it knows the relations
//! between them. Then each entity and enum gets `#[tenant]` or `#[shared]`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbErr, QueryResult, RuntimeErr, sea_query::TableCreateStatement,
};
use sea_orm_codegen::{
    BannerVersion, BigIntegerType, DateTimeCrate, EntityFormat, EntityTransformer, EntityWriterContext,
    OutputFile, WithPrelude, WithSerde,
};
use sea_schema::postgres::{
    def::{ColumnType, EnumDef, ForeignKeyAction, References, TableDef, Type},
    discovery::SchemaDiscovery,
};
use syn::{Attribute, Item, LitStr, Token, parse_quote};
use tenant_core::{__private::CATALOG_TABLES, SchemaName, Scope};

use crate::{
    cli::{
        CliError, Context,
        init::{overwrite, write_new},
    },
    database::{panic_message, rows, texts},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  migration generate entity -s acme
  migration generate entity -s acme --output-dir src/entity --with-serde both
  migration generate entity -s acme --ignore-tables acme.draft,public.audit_log
  migration generate entity -s public                     only the shared tables";

/// Arguments of `generate entity`.
#[derive(Debug, clap::Args)]
pub(crate) struct EntityArgs {
    /// The folder of the entities. If it is called `src`, they are listed in `lib.rs`, otherwise in `mod.rs`
    #[arg(short, long, default_value = "entity/src", value_name = "DIR")]
    pub(super) output_dir: PathBuf,

    /// Write files that exist anew. By default they are kept
    #[arg(long)]
    pub(super) overwrite: bool,

    /// Only these tables, such as `note` or `public.plan`
    #[arg(short, long, value_name = "TABLE,...", value_delimiter = ',')]
    pub(super) tables: Vec<String>,

    /// All tables but these, such as `note` or `public.plan`
    #[arg(
        long,
        value_name = "TABLE,...",
        value_delimiter = ',',
        conflicts_with = "tables"
    )]
    pub(super) ignore_tables: Vec<String>,

    /// Derive these traits of serde: none, serialize, deserialize or both
    #[arg(long, default_value = "none", value_name = "TRAITS", value_parser = ["none", "serialize", "deserialize", "both"])]
    pub(super) with_serde: String,
}

impl EntityArgs {
    fn includes(&self, schema: &SchemaName, table: &str) -> bool {
        let full = format!("{schema}.{table}");
        let names = |names: &[String]| names.iter().any(|name| name == table || *name == full);
        (self.tables.is_empty() || names(&self.tables)) && !names(&self.ignore_tables)
    }
}

/// Writes the entities.
pub(super) async fn generate(
    context: &Context<'_>,
    args: &EntityArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let schema = context.schema.as_deref().ok_or(CliError::NoSchemaForEntities)?;
    let schema = SchemaName::new(schema)?;
    let db = context.connect().await?;
    let discovered = Discovered::read(context, &db, &schema, args).await;
    db.close().await?;
    let discovered = discovered?;
    for left_out in &discovered.left_out {
        writeln!(out, "left out {left_out}")?;
    }
    for file in discovered.files(args)? {
        let path = args.output_dir.join(&file.name);
        if args.overwrite {
            overwrite(&path, &file.content, out)?;
        } else {
            write_new(&path, &file.content, out)?;
        }
    }
    Ok(())
}

/// Tables and enum types of a tenant's schema and of the shared schema.
#[derive(Default)]
struct Discovered {
    tables: BTreeMap<String, (Scope, TableDef)>,
    enums: BTreeMap<String, (Scope, EnumDef)>,
    /// Foreign keys to other schemas, for people.
    left_out: Vec<String>,
}

impl Discovered {
    async fn read(
        context: &Context<'_>,
        db: &DatabaseConnection,
        schema: &SchemaName,
        args: &EntityArgs,
    ) -> Result<Self, CliError> {
        let shared = SchemaName::shared();
        let mut schemas = vec![(schema, Scope::Tenant), (&shared, Scope::Shared)];
        if schema.is_shared() {
            schemas.remove(0);
        }
        set_search_path(context, db, schema).await?;
        let mut discovered = Self::default();
        for (schema, scope) in schemas {
            discovered.add(context, db, schema, scope, args).await?;
        }
        discovered.resolve_enums();
        Ok(discovered)
    }

    async fn add(
        &mut self,
        context: &Context<'_>,
        db: &DatabaseConnection,
        schema: &SchemaName,
        scope: Scope,
        args: &EntityArgs,
    ) -> Result<(), CliError> {
        let names = table_names(context, db, schema).await?;
        let mut foreign_keys = self.foreign_keys(db, schema).await?;
        let discovery = SchemaDiscovery::new(db.get_postgres_connection_pool().clone(), schema.as_str());
        let found = discovery.discover().await.map_err(sqlx_error)?;
        for mut table in found.tables {
            let name = table.info.name.clone();
            if !names.contains(&name) || !args.includes(schema, &name) {
                continue;
            }
            table.reference_constraints = foreign_keys.remove(&name).unwrap_or_default();
            // An entity would write generated columns, and takes an index with a condition for one without.
            table.columns.retain(|column| column.generated.is_none());
            table.unique_constraints.retain(|key| !key.is_partial);
            if self.tables.insert(name.clone(), (scope, table)).is_some() {
                return Err(CliError::InBothSchemas { what: "table", name });
            }
        }
        for found in found.enums {
            let name = found.typename.clone();
            if self.enums.insert(name.clone(), (scope, found)).is_some() {
                return Err(CliError::InBothSchemas { what: "type", name });
            }
        }
        Ok(())
    }

    /// Returns the foreign keys of the tables of a schema, to tables of the same and of the shared schema.
    ///
    /// sea-schema finds them by the names of constraints, which are the same in the schemas of all tenants.
    async fn foreign_keys(
        &mut self,
        db: &DatabaseConnection,
        schema: &SchemaName,
    ) -> Result<BTreeMap<String, Vec<References>>, DbErr> {
        let mut keys: BTreeMap<String, Vec<References>> = BTreeMap::new();
        for row in rows(db, include_str!("foreign_keys.sql"), [schema.quoted().into()]).await? {
            let table: String = row.try_get("", "table_name")?;
            let target: String = row.try_get("", "ref_schema")?;
            let key = foreign_key(&row)?;
            if target == schema.as_str() || target == SchemaName::shared().as_str() {
                keys.entry(table).or_default().push(key);
            } else {
                let (name, to) = (&key.name, &key.table);
                self.left_out.push(format!(
                    "the foreign key {name} of {schema}.{table} to {target}.{to}"
                ));
            }
        }
        Ok(keys)
    }

    /// Gives the columns of tenant tables the enum types of the shared schema, which sea-schema does not look up.
    fn resolve_enums(&mut self) {
        let columns = self.tables.values_mut().flat_map(|(_, table)| &mut table.columns);
        for column in columns {
            match &mut column.col_type {
                Type::Array(array) => {
                    if let Some(element) = array
                        .col_type
                        .as_deref()
                        .and_then(|found| enum_of(&self.enums, found))
                    {
                        array.col_type = Some(element.into());
                    }
                }
                found => {
                    if let Some(resolved) = enum_of(&self.enums, found) {
                        *found = resolved;
                    }
                }
            }
        }
    }

    fn files(&self, args: &EntityArgs) -> Result<Vec<OutputFile>, CliError> {
        let statements: Vec<_> = self.tables.values().map(|(_, table)| table.write()).collect();
        let is_library = args.output_dir.ends_with("src");
        let files = write_entities(statements, &args.with_serde, is_library)?;
        let mut names = BTreeSet::new();
        if let Some(twin) = files.iter().find(|file| !names.insert(&file.name)) {
            return Err(CliError::GenerateEntities(format!(
                "two tables need the file {}",
                twin.name
            )));
        }
        let annotate = |file: OutputFile| {
            let content = self.annotate(&file.content);
            let content =
                content.map_err(|error| CliError::GenerateEntities(format!("{}: {error}", file.name)))?;
            Ok(OutputFile { content, ..file })
        };
        files.into_iter().map(annotate).collect()
    }

    /// Adds `#[tenant]` and `#[shared]` to the entities and enums of a file, and formats it.
    fn annotate(&self, text: &str) -> syn::Result<String> {
        let mut file = syn::parse_file(text)?;
        for item in &mut file.items {
            let (attributes, scope) = match item {
                Item::Struct(item) => {
                    let name = sea_orm_value(&item.attrs, "table_name")?;
                    let found = name.and_then(|name| self.tables.get(&name));
                    (&mut item.attrs, found.map(|(scope, _)| *scope))
                }
                Item::Enum(item) => {
                    let name = sea_orm_value(&item.attrs, "enum_name")?;
                    let found = name.and_then(|name| self.enums.get(&name));
                    (&mut item.attrs, found.map(|(scope, _)| *scope))
                }
                _ => continue,
            };
            match scope {
                Some(Scope::Tenant) => attributes.insert(0, parse_quote!(#[tenant_core::tenant])),
                Some(_) => attributes.insert(0, parse_quote!(#[tenant_core::shared])),
                None => {}
            }
        }
        Ok(format(file))
    }
}

/// Returns the enum type that a column's type names, if sea-schema left that open.
fn enum_of(enums: &BTreeMap<String, (Scope, EnumDef)>, found: &ColumnType) -> Option<ColumnType> {
    match found {
        Type::Unknown(name) => enums.get(name).map(|(_, found)| Type::Enum(found.clone())),
        _ => None,
    }
}

/// Sets the path on which sea-schema finds the types of columns. The connection is the command's own.
async fn set_search_path(
    context: &Context<'_>,
    db: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<(), DbErr> {
    let shared = SchemaName::shared();
    let path = [schema, &shared]
        .into_iter()
        .chain(context.migrations.extension_schemas());
    let path: Vec<_> = path.map(SchemaName::quoted).collect();
    db.execute_unprepared(&format!("SET search_path = {}", path.join(", ")))
        .await?;
    Ok(())
}

/// Returns the tables that need entities: no partitions, tables of extensions, ledgers and catalog tables.
async fn table_names(
    context: &Context<'_>,
    db: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<BTreeSet<String>, CliError> {
    let exists = "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = $1";
    if texts(db, exists, [schema.as_str().into()]).await?.is_empty() {
        return Err(CliError::NoSuchSchema {
            schema: schema.clone(),
        });
    }
    let sql = "SELECT relname::text FROM pg_catalog.pg_class AS class
        WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend
            WHERE classid = 'pg_catalog.pg_class'::regclass AND objid = class.oid AND deptype = 'e'
        )";
    let names = texts(db, sql, [schema.quoted().into()]).await?.into_iter();
    let ledgers: Vec<_> = context.migrations.sets().map(|(.., set)| set.ledger()).collect();
    let is_bookkeeping =
        |name: &str| ledgers.contains(&name) || (schema.is_shared() && CATALOG_TABLES.contains(&name));
    Ok(names.filter(|name| !is_bookkeeping(name)).collect())
}

fn foreign_key(row: &QueryResult) -> Result<References, DbErr> {
    let names = |column| -> Result<Vec<String>, DbErr> {
        let text: String = row.try_get("", column)?;
        serde_json::from_str(&text).map_err(|error| DbErr::Custom(error.to_string()))
    };
    let action = |column| -> Result<_, DbErr> {
        let letter: String = row.try_get("", column)?;
        Ok(match letter.as_str() {
            "r" => Some(ForeignKeyAction::Restrict),
            "c" => Some(ForeignKeyAction::Cascade),
            "n" => Some(ForeignKeyAction::SetNull),
            "d" => Some(ForeignKeyAction::SetDefault),
            _ => None,
        })
    };
    Ok(References {
        name: row.try_get("", "name")?,
        columns: names("columns")?,
        table: row.try_get("", "ref_table")?,
        foreign_columns: names("ref_columns")?,
        on_update: action("on_update")?,
        on_delete: action("on_delete")?,
    })
}

/// Runs SeaORM's generator. It panics if a name cannot be an identifier of Rust.
fn write_entities(
    statements: Vec<TableCreateStatement>,
    serde: &str,
    is_library: bool,
) -> Result<Vec<OutputFile>, CliError> {
    let run = || {
        let serde: WithSerde = serde.parse()?;
        let context = EntityWriterContext::new(
            EntityFormat::Dense,
            WithPrelude::None,
            serde,
            false,
            DateTimeCrate::Chrono,
            BigIntegerType::I64,
            None,
            is_library,
            false,
            false,
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            false,
            true,
            BannerVersion::Minor,
        );
        Ok(EntityTransformer::transform(statements)?.generate(&context).files)
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(written) => {
            written.map_err(|error: sea_orm_codegen::Error| CliError::GenerateEntities(error.to_string()))
        }
        Err(panic) => Err(CliError::GenerateEntities(panic_message(&*panic).to_owned())),
    }
}

/// Returns the text of a key in `#[sea_orm(...)]`.
fn sea_orm_value(attributes: &[Attribute], key: &str) -> syn::Result<Option<String>> {
    let mut found = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("sea_orm"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.input.peek(Token![=]) {
                let value: LitStr = meta.value()?.parse()?;
                if meta.path.is_ident(key) {
                    found = Some(value.value());
                }
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// Formats a file as rustfmt does: `use super` first, and empty lines around items other than `use` and `mod`.
fn format(mut file: syn::File) -> String {
    file.items.sort_by_key(|item| !is_use_of_super(item));
    let is_short = |item: &Item| matches!(item, Item::Use(_) | Item::Mod(_));
    let mut text = prettyplease::unparse(&syn::File {
        items: Vec::new(),
        ..file.clone()
    });
    let mut after_short = false;
    for item in file.items {
        let short = is_short(&item);
        if !(short && after_short) {
            text.push('\n');
        }
        after_short = short;
        text.push_str(&prettyplease::unparse(&syn::File {
            shebang: None,
            attrs: Vec::new(),
            items: vec![item],
        }));
    }
    text
}

fn is_use_of_super(item: &Item) -> bool {
    matches!(item, Item::Use(item) if matches!(&item.tree, syn::UseTree::Path(path) if path.ident == "super"))
}

fn sqlx_error(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
