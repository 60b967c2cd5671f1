//! Reading entities together with related entities.

use sea_orm::{
    ColumnTrait as _, DbErr, EntityLoaderTrait as _, EntityTrait as _, JoinType, LoaderTrait as _,
    ModelTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, RelationTrait as _,
    sea_query::{Alias, Expr, ExprTrait as _},
};

use super::{
    entities::{
        shared::{self, genre},
        tenant::{author, book, chapter, review, setting, tag},
    },
    refusal,
};

#[tokio::test]
async fn joins() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let titles: Vec<String> = book::Entity::find()
            .inner_join(author::Entity)
            .join(JoinType::InnerJoin, book::Relation::Genre.def())
            .filter(author::Column::Name.eq(format!("{schema} Ann")))
            .filter(genre::Column::Name.eq("verse"))
            .select_only()
            .column(book::Column::Title)
            .into_tuple()
            .all(db)
            .await?;
        assert_eq!(titles, [format!("{schema} two")]);
        let chapters = chapter::Entity::find()
            .inner_join(book::Entity)
            .filter(book::Column::Title.eq(format!("{schema} one")))
            .all(db)
            .await?;
        assert_eq!(chapters.len(), 2);
    });
    Ok(())
}

#[tokio::test]
async fn find_related() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let author = author::Entity::find_by_id(2).one(db).await?.unwrap();
        let books = author.find_related(book::Entity).all(db).await?;
        assert_eq!(books.len(), 1);
        assert_eq!(books[0].title, format!("{schema} three"));
        let tags = books[0].find_related(tag::Entity).all(db).await?;
        assert!(tags.is_empty());
        let review = review::Entity::find_by_id(2).one(db).await?.unwrap();
        let book = review.find_related(book::Entity).one(db).await?;
        assert_eq!(book, books.into_iter().next());
    });
    Ok(())
}

#[tokio::test]
async fn find_also_related() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let with_author = book::Entity::find()
            .order_by_asc(book::Column::Id)
            .find_also_related(author::Entity)
            .all(db)
            .await?;
        let (book, author) = &with_author[2];
        assert_eq!(book.title, format!("{schema} three"));
        assert_eq!(author.as_ref().unwrap().name, format!("{schema} Bob"));
        let with_genre = book::Entity::find_by_id(2)
            .find_also_related(genre::Entity)
            .one(db)
            .await?;
        let (book, genre) = with_genre.unwrap();
        assert_eq!(book.title, format!("{schema} two"));
        assert_eq!(genre.unwrap().name, "verse");
        let with_book = chapter::Entity::find_by_id(3)
            .find_also_related(book::Entity)
            .one(db)
            .await?;
        assert_eq!(with_book.unwrap().1.unwrap().title, format!("{schema} two"));
    });
    Ok(())
}

#[tokio::test]
async fn find_with_related() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let with_books = author::Entity::find()
            .order_by_asc(author::Column::Id)
            .find_with_related(book::Entity)
            .all(db)
            .await?;
        let counts: Vec<_> = with_books.iter().map(|(_, books)| books.len()).collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!(with_books[1].1[0].title, format!("{schema} three"));
        let with_tags = book::Entity::find_by_id(1)
            .find_with_related(tag::Entity)
            .all(db)
            .await?;
        assert_eq!(with_tags[0].1.len(), 2);
        assert!(with_tags[0].1.iter().all(|tag| tag.name.starts_with(schema)));
    });
    Ok(())
}

#[tokio::test]
async fn linked() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let chapter = chapter::Entity::find_by_id(1).one(db).await?.unwrap();
        let author = chapter.find_linked(chapter::Author).one(db).await?.unwrap();
        assert_eq!(author.name, format!("{schema} Ann"));
        let also = chapter::Entity::find_by_id(3)
            .find_also_linked(chapter::Author)
            .one(db)
            .await?;
        assert_eq!(also.unwrap().1.unwrap().name, format!("{schema} Ann"));
    });
    Ok(())
}

