//! Reading one entity.

use futures_util::TryStreamExt as _;
use sea_orm::{
    ColumnTrait as _, DbErr, DerivePartialModel, EntityTrait as _, FromQueryResult, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, SelectExt as _, sea_query::ExprTrait as _,
};

use super::entities::tenant::{author, book, chapter, review};

#[tokio::test]
async fn find_by_id_one_and_all() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let author = author::Entity::find_by_id(1).one(db).await?.unwrap();
        assert_eq!(author.name, format!("{schema} Ann"));
        let review = review::Entity::find_by_id(1).one(db).await?.unwrap();
        assert_eq!(review.words, format!("{schema} good"));
        let chapters = chapter::Entity::find()
            .order_by_asc(chapter::Column::Id)
            .all(db)
            .await?;
        let titles: Vec<_> = chapters.into_iter().map(|chapter| chapter.title).collect();
        let expected = ["intro", "end", "start"].map(|title| format!("{schema} {title}"));
        assert_eq!(titles, expected);
        assert_eq!(author::Entity::find_by_id(3).one(db).await?, None);
    });
    Ok(())
}

#[tokio::test]
async fn stream() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let mut stream = book::Entity::find()
            .order_by_asc(book::Column::Id)
            .stream(db)
            .await?;
        let mut titles = Vec::new();
        while let Some(book) = stream.try_next().await? {
            titles.push(book.title);
        }
        let expected = ["one", "two", "three"].map(|title| format!("{schema} {title}"));
        assert_eq!(titles, expected);
        drop(stream);
        let chapters: Vec<_> = chapter::Entity::find().stream(db).await?.try_collect().await?;
        assert!(
            chapters
                .iter()
                .all(|chapter: &chapter::Model| chapter.title.starts_with(schema))
        );
    });
    Ok(())
}

#[tokio::test]
async fn paginate() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let pages = book::Entity::find()
            .order_by_asc(book::Column::Id)
            .paginate(db, 2);
        let totals = pages.num_items_and_pages().await?;
        assert_eq!((totals.number_of_items, totals.number_of_pages), (3, 2));
        let last = pages.fetch_page(1).await?;
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].title, format!("{schema} three"));
    });
    Ok(())
}

#[tokio::test]
async fn cursor() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let mut cursor = book::Entity::find().cursor_by(book::Column::Id);
        let next = cursor.after(1).first(1).all(db).await?;
        assert_eq!(next.len(), 1);
        assert_eq!(next[0].title, format!("{schema} two"));
    });
    Ok(())
}

#[tokio::test]
async fn count() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let own = book::Entity::find().filter(book::Column::Title.starts_with(schema));
        assert_eq!(own.count(db).await?, 3);
        assert_eq!(review::Entity::find().count(db).await?, 2);
        assert_eq!(chapter::Entity::find().count(db).await?, 3);
    });
    Ok(())
}

#[tokio::test]
async fn exists() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let named = |name: String| author::Entity::find().filter(author::Column::Name.eq(name));
        assert!(named(format!("{schema} Ann")).exists(db).await?);
        let other = if schema == "acme" { "globex" } else { "acme" };
        assert!(!named(format!("{other} Ann")).exists(db).await?);
    });
    Ok(())
}

#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "author::Entity")]
struct Writer {
    name: String,
}

#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "book::Entity")]
struct Title {
    title: String,
    #[sea_orm(nested)]
    author: Writer,
}

#[tokio::test]
async fn partial_models() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let titles = book::Entity::find()
            .left_join(author::Entity)
            .order_by_asc(book::Column::Id)
            .into_partial_model::<Title>()
            .all(db)
            .await?;
        let last = titles.last().unwrap();
        assert_eq!((titles.len(), last.title.clone()), (3, format!("{schema} three")));
        assert_eq!(last.author.name, format!("{schema} Bob"));
    });
    Ok(())
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Pages {
    author_id: i32,
    pages: i64,
}

#[tokio::test]
async fn aggregates_and_having() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let pages = book::Entity::find()
            .select_only()
            .column(book::Column::AuthorId)
            .column_as(book::Column::Pages.sum(), "pages")
            .filter(book::Column::Title.starts_with(schema))
            .group_by(book::Column::AuthorId)
            .having(book::Column::Id.count().gt(1))
            .into_model::<Pages>()
            .all(db)
            .await?;
        let expected = Pages {
            author_id: 1,
            pages: 30,
        };
        assert_eq!(pages, [expected]);
    });
    Ok(())
}

#[tokio::test]
async fn tuples_and_json() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let query = author::Entity::find()
            .select_only()
            .columns([author::Column::Id, author::Column::Name])
            .order_by_asc(author::Column::Id);
        let tuples: Vec<(i32, String)> = query.clone().into_tuple().all(db).await?;
        assert_eq!(tuples[1], (2, format!("{schema} Bob")));
        let json = query.into_json().one(db).await?.unwrap();
        assert_eq!(json["name"], format!("{schema} Ann"));
    });
    Ok(())
}
