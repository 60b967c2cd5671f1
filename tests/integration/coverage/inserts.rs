//! INSERT of SeaQuery.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait as _, DbErr, EntityTrait as _, TryInsertResult,
    sea_query::{
        CommonTableExpression, Expr, ExprTrait as _, Func, InsertStatement, Query, Returning, WithClause,
    },
};

use super::{
    Library, book_titles,
    entities::tenant::{author, book, tag},
    pages, texts, title, values,
};

fn into_tag() -> InsertStatement {
    Query::insert()
        .into_table(tag::Entity)
        .columns([tag::Column::Name])
        .to_owned()
}

fn tag_names() -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(tag::Column::Name)
        .from(tag::Entity)
        .order_by(tag::Column::Id, sea_orm::Order::Asc)
        .to_owned()
}

#[tokio::test]
async fn insert_values_and_returning() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let returning = Returning::new();
        let name = || Expr::col(tag::Column::Name);
        for clause in [
            returning.column(tag::Column::Name),
            Returning::new().columns([tag::Column::Name]),
            returning.expr(name()),
            Returning::new().exprs([name(), Func::upper(name()).into()]),
        ] {
            let insert = into_tag()
                .values_panic([format!("{schema} green").into()])
                .returning(clause)
                .to_owned();
            assert_eq!(
                values::<String, _, _>(db, &insert).await?,
                texts(schema, ["green"])
            );
        }
        let all = into_tag()
            .values_from_panic([["a".into()], [Func::lower("B").into()]])
            .returning_all()
            .to_owned();
        assert_eq!(values::<i32, _, _>(db, &all).await?.len(), 2);
        let one = into_tag()
            .values_panic(["c".into()])
            .returning_col(tag::Column::Name)
            .to_owned();
        assert_eq!(values::<String, _, _>(db, &one).await?, ["c"]);
        let names = values::<String, _, _>(db, &tag_names()).await?;
        assert_eq!(names[..3], texts(schema, ["red", "blue", "green"]));
        assert_eq!(names[6..], ["a", "b", "c"]);
    });
    Ok(())
}

#[tokio::test]
async fn insert_defaults() -> Result<(), DbErr> {
    let library = Library::create().await;
    for (schema, other) in [("acme", "globex"), ("globex", "acme")] {
        library
            .execute(&format!(
                "ALTER TABLE {schema}.tag ALTER name SET DEFAULT '{schema} new'"
            ))
            .await;
        let db = &library.connection(schema);
        let one = Query::insert()
            .into_table(tag::Entity)
            .or_default_values()
            .to_owned();
        db.execute(&one).await?;
        let two = Query::insert()
            .into_table(tag::Entity)
            .or_default_values_many(2)
            .to_owned();
        db.execute(&two).await?;
        let keyword = into_tag().values_panic([Expr::keyword_default()]).to_owned();
        db.execute(&keyword).await?;
        let names = values::<String, _, _>(db, &tag_names()).await?;
        assert_eq!(names, texts(schema, ["red", "blue", "new", "new", "new", "new"]));
        let others = values::<String, _, _>(&library.connection(other), &tag_names()).await?;
        assert!(others.iter().all(|name| name.starts_with(other)));
    }
    Ok(())
}

#[tokio::test]
async fn insert_from_select() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let mut insert = into_tag();
        insert
            .select_from(book_titles().and_where(pages().gt(10)).to_owned())
            .unwrap();
        insert.returning_col(tag::Column::Name);
        assert_eq!(
            values::<String, _, _>(db, &insert).await?,
            texts(schema, ["two", "three"])
        );
    });
    Ok(())
}

#[tokio::test]
async fn insert_with_a_common_table_expression() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let short = || {
            let table = CommonTableExpression::new()
                .table_name("short")
                .column("word")
                .query(book_titles().and_where(pages().lt(20)).to_owned())
                .to_owned();
            WithClause::new().cte(table).to_owned()
        };
        let mut insert = into_tag();
        insert
            .select_from(Query::select().column("word").from("short").to_owned())
            .unwrap();
        insert.returning_col(tag::Column::Name);
        let query = insert.clone().with(short());
        assert_eq!(values::<String, _, _>(db, &query).await?, texts(schema, ["one"]));
        insert.with_cte(short());
        assert_eq!(values::<String, _, _>(db, &insert).await?, texts(schema, ["one"]));
    });
    Ok(())
}

#[tokio::test]
async fn insert_of_entities_with_keys_or_none() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let named = |name: &str| author::ActiveModel {
            id: NotSet,
            name: Set(format!("{schema} {name}")),
            mentor_id: Set(Some(1)),
        };
        let keys = author::Entity::insert_many([named("Cid"), named("Dan")])
            .exec_with_returning_keys(db)
            .await?;
        let found = author::Entity::find_by_id(keys[1]).one(db).await?;
        assert_eq!(found.unwrap().name, format!("{schema} Dan"));
        let rows = author::Entity::insert_many([named("Eve")])
            .exec_without_returning(db)
            .await?;
        assert_eq!(rows, 1);
        let none = author::Entity::insert_many(Vec::<author::ActiveModel>::new())
            .on_conflict_do_nothing()
            .exec(db)
            .await?;
        assert!(matches!(none, TryInsertResult::Empty));
        let longer = Query::select()
            .expr(title())
            .from(book::Entity)
            .and_where(pages().gt(20))
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &longer).await?,
            texts(schema, ["three"])
        );
    });
    Ok(())
}
