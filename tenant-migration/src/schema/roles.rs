//! The PostgreSQL role of a tenant: made, given its rights, dropped.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait};
use tenant_core::{
    __private::{CATALOG_TABLES, database_name},
    RoleName, SHARED_SCHEMA, SchemaName, Scope,
};

use crate::{
    database::{scalar, texts},
    define::{Migrations, RoleError, TenantRoles},
    schema::lock,
};

/// Makes the role of a schema's tenant if it is not there, and gives it its rights, as every migration does. For the
/// shared schema, the role that all tenants' roles are members of.
///
/// Does nothing if the migrations are [without roles](Migrations::with_tenant_roles).
///
/// # Errors
/// [`RoleError`] if it cannot be made. Nothing was changed then.
pub async fn grant_tenant_role(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<(), RoleError> {
    let transaction = lock::begin_locked(db, schema).await?;
    grant(&transaction, migrations, schema).await?;
    transaction.commit().await?;
    Ok(())
}

/// Drops the role of a schema's tenant, with its large objects and the rights it has in this database. `false` if it was not
/// there.
///
/// Whoever drops a tenant does so after dropping its schema. Transactions that run as the role go on.
///
/// # Errors
/// [`RoleError`] if it cannot be dropped, as the shared schema's cannot while there are others, or if it owns other
/// objects. Nothing was changed then.
pub async fn drop_tenant_role(db: &DatabaseConnection, schema: &SchemaName) -> Result<bool, RoleError> {
    let transaction = db.begin().await?;
    let is_there = drop_role(&transaction, schema).await?;
    transaction.commit().await?;
    Ok(is_there)
}

/// Drops the role of a schema's tenant, in a transaction of the caller's. `false` if it was not there.
pub(crate) async fn drop_role(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<bool, RoleError> {
    let role = RoleName::new(&database_name(db).await?, schema)?;
    let is_there = find(db, &role).await?;
    if is_there {
        // Its rights can be taken from it by its members only.
        add_member(db, &role, None).await?;
        require_no_property(db, &role, None).await?;
        let role = role.quoted();
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        db.execute_unprepared(&drop).await?;
    }
    Ok(is_there)
}

/// Refuses a tenant's role that owns an object outside of the tenant's schema.
pub(crate) async fn require_no_other_property(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<(), RoleError> {
    if migrations.tenant_roles().is_none() {
        return Ok(());
    }
    let role = RoleName::new(&database_name(db).await?, schema)?;
    require_no_property(db, &role, Some(schema)).await
}

/// Refuses a role that owns an object outside of `schema`, or any object. Large objects are not counted: they are in no schema,
/// and nobody but the tenant makes them as this role.
async fn require_no_property(
    db: &impl ConnectionTrait,
    role: &RoleName,
    schema: Option<&SchemaName>,
) -> Result<(), RoleError> {
    let schema = schema.map(|schema| schema.as_str().to_owned());
    let objects = texts(db, PROPERTY, [role.as_str().into(), schema.into()]).await?;
    match objects.is_empty() {
        true => Ok(()),
        false => Err(RoleError::Owns {
            role: role.clone(),
            objects,
        }),
    }
}

/// Renames the role of a schema that was renamed, and gives it its rights, in a transaction of the caller's. The role keeps what
/// it owns and who is a member of it.
///
/// A role that has the new name already makes it fail: whoever is a member of that one would get into the schema.
pub(crate) async fn rename(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    old: &SchemaName,
    new: &SchemaName,
) -> Result<(), RoleError> {
    if migrations.tenant_roles().is_none() {
        return Ok(());
    }
    let database = database_name(db).await?;
    let role = RoleName::new(&database, old)?;
    if find(db, &role).await? {
        let new_role = RoleName::new(&database, new)?;
        let rename = format!("ALTER ROLE {} RENAME TO {}", role.quoted(), new_role.quoted());
        db.execute_unprepared(&rename).await?;
    }
    grant(db, migrations, new).await
}

/// Makes the role of a schema if it is not there, and gives it its rights, in a transaction of the caller's that
/// holds the schema's lock.
pub(crate) async fn grant(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<(), RoleError> {
    let Some(roles) = migrations.tenant_roles() else {
        return Ok(());
    };
    let database = database_name(db).await?;
    let granting = Granting {
        db,
        migrations,
        roles,
        shared: RoleName::new(&database, &SchemaName::shared())?,
    };
    if schema.is_shared() {
        return granting.grant_shared().await;
    }
    granting.ensure_shared().await?;
    granting
        .grant_tenant(schema, &RoleName::new(&database, schema)?)
        .await
}

struct Granting<'a, C> {
    db: &'a C,
    migrations: &'a Migrations,
    roles: &'a TenantRoles,
    /// The role for the shared schema.
    shared: RoleName,
}

impl<C: ConnectionTrait> Granting<'_, C> {
    /// The rights in the shared schema are left alone where the role is there: whoever changes them at the same
    /// time as others gets an error from PostgreSQL.
    async fn ensure_shared(&self) -> Result<(), RoleError> {
        if find(self.db, &self.shared).await? {
            return Ok(());
        }
        let lock = "SELECT pg_catalog.pg_advisory_xact_lock(hashtextextended('tenant-migration roles', 0))";
        self.db.execute_unprepared(lock).await?;
        if find(self.db, &self.shared).await? {
            return Ok(());
        }
        self.grant_shared().await
    }

    async fn grant_shared(&self) -> Result<(), RoleError> {
        self.make(&self.shared).await?;
        let (role, schema) = (self.shared.quoted(), SHARED_SCHEMA);
        let mut commands = vec![
            format!("GRANT USAGE ON SCHEMA \"{schema}\" TO {role}"),
            format!("ALTER DEFAULT PRIVILEGES IN SCHEMA \"{schema}\" GRANT SELECT ON TABLES TO {role}"),
        ];
        commands.extend(self.shared_tables().await?);
        for schema in self.migrations.extension_schemas() {
            commands.push(format!("GRANT USAGE ON SCHEMA {} TO {role}", schema.quoted()));
        }
        for schema in self.roles.read.iter().map(SchemaName::quoted) {
            commands.push(format!("GRANT USAGE ON SCHEMA {schema} TO {role}"));
            commands.push(format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"));
        }
        self.run(&commands).await
    }

    /// Returns the statements that grant rights on the tables of the shared schema. Tables of other owners, such as those of
    /// an extension, are left out: only their owners may grant them.
    async fn shared_tables(&self) -> Result<Vec<String>, DbErr> {
        let ledger = self.migrations.shared().ledger();
        let is_writable = |table: &&str| *table != ledger && !CATALOG_TABLES.contains(table);
        let written = self.roles.written.iter().map(String::as_str);
        let written: Vec<_> = written.filter(is_writable).collect();
        let values = [
            self.shared.as_str().into(),
            serde_json::json!(written).into(),
            ledger.into(),
        ];
        texts(self.db, SHARED_TABLES, values).await
    }

    async fn grant_tenant(&self, schema: &SchemaName, role: &RoleName) -> Result<(), RoleError> {
        self.make(role).await?;
        add_member(self.db, &self.shared, Some(role.as_str())).await?;
        let ledgers = self.ledgers(schema).await?;
        let (schema, role) = (schema.quoted(), role.quoted());
        let mut commands = vec![format!("GRANT USAGE ON SCHEMA {schema} TO {role}")];
        for (kind, rights) in TENANT_RIGHTS {
            commands.push(format!(
                "GRANT {rights} ON ALL {kind} IN SCHEMA {schema} TO {role}"
            ));
            commands.push(format!(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {rights} ON {kind} TO {role}"
            ));
        }
        commands.extend(
            ledgers
                .iter()
                .map(|ledger| format!("REVOKE ALL ON TABLE {ledger} FROM {role}")),
        );
        self.run(&commands).await
    }

    /// The ledgers that a schema has, whatever the kind of its tenant.
    async fn ledgers(&self, schema: &SchemaName) -> Result<Vec<String>, DbErr> {
        let sets = self.migrations.sets();
        let sets = sets.filter(|(scope, ..)| *scope == Scope::Tenant);
        let names: BTreeSet<_> = sets.map(|(.., set)| set.ledger_of(schema).quoted()).collect();
        let sql = "SELECT name FROM pg_catalog.jsonb_array_elements_text($1) AS name WHERE to_regclass(name) IS NOT NULL";
        texts(self.db, sql, [serde_json::json!(names).into()]).await
    }

    /// Makes a role that nobody logs in as, and lets the application become it.
    async fn make(&self, role: &RoleName) -> Result<(), RoleError> {
        if !find(self.db, role).await? {
            let create = format!("CREATE ROLE {} NOLOGIN INHERIT", role.quoted());
            self.db.execute_unprepared(&create).await?;
        }
        add_member(self.db, role, self.roles.login.as_deref()).await?;
        Ok(())
    }

    async fn run(&self, commands: &[String]) -> Result<(), RoleError> {
        self.db.execute_unprepared(&commands.join(";\n")).await?;
        Ok(())
    }
}

/// True if a role exists. Refuses one that may do more than a tenant's role.
async fn find(db: &impl ConnectionTrait, role: &RoleName) -> Result<bool, RoleError> {
    let sql =
        "SELECT rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication
        FROM pg_catalog.pg_roles WHERE rolname = $1";
    match scalar(db, sql, [role.as_str().into()]).await? {
        None => Ok(false),
        Some(false) => Ok(true),
        Some(true) => Err(RoleError::NotATenants { role: role.clone() }),
    }
}

/// Makes `member`, or else the current user, a member of a role. PostgreSQL has a message for everybody who already is,
/// and says it for every tenant.
///
/// Since version 16, whoever makes a role is a member that may neither become it nor has its rights (`set_option`):
/// <https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-CREATEROLE-SELF-GRANT>
async fn add_member(db: &impl ConnectionTrait, role: &RoleName, member: Option<&str>) -> Result<(), DbErr> {
    let sql = "SELECT pg_catalog.format('GRANT %I TO %I', $1::text, member)
        FROM coalesce($2::text, current_user::text) AS member
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_auth_members
            JOIN pg_catalog.pg_roles AS role ON role.oid = roleid
            JOIN pg_catalog.pg_roles AS joined ON joined.oid = pg_auth_members.member
            WHERE role.rolname = $1::text AND joined.rolname = coalesce($2::text, current_user::text)
                AND NOT pg_catalog.to_jsonb(pg_auth_members) @> '{\"set_option\": false}'
        )";
    let values = [role.as_str().into(), member.map(str::to_owned).into()];
    let grant: Option<String> = scalar(db, sql, values).await?;
    if let Some(grant) = grant {
        db.execute_unprepared(&grant).await?;
    }
    Ok(())
}

/// Rights of a tenant's role in the tenant's schema.
const TENANT_RIGHTS: [(&str, &str); 3] = [
    ("TABLES", "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"),
    ("SEQUENCES", "USAGE, SELECT, UPDATE"),
    ("ROUTINES", "EXECUTE"),
];

/// Query for objects that the role $1 owns, but for those in the schema $2.
const PROPERTY: &str = "
SELECT object.type || ' ' || object.identity
FROM pg_catalog.pg_roles AS role
JOIN pg_catalog.pg_shdepend ON refclassid = 'pg_catalog.pg_authid'::regclass AND refobjid = role.oid AND deptype = 'o'
JOIN pg_catalog.pg_database ON pg_database.oid = dbid AND datname = current_database()
CROSS JOIN LATERAL pg_catalog.pg_identify_object(classid, objid, objsubid) AS object
WHERE rolname = $1
    AND classid NOT IN ('pg_catalog.pg_largeobject'::regclass, 'pg_catalog.pg_default_acl'::regclass,
        'pg_catalog.pg_user_mapping'::regclass)
    AND object.schema IS DISTINCT FROM quote_ident($2::text)
    AND NOT (classid = 'pg_catalog.pg_namespace'::regclass AND object.name IS NOT DISTINCT FROM quote_ident($2::text))
ORDER BY 1 LIMIT 10";

/// Commands, by the role, the tables that tenants write, and the ledger, which tenants do not see. What was given before
/// is taken back first, so that a table that is not named any more is not written any more.
const SHARED_TABLES: &str = include_str!("shared_tables.sql");
