//! Raw SQL, and queries of SeaQuery that do not use entities.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, FromQueryResult, JoinType,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, StreamTrait as _,
    TransactionTrait as _, raw_sql,
    sea_query::{
        Alias, CommonTableExpression, Expr, ExprTrait as _, Func, LockBehavior, LockType, Query, UnionType,
        WindowStatement, WithClause,
    },
};
use tenant_core::Refusal;

use super::{
    entities::tenant::{author, book, chapter},
    number, refusal,
};

#[tokio::test]
async fn from_raw_sql() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let (id, titles) = (1, ["one", "two"].map(|title| format!("{schema} {title}")));
        let books = book::Entity::find()
            .from_raw_sql(raw_sql!(
                Postgres,
                r#"SELECT * FROM "book" WHERE author_id = {id} AND title IN ({..titles}) ORDER BY id"#
            ))
            .all(db)
            .await?;
        assert_eq!(books.len(), 2);
        assert_eq!(books[1].title, titles[1]);
    });
    Ok(())
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Shelf {
    genre: String,
    books: i64,
}

#[tokio::test]
async fn raw_sql_macro() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let like = format!("{schema}%");
        let shelves = Shelf::find_by_statement(raw_sql!(
            Postgres,
            "SELECT genre.name AS genre, count(*) AS books FROM book JOIN genre ON genre.id = book.genre_id
             WHERE book.title LIKE {like} GROUP BY genre.name ORDER BY genre.name"
        ))
        .all(db)
        .await?;
        let shelf = |genre: &str, books| Shelf {
            genre: genre.to_owned(),
            books,
        };
        assert_eq!(shelves, [shelf("prose", 2), shelf("verse", 1)]);
        let changed = db
            .execute_raw(raw_sql!(Postgres, "DELETE FROM chapter WHERE title LIKE {like}"))
            .await?;
        assert_eq!(changed.rows_affected(), 3);
        let stream = db.stream_raw(raw_sql!(Postgres, "SELECT id FROM book")).await;
        assert!(stream.is_ok());
    });
    Ok(())
}

#[tokio::test]
async fn subqueries() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let writers = book::Entity::find()
            .select_only()
            .column(book::Column::AuthorId)
            .filter(book::Column::Title.eq(format!("{schema} three")))
            .into_query();
        let authors = author::Entity::find()
            .filter(author::Column::Id.in_subquery(writers))
            .all(db)
            .await?;
        assert_eq!(authors.len(), 1);
        assert_eq!(authors[0].name, format!("{schema} Bob"));
        let lateral =
            "SELECT count(*) FROM author, LATERAL (SELECT 1 FROM book WHERE author_id = author.id) AS b";
        assert_eq!(number(db, lateral).await?, 3);
        let scalar =
            "SELECT (SELECT count(*) FROM chapter WHERE title LIKE (SELECT name || '%' FROM tag LIMIT 0))";
        assert_eq!(number(db, scalar).await?, 0);
    });
    Ok(())
}

#[tokio::test]
async fn common_table_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let long = book::Entity::find()
            .filter(book::Column::Title.starts_with(schema))
            .filter(book::Column::Pages.gt(10))
            .into_query();
        let table = CommonTableExpression::new()
            .query(long)
            .table_name("book")
            .to_owned();
        // The CTE has the name of a table, and hides it.
        let select = Query::select()
            .expr(Func::count(Expr::col("id")))
            .from("book")
            .to_owned();
        let query = select.with(WithClause::new().cte(table).to_owned());
        let row = db.query_one(&query).await?.unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0)?, 2);

        let recursive = "WITH RECURSIVE line AS (
                SELECT id, mentor_id FROM author WHERE id = 2
                UNION ALL SELECT author.id, author.mentor_id FROM author JOIN line ON author.id = line.mentor_id
            ) SELECT count(*) FROM line";
        assert_eq!(number(db, recursive).await?, 2);
        let writing = "WITH gone AS (DELETE FROM chapter WHERE id = 1 RETURNING *) SELECT count(*) FROM gone";
        assert_eq!(number(db, writing).await?, 1);
        assert_eq!(number(db, writing).await?, 0);
    });
    Ok(())
}

#[tokio::test]
async fn unions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let titles = |query: sea_orm::Select<book::Entity>| {
            query
                .select_only()
                .column_as(book::Column::Title, "title")
                .into_query()
        };
        let chapters = chapter::Entity::find()
            .select_only()
            .column_as(chapter::Column::Title, "title")
            .into_query();
        let query = titles(book::Entity::find())
            .union(UnionType::All, chapters)
            .to_owned();
        let rows = db.query_all(&query).await?;
        assert_eq!(rows.len(), 6);
        for row in rows {
            assert!(row.try_get::<String>("", "title")?.starts_with(schema));
        }
        let difference = "SELECT count(*) FROM (SELECT id FROM book EXCEPT SELECT author_id FROM book) AS x";
        assert_eq!(number(db, difference).await?, 1);
    });
    Ok(())
}

