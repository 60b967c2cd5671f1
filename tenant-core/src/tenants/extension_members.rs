//! Reads the functions, types and operators of extensions from the server.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement};

use crate::{error::ConnectError, sql::Extensions};

/// The objects that a statement may name, each with its kind, its extension and its schema. The members of an extension
/// are its dependencies of the type `e`. <https://www.postgresql.org/docs/current/catalog-pg-depend.html>
const MEMBERS: &str = "
    SELECT CASE WHEN p.oid IS NOT NULL THEN 'function' WHEN t.oid IS NOT NULL THEN 'type' ELSE 'operator' END AS kind,
        e.extname::text AS extension, n.nspname::text AS schema,
        coalesce(p.proname, t.typname, o.oprname)::text AS name
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
        AND d.deptype = 'e'
    LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
    LEFT JOIN pg_catalog.pg_type t ON d.classid = 'pg_catalog.pg_type'::regclass AND t.oid = d.objid
    LEFT JOIN pg_catalog.pg_operator o ON d.classid = 'pg_catalog.pg_operator'::regclass AND o.oid = d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(p.pronamespace, t.typnamespace, o.oprnamespace)
    WHERE e.extname = ";

/// Adds the members of the named extensions.
///
/// # Errors
/// [`ConnectError::NoExtension`] if one is not in the database, [`ConnectError::Database`] if that cannot be read.
pub(crate) async fn read(
    db: &DatabaseConnection,
    names: &[String],
    extensions: &mut Extensions,
) -> Result<(), ConnectError> {
    for name in names {
        let sql = format!("{MEMBERS}$1");
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.as_str().into()]);
        let members = db.query_all_raw(statement).await?;
        if members.is_empty() {
            return Err(ConnectError::NoExtension { name: name.clone() });
        }
        for member in &members {
            add(member, extensions)?;
        }
    }
    Ok(())
}

fn add(member: &QueryResult, extensions: &mut Extensions) -> Result<(), DbErr> {
    let column = |name: &str| member.try_get::<String>("", name);
    let (extension, schema, name) = (column("extension")?, column("schema")?, column("name")?);
    match column("kind")?.as_str() {
        "function" => extensions.add_function(&extension, &schema, &name),
        "type" => extensions.add_type(&extension, &schema, &name),
        _ => extensions.add_operator(&schema, &name),
    }
    Ok(())
}
