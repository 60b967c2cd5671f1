//! SELECT of SeaORM and SeaQuery.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, DbErr, EntityTrait as _, JoinType, Order,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, Statement,
    sea_query::{
        Condition, ExplainFormat, ExplainStatement, Expr, ExprTrait as _, Func, NullOrdering,
        PostgresQueryBuilder, Query, SelectInto, SubQueryStatement, UnionType, Values,
        extension::postgres::{PostgresSelectStatementExt as _, SampleMethod},
    },
};
use tenant_core::Refusal;

use super::{
    book_titles,
    entities::{
        shared::genre,
        tenant::{author, book, chapter, review, tag},
    },
    pages, refusal, texts, title, values,
};

const ALL: [&str; 3] = ["one", "two", "three"];

#[tokio::test]
async fn selected_columns_and_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let rows: Vec<(String, i32, i32, String, i32)> = book::Entity::find()
            .select_only()
            .columns([book::Column::Title])
            .column_as(book::Column::Pages.max(), "most")
            .expr(Expr::col((book::Entity, book::Column::Id)))
            .expr_as(Func::lower(title()), "small")
            .tbl_col_as((book::Entity, book::Column::Pages), "same")
            .group_by(book::Column::Id)
            .order_by_id_asc()
            .into_tuple()
            .all(db)
            .await?;
        let one = format!("{schema} one");
        assert_eq!(rows[0], (one.clone(), 10, 1, one, 10));
        let without: Vec<serde_json::Value> = book::Entity::find()
            .select_except([book::Column::GenreId])
            .order_by_id_desc()
            .into_json()
            .all(db)
            .await?;
        assert_eq!(without[0]["title"], format!("{schema} three"));
        assert!(without[0].get("genre_id").is_none());
    });
    Ok(())
}

#[tokio::test]
async fn distinct_and_distinct_on() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let distinct = Query::select()
            .distinct()
            .column(book::Column::AuthorId)
            .from(book::Entity)
            .order_by(book::Column::AuthorId, Order::Asc)
            .to_owned();
        assert_eq!(values::<i32, _, _>(db, &distinct).await?, [1, 2]);
        let longest = book::Entity::find()
            .distinct_on([(book::Entity, book::Column::AuthorId)])
            .order_by_asc(book::Column::AuthorId)
            .order_by_desc(book::Column::Pages)
            .all(db)
            .await?;
        let titles: Vec<_> = longest.into_iter().map(|book| book.title).collect();
        assert_eq!(titles, texts(schema, ["two", "three"]));
    });
    Ok(())
}

#[tokio::test]
async fn orders() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let books = || book_titles().clear_order_by().to_owned();
        let by_field = Order::Field(Values(vec![20.into(), 30.into(), 10.into()]));
        for (query, expected) in [
            (
                books().order_by(book::Column::Pages, Order::Desc),
                ["three", "two", "one"],
            ),
            (
                books().order_by_expr(pages().mul(-1), Order::Asc),
                ["three", "two", "one"],
            ),
            (
                books().order_by_customs([("pages % 20", Order::Asc), ("pages", Order::Asc)]),
                ["two", "one", "three"],
            ),
            (
                books().order_by_columns([
                    (book::Column::AuthorId, Order::Desc),
                    (book::Column::Id, Order::Asc),
                ]),
                ["three", "one", "two"],
            ),
            (
                books().order_by(book::Column::Pages, by_field),
                ["two", "three", "one"],
            ),
            (
                books().order_by_expr_with_nulls(
                    Expr::cust("nullif(pages, 10)"),
                    Order::Desc,
                    NullOrdering::First,
                ),
                ["one", "three", "two"],
            ),
        ] {
            assert_eq!(values::<String, _, _>(db, query).await?, texts(schema, expected));
        }
        let authors = author::Entity::find()
            .order_by_with_nulls(author::Column::MentorId, Order::Asc, NullOrdering::Last)
            .all(db)
            .await?;
        assert_eq!(authors[1].name, format!("{schema} Ann"));
    });
    Ok(())
}

#[tokio::test]
async fn limit_and_offset() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let second = book_titles().limit(1).offset(1).to_owned();
        assert_eq!(values::<String, _, _>(db, &second).await?, texts(schema, ["two"]));
        let last = book::Entity::find().order_by_id_asc().offset(2).one(db).await?;
        assert_eq!(last.unwrap().title, format!("{schema} three"));
        let all = second.clone().reset_limit().reset_offset().to_owned();
        assert_eq!(values::<String, _, _>(db, &all).await?, texts(schema, ALL));
    });
    Ok(())
}

