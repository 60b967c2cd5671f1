//! Statements on a tenant's connection.

use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, Statement, StreamTrait,
};
use tenant_core::{ConnectionError, Refusal, TenantConnection};

use crate::entities::{Mood, TwoTenants, forgotten, note, plan};

async fn titles(db: &TenantConnection) -> Vec<String> {
    let notes = note::Entity::find()
        .order_by_asc(note::Column::Id)
        .all(db)
        .await
        .unwrap();
    notes.into_iter().map(|note| note.title).collect()
}

#[track_caller]
fn refusal(result: Result<impl std::fmt::Debug, DbErr>) -> Refusal {
    let error = result.unwrap_err();
    match ConnectionError::of(&error) {
        Some(ConnectionError::Refused { refusal, .. }) => refusal.clone(),
        _ => panic!("not refused by us: {error}"),
    }
}

#[tokio::test]
async fn entities_read_and_write_their_own_tenant() {
    let db = TwoTenants::create().await;
    assert_eq!(titles(&db.acme).await, ["acme 1", "acme 2"]);
    assert_eq!(titles(&db.globex).await, ["globex 1", "globex 2"]);

    let new = note::ActiveModel {
        id: NotSet,
        title: Set("acme 3".to_owned()),
        mood: Set(Some(Mood::Happy)),
        plan: Set("team".to_owned()),
    };
    let added = new.insert(&db.acme).await.unwrap();
    assert_eq!((added.id, added.mood), (3, Some(Mood::Happy)));

    let mut first: note::ActiveModel = note::Entity::find_by_id(1)
        .one(&db.acme)
        .await
        .unwrap()
        .unwrap()
        .into();
    first.title = Set("acme one".to_owned());
    first.update(&db.acme).await.unwrap();
    note::Entity::delete_by_id(2).exec(&db.acme).await.unwrap();

    assert_eq!(titles(&db.acme).await, ["acme one", "acme 3"]);
    assert_eq!(titles(&db.globex).await, ["globex 1", "globex 2"]);
}

#[tokio::test]
async fn enums_are_cast_to_the_type_of_the_tenant() {
    let db = TwoTenants::create().await;
    for tenant in [&db.acme, &db.globex] {
        let happy = note::ActiveModel {
            id: Unchanged(1),
            mood: Set(Some(Mood::Happy)),
            ..Default::default()
        };
        happy.update(tenant).await.unwrap();
        let found = note::Entity::find()
            .filter(note::Column::Mood.eq(Mood::Happy))
            .all(tenant)
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
    }
}

#[tokio::test]
async fn shared_tables_are_the_same_for_all() {
    let db = TwoTenants::create().await;
    for tenant in [&db.acme, &db.globex, &db.public] {
        let plans = plan::Entity::find()
            .order_by_asc(plan::Column::Code)
            .all(tenant)
            .await
            .unwrap();
        assert_eq!(plans.len(), 2);
    }
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Usage {
    plan: String,
    notes: i64,
}

fn statement(sql: &str) -> Statement {
    Statement::from_string(DatabaseBackend::Postgres, sql)
}

#[tokio::test]
async fn raw_sql_without_schemas_joins_tenant_and_shared_tables() {
    let db = TwoTenants::create().await;
    db.acme
        .execute_unprepared("UPDATE note SET plan = 'team' WHERE id = 1")
        .await
        .unwrap();
    let sql =
        "SELECT plan.name AS plan, count(note.id) AS notes FROM plan LEFT JOIN note ON note.plan = plan.code
               GROUP BY plan.name ORDER BY plan.name";
    let usage = async |tenant| {
        Usage::find_by_statement(statement(sql))
            .all(tenant)
            .await
            .unwrap()
    };
    let row = |plan: &str, notes| Usage {
        plan: plan.to_owned(),
        notes,
    };
    assert_eq!(usage(&db.acme).await, [row("Free", 1), row("Team", 1)]);
    assert_eq!(usage(&db.globex).await, [row("Free", 2), row("Team", 0)]);
}

#[tokio::test]
async fn a_common_table_expression_hides_the_table_where_postgresql_says_so() {
    let db = TwoTenants::create().await;
    let count = async |sql: &str| {
        let row = db.acme.query_one_raw(statement(sql)).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    };
    assert_eq!(
        count("WITH note AS (SELECT * FROM note) SELECT count(*) FROM note").await,
        2
    );
    assert_eq!(
        count("WITH note AS (SELECT 1) SELECT count(*) FROM note").await,
        1
    );
    let changed = db
        .acme
        .execute_unprepared("WITH note AS (SELECT 1) UPDATE note SET title = 'x'")
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 2);
    assert_eq!(titles(&db.globex).await, ["globex 1", "globex 2"]);
}

