//! [`FanOut`]: one query over many tenants.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{
    ConnectionTrait as _, DbBackend, DbErr, EntityTrait, QueryResult, QueryTrait as _, Select, SelectModel,
    SelectTwo, SelectTwoModel, Selector, SelectorRaw, SelectorTrait, Statement, sea_query::Values,
};

use super::Tenants;
use crate::{
    catalog::CatalogError,
    error::{ConnectionError, error_position},
    schema_name::{SchemaName, TENANT_MARKER},
    sql::{Refusal, Template},
    tenant::{Tenant, TenantRef},
};

/// Most tenants in one statement. Planning grows faster than their number: 0.1 ms for 10, 1 to 2 ms for 50, 2 to 17 ms for 100
/// and 70 to 300 ms for 500 (measured). Locks are the other reason: PostgreSQL has room for 6,400 tables and indexes by default, for all
/// sessions together.
const MAX_TENANTS: usize = 50;

/// Length of a text, in bytes, after which no further tenant is added.
const MAX_BYTES: usize = 1024 * 1024;

impl Tenants {
    /// Returns a reader of many tenants at once. Default: the tenants that are served, as [`FanOut::all`] finds them in the
    /// catalog, without the public one.
    pub fn fan_out(&self) -> FanOut {
        FanOut {
            tenants: self.clone(),
            selected: None,
        }
    }
}

/// Reads many tenants by one query, such as for a report. Each row comes with its tenant.
///
/// The query is compiled once and checked as on a [`TenantConnection`](crate::TenantConnection). Then its text is rendered for
/// each tenant, put into brackets, and joined with the others by `UNION ALL`: 50 tenants in one statement, one statement
/// after the other. All of them share the parameters.
///
/// - `ORDER BY`, `LIMIT`, `DISTINCT`, `GROUP BY` and aggregates are those **of each tenant**. The results come in the order of
///   the tenants: of their schemas, or as they were given to [`over`](Self::over).
/// - All columns have names: `SELECT *` is refused, because `UNION ALL` goes by their place. Entities name them.
/// - A column that has another type in some schemas is converted as `UNION ALL` does, or is an error.
/// - Queries alone are run. Statements that change rows, also in a `WITH`, and locks such as `FOR UPDATE` are refused.
/// - Each statement has its own snapshot of the database. All rows are in memory at the end. For more rows than that, and for
///   changes, use `tenant_migration::for_each_tenant`.
/// - The statements are not kept prepared, but on a connection of the application's own
///   ([`TenantsBuilder::from_connection`](crate::TenantsBuilder::from_connection)) and behind a pooler.
/// - With [`TenantsBuilder::run_as_tenant_roles`](crate::TenantsBuilder::run_as_tenant_roles), no role may read two tenants. The
///   query runs for one tenant after the other then, as its role.
///
/// # Example
/// ```no_run
/// # mod note {
/// #     use sea_orm::entity::prelude::*;
/// #     #[tenant_core::tenant]
/// #     #[sea_orm::model]
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #     #[sea_orm(table_name = "note")]
/// #     pub struct Model {
/// #         #[sea_orm(primary_key)]
/// #         pub id: i32,
/// #         pub title: String,
/// #     }
/// #     impl ActiveModelBehavior for ActiveModel {}
/// # }
/// use sea_orm::{EntityTrait, FromQueryResult, QueryOrder, QuerySelect, raw_sql};
/// use tenant_core::{FanOutError, Tenants};
///
/// #[derive(FromQueryResult)]
/// struct Usage {
///     notes: i64,
/// }
///
/// async fn report(tenants: &Tenants) -> Result<(), FanOutError> {
///     // The newest note of each tenant.
///     let newest = note::Entity::find().order_by_desc(note::Column::Id).limit(1);
///     for (tenant, note) in tenants.fan_out().all(newest).await? {
///         println!("{}: {}", tenant.schema(), note.title);
///     }
///     // Raw SQL, for some tenants.
///     let trials = tenants.list().await?.into_iter().filter(|tenant| tenant.kind() == "trial");
///     let usage = Usage::find_by_statement(raw_sql!(Postgres, "SELECT count(*) AS notes FROM note"));
///     for (tenant, usage) in tenants.fan_out().over(trials).all(usage).await? {
///         println!("{}: {} notes", tenant.schema(), usage.notes);
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read before `all`"]
pub struct FanOut {
    tenants: Tenants,
    selected: Option<Vec<Tenant>>,
}

/// Error of a query over many tenants. No rows are returned with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FanOutError {
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The query was not sent, for any tenant.
    #[error("the query over many tenants is refused: {refusal} (in: {sql})")]
    Refused {
        /// Reason, and what to do instead.
        #[source]
        refusal: Refusal,
        /// The start of the query.
        sql: String,
    },
    /// The query failed for one tenant, such as one whose schema has another version.
    #[error(
        "tenant {tenant}: {source}. Nothing of the other tenants is returned: migrate it, or leave it out"
    )]
    Tenant {
        /// The tenant.
        tenant: TenantRef,
        /// Error of its connection, of PostgreSQL, or of reading its rows.
        source: DbErr,
    },
    /// A statement failed, and PostgreSQL did not say for which of its tenants.
    #[error(
        "tenants {first} to {last}: {source}. Nothing of the other tenants is returned: see for which it fails on their own \
         connections"
    )]
    Statement {
        /// First tenant of the statement.
        first: SchemaName,
        /// Last tenant of the statement.
        last: SchemaName,
        /// The error.
        source: DbErr,
    },
}

