//! Statements of SeaQuery that change a schema, on `for_schema_changes()`.

use sea_orm::{
    ConnectionTrait as _, DbErr, EntityName as _, StatementBuilder, TransactionTrait as _,
    sea_query::{
        ColumnDef, ColumnType, ConditionalStatement as _, Expr, ExprTrait as _, ForeignKey, ForeignKeyAction,
        Func, Index, IndexType, IntoTableRef as _, Table, TableCreateStatement, TableForeignKey, TableRef,
        extension::postgres::Type,
    },
};

use super::{
    Library,
    entities::tenant::{book, chapter},
    number, refusal,
};

/// Returns the name of the table that the tests create in the tenant's schema.
fn shelf() -> TableRef {
    ("$tenant", "shelf").into_table_ref()
}

fn create_shelf() -> TableCreateStatement {
    Table::create()
        .table(shelf())
        .col(
            ColumnDef::new("id")
                .integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(ColumnDef::new("name").text())
        .col(ColumnDef::new("book_id").integer())
        .to_owned()
}

const TABLES: &str = "pg_class WHERE relkind = 'r' AND relname IN ('shelf', 'rack') AND relnamespace";
const COLUMNS: &str = "pg_attribute JOIN pg_class ON pg_class.oid = attrelid \
    WHERE relname = 'shelf' AND attnum > 0 AND NOT attisdropped AND relnamespace";
const INDEXES: &str = "pg_class WHERE relkind = 'i' AND relname LIKE 'shelf_by%' AND relnamespace";
const CONSTRAINTS: &str = "pg_constraint WHERE conname LIKE 'shelf_c%' AND connamespace";
const TYPES: &str = "pg_type WHERE typname IN ('size', 'sizes') AND typnamespace";
const LABELS: &str =
    "pg_enum JOIN pg_type ON pg_type.oid = enumtypid WHERE typname = 'size' AND typnamespace";

async fn count(library: &Library, schema: &str, objects: &str) -> Result<i64, DbErr> {
    let sql = format!("SELECT count(*) FROM {objects} = '{schema}'::regnamespace");
    number(library.tenants.shared_connection(), &sql).await
}

/// Runs a statement for each tenant, on the connection and in a transaction, and checks the number of objects.
async fn change<S>(library: &Library, statement: &S, objects: &str, expected: i64) -> Result<(), DbErr>
where
    S: StatementBuilder,
{
    let before = count(library, "globex", objects).await?;
    let acme = library.connection("acme").for_schema_changes();
    acme.execute(statement).await?;
    assert_eq!(count(library, "acme", objects).await?, expected);
    assert_eq!(count(library, "globex", objects).await?, before);
    let globex = library.connection("globex").for_schema_changes().begin().await?;
    globex.execute(statement).await?;
    globex.commit().await?;
    assert_eq!(count(library, "globex", objects).await?, expected);
    Ok(())
}

#[tokio::test]
async fn create_tables_with_every_type() -> Result<(), DbErr> {
    let library = Library::create().await;
    let create = Table::create()
        .table(shelf())
        .if_not_exists()
        .col(
            ColumnDef::new("c01")
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
        .col(ColumnDef::new("c02").char_len(3))
        .col(ColumnDef::new("c03").string_len(9))
        .col(ColumnDef::new("c04").string().default("x"))
        .col(ColumnDef::new("c05").text().null())
        .col(ColumnDef::new("c06").tiny_integer())
        .col(ColumnDef::new("c07").small_integer())
        .col(ColumnDef::new("c08").unsigned())
        .col(ColumnDef::new("c09").float())
        .col(ColumnDef::new("c10").double())
        .col(ColumnDef::new("c11").decimal_len(9, 2))
        .col(ColumnDef::new("c12").decimal())
        .col(ColumnDef::new("c13").date_time())
        .col(ColumnDef::new("c14").timestamp())
        .col(
            ColumnDef::new("c15")
                .timestamp_with_time_zone()
                .default(Expr::current_timestamp()),
        )
        .col(ColumnDef::new("c16").time())
        .col(ColumnDef::new("c17").date())
        .col(ColumnDef::new("c18").interval(None, Some(3)))
        .col(ColumnDef::new("c19").binary())
        .col(ColumnDef::new("c20").bit(Some(4)))
        .col(ColumnDef::new("c21").varbit(4))
        .col(ColumnDef::new("c22").boolean().default(false))
        .col(ColumnDef::new("c23").money())
        .col(ColumnDef::new("c24").json())
        .col(ColumnDef::new("c25").json_binary())
        .col(
            ColumnDef::new("c26")
                .uuid()
                .default(Func::cust("gen_random_uuid")),
        )
        .col(ColumnDef::new("c27").array(ColumnType::Integer))
        .col(ColumnDef::new("c28").cidr())
        .col(ColumnDef::new("c29").inet())
        .col(ColumnDef::new("c30").mac_address())
        .col(ColumnDef::new("c31").enumeration("feeling", ["glad", "sad"]))
        .col(ColumnDef::new("c32").custom("format"))
        .to_owned();
    change(&library, &create, COLUMNS, 32).await?;
    change(&library, &create, COLUMNS, 32).await
}

#[tokio::test]
async fn create_tables_with_constraints() -> Result<(), DbErr> {
    let library = Library::create().await;
    let create = Table::create()
        .table(shelf())
        .col(ColumnDef::new("id").integer().not_null())
        .col(
            ColumnDef::new("name")
                .text()
                .unique_key()
                .check(Expr::col("name").ne("")),
        )
        .col(
            ColumnDef::new("loud")
                .text()
                .generated(Func::upper(Expr::col("name")), true),
        )
        .col(ColumnDef::new("sorted").text().extra("COLLATE \"C\""))
        .col(ColumnDef::new("book_id").integer())
        .check(("shelf_c1", Expr::col("id").gt(0)))
        .primary_key(Index::create().name("shelf_c2").col("id"))
        .index(
            Index::create()
                .name("shelf_c3")
                .unique()
                .nulls_not_distinct()
                .col("sorted")
                .col("book_id"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("shelf_c4")
                .from(shelf(), "book_id")
                .to(book::Entity.table_ref(), book::Column::Id)
                .on_delete(ForeignKeyAction::SetNull),
        )
        .to_owned();
    change(&library, &create, CONSTRAINTS, 4).await
}

#[tokio::test]
async fn alter_tables() -> Result<(), DbErr> {
    let library = Library::create().await;
    change(&library, &create_shelf(), COLUMNS, 3).await?;
    let alter = || Table::alter().table(shelf()).to_owned();
    let key = TableForeignKey::new()
        .name("shelf_c1")
        .from_tbl(shelf())
        .from_col("book_id")
        .to_tbl(book::Entity.table_ref())
        .to_col(book::Column::Id)
        .to_owned();
    for (statement, expected) in [
        (
            alter().add_column(ColumnDef::new("size").integer().not_null().default(1)),
            4,
        ),
        (
            alter().add_column_if_not_exists(ColumnDef::new("size").integer()),
            4,
        ),
        (
            alter().modify_column(
                ColumnDef::new("size")
                    .big_integer()
                    .null()
                    .default(2)
                    .unique_key(),
            ),
            4,
        ),
        (
            alter().modify_column(
                ColumnDef::new("name")
                    .custom("feeling")
                    .using(Expr::cust("name::feeling")),
            ),
            4,
        ),
        (alter().rename_column("size", "length"), 4),
        (alter().add_foreign_key(&key), 4),
        (alter().drop_foreign_key("shelf_c1"), 4),
        (alter().drop_constraint("shelf_size_key"), 4),
        (alter().drop_column("length").drop_column("name"), 2),
        (alter().drop_column_if_exists("length"), 2),
    ] {
        change(&library, statement, COLUMNS, expected).await?;
    }
    Ok(())
}

#[tokio::test]
async fn rename_and_drop_tables() -> Result<(), DbErr> {
    let library = Library::create().await;
    change(&library, &create_shelf(), TABLES, 1).await?;
    let rename = Table::rename().table(shelf(), "rack").to_owned();
    change(&library, &rename, TABLES, 1).await?;
    let drop = Table::drop().table(("$tenant", "rack")).restrict().to_owned();
    change(&library, &drop, TABLES, 0).await?;
    let drop = Table::drop()
        .table(("$tenant", "rack"))
        .table(shelf())
        .if_exists()
        .cascade()
        .to_owned();
    change(&library, &drop, TABLES, 0).await?;
    // The table is registered, so the statement needs no schema.
    let chapters = "pg_class WHERE relname = 'chapter' AND relnamespace";
    change(
        &library,
        &Table::drop().table(chapter::Entity).to_owned(),
        chapters,
        0,
    )
    .await
}

#[tokio::test]
async fn create_and_drop_indexes() -> Result<(), DbErr> {
    let library = Library::create().await;
    change(&library, &create_shelf(), TABLES, 1).await?;
    let index = |name: &str| Index::create().name(name).table(shelf()).to_owned();
    for (made, statement) in [
        index("shelf_by_1").col("name"),
        index("shelf_by_2")
            .unique()
            .nulls_not_distinct()
            .col("name")
            .col("book_id"),
        index("shelf_by_3")
            .if_not_exists()
            .col(("name", sea_orm::sea_query::IndexOrder::Desc)),
        index("shelf_by_4").index_type(IndexType::Hash).col("name"),
        index("shelf_by_5")
            .index_type(IndexType::Custom("brin".into()))
            .col("id"),
        index("shelf_by_6").col("book_id").include("name"),
        index("shelf_by_7").col(Func::lower(Expr::col("name"))),
        index("shelf_by_8")
            .full_text()
            .col(Expr::cust("to_tsvector('english', name)")),
        index("shelf_by_9")
            .col("name")
            .cond_where(Expr::col("book_id").gt(1)),
    ]
    .into_iter()
    .enumerate()
    {
        change(&library, statement, INDEXES, i64::try_from(made).unwrap() + 1).await?;
    }
    let drop = Index::drop().name("shelf_by_1").table(shelf()).to_owned();
    change(&library, &drop, INDEXES, 8).await?;
    // An index without a schema is the tenant's.
    change(
        &library,
        &Index::drop().name("shelf_by_2").if_exists().to_owned(),
        INDEXES,
        7,
    )
    .await
}

/// Indexes can be created and dropped concurrently, outside of a transaction, as PostgreSQL requires.
#[tokio::test]
async fn create_and_drop_indexes_concurrently() -> Result<(), DbErr> {
    let library = Library::create().await;
    change(&library, &create_shelf(), TABLES, 1).await?;
    for (schema, other) in [("acme", 0), ("globex", 1)] {
        let db = library.connection(schema).for_schema_changes();
        let create = Index::create()
            .name("shelf_by")
            .table(shelf())
            .concurrently()
            .col("name")
            .to_owned();
        db.execute(&create).await?;
        assert_eq!(count(&library, schema, INDEXES).await?, 1);
        assert_eq!(count(&library, "acme", INDEXES).await?, 1 - other);
        let drop = Index::drop()
            .name("shelf_by")
            .table(shelf())
            .concurrently()
            .if_exists()
            .to_owned();
        db.execute(&drop).await?;
        assert_eq!(count(&library, schema, INDEXES).await?, 0);
    }
    Ok(())
}

#[tokio::test]
async fn create_and_drop_foreign_keys() -> Result<(), DbErr> {
    let library = Library::create().await;
    change(&library, &create_shelf(), TABLES, 1).await?;
    let drop = ForeignKey::drop().name("shelf_c1").table(shelf()).to_owned();
    for action in [
        ForeignKeyAction::Cascade,
        ForeignKeyAction::SetNull,
        ForeignKeyAction::SetDefault,
        ForeignKeyAction::Restrict,
        ForeignKeyAction::NoAction,
    ] {
        for table in [book::Entity.table_ref(), book::Entity.into_table_ref()] {
            let create = ForeignKey::create()
                .name("shelf_c1")
                .from(shelf(), "book_id")
                .to(table, book::Column::Id)
                .on_delete(action)
                .on_update(action)
                .to_owned();
            change(&library, &create, CONSTRAINTS, 1).await?;
            change(&library, &drop, CONSTRAINTS, 0).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn create_alter_and_drop_types() -> Result<(), DbErr> {
    let library = Library::create().await;
    let size = ("$tenant", "size");
    let create = Type::create().as_enum(size).values(["small", "large"]).to_owned();
    change(&library, &create, LABELS, 2).await?;
    let alter = || Type::alter().name(size);
    for (statement, expected) in [
        (alter().add_value("huge"), 3),
        (alter().add_value("tiny").before("small"), 4),
        (alter().add_value("middle").after("small"), 5),
        (alter().add_value("tiny").if_not_exists(), 5),
        (alter().rename_value("huge", "vast"), 5),
    ] {
        change(&library, &statement, LABELS, expected).await?;
    }
    change(&library, &alter().rename_to("sizes"), TYPES, 1).await?;
    let drop = Type::drop().name(("$tenant", "sizes")).restrict().to_owned();
    change(&library, &drop, TYPES, 0).await?;
    let drop = Type::drop()
        .names([size, ("$tenant", "sizes")])
        .if_exists()
        .cascade()
        .to_owned();
    change(&library, &drop, TYPES, 0).await
}

#[tokio::test]
async fn truncate_is_refused() -> Result<(), DbErr> {
    let library = Library::create().await;
    for schema in ["acme", "globex"] {
        let db = library.connection(schema).for_schema_changes();
        for table in [chapter::Entity.table_ref(), chapter::Entity.into_table_ref()] {
            let refused = refusal(db.execute(&Table::truncate().table(table).to_owned()).await);
            assert!(
                refused.to_string().starts_with("TRUNCATE is not run"),
                "{refused}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn partitions_and_temporary_tables_are_refused() -> Result<(), DbErr> {
    let library = Library::create().await;
    let partitioned = create_shelf().partition_by_range(["id"]).to_owned();
    let partition = Table::create()
        .table(shelf())
        .partition_of(book::Entity.table_ref())
        .values_in([1])
        .to_owned();
    let temporary = create_shelf().temporary().to_owned();
    for schema in ["acme", "globex"] {
        let db = library.connection(schema).for_schema_changes();
        refusal(db.execute(&partitioned).await);
        refusal(db.execute(&partition).await);
        assert!(db.execute(&temporary).await.is_err());
        assert_eq!(count(&library, schema, TABLES).await?, 0);
    }
    Ok(())
}