#[tokio::test]
async fn what_could_leave_the_tenant_is_refused_before_it_is_sent() {
    let db = TwoTenants::create().await;
    for sql in [
        "SELECT * FROM globex.note",
        "INSERT INTO globex.note (title) VALUES ('x')",
        "SELECT * FROM note; DROP SCHEMA globex CASCADE",
        "SET search_path = globex",
        "SELECT set_config('search_path', 'globex', false)",
        "COPY note TO STDOUT",
        "SELECT * FROM pg_class",
        "SELECT * FROM pg_catalog.pg_class",
        "not SQL",
    ] {
        refusal(db.acme.execute_unprepared(sql).await);
        refusal(db.acme.execute_raw(statement(sql)).await);
        refusal(db.acme.query_one_raw(statement(sql)).await);
        refusal(db.acme.query_all_raw(statement(sql)).await);
        refusal(db.acme.stream_raw(statement(sql)).await.map(|_| ()));
    }
    assert_eq!(titles(&db.globex).await, ["globex 1", "globex 2"]);
}

#[tokio::test]
async fn a_forgotten_annotation_is_refused_by_the_name_of_the_table() {
    let db = TwoTenants::create().await;
    let result = forgotten::Entity::find().all(&db.acme).await;
    assert_eq!(
        refusal(result),
        Refusal::UnknownTable {
            name: "forgotten".to_owned(),
            similar: None
        }
    );
}

#[tokio::test]
async fn a_tenant_entity_on_a_plain_connection_is_refused_by_postgresql() {
    let db = TwoTenants::create().await;
    let error = note::Entity::find()
        .all(db.tenants.shared_connection())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("\"$tenant.note\" does not exist"),
        "{error}"
    );
}

#[tokio::test]
async fn the_public_tenant_has_no_tenant_tables() {
    let db = TwoTenants::create().await;
    let refused = refusal(note::Entity::find().all(&db.public).await);
    assert!(
        matches!(&refused, Refusal::TenantTableOnPublic(table) if table.contains("note")),
        "{refused}"
    );
}

#[tokio::test]
async fn an_error_names_the_tenant_and_the_statement() {
    let db = TwoTenants::create().await;
    let error = db
        .acme
        .execute_unprepared("SELECT * FROM secret")
        .await
        .unwrap_err()
        .to_string();
    for part in ["tenant acme", "\"secret\"", "#[tenant]", "SELECT * FROM secret"] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_stream_stays_with_its_tenant_while_another_is_read() {
    let db = TwoTenants::create().await;
    db.acme
        .execute_unprepared("INSERT INTO note (title) SELECT 'acme' FROM generate_series(1, 5000)")
        .await
        .unwrap();
    let mut stream = note::Entity::find().stream(&db.acme).await.unwrap();
    let mut read = 0;
    while let Some(note) = stream.try_next().await.unwrap() {
        assert!(note.title.starts_with("acme"));
        read += 1;
        if read % 1000 == 1 {
            assert_eq!(titles(&db.globex).await, ["globex 1", "globex 2"]);
        }
    }
    assert_eq!(read, 5002);
}

#[tokio::test]
async fn connections_are_cheap_to_clone_and_keep_their_tenant() {
    let db = TwoTenants::create().await;
    let clone = db.acme.clone();
    let there = tokio::spawn(async move { titles(&clone).await });
    assert_eq!(there.await.unwrap(), ["acme 1", "acme 2"]);
    assert_eq!(db.acme.tenant().schema().as_str(), "acme");
}

#[tokio::test]
async fn one_compiled_statement_serves_tenants_side_by_side() {
    let db = TwoTenants::create().await;
    let readers = (0..40).map(|n| {
        let (tenant, schema) = if n % 2 == 0 {
            (&db.acme, "acme")
        } else {
            (&db.globex, "globex")
        };
        let (tenant, expected) = (tenant.clone(), [format!("{schema} 1"), format!("{schema} 2")]);
        tokio::spawn(async move {
            for _ in 0..25 {
                assert_eq!(titles(&tenant).await, expected);
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
}
