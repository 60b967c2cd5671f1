//! Functions of SeaQuery, evaluated for the first book or for all books of each tenant.

use sea_orm::{
    ConnectionTrait as _, DbErr,
    prelude::Uuid,
    sea_query::{
        Expr, ExprTrait as _, Func, FunctionCall, PgDateTruncUnit, Query,
        extension::postgres::{PgExpr as _, PgFunc},
    },
};
use tenant_core::{ConnectionError, Refusal};

use super::{book_titles, entities::tenant::book, pages, refusal, texts, title, value, values};

/// Selects an aggregate of all books, as text.
fn of_all(function: FunctionCall) -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .expr(Expr::from(function).cast_as("text"))
        .from(book::Entity)
        .to_owned()
}

#[tokio::test]
async fn scalar_functions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for (function, expected) in [
            (Func::abs(pages().mul(-1)), "10".to_owned()),
            (Func::char_length(title()), (schema.len() + 4).to_string()),
            (Func::greatest([pages(), Expr::val(3)]), "10".to_owned()),
            (Func::least([pages(), Expr::val(3)]), "3".to_owned()),
            (
                Func::if_null(Expr::cust("nullif(title, 'x')"), "none"),
                format!("{schema} one"),
            ),
            (
                Func::coalesce([Expr::cust("NULL::text"), title()]),
                format!("{schema} one"),
            ),
            (Func::lower(title()), format!("{schema} one")),
            (Func::upper(title()), format!("{schema} one").to_uppercase()),
            (Func::round(Expr::cust("pages::numeric / 4")), "3".to_owned()),
            (
                Func::round_with_precision(Expr::cust("pages::numeric / 4"), 1),
                "2.5".to_owned(),
            ),
            (Func::cust("left").arg(title()).arg(4), schema[..4].to_owned()),
        ] {
            let text = Expr::from(function).cast_as("text");
            assert_eq!(value::<String, _>(db, text).await?, expected);
        }
        assert_eq!(value::<String, _>(db, Func::md5(title())).await?.len(), 32);
        assert!(value::<f64, _>(db, Func::random()).await? < 1.0);
        assert_eq!(
            value::<String, _>(db, title().if_null("none")).await?,
            format!("{schema} one")
        );
    });
    Ok(())
}

#[tokio::test]
async fn aggregate_functions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for (function, expected) in [
            (Func::max(title()), format!("{schema} two")),
            (Func::min(pages()), "10".to_owned()),
            (Func::sum(pages()), "60".to_owned()),
            (Func::count(pages()), "3".to_owned()),
            (Func::count_distinct(Expr::col("author_id")), "2".to_owned()),
            (Func::bit_and(pages()), "0".to_owned()),
            (Func::bit_or(pages()), "30".to_owned()),
            (Func::sum(pages()).filter(title().like("% t%")), "50".to_owned()),
            (
                PgFunc::array_agg_distinct(Expr::col("author_id")),
                "{1,2}".to_owned(),
            ),
            (
                Func::cust("string_agg").arg(Expr::cust("title, ',' ORDER BY id DESC")),
                { texts(schema, ["three", "two", "one"]).join(",") },
            ),
        ] {
            assert_eq!(values::<String, _, _>(db, &of_all(function)).await?, [expected]);
        }
        let average = of_all(Func::round(Func::avg(pages())));
        assert_eq!(values::<String, _, _>(db, &average).await?, ["20"]);
        let titles = Query::select()
            .expr(PgFunc::array_agg(title()))
            .expr(PgFunc::json_agg(title()))
            .from_subquery(book_titles(), "book")
            .to_owned();
        let row = db.query_one(&titles).await?.unwrap();
        assert_eq!(
            row.try_get_by_index::<Vec<String>>(0)?,
            texts(schema, ["one", "two", "three"])
        );
        assert_eq!(
            row.try_get_by_index::<serde_json::Value>(1)?[2],
            format!("{schema} three")
        );
    });
    Ok(())
}

#[tokio::test]
async fn functions_of_postgresql() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let object = PgFunc::json_build_object(vec![(Expr::cust("'title'"), title())]);
        assert_eq!(
            value::<serde_json::Value, _>(db, object).await?["title"],
            format!("{schema} one")
        );
        assert!(value::<bool, _>(db, PgFunc::starts_with(title(), schema)).await?);
        assert_ne!(
            value::<Uuid, _>(db, PgFunc::gen_random_uuid()).await?,
            Uuid::nil()
        );
        let day = PgFunc::date_trunc(PgDateTruncUnit::Day, Expr::cust("'2020-02-03 04:05'::timestamp"));
        let day = Expr::from(day).cast_as("text");
        assert_eq!(value::<String, _>(db, day).await?, "2020-02-03 00:00:00");
        let ids = || Expr::cust("ARRAY[1, 10]");
        for condition in [
            pages().eq(PgFunc::any(ids())),
            pages().eq(PgFunc::some(ids())),
            pages().gte(PgFunc::all(ids())),
        ] {
            assert!(value::<bool, _>(db, condition).await?);
        }
    });
    Ok(())
}

