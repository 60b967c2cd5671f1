//! SeaORM's schema builder on the connections of tenants.

use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityRegistry,
    EntityTrait as _, PaginatorTrait as _, Schema, SchemaBuilder, TransactionTrait as _,
};
use sea_schema::{Connection, postgres::query::SchemaQueryBuilder};
use tenant_core::{Refusal, Scope, TenantConnection, Tenants};

use super::{
    Library,
    entities::{
        shared::{self, genre},
        tenant::{author, book, book_tag, review, sample, tag},
    },
    number, refusal,
};

fn builder() -> SchemaBuilder {
    Schema::new(DbBackend::Postgres).builder()
}

fn tenant_tables() -> SchemaBuilder {
    builder()
        .register(author::Entity)
        .register(book::Entity)
        .register(tag::Entity)
        .register(book_tag::Entity)
        .register(review::Entity)
        .register(sample::Entity)
}

/// Returns the connection of a tenant for the schema builder.
fn changing(library: &Library, schema: &str) -> TenantConnection {
    library.connection(schema).for_schema_changes()
}

/// Creates two empty schemas, and the shared table and type that tenant tables refer to.
async fn empty_schemas() -> Library {
    let library = Library::empty().await;
    library
        .execute(
            "CREATE SCHEMA acme; CREATE SCHEMA globex;
             CREATE TYPE public.format AS ENUM ('paper', 'screen');
             CREATE TABLE public.genre (id int PRIMARY KEY, name text NOT NULL);
             INSERT INTO public.genre VALUES (1, 'prose')",
        )
        .await;
    library
}

/// Counts the relations, types, constraints and columns of a schema.
async fn objects(library: &Library, schema: &str) -> Result<Vec<i64>, DbErr> {
    let db = library.tenants.shared_connection();
    let mut counts = Vec::new();
    for catalog in [
        "pg_class WHERE relnamespace",
        "pg_type WHERE typnamespace",
        "pg_constraint WHERE connamespace",
        "pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE attnum > 0 AND relnamespace",
    ] {
        counts.push(
            number(
                db,
                &format!("SELECT count(*) FROM {catalog} = '{schema}'::regnamespace"),
            )
            .await?,
        );
    }
    Ok(counts)
}

async fn write_a_book<C: sea_orm::TransactionTrait + ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    author::ActiveModel::builder()
        .set_name("Ann")
        .add_book(
            book::ActiveModel::builder()
                .set_title("one")
                .set_pages(1)
                .set_genre_id(1),
        )
        .save(db)
        .await?;
    Ok(())
}

