//! Writing entities.

use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _, ModelTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, TransactionTrait as _, TryInsertResult,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};

use super::entities::tenant::{author, book, book_tag, chapter, review, setting, tag};

fn named(name: &str) -> author::ActiveModel {
    author::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn insert() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let author = named("Eve").insert(db).await?;
        assert_eq!(author::Entity::find().count(db).await?, 3, "{schema}");
        let found = author::Entity::find_by_id(author.id).one(db).await?;
        assert_eq!(found, Some(author));
        let inserted = chapter::Entity::insert(chapter::ActiveModel {
            id: NotSet,
            book_id: Set(3),
            title: Set("new".to_owned()),
        });
        let id = inserted.exec(db).await?.last_insert_id;
        assert_eq!(
            chapter::Entity::find_by_id(id).one(db).await?.unwrap().title,
            "new"
        );
        let review = review::ActiveModel {
            id: NotSet,
            book_id: Set(1),
            words: Set("new".to_owned()),
        };
        assert_eq!(review.insert(db).await?.words, "new");
        assert_eq!(review::Entity::find().count(db).await?, 3);
    });
    Ok(())
}

#[tokio::test]
async fn insert_many() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let many = || author::Entity::insert_many([named("Eve"), named("Mia")]);
        many().exec(db).await?;
        let returned = many().exec_with_returning(db).await?;
        let names: Vec<_> = returned.iter().map(|author| author.name.as_str()).collect();
        assert_eq!(names, ["Eve", "Mia"], "{schema}");
        assert_eq!(author::Entity::find().count(db).await?, 6);
        assert_eq!(many().exec_without_returning(db).await?, 2);
    });
    Ok(())
}

#[tokio::test]
async fn on_conflict_with_returning() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let theme = |value: &str| {
            setting::Entity::insert(setting::ActiveModel {
                name: Set("theme".to_owned()),
                value: Set(value.to_owned()),
            })
        };
        let update = OnConflict::column(setting::Column::Name)
            .update_column(setting::Column::Value)
            .to_owned();
        let new = format!("{schema} green");
        let updated = theme(&new).on_conflict(update).exec_with_returning(db).await?;
        assert_eq!(updated.value, new);
        let nothing = theme("grey").on_conflict_do_nothing().exec(db).await?;
        assert!(matches!(nothing, TryInsertResult::Conflicted));
        let left = setting::Entity::find_by_id("theme").one(db).await?.unwrap();
        assert_eq!(left.value, new);
        theme(&format!("{schema} dark"))
            .on_conflict(
                OnConflict::column(setting::Column::Name)
                    .value(setting::Column::Value, "set by a value")
                    .action_and_where(Expr::col((setting::Entity, setting::Column::Value)).eq(new))
                    .to_owned(),
            )
            .exec_without_returning(db)
            .await?;
        let left = setting::Entity::find_by_id("theme").one(db).await?.unwrap();
        assert_eq!(left.value, "set by a value");
    });
    Ok(())
}

#[tokio::test]
async fn save() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let mut author = named("Eve").save(db).await?;
        author.name = Set(format!("{schema} Eve"));
        let author = author.save(db).await?;
        let found = author::Entity::find_by_id(author.id.unwrap()).one(db).await?;
        assert_eq!(found.unwrap().name, format!("{schema} Eve"));
    });
    Ok(())
}

#[tokio::test]
async fn update() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let mut author = author::Entity::find_by_id(1)
            .one(db)
            .await?
            .unwrap()
            .into_active_model();
        assert_eq!(author.name, Unchanged(format!("{schema} Ann")));
        author.name = Set("Anna".to_owned());
        assert_eq!(author.update(db).await?.name, "Anna");
        let chapter = chapter::ActiveModel {
            id: Unchanged(1),
            title: Set("new".to_owned()),
            ..Default::default()
        };
        assert_eq!(chapter::Entity::update(chapter).exec(db).await?.title, "new");
        let missing = author::ActiveModel {
            id: Unchanged(99),
            name: Set("x".to_owned()),
            ..Default::default()
        };
        assert_eq!(missing.update(db).await, Err(DbErr::RecordNotUpdated));
    });
    Ok(())
}

