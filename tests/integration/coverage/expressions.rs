//! Expressions of SeaQuery, evaluated for the first book of each tenant.

use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ConnectionTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    prelude::{Date, DateTimeWithTimeZone},
    sea_query::{
        Asterisk, BinOper, CaseStatement, Expr, ExprTrait as _, Func, Query, SubQueryStatement,
        extension::postgres::{PgBinOper, PgExpr as _},
    },
};
use tenant_core::Refusal;

use super::{
    entities::tenant::{book, sample},
    pages, refusal, texts, title, value, values,
};

#[tokio::test]
async fn arithmetic_and_bits() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for (expression, expected) in [
            (pages().add(1), 11),
            (pages().sub(1), 9),
            (pages().mul(2), 20),
            (pages().div(3), 3),
            (pages().modulo(3), 1),
            (pages().left_shift(1), 20),
            (pages().right_shift(1), 5),
            (pages().bit_and(2), 2),
            (pages().bit_or(1), 11),
            (pages().sub(Expr::val(1).sub(2)), 11),
            (pages().binary(BinOper::Custom("#"), 3), 9),
        ] {
            assert_eq!(value::<i32, _>(db, expression).await?, expected, "{schema}");
        }
    });
    Ok(())
}

#[tokio::test]
async fn case_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let size = CaseStatement::new()
            .case(pages().lt(20), title())
            .case(pages().lt(30), "middle")
            .finally("long");
        let query = Query::select()
            .expr(size)
            .from(book::Entity)
            .order_by(book::Column::Id, sea_orm::Order::Asc)
            .to_owned();
        let found = values::<String, _, _>(db, &query).await?;
        assert_eq!(found, [&*format!("{schema} one"), "middle", "long"]);
        let without = Expr::case(pages().gt(20), "long");
        assert_eq!(value::<Option<String>, _>(db, without).await?, None);
    });
    Ok(())
}

#[tokio::test]
async fn custom_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let [expected] = texts(schema, ["one!"]);
        for expression in [
            Expr::cust("book.title || '!'"),
            Expr::cust_with_values("book.title || $1", ["!"]),
            Expr::cust_with_values("$2 || $1", ["!".to_owned(), format!("{schema} one")]),
            Expr::cust_with_expr("$1 || '!'", title()),
            Expr::cust_with_exprs("$2 || $1", [Expr::val("!"), title()]),
            Expr::cust("(SELECT b.title FROM book AS b WHERE b.id = book.id) || '!'"),
        ] {
            assert_eq!(value::<String, _>(db, expression).await?, expected);
        }
        let other = Expr::cust("(SELECT title FROM globex.book WHERE id = 1)");
        let other_schema = Expr::cust("(SELECT title FROM other.book WHERE id = 1)");
        for expression in [other, other_schema] {
            let refused = refusal(value::<String, _>(db, expression).await);
            assert!(matches!(refused, Refusal::ForeignSchema { .. }), "{refused}");
        }
    });
    Ok(())
}

#[tokio::test]
async fn casts_and_enums() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let texts: [sea_orm::sea_query::SelectExpr; 3] = [
            pages().cast_as("text").into(),
            Func::cast_as(pages(), "varchar").into(),
            Func::cast_as_quoted(pages(), "text").into(),
        ];
        for text in texts {
            assert_eq!(value::<String, _>(db, text).await?, "10", "{schema}");
        }
        for feeling in [
            Expr::val("glad").as_enum("feeling"),
            Expr::val("glad").cast_as("feeling"),
            Expr::from(Func::cast_as_quoted("glad", ("$tenant", "feeling"))),
        ] {
            let text = feeling.cast_as("text");
            assert_eq!(value::<String, _>(db, text).await?, "glad");
        }
        let array = Expr::cust("ARRAY['sad', 'glad']")
            .as_enum("feeling[]")
            .cast_as("text[]");
        assert_eq!(value::<Vec<String>, _>(db, array).await?, ["sad", "glad"]);
        let unknown = Expr::val("glad").as_enum("humour");
        let refused = refusal(value::<String, _>(db, unknown).await);
        assert_eq!(refused, Refusal::UnknownType("humour".to_owned()));
    });
    Ok(())
}