/// Query of a [`FanOut`]: `Entity::find()`, one with related entities, and everything that SeaORM makes of them by
/// `into_model`, `into_partial_model`, `into_tuple`, `find_by_statement` and others. Rows of `into_json` have one more
/// field, `$tenant`.
pub trait FanOutQuery {
    /// Type of the rows.
    type Row;

    /// Returns the statement for one tenant.
    fn into_statement(self) -> Statement;

    /// Reads a row.
    ///
    /// # Errors
    /// [`DbErr`] if the row has other columns.
    fn read(row: QueryResult) -> Result<Self::Row, DbErr>;
}

impl<E: EntityTrait> FanOutQuery for Select<E> {
    type Row = E::Model;

    fn into_statement(self) -> Statement {
        self.build(DbBackend::Postgres)
    }

    fn read(row: QueryResult) -> Result<E::Model, DbErr> {
        SelectModel::<E::Model>::from_raw_query_result(row)
    }
}

impl<E: EntityTrait, F: EntityTrait> FanOutQuery for SelectTwo<E, F> {
    type Row = (E::Model, Option<F::Model>);

    fn into_statement(self) -> Statement {
        self.build(DbBackend::Postgres)
    }

    fn read(row: QueryResult) -> Result<Self::Row, DbErr> {
        SelectTwoModel::<E::Model, F::Model>::from_raw_query_result(row)
    }
}

impl<S: SelectorTrait> FanOutQuery for Selector<S> {
    type Row = S::Item;

    fn into_statement(self) -> Statement {
        Selector::into_statement(self, DbBackend::Postgres)
    }

    fn read(row: QueryResult) -> Result<S::Item, DbErr> {
        S::from_raw_query_result(row)
    }
}

impl<S: SelectorTrait> FanOutQuery for SelectorRaw<S> {
    type Row = S::Item;

    fn into_statement(self) -> Statement {
        SelectorRaw::into_statement(self)
    }

    fn read(row: QueryResult) -> Result<S::Item, DbErr> {
        S::from_raw_query_result(row)
    }
}

impl FanOut {
    /// Reads these tenants. Their status is not checked.
    pub fn over(mut self, tenants: impl IntoIterator<Item = Tenant>) -> Self {
        self.selected = Some(tenants.into_iter().collect());
        self
    }

    /// Runs the query, and returns all rows, each with its tenant.
    ///
    /// # Errors
    /// [`FanOutError`], and no rows: if the query is refused, a tenant's schema lacks what it reads, or the database fails.
    pub async fn all<Q: FanOutQuery>(self, query: Q) -> Result<Vec<(Tenant, Q::Row)>, FanOutError> {
        let statement = query.into_statement();
        let template = self.tenants.compile_fan_out(&statement.sql)?;
        let tenants = match self.selected {
            Some(tenants) => tenants,
            None => served(&self.tenants).await?,
        };
        let rows = match self.tenants.runs_as_roles() {
            true => self.tenants.read_one_by_one(&tenants, &statement).await?,
            false => {
                self.tenants
                    .read_together(&tenants, &template, statement.values)
                    .await?
            }
        };
        let read = |(tenant, row): (&Tenant, QueryResult)| match Q::read(row) {
            Ok(row) => Ok((tenant.clone(), row)),
            Err(source) => Err(of_tenant(tenant, source)),
        };
        rows.into_iter().map(read).collect()
    }
}

/// Returns the tenants that are served to requests now, without the public one.
async fn served(tenants: &Tenants) -> Result<Vec<Tenant>, CatalogError> {
    let all = tenants.list().await?.into_iter();
    Ok(all
        .filter(|tenant| !tenant.is_public() && tenants.check_served(tenant).is_ok())
        .collect())
}

/// Rows of tenants, in their order.
type Rows<'t> = Vec<(&'t Tenant, QueryResult)>;

impl Tenants {
    fn compile_fan_out(&self, sql: &str) -> Result<Arc<Template>, FanOutError> {
        let template = self.compiler().compile_fan_out(sql);
        template.map_err(|refusal| {
            self.compiler().count_refusal();
            FanOutError::Refused {
                refusal,
                sql: ConnectionError::shown(sql),
            }
        })
    }