#[tokio::test]
async fn apply() -> Result<(), DbErr> {
    let library = empty_schemas().await;
    let tables = || {
        builder()
            .register(book::Entity)
            .register(author::Entity)
            .register(review::Entity)
    };
    let acme = changing(&library, "acme");
    tables().apply(&acme).await?;
    assert_eq!(objects(&library, "globex").await?, [0, 0, 0, 0]);
    let globex = changing(&library, "globex").begin().await?;
    tables().apply(&globex).await?;
    write_a_book(&globex).await?;
    globex.commit().await?;

    assert_eq!(
        objects(&library, "acme").await?,
        objects(&library, "globex").await?
    );
    assert_eq!(book::Entity::find().count(&acme).await?, 0);
    assert_eq!(
        book::Entity::find().count(&changing(&library, "globex")).await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn sync_makes_what_is_missing() -> Result<(), DbErr> {
    let library = empty_schemas().await;
    let acme = changing(&library, "acme");
    tenant_tables().sync(&acme).await?;
    assert_eq!(objects(&library, "globex").await?, [0, 0, 0, 0]);
    let first = objects(&library, "acme").await?;

    // `sync` ignores the tables of the other tenant, and creates nothing a second time.
    let globex = changing(&library, "globex").begin().await?;
    tenant_tables().sync(&globex).await?;
    tenant_tables().sync(&globex).await?;
    write_a_book(&globex).await?;
    globex.commit().await?;
    tenant_tables().sync(&acme).await?;
    assert_eq!(objects(&library, "acme").await?, first);
    assert_eq!(objects(&library, "globex").await?, first);
    assert_eq!(book::Entity::find().count(&acme).await?, 0);
    Ok(())
}

#[tokio::test]
async fn sync_adds_a_column_to_one_tenant() -> Result<(), DbErr> {
    let library = empty_schemas().await;
    let (acme, globex) = (changing(&library, "acme"), changing(&library, "globex"));
    for tenant in [&acme, &globex] {
        tenant_tables().sync(tenant).await?;
    }
    let full = objects(&library, "acme").await?;
    library
        .execute(
            "ALTER TABLE globex.author DROP COLUMN mentor_id; ALTER TABLE globex.book DROP CONSTRAINT book_title_key",
        )
        .await;
    let without = objects(&library, "globex").await?;
    tenant_tables().sync(&acme).await?;
    assert_eq!(objects(&library, "globex").await?, without);
    assert_eq!(objects(&library, "acme").await?, full);

    tenant_tables().sync(&globex).await?;
    let ann = author::ActiveModel {
        name: Set("Ann".to_owned()),
        mentor_id: Set(None),
        ..Default::default()
    };
    ann.insert(&globex).await?;
    let unique = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'globex' AND tablename = 'book'";
    assert_eq!(number(library.tenants.shared_connection(), unique).await?, 2);
    Ok(())
}

/// `sync` works with foreign keys that have the same name in several tenants' schemas. SeaORM's query joins the tables
/// that foreign keys refer to by name only.
#[tokio::test]
async fn sync_finds_the_foreign_keys_of_its_own_tenant() -> Result<(), DbErr> {
    let library = empty_schemas().await;
    library
        .execute(
            "CREATE TABLE acme.author (id int PRIMARY KEY);
             CREATE TABLE acme.book (author_id int CONSTRAINT same REFERENCES acme.author);
             CREATE TABLE globex.elsewhere (other int PRIMARY KEY);
             CREATE TABLE globex.book (author_id int CONSTRAINT same REFERENCES globex.elsewhere)",
        )
        .await;
    let keys = SchemaQueryBuilder::default().query_table_constraints("$tenant".into(), "book".into());
    for (schema, table) in [("acme", "author"), ("globex", "elsewhere")] {
        let db = changing(&library, schema);
        let transaction = db.begin().await?;
        for rows in [
            Connection::query_all(&db, keys.clone()).await,
            Connection::query_all(&transaction, keys.clone()).await,
        ] {
            let rows: Vec<_> = rows
                .unwrap()
                .into_iter()
                .map(sea_schema::sqlx_types::SqlxRow::postgres)
                .collect();
            let tables: Vec<Option<String>> = rows
                .iter()
                .map(|row| sea_schema::sqlx_types::Row::get(row, 16))
                .collect();
            assert_eq!(tables, [Some(table.to_owned())]);
        }
        transaction.rollback().await?;
    }
    Ok(())
}

#[tokio::test]
async fn discovery_reads_no_other_schema() -> Result<(), DbErr> {
    let library = Library::create().await;
    let db = changing(&library, "acme");
    let builder = SchemaQueryBuilder::default;
    let in_globex = builder().query_tables("globex".into());
    assert!(Connection::query_all(&db, in_globex).await.is_err());
    let named_globex = builder().query_columns("$tenant".into(), "globex".into());
    assert_eq!(Connection::query_all(&db, named_globex).await.unwrap().len(), 0);
    let mut more = builder().query_tables("$tenant".into());
    more.and_where(sea_orm::sea_query::Expr::cust("true"));
    assert!(Connection::query_all(&db, more).await.is_err());
    let raw = "SELECT * FROM globex.author".to_owned();
    assert!(Connection::query_all_raw(&db, raw).await.is_err());

    let own = Connection::query_all(&db, builder().query_tables("$tenant".into())).await;
    assert_eq!(own.unwrap().len(), 8);
    let shared = Connection::query_all(&db, builder().query_tables("public".into())).await;
    assert_eq!(shared.unwrap().len(), 2);
    Ok(())
}

/// An entity without `#[tenant]`, whose table has a scope by configuration.
mod sync_product {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sync_product")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn sync_of_an_entity_with_a_scope_by_configuration() -> Result<(), DbErr> {
    let library = empty_schemas().await;
    library
        .execute(
            "CREATE TABLE public.sync_product (id int, name text, price int);
             CREATE TABLE acme.sync_product (id serial PRIMARY KEY)",
        )
        .await;
    let builder = Tenants::builder().table(Scope::Tenant, "sync_product");
    let tenants = builder
        .from_connection(library.tenants.shared_connection().clone())
        .await
        .unwrap();
    for schema in ["acme", "globex"] {
        let db = tenants.connection(&super::tenant(schema)).for_schema_changes();
        for _ in 0..2 {
            let product = self::builder().register(sync_product::Entity);
            product.sync(&db).await?;
        }
        assert_eq!(sync_product::Entity::find().count(&db).await?, 0);
        let columns = format!(
            "SELECT count(*) FROM pg_attribute WHERE attnum > 0 AND attrelid = '{schema}.sync_product'::regclass"
        );
        assert_eq!(number(tenants.shared_connection(), &columns).await?, 2);
    }
    let shared =
        "SELECT count(*) FROM pg_attribute WHERE attnum > 0 AND attrelid = 'public.sync_product'::regclass";
    assert_eq!(number(tenants.shared_connection(), shared).await?, 3);
    Ok(())
}

#[tokio::test]
async fn a_connection_that_was_not_asked_for_it_changes_no_schema() -> Result<(), DbErr> {
    let library = empty_schemas().await;
    let db = library.connection("acme");
    assert_eq!(
        refusal(builder().register(author::Entity).apply(&db).await),
        Refusal::SchemaChange
    );
    assert!(tenant_tables().sync(&db).await.is_err());
    let transaction = db.begin().await?;
    refusal(
        transaction
            .execute_unprepared(r#"DROP TABLE "$tenant".author"#)
            .await,
    );
    assert_eq!(objects(&library, "acme").await?, [0, 0, 0, 0]);
    Ok(())
}

async fn refused_on(db: &TenantConnection) {
    refusal(builder().register(genre::Entity).apply(db).await);
}

#[tokio::test]
async fn shared_tables_and_types_are_not_made_by_a_tenant() -> Result<(), DbErr> {
    let library = Library::empty().await;
    library.execute("CREATE SCHEMA acme").await;
    let db = changing(&library, "acme");
    refused_on(&db).await;
    refusal(builder().register(genre::Entity).sync(&db).await);
    // `apply` also creates the enums of an entity.
    refusal(builder().register(sample::Entity).apply(&db).await);
    assert_eq!(objects(&library, "public").await?[0], 0);

    // `sync` finds existing objects, and changes nothing.
    library
        .execute("CREATE TABLE public.genre (id int PRIMARY KEY, name varchar NOT NULL)")
        .await;
    builder().register(genre::Entity).sync(&db).await?;
    builder()
        .register(shared::setting::Entity)
        .apply(library.tenants.shared_connection())
        .await?;
    Ok(())
}

#[tokio::test]
async fn entity_registry() -> Result<(), DbErr> {
    let library = empty_schemas().await;
    library
        .execute("CREATE TABLE public.setting (name text PRIMARY KEY, value text NOT NULL)")
        .await;
    let module = concat!(module_path!(), "s");
    let module = module.replace("schemas", "entities::tenant::*");
    let registered = || EntityRegistry::build_schema(Schema::new(DbBackend::Postgres), &module);
    for schema in ["acme", "globex"] {
        let db = changing(&library, schema);
        registered().sync(&db).await?;
        assert_eq!(book::Entity::find().count(&db).await?, 0);
        let tables = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'");
        assert!(number(library.tenants.shared_connection(), &tables).await? >= 7);
    }
    Ok(())
}

#[tokio::test]
async fn the_public_tenant_has_no_schema_to_build() {
    let library = Library::empty().await;
    let db = changing(&library, "public");
    refusal(builder().register(author::Entity).apply(&db).await);
    assert!(builder().register(author::Entity).sync(&db).await.is_err());
}
