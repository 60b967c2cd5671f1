//! SeaORM's role-based access control on the connections of tenants.

use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, JoinType, Order, PaginatorTrait as _,
    QueryFilter as _, TransactionTrait as _,
    rbac::{RbacContext, RbacUserId, schema::create_tables},
    sea_query::{Condition, Expr, ExprTrait as _, Query, SimpleExpr},
};
use tenant_core::RestrictedTenantConnection;

use super::{
    Library,
    entities::{
        shared::{self, genre},
        tenant::{author, book, setting},
    },
};

const READER: RbacUserId = RbacUserId(1);
const WRITER: RbacUserId = RbacUserId(2);

/// Loads two roles: readers read books and genres; writers also write authors.
async fn load_rules(library: &Library) -> Result<(), DbErr> {
    let db = library.tenants.shared_connection();
    create_tables(db, sea_orm::rbac::schema::RbacCreateTablesParams::default()).await?;
    let mut context = RbacContext::load(db).await?;
    let tables = ["author", "book", "genre"];
    context.add_tables(db, &tables).await?;
    context.add_crud_permissions(db).await?;
    context.add_roles(db, &["reader", "writer"]).await?;
    context
        .assign_user_role(db, &[(READER.0, "reader"), (WRITER.0, "writer")])
        .await?;
    context
        .add_role_permissions(db, "reader", &["select"], &["book", "genre"])
        .await?;
    context
        .add_role_permissions(db, "writer", &["select", "insert"], &tables)
        .await?;
    db.load_rbac().await
}

fn restricted(library: &Library, schema: &str, user: RbacUserId) -> RestrictedTenantConnection {
    library.connection(schema).restricted_for(user).unwrap()
}

#[track_caller]
fn denied<T>(result: Result<T, DbErr>) {
    assert!(matches!(result.err(), Some(DbErr::AccessDenied { .. })));
}

fn eve() -> author::ActiveModel {
    author::ActiveModel {
        id: NotSet,
        name: Set("Eve".to_owned()),
        mentor_id: NotSet,
    }
}

#[tokio::test]
async fn roles_decide_what_a_user_may_do_in_each_tenant() -> Result<(), DbErr> {
    let library = Library::create().await;
    load_rules(&library).await?;
    for schema in ["acme", "globex"] {
        let reader = restricted(&library, schema, READER);
        let own = book::Entity::find().filter(book::Column::Title.starts_with(schema));
        assert_eq!(own.count(&reader).await?, 3);
        assert_eq!(genre::Entity::find().count(&reader).await?, 2);
        denied(author::Entity::find().all(&reader).await);
        denied(book::Entity::find().inner_join(author::Entity).all(&reader).await);
        denied(eve().insert(&reader).await);
        denied(book::Entity::delete_by_id(1).exec(&reader).await);

        let writer = restricted(&library, schema, WRITER);
        let transaction = writer.begin().await?;
        eve().insert(&transaction).await?;
        let nested = transaction.begin().await?;
        assert_eq!(nested.user_id(), WRITER);
        denied(author::Entity::delete_by_id(1).exec(&nested).await);
        nested.rollback().await?;
        transaction.commit().await?;
        assert_eq!(author::Entity::find().count(&writer).await?, 3);
    }
    Ok(())
}

