//! UPDATE of SeaORM and SeaQuery.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, Order, QueryFilter as _,
    sea_query::{
        CaseStatement, CommonTableExpression, Expr, ExprTrait as _, Func, Query, SubQueryStatement,
        UpdateStatement, WithClause,
    },
};
use tenant_core::Refusal;

use super::{
    book_titles,
    entities::tenant::{author, book, chapter, sample},
    pages, refusal, texts, title, values,
};

fn update_books() -> UpdateStatement {
    Query::update()
        .table(book::Entity)
        .returning_col((book::Entity, book::Column::Title))
        .to_owned()
}

#[tokio::test]
async fn update_values_and_returning() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let average = Query::select()
            .expr(Func::avg(Expr::col("pages")))
            .from(book::Entity)
            .to_owned();
        let size = CaseStatement::new().case(pages().gt(20), 1).finally(pages());
        let update = update_books()
            .values([(book::Column::Pages, size.into())])
            .value(book::Column::Title, Func::upper(title()))
            .and_where(pages().gte(Expr::from(SubQueryStatement::SelectStatement(average))))
            .to_owned();
        let mut titles = values::<String, _, _>(db, &update).await?;
        titles.sort();
        assert_eq!(
            titles,
            texts(schema, ["three", "two"]).map(|title| title.to_uppercase())
        );
        let all = Query::update()
            .table(book::Entity)
            .value(book::Column::Pages, pages())
            .returning_all()
            .to_owned();
        assert_eq!(db.query_all(&all).await?.len(), 3);
        let default = Query::update()
            .table(sample::Entity)
            .value(sample::Column::Marks, Expr::keyword_default())
            .to_owned();
        assert_eq!(db.execute(&default).await?.rows_affected(), 0);
    });
    Ok(())
}

#[tokio::test]
async fn update_from_other_tables() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let update = update_books()
            .from(author::Entity)
            .value(
                book::Column::Title,
                Expr::col((author::Entity, author::Column::Name)),
            )
            .and_where(
                Expr::col((book::Entity, book::Column::AuthorId))
                    .equals((author::Entity, author::Column::Id)),
            )
            .and_where(Expr::col((author::Entity, author::Column::Name)).like("%Bob"))
            .to_owned();
        assert_eq!(values::<String, _, _>(db, &update).await?, texts(schema, ["Bob"]));
        assert_eq!(
            values::<String, _, _>(db, &book_titles()).await?,
            texts(schema, ["one", "two", "Bob"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn update_with_a_common_table_expression() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let ids = Query::select()
            .column(book::Column::Id)
            .from(book::Entity)
            .and_where(pages().gt(20))
            .to_owned();
        let long = CommonTableExpression::new()
            .table_name("long")
            .column("id")
            .query(ids)
            .to_owned();
        let clause = WithClause::new().cte(long).to_owned();
        let ids = || Query::select().column("id").from("long").to_owned();
        let mut update = update_books()
            .value(book::Column::Pages, pages().add(1))
            .and_where(Expr::col((book::Entity, book::Column::Id)).in_subquery(ids()))
            .to_owned();
        let query = update.clone().with(clause.clone());
        assert_eq!(
            values::<String, _, _>(db, &query).await?,
            texts(schema, ["three"])
        );
        update.with_cte(clause);
        assert_eq!(
            values::<String, _, _>(db, &update).await?,
            texts(schema, ["three"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn update_many_with_a_model() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let model = chapter::ActiveModel {
            title: Set(format!("{schema} same")),
            ..Default::default()
        };
        let updated = chapter::Entity::update_many()
            .set(model)
            .filter(chapter::Column::BookId.eq(1))
            .exec_with_returning(db)
            .await?;
        assert_eq!(updated.len(), 2);
        let other = chapter::Entity::find_by_id(3).one(db).await?;
        assert_eq!(other.unwrap().title, format!("{schema} start"));
    });
    Ok(())
}

/// PostgreSQL has no ORDER BY and LIMIT in UPDATE, though SeaQuery writes them.
#[tokio::test]
async fn update_with_limit_is_refused() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let update = Query::update()
            .table(book::Entity)
            .value(book::Column::Pages, 1)
            .order_by(book::Column::Id, Order::Asc)
            .limit(1)
            .to_owned();
        let refused = refusal(db.execute(&update).await);
        assert!(matches!(refused, Refusal::Unparseable(_)), "{refused}");
        let first = Query::select()
            .column(book::Column::Id)
            .from(book::Entity)
            .order_by(book::Column::Id, Order::Asc)
            .limit(1)
            .to_owned();
        let update = update_books()
            .value(book::Column::Pages, 1)
            .and_where(Expr::col(book::Column::Id).in_subquery(first))
            .to_owned();
        assert_eq!(values::<String, _, _>(db, &update).await?, texts(schema, ["one"]));
    });
    Ok(())
}