#[tokio::test]
async fn keywords_and_asterisks() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        assert_eq!(
            value::<Option<i32>, _>(db, Expr::null().cast_as("int")).await?,
            None
        );
        let now: DateTimeWithTimeZone = value(db, Expr::current_timestamp()).await?;
        let today: Date = value(db, Expr::current_date()).await?;
        assert!((now.date_naive() - today).num_days().abs() <= 1);
        assert!(value::<bool, _>(db, Expr::current_time().is_not_null()).await?);
        assert!(
            value::<String, _>(db, Expr::custom_keyword("current_date").cast_as("text"))
                .await
                .is_ok()
        );
        let id = value::<i32, _>(db, Expr::col((book::Entity, Asterisk))).await?;
        assert_eq!(id, 1);
        let all = Query::select()
            .column(Asterisk)
            .from(book::Entity)
            .and_where(Expr::col("id").eq(1))
            .to_owned();
        let row = db.query_one(&all).await?.unwrap();
        assert_eq!(row.try_get::<String>("", "title")?, format!("{schema} one"));
        assert_eq!(value::<i64, _>(db, Func::count(Expr::col(Asterisk))).await?, 1);
    });
    Ok(())
}

#[tokio::test]
async fn operators_of_postgresql() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        sample::ActiveModel {
            extra: Set(serde_json::json!({ "tenant": schema, "deep": { "a": 1 } })),
            marks: Set(vec![1, 2]),
            words: Set(Some(vec![schema.to_owned()])),
            ..Default::default()
        }
        .insert(db)
        .await?;
        let marks = || Expr::col(sample::Column::Marks);
        let extra = || Expr::col(sample::Column::Extra);
        for condition in [
            marks().contains(vec![1]),
            marks().contained(vec![1, 2, 3]),
            marks().binary(PgBinOper::Overlap, vec![2, 9]),
            marks().concatenate(vec![3]).eq(vec![1, 2, 3]),
            extra().cast_json_field("tenant").eq(schema),
            extra().get_json_field("deep").cast_json_field("a").eq("1"),
            extra().binary(BinOper::Custom("?"), "tenant"),
            extra()
                .binary(BinOper::Custom("#>>"), Expr::cust("'{deep,a}'::text[]"))
                .eq("1"),
            extra()
                .cast_json_field("tenant")
                .binary(PgBinOper::Regex, "^[a-z]+$"),
            extra()
                .cast_json_field("tenant")
                .binary(PgBinOper::RegexCaseInsensitive, schema.to_uppercase()),
        ] {
            let found: Vec<Vec<String>> = sample::Entity::find()
                .filter(condition.clone())
                .select_only()
                .column(sample::Column::Words)
                .into_tuple()
                .all(db)
                .await?;
            assert_eq!(found, [[schema]], "{condition:?}");
        }
    });
    Ok(())
}

#[tokio::test]
async fn operators_of_extensions_need_the_extension() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        for operator in [PgBinOper::WordSimilarity, PgBinOper::StrictWordSimilarityDistance] {
            let refused = refusal(value::<bool, _>(db, title().binary(operator, schema)).await);
            assert!(matches!(refused, Refusal::UnknownOperator(_)), "{refused}");
        }
    });
    Ok(())
}

#[tokio::test]
async fn scalar_subqueries_as_expressions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let longest = Query::select()
            .expr(Func::max(Expr::col("pages")))
            .from(book::Entity)
            .to_owned();
        let share = Expr::from(SubQueryStatement::SelectStatement(longest)).div(pages());
        assert_eq!(value::<i32, _>(db, share).await?, 3, "{schema}");
    });
    Ok(())
}
