//! ON CONFLICT of SeaORM and SeaQuery.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    DbErr, EntityTrait as _, TryInsertResult,
    sea_query::{Expr, ExprTrait as _, Func, OnConflict, Query},
};

use super::{
    Library, book_titles,
    entities::tenant::{book, tag},
    pages, texts, title, values,
};

/// Returns a book with the title of the first book and another number of pages.
fn again(schema: &str, pages: i32) -> book::ActiveModel {
    book::ActiveModel {
        id: NotSet,
        author_id: Set(2),
        genre_id: Set(1),
        title: Set(format!("{schema} one")),
        pages: Set(pages),
    }
}

fn on_title() -> OnConflict {
    OnConflict::column(book::Column::Title)
}

fn excluded(column: book::Column) -> Expr {
    Expr::col(("excluded", column))
}

#[tokio::test]
async fn conflicts_that_do_nothing() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let insert = || book::Entity::insert(again(schema, 99));
        for insert in [
            insert().on_conflict_do_nothing_on([book::Column::Title]),
            insert()
                .on_conflict(on_title().do_nothing().to_owned())
                .try_insert(),
            insert()
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .try_insert(),
            insert()
                .on_conflict(OnConflict::constraint("book_title_key").do_nothing().to_owned())
                .try_insert(),
        ] {
            assert!(matches!(insert.exec(db).await?, TryInsertResult::Conflicted));
        }
        let first = book::Entity::find_by_id(1).one(db).await?.unwrap();
        assert_eq!((first.title, first.pages), (format!("{schema} one"), 10));
    });
    Ok(())
}

#[tokio::test]
async fn conflicts_that_update() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for (on_conflict, expected) in [
            (on_title().update_column(book::Column::Pages), (1, 11)),
            (
                on_title().update_columns([book::Column::Pages, book::Column::AuthorId]),
                (2, 11),
            ),
            (
                on_title().value(book::Column::Pages, pages().add(excluded(book::Column::Pages))),
                (2, 22),
            ),
            (
                on_title().values([
                    (book::Column::Pages, Expr::val(5)),
                    (
                        book::Column::AuthorId,
                        Expr::col((book::Entity, book::Column::GenreId)),
                    ),
                ]),
                (1, 5),
            ),
            (
                OnConflict::constraint("book_title_key").update_column(book::Column::Pages),
                (1, 11),
            ),
            (
                OnConflict::columns([book::Column::Title]).update_column(book::Column::Pages),
                (1, 11),
            ),
        ] {
            let updated = book::Entity::insert(again(schema, 11))
                .on_conflict(on_conflict.to_owned())
                .exec_with_returning(db)
                .await?;
            assert_eq!((updated.id, (updated.author_id, updated.pages)), (1, expected));
        }
        assert_eq!(
            values::<String, _, _>(db, &book_titles()).await?,
            texts(schema, ["one", "two", "three"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn conflicts_with_conditions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for (condition, new, expected) in [
            (pages().lt(excluded(book::Column::Pages)), 11, 11),
            (pages().lt(excluded(book::Column::Pages)), 5, 11),
            (title().like("% one").and(pages().eq(11)), 12, 12),
        ] {
            let on_conflict = on_title()
                .update_column(book::Column::Pages)
                .action_and_where(condition)
                .action_and_where_option(Some(pages().is_not_null()))
                .action_cond_where(excluded(book::Column::AuthorId).eq(2))
                .to_owned();
            let insert = book::Entity::insert(again(schema, new)).on_conflict(on_conflict);
            insert.exec_without_returning(db).await?;
            let first = book::Entity::find_by_id(1).one(db).await?.unwrap();
            assert_eq!((first.title, first.pages), (format!("{schema} one"), expected));
        }
    });
    Ok(())
}

#[tokio::test]
async fn conflicts_on_expressions_and_partial_indexes() -> Result<(), DbErr> {
    let library = Library::create().await;
    for schema in ["acme", "globex"] {
        library
            .execute(&format!(
                "CREATE UNIQUE INDEX ON {schema}.tag (lower(name));
                 CREATE UNIQUE INDEX ON {schema}.book (pages) WHERE pages > 25"
            ))
            .await;
        let db = &library.connection(schema);
        let by_name = OnConflict::new()
            .expr(Func::lower(Expr::col(tag::Column::Name)))
            .value(
                tag::Column::Name,
                Func::upper(Expr::col(("excluded", tag::Column::Name))),
            )
            .to_owned();
        let insert = Query::insert()
            .into_table(tag::Entity)
            .columns([tag::Column::Name])
            .values_panic([format!("{schema} RED").into()])
            .on_conflict(by_name)
            .returning_col(tag::Column::Name)
            .to_owned();
        let upper = format!("{schema} red").to_uppercase();
        assert_eq!(values::<String, _, _>(db, &insert).await?, [upper]);

        let by_pages = OnConflict::column(book::Column::Pages)
            .target_and_where(Expr::cust("pages > 25"))
            .update_column(book::Column::AuthorId)
            .to_owned();
        let updated = book::Entity::insert(book::ActiveModel {
            title: Set("new".to_owned()),
            author_id: Set(1),
            ..again(schema, 30)
        })
        .on_conflict(by_pages)
        .exec_with_returning(db)
        .await?;
        assert_eq!((updated.title, updated.author_id), (format!("{schema} three"), 1));
    }
    Ok(())
}
