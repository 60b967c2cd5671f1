//! A tenant's connection on a `MockDatabase`, as in an application's unit tests.

use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set},
    DbBackend, DbErr, EntityTrait as _, MockDatabase, MockExecResult, Transaction, TransactionTrait as _,
};
use tenant_core::{Refusal, TenantConnection};

use super::{
    entities::tenant::{author, chapter},
    refusal, tenant,
};

fn author(name: &str) -> author::Model {
    author::Model {
        id: 1,
        name: name.to_owned(),
        mentor_id: None,
    }
}

#[tokio::test]
async fn mock_database_reads() -> Result<(), DbErr> {
    for schema in ["acme", "globex"] {
        let mock = MockDatabase::new(DbBackend::Postgres).append_query_results([[author(schema)]]);
        let mock = mock.into_connection();
        let db = TenantConnection::new(mock.clone(), tenant(schema)).unwrap();
        let found = author::Entity::find_by_id(1).one(&db).await?;
        assert_eq!(found, Some(author(schema)));
        drop(db);
        let expected = format!(
            r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM "{schema}"."author" WHERE "author"."id" = $1 LIMIT $2"#
        );
        let sent = Transaction::from_sql_and_values(DbBackend::Postgres, expected, [1.into(), 1u64.into()]);
        assert_eq!(mock.into_transaction_log(), [sent]);
    }
    Ok(())
}

#[tokio::test]
async fn mock_database_writes_in_transactions() -> Result<(), DbErr> {
    let result = MockExecResult {
        last_insert_id: 0,
        rows_affected: 2,
    };
    let mock = MockDatabase::new(DbBackend::Postgres)
        .append_query_results([[author("Eve")]])
        .append_exec_results([result])
        .into_connection();
    let db = TenantConnection::new(mock.clone(), tenant("acme")).unwrap();
    let transaction = db.begin().await?;
    let new = author::ActiveModel {
        id: NotSet,
        name: Set("Eve".to_owned()),
        mentor_id: NotSet,
    };
    assert_eq!(new.insert(&transaction).await?.name, "Eve");
    let deleted = chapter::Entity::delete_many().exec(&transaction).await?;
    assert_eq!(deleted.rows_affected, 2);
    transaction.commit().await?;
    drop(db);
    let log = format!("{:?}", mock.into_transaction_log());
    for part in [
        "BEGIN",
        r#"INSERT INTO \"acme\".\"author\""#,
        r#"DELETE FROM \"acme\".\"chapter\""#,
        "COMMIT",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    Ok(())
}

#[tokio::test]
async fn mock_database_refuses_what_the_real_one_would() {
    let mock = MockDatabase::new(DbBackend::Postgres).into_connection();
    let db = TenantConnection::new(mock.clone(), tenant("acme")).unwrap();
    let result = super::number(&db, "SELECT count(*) FROM globex.author").await;
    assert!(matches!(refusal(result), Refusal::ForeignSchema { .. }));
    drop(db);
    assert_eq!(mock.into_transaction_log(), []);
}
