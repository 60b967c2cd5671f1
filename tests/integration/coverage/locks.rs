//! Row locks of SeaORM and SeaQuery.

use sea_orm::{
    DbErr, EntityName as _, EntityTrait as _, QuerySelect as _, TransactionTrait as _,
    sea_query::{LockBehavior, LockType},
};
use tenant_core::Refusal;

use super::{
    Library, book_titles,
    entities::tenant::{author, book},
    refusal, texts, values,
};

const ALL: [&str; 3] = ["one", "two", "three"];

#[tokio::test]
async fn locks_of_every_strength() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for lock in [
            LockType::Update,
            LockType::NoKeyUpdate,
            LockType::Share,
            LockType::KeyShare,
        ] {
            let query = book_titles().lock(lock).to_owned();
            assert_eq!(values::<String, _, _>(db, &query).await?, texts(schema, ALL));
            let first = book::Entity::find_by_id(1).lock(lock).one(db).await?;
            assert_eq!(first.unwrap().title, format!("{schema} one"));
        }
        for query in [book_titles().lock_shared(), book_titles().lock_exclusive()] {
            assert_eq!(values::<String, _, _>(db, query).await?, texts(schema, ALL));
        }
        let authors = author::Entity::find().lock_shared().all(db).await?;
        assert_eq!(
            authors.len(),
            author::Entity::find().lock_exclusive().all(db).await?.len()
        );
    });
    Ok(())
}

#[tokio::test]
async fn locked_rows_are_waited_for_skipped_or_an_error() -> Result<(), DbErr> {
    let library = Library::create().await;
    for (schema, other) in [("acme", "globex"), ("globex", "acme")] {
        let holder = library.connection(schema).begin().await?;
        book::Entity::find_by_id(1).lock_exclusive().one(&holder).await?;
        let skipping = book_titles()
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .to_owned();
        let failing = book_titles()
            .lock_with_behavior(LockType::Share, LockBehavior::Nowait)
            .to_owned();
        let neighbour = library.connection(schema);
        assert_eq!(
            values::<String, _, _>(&neighbour, &skipping).await?,
            texts(schema, ["two", "three"])
        );
        let error = values::<String, _, _>(&neighbour, &failing).await.unwrap_err();
        assert!(error.to_string().contains("could not obtain lock"), "{error}");
        let stranger = library.connection(other);
        assert_eq!(
            values::<String, _, _>(&stranger, &failing).await?,
            texts(other, ALL)
        );
        holder.rollback().await?;
    }
    Ok(())
}

#[tokio::test]
async fn locks_of_some_tables() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for query in [
            book_titles().lock_with_tables(LockType::Update, [book::Entity]),
            book_titles().lock_with_tables_behavior(LockType::Share, ["book"], LockBehavior::Nowait),
        ] {
            assert_eq!(values::<String, _, _>(db, query).await?, texts(schema, ALL));
        }
    });
    Ok(())
}

#[tokio::test]
async fn locks_of_tables_with_their_schema_are_refused() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let query = book_titles()
            .lock_with_tables(LockType::Update, [book::Entity.table_ref()])
            .to_owned();
        let refused = refusal(values::<String, _, _>(db, &query).await);
        assert!(matches!(refused, Refusal::Construct(..)), "{schema}: {refused}");
    });
    Ok(())
}