#[tokio::test]
async fn update_many_with_returning() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let more = book::Entity::update_many()
            .col_expr(book::Column::Pages, Expr::col(book::Column::Pages).add(1))
            .filter(book::Column::Title.starts_with(schema));
        assert_eq!(more.clone().exec(db).await?.rows_affected, 3);
        let mut pages: Vec<_> = more
            .exec_with_returning(db)
            .await?
            .into_iter()
            .map(|book| book.pages)
            .collect();
        pages.sort_unstable();
        assert_eq!(pages, [12, 22, 32]);
    });
    Ok(())
}

#[tokio::test]
async fn delete() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let review = review::Entity::find_by_id(1).one(db).await?.unwrap();
        assert_eq!(review.words, format!("{schema} good"));
        assert_eq!(review.delete(db).await?.rows_affected, 1);
        let returned = review::Entity::delete_by_id(2).exec_with_returning(db).await?;
        assert_eq!(returned.unwrap().words, format!("{schema} long"));
        assert_eq!(chapter::Entity::delete_by_id(1).exec(db).await?.rows_affected, 1);
        assert_eq!(chapter::Entity::find_by_id(1).one(db).await?, None);
    });
    Ok(())
}

#[tokio::test]
async fn delete_many() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let own = || chapter::Entity::delete_many().filter(chapter::Column::Title.starts_with(schema));
        let returned = own()
            .filter(chapter::Column::BookId.eq(2))
            .exec_with_returning(db)
            .await?;
        assert_eq!(returned[0].title, format!("{schema} start"));
        assert_eq!(own().exec(db).await?.rows_affected, 2);
        assert_eq!(chapter::Entity::find().count(db).await?, 0);
    });
    Ok(())
}

/// SeaORM saves nested models in a transaction, which is a nested transaction if the connection is in one.
#[tokio::test]
async fn nested_active_models() -> Result<(), DbErr> {
    for_each_tenant!(|db, schema| {
        let saved = author::ActiveModel::builder()
            .set_name("Eve")
            .add_book(
                book::ActiveModel::builder()
                    .set_title(format!("{schema} four"))
                    .set_genre_id(1)
                    .set_pages(40)
                    .add_tag(tag::ActiveModel::builder().set_name(format!("{schema} green"))),
            )
            .save(db)
            .await?;
        let author = saved.id.unwrap();
        let books = book::Entity::find()
            .filter(book::Column::AuthorId.eq(author))
            .find_with_related(tag::Entity)
            .all(db)
            .await?;
        assert_eq!(books[0].0.title, format!("{schema} four"));
        assert_eq!(books[0].1[0].name, format!("{schema} green"));
        let links = book_tag::Entity::find().count(db).await?;
        assert_eq!(links, 4);
    });
    Ok(())
}

#[tokio::test]
async fn transactions_and_nested_ones() -> Result<(), DbErr> {
    let library = super::Library::create().await;
    let (acme, globex) = (library.connection("acme"), library.connection("globex"));
    let transaction = acme.begin().await?;
    named("kept").insert(&transaction).await?;
    let nested = transaction.begin().await?;
    named("lost").insert(&nested).await?;
    nested.rollback().await?;
    let nested = transaction.begin().await?;
    named("kept too").insert(&nested).await?;
    nested.commit().await?;
    transaction.commit().await?;

    let new = author::Entity::find()
        .filter(author::Column::Id.gt(2))
        .order_by_asc(author::Column::Id)
        .all(&acme)
        .await?;
    let names: Vec<_> = new.iter().map(|author| author.name.as_str()).collect();
    assert_eq!(names, ["kept", "kept too"]);
    assert_eq!(author::Entity::find().count(&globex).await?, 2);
    Ok(())
}
