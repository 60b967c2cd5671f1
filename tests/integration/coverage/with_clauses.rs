//! WITH of SeaQuery.

use sea_orm::{
    DbErr, Order,
    sea_query::{
        CommonTableExpression, Cycle, Expr, ExprTrait as _, JoinType, Query, Search, SearchOrder, SelectExpr,
        SelectStatement, UnionType, WithClause,
    },
};

use super::{
    book_titles,
    entities::tenant::{author, chapter},
    pages, texts, values,
};

/// Returns the CTE `line`: the second author and all of the author's mentors.
fn mentors() -> CommonTableExpression {
    let columns = [author::Column::Id, author::Column::Name, author::Column::MentorId];
    let next = Query::select()
        .columns(columns.map(|column| (author::Entity, column)))
        .from(author::Entity)
        .join(
            JoinType::InnerJoin,
            "line",
            Expr::col(("line", "mentor_id")).equals((author::Entity, author::Column::Id)),
        )
        .to_owned();
    let query = Query::select()
        .columns(columns)
        .from(author::Entity)
        .and_where(Expr::col(author::Column::Id).eq(2))
        .union(UnionType::All, next)
        .to_owned();
    CommonTableExpression::new()
        .table_name("line")
        .columns(columns)
        .query(query)
        .to_owned()
}

fn names() -> SelectStatement {
    Query::select().column("name").from("line").to_owned()
}

#[tokio::test]
async fn several_common_table_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for materialized in [true, false] {
            let long = CommonTableExpression::new()
                .table_name("long")
                .column("word")
                .query(book_titles().and_where(pages().gt(10)).to_owned())
                .materialized(materialized)
                .to_owned();
            let last = CommonTableExpression::new()
                .table_name("last")
                .query(
                    Query::select()
                        .column("word")
                        .from("long")
                        .and_where(Expr::col("word").like("%three"))
                        .to_owned(),
                )
                .to_owned();
            let select = Query::select().column("word").from("last").to_owned();
            let query = WithClause::new()
                .cte(long.clone())
                .cte(last.clone())
                .to_owned()
                .query(select.clone());
            assert_eq!(
                values::<String, _, _>(db, &query).await?,
                texts(schema, ["three"])
            );
            let inner = select
                .clone()
                .with_cte(WithClause::new().cte(long).cte(last).to_owned())
                .to_owned();
            assert_eq!(
                values::<String, _, _>(db, &inner).await?,
                texts(schema, ["three"])
            );
        }
        let mut of_select = CommonTableExpression::from_select(
            Query::select()
                .column(chapter::Column::Title)
                .from(chapter::Entity)
                .to_owned(),
        );
        of_select.table_name("chapters");
        let query = Query::select().column("title").from("chapters").to_owned();
        let query = query.with(WithClause::from(of_select));
        assert_eq!(
            values::<String, _, _>(db, &query).await?,
            texts(schema, ["intro", "end", "start"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn recursive_with_search() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for order in [SearchOrder::BREADTH, SearchOrder::DEPTH] {
            let by_id = SelectExpr {
                expr: Expr::col("id"),
                alias: Some("place".into()),
                window: None,
            };
            let clause = WithClause::new()
                .recursive(true)
                .cte(mentors())
                .search(Search::new_from_order_and_expr(order, by_id))
                .to_owned();
            let query = names().order_by("place", Order::Asc).to_owned().with(clause);
            assert_eq!(
                values::<String, _, _>(db, &query).await?,
                texts(schema, ["Bob", "Ann"])
            );
        }
    });
    Ok(())
}

#[tokio::test]
async fn recursive_with_cycle() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let round = Query::update()
            .table(author::Entity)
            .value(author::Column::MentorId, 2)
            .and_where(Expr::col(author::Column::Id).eq(1))
            .to_owned();
        sea_orm::ConnectionTrait::execute(db, &round).await?;
        let cycle = Cycle::new_from_expr_set_using(Expr::col("id"), "looped", "path");
        let clause = WithClause::new()
            .recursive(true)
            .cte(mentors())
            .cycle(cycle)
            .to_owned();
        let query = names()
            .and_where(Expr::col("looped").not())
            .to_owned()
            .with(clause);
        assert_eq!(
            values::<String, _, _>(db, &query).await?,
            texts(schema, ["Bob", "Ann"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn changes_in_common_table_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let gone = Query::delete()
            .from_table(chapter::Entity)
            .and_where(Expr::col(chapter::Column::BookId).eq(2))
            .returning_col(chapter::Column::Title)
            .to_owned();
        let gone = CommonTableExpression::new()
            .table_name("gone")
            .query(gone)
            .to_owned();
        let query = Query::select().column("title").from("gone").to_owned();
        let query = query.with(WithClause::new().cte(gone).to_owned());
        assert_eq!(
            values::<String, _, _>(db, &query).await?,
            texts(schema, ["start"])
        );
        assert!(values::<String, _, _>(db, &query).await?.is_empty());
    });
    Ok(())
}
