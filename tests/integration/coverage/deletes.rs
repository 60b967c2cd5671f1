//! DELETE of SeaORM and SeaQuery.

use sea_orm::{
    ConnectionTrait as _, DbErr, EntityTrait as _, Order, PaginatorTrait as _,
    sea_query::{
        CommonTableExpression, Condition, DeleteStatement, Expr, ExprTrait as _, Func, Query, Returning,
        WithClause,
    },
};
use tenant_core::Refusal;

use super::{
    entities::tenant::{book, book_tag, chapter, review, tag},
    pages, refusal, texts, values,
};

fn delete_chapters() -> DeleteStatement {
    Query::delete().from_table(chapter::Entity).to_owned()
}

fn long_books() -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(book::Column::Id)
        .from(book::Entity)
        .and_where(pages().gt(10))
        .to_owned()
}

#[tokio::test]
async fn delete_conditions_and_returning() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let name = Expr::col(chapter::Column::Title);
        let delete = delete_chapters()
            .cond_where(
                Condition::any()
                    .add(name.clone().like("%intro"))
                    .add(name.clone().eq("other")),
            )
            .returning(Returning::new().exprs([Func::upper(name)]))
            .to_owned();
        let upper = format!("{schema} intro").to_uppercase();
        assert_eq!(values::<String, _, _>(db, &delete).await?, [upper]);
        let in_long = delete_chapters()
            .and_where(Expr::col(chapter::Column::BookId).in_subquery(long_books()))
            .returning_col(chapter::Column::Title)
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &in_long).await?,
            texts(schema, ["start"])
        );
        let rest = delete_chapters().returning_all().to_owned();
        assert_eq!(values::<i32, _, _>(db, &rest).await?, [2]);
    });
    Ok(())
}

#[tokio::test]
async fn delete_with_a_common_table_expression() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let long = CommonTableExpression::new()
            .table_name("long")
            .column("id")
            .query(long_books())
            .to_owned();
        let clause = WithClause::new().cte(long).to_owned();
        let ids = Query::select().column("id").from("long").to_owned();
        let mut delete = delete_chapters()
            .and_where(Expr::col(chapter::Column::BookId).in_subquery(ids))
            .returning_col(chapter::Column::Title)
            .to_owned();
        let query = delete.clone().with(clause.clone());
        assert_eq!(
            values::<String, _, _>(db, &query).await?,
            texts(schema, ["start"])
        );
        delete.with_cte(clause);
        assert!(values::<String, _, _>(db, &delete).await?.is_empty());
    });
    Ok(())
}

#[tokio::test]
async fn delete_by_keys() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let reviews = review::Entity::delete_many().filter_by_ids([1, 7]);
        let gone = reviews.exec_with_returning(db).await?;
        assert_eq!(gone[0].words, format!("{schema} good"));
        let links = book_tag::Entity::delete_many().filter_by_ids([(1, 1), (2, 1), (9, 9)]);
        assert_eq!(links.exec(db).await?.rows_affected, 2);
        assert_eq!(book_tag::Entity::find().count(db).await?, 1);
        assert_eq!(tag::Entity::find().count(db).await?, 2);
    });
    Ok(())
}

/// PostgreSQL has no ORDER BY and LIMIT in DELETE, though SeaQuery writes them.
#[tokio::test]
async fn delete_with_limit_is_refused() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let delete = delete_chapters()
            .order_by(chapter::Column::Id, Order::Asc)
            .limit(1)
            .to_owned();
        let refused = refusal(db.execute(&delete).await);
        assert!(matches!(refused, Refusal::Unparseable(_)), "{refused}");
        let first = Query::select()
            .column(chapter::Column::Id)
            .from(chapter::Entity)
            .order_by(chapter::Column::Id, Order::Asc)
            .limit(1)
            .to_owned();
        let delete = delete_chapters()
            .and_where(Expr::col(chapter::Column::Id).in_subquery(first))
            .returning_col(chapter::Column::Title)
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &delete).await?,
            texts(schema, ["intro"])
        );
    });
    Ok(())
}