    /// Runs the statement on the connection of each tenant, as the tenant's role.
    async fn read_one_by_one<'t>(
        &self,
        tenants: &'t [Tenant],
        statement: &Statement,
    ) -> Result<Rows<'t>, FanOutError> {
        let mut all = Rows::new();
        for tenant in tenants {
            let rows = self.connection(tenant).query_all_raw(statement.clone()).await;
            let rows = rows.map_err(|source| of_tenant(tenant, source))?;
            all.extend(rows.into_iter().map(|row| (tenant, row)));
        }
        Ok(all)
    }

    /// Runs the statement for many tenants at once.
    async fn read_together<'t>(
        &self,
        mut tenants: &'t [Tenant],
        template: &Template,
        values: Option<Values>,
    ) -> Result<Rows<'t>, FanOutError> {
        let mut all = Rows::new();
        while let Some(first) = tenants.first() {
            let union = Union::new(template, tenants)?;
            tenants = &tenants[union.parts.len()..];
            let statement = Statement {
                sql: union.sql.clone(),
                values: values.clone(),
                db_backend: DbBackend::Postgres,
            };
            match self.connection(first).query_rendered_once(statement).await {
                Ok(rows) => all.append(&mut union.assign(rows)?),
                Err(error) => return Err(self.explain(&union, error).await),
            }
        }
        Ok(all)
    }

    /// Returns the error of a statement, with the tenant in whose part PostgreSQL found it.
    async fn explain(&self, union: &Union<'_>, error: DbErr) -> FanOutError {
        let position = error_position(&error);
        match position.and_then(|position| union.at(position)) {
            Some(tenant) => of_tenant(tenant, self.connection(tenant).explained(error).await),
            None => union.failed(error),
        }
    }
}

fn of_tenant(tenant: &Tenant, source: DbErr) -> FanOutError {
    let tenant = tenant.reference();
    FanOutError::Tenant { tenant, source }
}

/// A query over some tenants.
struct Union<'t> {
    sql: String,
    parts: Vec<Part<'t>>,
}

/// Part of one tenant.
struct Part<'t> {
    tenant: &'t Tenant,
    /// End in the text, in characters.
    end: usize,
}

impl<'t> Union<'t> {
    /// Joins the query for the first of these tenants, which are at least one.
    ///
    /// Each row has the tenant's schema in its last column. No column of the query can have its name, because the marker is
    /// refused as a name of columns. Columns that are read by their place keep it.
    fn new(template: &Template, tenants: &'t [Tenant]) -> Result<Self, FanOutError> {
        let mut union = Self {
            sql: String::new(),
            parts: Vec::new(),
        };
        let mut end = 0;
        for tenant in tenants.iter().take(MAX_TENANTS) {
            if union.sql.len() > MAX_BYTES {
                break;
            }
            let part = union.part(template, tenant)?;
            end += part.chars().count();
            union.sql.push_str(&part);
            union.parts.push(Part { tenant, end });
        }
        Ok(union)
    }

    fn part(&self, template: &Template, tenant: &Tenant) -> Result<String, FanOutError> {
        let schema = tenant.schema();
        let query = template.render(schema).map_err(|refusal| {
            let error = ConnectionError::refused(schema, refusal, template.text());
            of_tenant(tenant, error.into())
        })?;
        let join = if self.parts.is_empty() {
            ""
        } else {
            "\nUNION ALL\n"
        };
        let marker = format!("\"{TENANT_MARKER}\"");
        // A schema's name has letters, digits, `_` and `-` only. The line ends before the bracket, since the query may end
        // with a comment.
        Ok(format!(
            "{join}SELECT {marker}.*, '{schema}' AS {marker} FROM (\n{query}\n) AS {marker}"
        ))
    }

    /// Returns the tenant of the part at a place in the text, in characters from 1.
    fn at(&self, position: usize) -> Option<&'t Tenant> {
        let part = self.parts.iter().find(|part| position <= part.end);
        part.map(|part| part.tenant)
    }

    /// Returns the rows with their tenants, in the order of these.
    fn assign(&self, rows: Vec<QueryResult>) -> Result<Rows<'t>, FanOutError> {
        let places = self.parts.iter().enumerate();
        let places: HashMap<_, _> = places
            .map(|(place, part)| (part.tenant.schema().as_str(), place))
            .collect();
        let mut placed = Vec::with_capacity(rows.len());
        for row in rows {
            let schema: String = row
                .try_get("", TENANT_MARKER)
                .map_err(|error| self.failed(error))?;
            let place = places.get(&*schema).copied();
            let unknown = || DbErr::RecordNotFound(format!("the tenant {schema} of a row in the query"));
            placed.push((place.ok_or_else(|| self.failed(unknown()))?, row));
        }
        // PostgreSQL promises no order between the parts. Sorting is stable, so each keeps its own.
        placed.sort_by_key(|(place, _)| *place);
        Ok(placed
            .into_iter()
            .map(|(place, row)| (self.parts[place].tenant, row))
            .collect())
    }

    fn failed(&self, source: DbErr) -> FanOutError {
        let schema = |part: Option<&Part<'_>>| {
            let schema = part.map(|part| part.tenant.schema().clone());
            schema.unwrap_or_else(SchemaName::shared)
        };
        FanOutError::Statement {
            first: schema(self.parts.first()),
            last: schema(self.parts.last()),
            source,
        }
    }
}