#[tokio::test]
async fn from_values_subqueries_functions_and_aliases() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let pages = Expr::col(("b", book::Column::Pages));
        let query = Query::select()
            .column(("b", book::Column::Title))
            .from_as(book::Entity, "b")
            .from_values([(10, "ten"), (30, "thirty")], "v")
            .and_where(pages.eq(Expr::col(("v", "column1"))))
            .order_by(("b", book::Column::Id), Order::Asc)
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &query).await?,
            texts(schema, ["one", "three"])
        );
        let subquery = Query::select()
            .column("title")
            .from_subquery(book_titles(), "b")
            .from_function(Func::cust("generate_series").arg(1).arg(2), "n")
            .and_where(Expr::col("title").like("%two"))
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &subquery).await?,
            texts(schema, ["two", "two"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn joins_of_every_kind() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let of_book =
            || Expr::col((review::Entity, review::Column::BookId)).equals((book::Entity, book::Column::Id));
        let books = || book_titles().to_owned();
        let reviews = Query::select()
            .column(review::Column::BookId)
            .from(review::Entity)
            .to_owned();
        let lateral = Query::select()
            .column(review::Column::Words)
            .from(review::Entity)
            .and_where(of_book())
            .to_owned();
        let in_subquery = Expr::col(("r", "book_id")).equals((book::Entity, book::Column::Id));
        for (query, expected) in [
            (
                books().inner_join(review::Entity, of_book()),
                &["one", "three"][..],
            ),
            (books().left_join(review::Entity, of_book()), &ALL[..]),
            (books().right_join(review::Entity, of_book()), &["one", "three"]),
            (books().full_outer_join(review::Entity, of_book()), &ALL),
            (
                books().cross_join(genre::Entity),
                &["one", "one", "two", "two", "three", "three"],
            ),
            (
                books().join(JoinType::InnerJoin, review::Entity, of_book()),
                &["one", "three"],
            ),
            (
                books().join_as(JoinType::InnerJoin, review::Entity, "r", in_subquery.clone()),
                &["one", "three"],
            ),
            (
                books().join_subquery(JoinType::InnerJoin, reviews, "r", in_subquery),
                &["one", "three"],
            ),
            (
                books().join_lateral(JoinType::InnerJoin, lateral, "r", Condition::all()),
                &["one", "three"],
            ),
        ] {
            let expected: Vec<_> = expected.iter().map(|word| format!("{schema} {word}")).collect();
            assert_eq!(values::<String, _, _>(db, query).await?, expected);
        }
    });
    Ok(())
}

#[tokio::test]
async fn several_entities_in_one_select() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let rows = book::Entity::find()
            .find_also_related(author::Entity)
            .find_also_related(genre::Entity)
            .order_by_asc(book::Column::Id)
            .all(db)
            .await?;
        let (book, author, genre) = rows.into_iter().nth(1).unwrap();
        assert_eq!(
            (book.title, author.unwrap().name),
            (format!("{schema} two"), format!("{schema} Ann"))
        );
        assert_eq!(genre.unwrap().name, "verse");
        let both = review::Entity::find()
            .find_both_related(book::Entity)
            .order_by_asc(review::Column::Id)
            .all(db)
            .await?;
        assert_eq!(both[1].1.title, format!("{schema} three"));
        let tagged = book::Entity::find()
            .has_related(tag::Entity, tag::Column::Name.eq(format!("{schema} blue")))
            .all(db)
            .await?;
        assert_eq!(tagged.len(), 1);
    });
    Ok(())
}

#[tokio::test]
async fn set_operations_and_nested_ones() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let books = |most: i32| {
            book_titles()
                .clear_order_by()
                .and_where(pages().lte(most))
                .to_owned()
        };
        let chapters = || {
            Query::select()
                .column(chapter::Column::Title)
                .from(chapter::Entity)
                .to_owned()
        };
        for (query, expected) in [
            (books(10).union(UnionType::All, books(10)), 2),
            (books(10).union(UnionType::Distinct, books(20)), 2),
            (books(30).union(UnionType::Intersect, books(20)), 2),
            (books(30).union(UnionType::Except, books(10)), 2),
            (
                books(10).unions([(UnionType::All, chapters()), (UnionType::All, books(10))]),
                5,
            ),
            (
                books(10).union(
                    UnionType::All,
                    books(30).union(UnionType::Except, books(20)).to_owned(),
                ),
                2,
            ),
        ] {
            let query = query.order_by_customs([("1", Order::Asc)]).limit(9);
            let found = values::<String, _, _>(db, query).await?;
            assert_eq!(found.len(), expected);
            assert!(found.iter().all(|title| title.starts_with(schema)));
        }
    });
    Ok(())
}

