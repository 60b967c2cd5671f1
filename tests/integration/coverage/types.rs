//! Types that only PostgreSQL has.

use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait as _, DbBackend, DbErr, EntityTrait as _, FromQueryResult, PaginatorTrait as _,
    QueryFilter as _, QuerySelect as _, Statement,
    sea_query::{
        Expr, ExprTrait as _,
        extension::postgres::{PgExpr as _, PgFunc},
    },
};

use super::entities::{
    shared::Format,
    tenant::{Feeling, sample},
};

fn sample(schema: &str) -> sample::ActiveModel {
    sample::ActiveModel {
        id: NotSet,
        feeling: Set(Some(Feeling::Glad)),
        feelings: Set(vec![Feeling::Sad, Feeling::Glad]),
        format: Set(Some(Format::Screen)),
        formats: Set(vec![Format::Screen, Format::Paper]),
        extra: Set(serde_json::json!({ "tenant": schema, "deep": [1, 2] })),
        marks: Set(vec![1, 2, 3]),
        words: Set(Some(vec![schema.to_owned()])),
    }
}

#[tokio::test]
async fn tenant_enums() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let inserted = sample(schema).insert(db).await?;
        assert_eq!(inserted.feeling, Some(Feeling::Glad));
        let glad = sample::Entity::find().filter(sample::Column::Feeling.eq(Feeling::Glad));
        assert_eq!(glad.count(db).await?, 1);
        let either = [Feeling::Glad, Feeling::Sad];
        let found = sample::Entity::find().filter(sample::Column::Feeling.is_in(either));
        assert_eq!(found.one(db).await?, Some(inserted.clone()));
        let sad = sample::ActiveModel {
            id: Unchanged(inserted.id),
            feeling: Set(Some(Feeling::Sad)),
            ..Default::default()
        };
        assert_eq!(sad.update(db).await?.feeling, Some(Feeling::Sad));
    });
    Ok(())
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Feelings {
    feeling: Feeling,
    feelings: Vec<Feeling>,
}

#[tokio::test]
async fn tenant_enums_without_the_cast_of_sea_orm() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        sample(schema).insert(db).await?;
        let read = async |columns: &str| {
            let sql = format!("SELECT {columns} FROM sample");
            Feelings::find_by_statement(Statement::from_string(DbBackend::Postgres, sql))
                .one(db)
                .await
        };
        let found = read("feeling::text, feelings::text[]").await?;
        let expected = Feelings {
            feeling: Feeling::Glad,
            feelings: vec![Feeling::Sad, Feeling::Glad],
        };
        assert_eq!(found, Some(expected));
        let most = Expr::col(sample::Column::Feeling).max().cast_as("text");
        let most: Option<Feeling> = sample::Entity::find()
            .select_only()
            .column_as(most, "feeling")
            .into_tuple()
            .one(db)
            .await?;
        assert_eq!(most, Some(Feeling::Glad));
        // The driver calls the type by its schema, and does not find the enum.
        assert!(read("feeling, feelings").await.is_err());
    });
    Ok(())
}

#[tokio::test]
async fn arrays_of_tenant_enums() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let inserted = sample(schema).insert(db).await?;
        assert_eq!(inserted.feelings, [Feeling::Sad, Feeling::Glad]);
        let changed = sample::ActiveModel {
            id: Unchanged(inserted.id),
            feelings: Set(vec![Feeling::Glad]),
            ..Default::default()
        };
        assert_eq!(changed.update(db).await?.feelings, [Feeling::Glad]);
        let raw = r#"SELECT count(*) FROM sample WHERE feelings = ARRAY['glad']::feeling[]"#;
        assert_eq!(super::number(db, raw).await?, 1);
    });
    Ok(())
}

#[tokio::test]
async fn shared_enums() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let inserted = sample(schema).insert(db).await?;
        assert_eq!(inserted.format, Some(Format::Screen));
        let screen = sample::Entity::find().filter(sample::Column::Format.eq(Format::Screen));
        assert_eq!(screen.one(db).await?, Some(inserted));
    });
    Ok(())
}

#[tokio::test]
async fn arrays_of_shared_enums() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let inserted = sample(schema).insert(db).await?;
        assert_eq!(inserted.formats, [Format::Screen, Format::Paper]);
        let none = sample::ActiveModel {
            id: Unchanged(inserted.id),
            formats: Set(vec![]),
            ..Default::default()
        };
        assert_eq!(none.update(db).await?.formats, []);
    });
    Ok(())
}

#[tokio::test]
async fn json() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let inserted = sample(schema).insert(db).await?;
        assert_eq!(inserted.extra["deep"][1], 2);
        let named = Expr::col(sample::Column::Extra).cast_json_field("tenant");
        let found = sample::Entity::find().filter(named.eq(schema));
        assert_eq!(found.one(db).await?, Some(inserted));
        let contains = Expr::col(sample::Column::Extra).contains(serde_json::json!({ "deep": [2] }));
        assert_eq!(sample::Entity::find().filter(contains).count(db).await?, 1);
    });
    Ok(())
}

#[tokio::test]
async fn arrays() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let inserted = sample(schema).insert(db).await?;
        assert_eq!(inserted.words, Some(vec![schema.to_owned()]));
        let marked = Expr::col(sample::Column::Marks).contains(vec![2, 3]);
        assert_eq!(sample::Entity::find().filter(marked).count(db).await?, 1);
        let any = Expr::val(schema).eq(PgFunc::any(Expr::col(sample::Column::Words)));
        let marks: Vec<Vec<i32>> = sample::Entity::find()
            .filter(any)
            .select_only()
            .column(sample::Column::Marks)
            .into_tuple()
            .all(db)
            .await?;
        assert_eq!(marks, [[1, 2, 3]]);
    });
    Ok(())
}