#[tokio::test]
async fn self_relations() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let ann = author::Entity::find_by_id(1).one(db).await?.unwrap();
        let pupils = ann.find_linked(author::Pupils).all(db).await?;
        assert_eq!(pupils.len(), 1);
        assert_eq!(pupils[0].name, format!("{schema} Bob"));
        let mentor = Alias::new("mentor");
        let names: Vec<String> = author::Entity::find()
            .join_as(
                JoinType::InnerJoin,
                author::Relation::Mentor.def(),
                mentor.clone(),
            )
            .select_only()
            .column_as(Expr::col((mentor, author::Column::Name)), "name")
            .into_tuple()
            .all(db)
            .await?;
        assert_eq!(names, [format!("{schema} Ann")]);
    });
    Ok(())
}

#[tokio::test]
async fn loaders() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let books = book::Entity::find()
            .order_by_asc(book::Column::Id)
            .all(db)
            .await?;
        let authors = books.load_one(author::Entity, db).await?;
        assert_eq!(authors[2].as_ref().unwrap().name, format!("{schema} Bob"));
        let reviews = books.load_many(review::Entity, db).await?;
        assert_eq!(reviews[2][0].words, format!("{schema} long"));
        let tags = books.load_many(tag::Entity, db).await?;
        assert_eq!(tags.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 0]);
        assert!(tags.iter().flatten().all(|tag| tag.name.starts_with(schema)));
        let genres = books.load_one(genre::Entity, db).await?;
        assert_eq!(genres[1].as_ref().unwrap().name, "verse");
    });
    Ok(())
}

#[tokio::test]
async fn entity_loader() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let authors = author::Entity::load()
            .order_by_asc(author::Column::Id)
            .with((book::Entity, tag::Entity))
            .all(db)
            .await?;
        let book = &authors[0].books[0];
        assert_eq!(book.title, format!("{schema} one"));
        assert_eq!(book.tags.len(), 2);
        assert!(book.tags.iter().all(|tag| tag.name.starts_with(schema)));
        let book = book::Entity::load()
            .filter_by_id(2)
            .with(author::Entity)
            .with(genre::Entity)
            .one(db)
            .await?;
        let book = book.unwrap();
        assert_eq!(book.author.as_ref().unwrap().name, format!("{schema} Ann"));
        assert_eq!(book.genre.as_ref().unwrap().name, "verse");
    });
    Ok(())
}

#[tokio::test]
async fn a_tenant_and_a_shared_table_of_one_name_with_an_alias() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let other = Alias::new("other");
        let relation: sea_orm::RelationDef = setting::Entity::belongs_to(shared::setting::Entity)
            .from(setting::Column::Name)
            .to(shared::setting::Column::Name)
            .into();
        let values: Vec<(String, String)> = setting::Entity::find()
            .join_as(JoinType::InnerJoin, relation, other.clone())
            .select_only()
            .column(setting::Column::Value)
            .column_as(Expr::col((other, shared::setting::Column::Value)), "other")
            .into_tuple()
            .all(db)
            .await?;
        assert_eq!(values, [(format!("{schema} dark"), "public light".to_owned())]);
    });
    Ok(())
}

/// PostgreSQL refuses the statement: without an alias, two of its tables have the same name.
#[tokio::test]
async fn a_tenant_and_a_shared_table_of_one_name_without_an_alias() -> Result<(), DbErr> {
    let library = super::Library::create().await;
    let db = library.connection("acme");
    let relation: sea_orm::RelationDef = setting::Entity::belongs_to(shared::setting::Entity)
        .from(setting::Column::Name)
        .to(shared::setting::Column::Name)
        .into();
    let joined = setting::Entity::find().join(JoinType::InnerJoin, relation);
    let error = joined.all(&db).await.unwrap_err().to_string();
    assert!(error.contains("\"setting\""), "{error}");

    let raw = super::number(&db, "SELECT count(*) FROM setting").await;
    assert_eq!(
        refusal(raw),
        tenant_core::Refusal::AmbiguousTable("setting".to_owned())
    );
    let both = "SELECT count(*) FROM \"$tenant\".setting AS own JOIN public.setting AS shared USING (name)";
    assert_eq!(super::number(&db, both).await?, 1);
    let unaliased = Expr::col((setting::Entity, setting::Column::Value)).is_not_null();
    assert_eq!(setting::Entity::find().filter(unaliased).all(&db).await?.len(), 1);
    Ok(())
}