#[tokio::test]
async fn window_functions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let window = WindowStatement::partition_by(book::Column::AuthorId);
        let query = Query::select()
            .column((book::Entity, book::Column::Title))
            .expr_window_as(Func::sum(Expr::col(book::Column::Pages)), window, "pages")
            .from(sea_orm::EntityName::table_ref(&book::Entity))
            .order_by((book::Entity, book::Column::Id), sea_orm::Order::Asc)
            .to_owned();
        let rows = db.query_all(&query).await?;
        let sums: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get("", "pages")).collect();
        assert_eq!(sums?, [30, 30, 30]);
        assert_eq!(rows[0].try_get::<String>("", "title")?, format!("{schema} one"));
        let ranked = "SELECT max(place) FROM (
            SELECT row_number() OVER (PARTITION BY author_id ORDER BY pages) AS place FROM book) AS ranked";
        assert_eq!(number(db, ranked).await?, 2);
    });
    Ok(())
}

#[tokio::test]
async fn for_update_skip_locked() -> Result<(), DbErr> {
    let library = super::Library::create().await;
    let (acme, globex) = (library.connection("acme"), library.connection("globex"));
    let next = || {
        book::Entity::find()
            .order_by_asc(book::Column::Id)
            .limit(1)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
    };
    let first = acme.begin().await?;
    assert_eq!(next().one(&first).await?.unwrap().title, "acme one");
    let second = acme.begin().await?;
    assert_eq!(next().one(&second).await?.unwrap().title, "acme two");
    let other = globex.begin().await?;
    assert_eq!(next().one(&other).await?.unwrap().title, "globex one");
    for transaction in [first, second, other] {
        transaction.commit().await?;
    }
    Ok(())
}

#[tokio::test]
async fn insert_from_select_and_update_from() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let insert = "INSERT INTO chapter (book_id, title) SELECT id, title FROM book";
        assert_eq!(db.execute_unprepared(insert).await?.rows_affected(), 3);
        let update =
            "UPDATE chapter SET title = author.name FROM book JOIN author ON author.id = book.author_id
                      WHERE chapter.book_id = book.id AND author.id = 2";
        assert_eq!(db.execute_unprepared(update).await?.rows_affected(), 1);
        let renamed = chapter::Entity::find()
            .filter(chapter::Column::Title.eq(format!("{schema} Bob")))
            .one(db)
            .await?;
        assert_eq!(renamed.unwrap().book_id, 3);
        let delete = "DELETE FROM chapter USING book WHERE chapter.book_id = book.id AND book.pages > 10";
        assert_eq!(db.execute_unprepared(delete).await?.rows_affected(), 3);
    });
    Ok(())
}

#[tokio::test]
async fn merge_and_explain() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let merge = "MERGE INTO setting AS s USING (SELECT 'theme' AS name) AS new ON s.name = new.name
                     WHEN MATCHED THEN UPDATE SET value = 'merged'";
        let refused = db.execute_unprepared(merge).await;
        assert_eq!(refusal(refused), Refusal::AmbiguousTable("setting".to_owned()));
        let merge = merge.replace("INTO setting", "INTO \"$tenant\".setting");
        assert_eq!(
            db.execute_unprepared(&merge).await?.rows_affected(),
            1,
            "{schema}"
        );
        let select = book::Entity::find().into_query();
        let statement = sea_orm::DbBackend::Postgres.build(&select);
        let explain = format!("EXPLAIN (COSTS OFF) {}", statement.sql);
        assert!(db.execute_unprepared(&explain).await.is_ok());
    });
    Ok(())
}

#[tokio::test]
async fn joins_of_subqueries() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let longest = Query::select()
            .column(book::Column::AuthorId)
            .expr_as(Func::max(Expr::col(book::Column::Pages)), "pages")
            .from(sea_orm::EntityName::table_ref(&book::Entity))
            .group_by_col(book::Column::AuthorId)
            .to_owned();
        let longest_of = Alias::new("longest");
        let query = Query::select()
            .column((author::Entity, author::Column::Name))
            .column((longest_of.clone(), book::Column::Pages))
            .from(sea_orm::EntityName::table_ref(&author::Entity))
            .join_subquery(
                JoinType::InnerJoin,
                longest,
                longest_of.clone(),
                Expr::col((longest_of, book::Column::AuthorId)).equals((author::Entity, author::Column::Id)),
            )
            .order_by((author::Entity, author::Column::Id), sea_orm::Order::Asc)
            .to_owned();
        let row = db.query_one(&query).await?.unwrap();
        assert_eq!(row.try_get::<String>("", "name")?, format!("{schema} Ann"));
        assert_eq!(row.try_get::<i32>("", "pages")?, 20);
    });
    Ok(())
}

#[tokio::test]
async fn what_leaves_the_tenant_is_refused() -> Result<(), DbErr> {
    let library = super::Library::create().await;
    let acme = library.connection("acme");
    let transaction = acme.begin().await?;
    for sql in [
        "SELECT count(*) FROM globex.book",
        "SELECT count(*) FROM book JOIN globex.author ON true",
        "WITH x AS (SELECT * FROM globex.book) SELECT count(*) FROM x",
        "SELECT count(*) FROM book UNION SELECT id FROM globex.book",
        "SELECT count(*) FROM book WHERE id IN (SELECT id FROM globex.book)",
        "SELECT count(*) FROM information_schema.tables",
        "SELECT count(*) FROM unknown",
        "SELECT 'glad'::globex.feeling",
        "SET search_path = globex",
    ] {
        refusal(number(&acme, sql).await);
        refusal(number(&transaction, sql).await);
    }
    transaction.rollback().await
}