#[tokio::test]
async fn groups_and_having() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let mut query = Query::select()
            .expr(Func::max(title()))
            .from(book::Entity)
            .group_by_columns([book::Column::AuthorId])
            .add_group_by([pages().gt(0)])
            .and_having(pages().sum().gt(10))
            .cond_having(Condition::any().add(pages().min().gte(30)))
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &query).await?,
            texts(schema, ["three"])
        );
        query
            .clear_group_by()
            .clear_having()
            .group_by_col(book::Column::Title);
        assert_eq!(values::<String, _, _>(db, &query).await?.len(), 3);
        let lengths: Vec<i64> = book::Entity::find()
            .select_only()
            .expr(pages().sum())
            .group_by(book::Column::AuthorId)
            .having(pages().count().eq(2))
            .into_tuple()
            .all(db)
            .await?;
        assert_eq!(lengths, [30]);
    });
    Ok(())
}

#[tokio::test]
async fn table_sample() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for (method, seed) in [(SampleMethod::BERNOULLI, None), (SampleMethod::SYSTEM, Some(4.0))] {
            let query = book_titles().table_sample(method, 100.0, seed).to_owned();
            assert_eq!(values::<String, _, _>(db, &query).await?, texts(schema, ALL));
        }
    });
    Ok(())
}

#[tokio::test]
async fn select_into_is_refused() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let query = book_titles().into_table(SelectInto::table(schema)).to_owned();
        let refused = refusal(db.execute(&query).await);
        assert!(
            matches!(refused, Refusal::Statement("SELECT INTO", _)),
            "{refused}"
        );
    });
    Ok(())
}

#[tokio::test]
async fn exists_any_some_and_all_of_subqueries() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let reviews = || {
            Query::select()
                .column(review::Column::BookId)
                .from(review::Entity)
                .to_owned()
        };
        let of_book = reviews()
            .and_where(Expr::col(review::Column::BookId).equals((book::Entity, book::Column::Id)))
            .to_owned();
        let id = || Expr::col((book::Entity, book::Column::Id));
        let count = SubQueryStatement::SelectStatement(
            Query::select()
                .expr(Func::count(Expr::col(("c", "id"))))
                .from_as(chapter::Entity, "c")
                .to_owned(),
        );
        for (condition, expected) in [
            (Expr::exists(of_book.clone()), &["one", "three"][..]),
            (Expr::not_exists(of_book), &["two"]),
            (id().in_subquery(reviews()), &["one", "three"]),
            (id().not_in_subquery(reviews()), &["two"]),
            (id().eq(Expr::any(reviews())), &["one", "three"]),
            (id().gt(Expr::some(reviews())), &["two", "three"]),
            (id().gte(Expr::all(reviews())), &["three"]),
            (id().eq(Expr::from(count)), &["three"]),
        ] {
            let query = book_titles().and_where(condition).to_owned();
            let expected: Vec<_> = expected.iter().map(|word| format!("{schema} {word}")).collect();
            assert_eq!(values::<String, _, _>(db, &query).await?, expected);
        }
    });
    Ok(())
}

#[tokio::test]
async fn query_trait() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let query = book::Entity::find()
            .apply_if(Some(20), |query, most| {
                query.filter(book::Column::Pages.lte(most))
            })
            .apply_if(None::<i32>, |query, id| query.filter(book::Column::Id.eq(id)))
            .order_by_id_asc();
        assert_eq!(query.clone().all(db).await?.len(), 2);
        let own = query.as_query().clone().clear_selects().expr(title()).to_owned();
        assert_eq!(
            values::<String, _, _>(db, &own).await?,
            texts(schema, ["one", "two"])
        );
        let built: Statement = query.build(DbBackend::Postgres);
        let books = book::Entity::find().from_raw_sql(built).all(db).await?;
        assert_eq!(books[1].title, format!("{schema} two"));
        let applied = book_titles()
            .apply_if(Some(20), |query, most| {
                query.and_where(pages().gt(most));
            })
            .conditions(
                true,
                |query| {
                    query.limit(1);
                },
                |_| {},
            )
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &applied).await?,
            texts(schema, ["three"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn explain_statements() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let explain = |explain: ExplainStatement| {
            let sql = explain.statement(book_titles()).to_string(PostgresQueryBuilder);
            Statement::from_string(DbBackend::Postgres, sql)
        };
        let plan = ExplainStatement::new()
            .verbose(true)
            .costs(false)
            .settings(false)
            .buffers(false);
        let rows = db.query_all_raw(explain(plan)).await?;
        let lines: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get_by_index(0)).collect();
        assert!(lines?.iter().any(|line| line.contains(&format!("{schema}.book"))));
        let analyzed = ExplainStatement::new()
            .analyze()
            .timing(false)
            .summary(false)
            .wal(true)
            .format(ExplainFormat::Json);
        let row = db.query_one_raw(explain(analyzed)).await?.unwrap();
        let plan: serde_json::Value = row.try_get_by_index(0)?;
        assert_eq!(plan[0]["Plan"]["Actual Rows"].as_f64(), Some(3.0));
    });
    Ok(())
}
