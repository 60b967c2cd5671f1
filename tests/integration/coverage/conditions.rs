//! Conditions of SeaQuery.

use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    sea_query::{
        Cond, Condition, Expr, ExprTrait as _, IntoCondition as _, LikeExpr, extension::postgres::PgExpr as _,
    },
};

use super::{
    book_titles,
    entities::tenant::{author, book},
    pages, texts, title, values,
};

/// Checks that the conditions find these books of the tenant.
macro_rules! finds {
    ($db:ident, $schema:ident, $($condition:expr => $expected:expr,)+) => {$(
        let query = book_titles().cond_where($condition).to_owned();
        assert_eq!(values::<String, _, _>($db, &query).await?, texts($schema, $expected));
    )+};
}

fn id() -> Expr {
    Expr::col((book::Entity, book::Column::Id))
}

#[tokio::test]
async fn comparisons() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        finds!(db, schema,
            pages().eq(10) => ["one"],
            pages().ne(10) => ["two", "three"],
            pages().lt(20) => ["one"],
            pages().lte(20) => ["one", "two"],
            pages().gt(20) => ["three"],
            pages().gte(20) => ["two", "three"],
            pages().between(15, 25) => ["two"],
            pages().not_between(15, 25) => ["one", "three"],
            id().equals((book::Entity, book::Column::AuthorId)) => ["one"],
            id().not_equals((book::Entity, book::Column::AuthorId)) => ["two", "three"],
            pages().is_null() => [],
            pages().is_not_null() => ["one", "two", "three"],
            pages().gt(10).is(Expr::custom_keyword("true")) => ["two", "three"],
            pages().gt(10).is_not(Expr::custom_keyword("true")) => ["one"],
        );
        let mentored = author::Entity::find().filter(author::Column::MentorId.is_not_null());
        assert_eq!(mentored.one(db).await?.unwrap().name, format!("{schema} Bob"));
    });
    Ok(())
}

#[tokio::test]
async fn lists_and_tuples() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let pair = || Expr::tuple([id(), title()]);
        finds!(db, schema,
            id().is_in([1, 3]) => ["one", "three"],
            id().is_not_in([1, 3]) => ["two"],
            id().is_in(Vec::<i32>::new()) => [],
            id().is_not_in(Vec::<i32>::new()) => ["one", "two", "three"],
            pair().in_tuples([(1, format!("{schema} one")), (2, "other".to_owned())]) => ["one"],
            pair().eq(Expr::tuple([Expr::val(2), Expr::val(format!("{schema} two"))])) => ["two"],
            id().eq_any([2, 3]) => ["two", "three"],
            id().ne_all([2, 3]) => ["one"],
        );
        let by_key = book::Entity::find().filter(book::Column::Id.is_in([1, 2]));
        assert_eq!(by_key.count(db).await?, 2);
    });
    Ok(())
}

#[tokio::test]
async fn like_and_escape() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let upper = schema.to_uppercase();
        finds!(db, schema,
            title().like(format!("{schema} t%")) => ["two", "three"],
            title().not_like("% t%") => ["one"],
            title().like(LikeExpr::new("%!%%").escape('!')) => [],
            title().not_like(LikeExpr::new(r"%\_%").escape('\\')) => ["one", "two", "three"],
            title().ilike(format!("{upper} ONE")) => ["one"],
            title().not_ilike(format!("{upper} T%")) => ["one"],
        );
        for (condition, expected) in [
            (book::Column::Title.starts_with(schema), 3),
            (book::Column::Title.ends_with("ee"), 1),
            (book::Column::Title.contains(" t"), 2),
            (book::Column::Title.like("%o%e"), 1),
        ] {
            let found = book::Entity::find().filter(condition).count(db).await?;
            assert!(found >= expected, "{schema}");
        }
    });
    Ok(())
}

#[tokio::test]
async fn trees_of_conditions() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let either = || Cond::any().add(pages().eq(10)).add(pages().eq(30));
        finds!(db, schema,
            either() => ["one", "three"],
            either().not() => ["two"],
            Condition::all().add(either()).add_option(Some(id().gt(1))).add_option(None::<Expr>) => ["three"],
            pages().eq(10).or(pages().gt(20).and(title().like("%three"))) => ["one", "three"],
            pages().eq(10).not() => ["two", "three"],
            pages().eq(20).into_condition() => ["two"],
            Cond::all() => ["one", "two", "three"],
        );
        let optional = book_titles()
            .and_where_option(Some(pages().gt(10)))
            .and_where_option(None)
            .and_where(id().lt(3))
            .to_owned();
        assert_eq!(
            values::<String, _, _>(db, &optional).await?,
            texts(schema, ["two"])
        );
        let filtered = book::Entity::find()
            .filter(either())
            .filter(book::Column::Id.ne(1));
        assert_eq!(filtered.one(db).await?.unwrap().title, format!("{schema} three"));
    });
    Ok(())
}