#[tokio::test]
async fn text_search() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let vector = || PgFunc::to_tsvector(title(), None);
        for query in [
            PgFunc::to_tsquery(schema, None),
            PgFunc::plainto_tsquery(schema, None),
            PgFunc::phraseto_tsquery(schema, None),
            PgFunc::websearch_to_tsquery(schema, None),
        ] {
            let found = book_titles()
                .and_where(Expr::from(vector()).matches(query.clone()))
                .to_owned();
            assert_eq!(
                values::<String, _, _>(db, &found).await?,
                texts(schema, ["one", "two", "three"])
            );
            assert!(value::<f32, _>(db, PgFunc::ts_rank(vector(), query.clone())).await? > 0.0);
            assert!(value::<f32, _>(db, PgFunc::ts_rank_cd(vector(), query)).await? > 0.0);
        }
        let english = Func::cust("to_tsvector")
            .arg(Expr::cust("'english'"))
            .arg(title());
        let matches = Expr::from(english).matches(PgFunc::plainto_tsquery(schema, None));
        assert!(value::<bool, _>(db, matches).await?);
    });
    Ok(())
}

#[tokio::test]
async fn text_search_with_the_number_of_a_configuration_is_refused() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for function in [
            PgFunc::to_tsvector(title(), Some(1)),
            PgFunc::to_tsquery(schema, Some(1)),
        ] {
            let refused = refusal(value::<String, _>(db, Expr::from(function).cast_as("text")).await);
            assert!(matches!(refused, Refusal::Construct(..)), "{refused}");
        }
    });
    Ok(())
}

/// These functions exist since PostgreSQL 17. They need custom expressions, since SeaQuery 1.0.2 omits a comma.
#[tokio::test]
async fn sql_json_functions_as_custom_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let document = || Expr::cust("json_build_object('title', book.title)::jsonb");
        for function in [
            Expr::from(PgFunc::json_exists(document(), "$.title")),
            Expr::from(PgFunc::json_value(document(), "$.title")),
            Expr::from(PgFunc::json_query(document(), "$.title")),
        ] {
            let refused = refusal(value::<String, _>(db, function).await);
            assert!(matches!(refused, Refusal::Unparseable(_)), "{refused}");
        }
        let written = Expr::cust_with_expr("JSON_VALUE($1, '$.title')", document());
        match value::<String, _>(db, written).await {
            Ok(title) => assert_eq!(title, format!("{schema} one")),
            // PostgreSQL is older than 17.
            Err(error) => {
                assert!(ConnectionError::of(&error).is_none(), "{error}");
                break;
            }
        }
    });
    Ok(())
}

#[tokio::test]
async fn advisory_locks_of_the_transaction() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for lock in [
            PgFunc::try_advisory_xact_lock(7),
            PgFunc::try_advisory_xact_lock_shared(8),
        ] {
            assert!(value::<bool, _>(db, lock).await?, "{schema}");
        }
        for lock in [
            PgFunc::advisory_xact_lock(7),
            PgFunc::advisory_xact_lock_shared(8),
        ] {
            let query = Query::select().expr(lock).to_owned();
            assert!(db.query_one(&query).await?.is_some());
        }
        for lock in [
            PgFunc::advisory_lock(7),
            PgFunc::advisory_lock_shared(7),
            PgFunc::try_advisory_lock(7),
            PgFunc::try_advisory_lock_shared(7),
            PgFunc::advisory_unlock(7),
            PgFunc::advisory_unlock_shared(7),
            PgFunc::advisory_unlock_all(),
        ] {
            let refused = refusal(value::<bool, _>(db, lock).await);
            assert!(matches!(refused, Refusal::Function(..)), "{refused}");
        }
    });
    Ok(())
}

#[tokio::test]
async fn unknown_functions_are_refused() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let unknown = Func::cust("slugify").arg(schema);
        let refused = refusal(value::<String, _>(db, unknown).await);
        assert_eq!(refused, Refusal::UnknownFunction("slugify".to_owned()));
    });
    Ok(())
}
