//! Window functions of SeaQuery.

use sea_orm::{
    ConnectionTrait as _, DbErr, Order,
    sea_query::{
        Expr, ExprTrait as _, Frame, FrameType, Func, OverStatement as _, Query, SelectExprTrait as _,
        SelectStatement, WindowStatement,
    },
};

use tenant_core::Refusal;

use super::{entities::tenant::book, pages, refusal, texts, title, values};

fn books() -> SelectStatement {
    Query::select()
        .from(book::Entity)
        .order_by((book::Entity, book::Column::Id), Order::Asc)
        .to_owned()
}

/// Returns a window over all books, ordered by pages.
fn by_pages() -> WindowStatement {
    WindowStatement::new()
        .order_by(book::Column::Pages, Order::Asc)
        .to_owned()
}

#[tokio::test]
async fn partitions_and_orders() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let first_title = || Func::cust("first_value").arg(title());
        for window in [
            WindowStatement::partition_by(book::Column::AuthorId),
            WindowStatement::partition_by_custom("author_id"),
            WindowStatement::new()
                .partition_by_columns([book::Column::AuthorId])
                .to_owned(),
            WindowStatement::new()
                .partition_by_customs(["author_id"])
                .to_owned(),
            WindowStatement::new()
                .add_partition_by(Expr::col("author_id"))
                .to_owned(),
        ] {
            let window = window.clone().order_by_expr(pages(), Order::Desc).to_owned();
            let query = books().expr_window(first_title(), window.clone()).to_owned();
            assert_eq!(
                values::<String, _, _>(db, &query).await?,
                texts(schema, ["two", "two", "three"])
            );
            let query = books()
                .expr_window_as(first_title(), window.clone(), "first")
                .to_owned();
            assert_eq!(
                values::<String, _, _>(db, &query).await?,
                texts(schema, ["two", "two", "three"])
            );
            let query = books().expr(first_title().over(window).alias("first")).to_owned();
            assert_eq!(
                values::<String, _, _>(db, &query).await?,
                texts(schema, ["two", "two", "three"])
            );
        }
    });
    Ok(())
}

#[tokio::test]
async fn frames() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        use Frame::{CurrentRow, UnboundedFollowing, UnboundedPreceding};
        use FrameType::{Range, Rows};
        for (window, expected) in [
            (by_pages().frame_start(Rows, UnboundedPreceding), [10, 30, 60]),
            (by_pages().frame_start(Range, CurrentRow), [10, 20, 30]),
            (
                by_pages().frame_between(Range, CurrentRow, UnboundedFollowing),
                [60, 50, 30],
            ),
            (
                by_pages().frame(Rows, UnboundedPreceding, Some(UnboundedFollowing)),
                [60, 60, 60],
            ),
        ] {
            let query = books()
                .expr_window(Func::sum(pages()), window.to_owned())
                .to_owned();
            assert_eq!(values::<i64, _, _>(db, &query).await?, expected, "{schema}");
        }
    });
    Ok(())
}

/// Frames with a number of rows need custom expressions: SeaQuery 1.0.2 writes `$1PRECEDING`.
#[tokio::test]
async fn frames_with_a_number_of_rows_as_custom_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let window = by_pages()
            .frame_start(FrameType::Rows, Frame::Preceding(1))
            .to_owned();
        let query = books().expr_window(Func::sum(pages()), window).to_owned();
        let refused = refusal(values::<i64, _, _>(db, &query).await);
        assert!(matches!(refused, Refusal::Unparseable(_)), "{refused}");
        let custom = Expr::cust("sum(pages) OVER (ORDER BY pages ROWS 1 PRECEDING)");
        let query = books().expr(custom).to_owned();
        assert_eq!(values::<i64, _, _>(db, &query).await?, [10, 30, 50], "{schema}");
    });
    Ok(())
}

/// Named windows work without `ORDER BY`. SeaQuery 1.0.2 writes `ORDER BY` before `WINDOW`, but PostgreSQL requires the
/// opposite order.
#[tokio::test]
async fn named_windows() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let named = || {
            Query::select()
                .from(book::Entity)
                .expr_window_name(Func::cust("first_value").arg(title()), "w")
                .expr_window_name_as(Func::sum(pages()).filter(title().like("% t%")), "w", "sum")
                .window("w", by_pages())
                .to_owned()
        };
        let rows = db.query_all(&named()).await?;
        assert_eq!(rows[0].try_get_by_index::<String>(0)?, format!("{schema} one"));
        assert_eq!(rows[2].try_get::<Option<i64>>("", "sum")?, Some(50));
        let ordered = named().order_by(book::Column::Id, Order::Asc).to_owned();
        let refused = refusal(db.query_all(&ordered).await);
        assert!(matches!(refused, Refusal::Unparseable(_)), "{refused}");
    });
    Ok(())
}
