//! Code that was written for SeaORM's types runs on those of tenants after a change of the type's name. No trait of
//! SeaORM is in scope here.

use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, Statement,
    TransactionError,
};
use tenant_core::{TenantConnection, TenantTransaction};

use crate::entities::TwoTenants;

/// Writes the same functions for a type of connections and its type of transactions.
macro_rules! ported {
    ($module:ident, $connection:ty, $transaction:ty) => {
        mod $module {
            use super::*;

            async fn add_plan(db: &$transaction, code: &str) -> Result<(), DbErr> {
                let sql = format!("INSERT INTO plan VALUES ('{code}', '')");
                sea_orm::ConnectionTrait::execute_unprepared(db, &sql).await?;
                Ok(())
            }

            pub(super) async fn transactions(db: &$connection) -> Result<(), TransactionError<DbErr>> {
                db.ping().await?;
                assert_eq!(db.get_database_backend(), DbBackend::Postgres);
                let _ = db.get_schema_builder();
                let _ = db.get_schema_registry("no_such_crate::*");

                let kept = db.transaction_async(async |transaction: &$transaction| {
                    add_plan(transaction, "kept").await?;
                    let failed = transaction.transaction_async(async |nested: &$transaction| {
                        add_plan(nested, "undone").await?;
                        Err::<(), _>(DbErr::Custom("undo".to_owned()))
                    });
                    assert!(matches!(
                        failed.await,
                        Err(TransactionError::Transaction(_))
                    ));
                    Ok::<_, DbErr>("value")
                });
                assert_eq!(kept.await?, "value");

                let read_only = db.transaction_with_config_async(
                    async |transaction: &$transaction| add_plan(transaction, "refused").await,
                    Some(IsolationLevel::Serializable),
                    Some(AccessMode::ReadOnly),
                );
                assert!(read_only.await.is_err());

                let transaction: $transaction = sea_orm::TransactionTrait::begin(db).await?;
                add_plan(&transaction, "committed").await?;
                transaction.commit().await?;
                let transaction: $transaction = sea_orm::TransactionTrait::begin(db).await?;
                add_plan(&transaction, "rolled back").await?;
                transaction.rollback().await?;
                Ok(())
            }
        }
    };
}

ported!(of_sea_orm, DatabaseConnection, DatabaseTransaction);
ported!(of_tenants, TenantConnection, TenantTransaction);

async fn plans(db: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT code FROM public.plan ORDER BY code";
    let rows = sea_orm::ConnectionTrait::query_all_raw(db, Statement::from_string(DbBackend::Postgres, sql));
    let rows = rows.await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

#[tokio::test]
async fn a_port_is_a_change_of_the_types_name() {
    let db = TwoTenants::create().await;
    let shared = db.tenants.shared_connection();
    of_sea_orm::transactions(shared).await.unwrap();
    let left_by_sea_orm = plans(shared).await;
    assert_eq!(left_by_sea_orm, ["committed", "free", "kept", "team"]);
    db.database
        .execute("DELETE FROM public.plan WHERE code IN ('kept', 'committed')")
        .await;
    of_tenants::transactions(&db.acme).await.unwrap();
    assert_eq!(plans(shared).await, left_by_sea_orm);
}

#[tokio::test]
async fn the_enum_of_another_crate_has_a_scope_by_configuration() {
    use sea_orm::{
        ConnectionTrait as _,
        sea_query::{Expr, ExprTrait as _, Query},
    };
    use tenant_core::{ConnectionError, Refusal, Scope, Tenants};

    let db = TwoTenants::create().await;
    for schema in ["acme", "globex"] {
        db.database
            .execute(&format!("CREATE TYPE {schema}.weather AS ENUM ('{schema}')"))
            .await;
    }
    let sun = |label: &str| {
        let cast = Expr::val(label).as_enum("weather").cast_as("text");
        Query::select().expr(cast).to_owned()
    };
    let unknown = db.acme.query_one(&sun("acme")).await.unwrap_err();
    assert!(matches!(
        ConnectionError::of(&unknown),
        Some(ConnectionError::Refused { refusal: Refusal::UnknownType(name), .. }) if name == "weather"
    ));

    let builder = Tenants::builder().ty(Scope::Tenant, "weather");
    let tenants = builder.connect(db.database.options()).await.unwrap();
    let globex = tenants.connection(db.globex.tenant());
    let row = globex.query_one(&sun("globex")).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "globex");
    assert!(globex.query_one(&sun("acme")).await.is_err());
    tenants.close().await.unwrap();
}