#[tokio::test]
async fn tables_in_each_place_of_a_statement_are_checked() -> Result<(), DbErr> {
    let library = Library::create().await;
    load_rules(&library).await?;
    library
        .execute(
            "INSERT INTO sea_orm_role_permission (role_id, permission_id, resource_id)
             SELECT role.id, permission.id, resource.id
             FROM sea_orm_role AS role, sea_orm_permission AS permission, sea_orm_resource AS resource
             WHERE role = 'reader' AND action = 'update' AND resource.table = 'book'",
        )
        .await;
    library.tenants.shared_connection().load_rbac().await?;
    let reader = restricted(&library, "acme", READER);
    let authors = |column: author::Column| {
        let select = Query::select().expr(column.max()).from(author::Entity).to_owned();
        SimpleExpr::SubQuery(None, Box::new(select.into()))
    };
    let id = || Expr::col((book::Entity, book::Column::Id));
    let books = || Query::select().expr(id()).from(book::Entity).to_owned();
    let on = Condition::all().add(id().eq(authors(author::Column::Id)));
    for query in [
        books()
            .order_by_expr(authors(author::Column::Name), Order::Asc)
            .to_owned(),
        books().join(JoinType::InnerJoin, genre::Entity, on).to_owned(),
        books()
            .add_group_by([id()])
            .and_having(id().gt(authors(author::Column::Id)))
            .to_owned(),
        books()
            .and_where(Expr::cust("EXISTS (SELECT FROM author)"))
            .to_owned(),
        books()
            .expr(Expr::cust("(SELECT max(name) FROM \"$tenant\".author)"))
            .to_owned(),
    ] {
        denied(reader.user_can_run(&query));
        denied(reader.query_all(&query).await);
    }
    let mut update = Query::update();
    update.table(book::Entity).value(book::Column::Pages, 1);
    reader.execute(&update).await?;
    denied(
        reader
            .execute(update.and_where(id().eq(authors(author::Column::Id))))
            .await,
    );

    let transaction = reader.begin().await?;
    let exists = books()
        .and_where(Expr::cust("EXISTS (SELECT FROM author)"))
        .to_owned();
    denied(transaction.query_all(&exists).await);
    assert_eq!(transaction.query_all(&books()).await?.len(), 3);
    transaction.rollback().await?;
    Ok(())
}

#[tokio::test]
async fn a_name_of_two_tables_needs_its_schema_in_the_rules() -> Result<(), DbErr> {
    let library = Library::create().await;
    load_rules(&library).await?;
    let db = library.tenants.shared_connection();
    db.execute_unprepared(
        "INSERT INTO sea_orm_resource (schema, \"table\") VALUES 
             ('$tenant', 'setting'), ('public', 'setting'), (NULL, 'setting');
         INSERT INTO sea_orm_role_permission (role_id, permission_id, resource_id)
             SELECT role.id, permission.id, resource.id
             FROM sea_orm_role AS role, sea_orm_permission AS permission, sea_orm_resource AS resource
             WHERE role = 'reader' AND action = 'select' AND resource.table = 'setting'
                 AND schema IS DISTINCT FROM 'public'",
    )
    .await?;
    db.load_rbac().await?;
    let reader = restricted(&library, "globex", READER);
    let own = setting::Entity::find().one(&reader).await?.unwrap();
    assert_eq!(own.value, "globex dark");
    denied(shared::setting::Entity::find().one(&reader).await);
    Ok(())
}

#[tokio::test]
async fn raw_sql_is_refused_on_a_restricted_connection() -> Result<(), DbErr> {
    let library = Library::create().await;
    load_rules(&library).await?;
    let writer = restricted(&library, "acme", WRITER);
    let transaction = writer.begin().await?;
    let sql = "SELECT count(*) FROM book";
    assert!(matches!(
        super::number(&writer, sql).await,
        Err(DbErr::RbacError(_))
    ));
    assert!(matches!(
        super::number(&transaction, sql).await,
        Err(DbErr::RbacError(_))
    ));
    assert!(writer.execute_unprepared("DELETE FROM book").await.is_err());
    assert!(transaction.execute_unprepared("DELETE FROM book").await.is_err());
    transaction.rollback().await?;
    assert_eq!(super::number(&library.connection("acme"), sql).await?, 3);
    Ok(())
}

#[tokio::test]
async fn without_rules_there_is_no_restricted_connection() {
    let library = Library::empty().await;
    let result = library.connection("acme").restricted_for(READER);
    assert!(matches!(result, Err(DbErr::RbacError(_))));
}
