//! The tenants of tasks, by their statuses.

use std::sync::Arc;

use tenant_core::{
    TenantId,
    TenantStatus::{self, Active, Maintenance, Suspended},
};
use tenant_migration::{TenantSelection, for_each_tenant};
use tracing::{Subscriber, span};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

use super::*;

/// Creates a tenant of each status, named like it.
async fn of_each_status() -> TestDatabase {
    let names = [
        "active",
        "suspended",
        "maintenance",
        "archived",
        "provisioning",
        "dropping",
    ];
    let (db, connection) = with_tenants(&with([NOTE]), &names).await;
    let main = NewTenant::new(SchemaName::shared(), "Main");
    create_tenant(&connection, &with([]), &main).await.unwrap();
    db.execute("UPDATE tenants SET status = schema_name WHERE schema_name <> 'public'")
        .await;
    db
}

#[tokio::test]
async fn tasks_run_for_served_tenants_unless_others_are_asked_for() {
    let db = of_each_status().await;
    let tenants = db.tenants().await;
    let names = async |selection: TenantSelection| {
        let task = |_| async { Ok::<_, DbErr>(()) };
        let results = for_each_tenant(&tenants, selection, 2, task).await.unwrap();
        let names = results.into_iter().map(|(tenant, _)| tenant.schema().to_string());
        names.collect::<Vec<_>>()
    };
    let of = |target: Target, statuses: &[TenantStatus]| {
        TenantSelection::from(target).with_status(statuses.iter().copied())
    };
    assert_eq!(names(Target::AllTenants.into()).await, ["active"]);
    assert_eq!(names(Target::All.into()).await, ["active", "public"]);
    assert_eq!(names(Target::Kind("default".to_owned()).into()).await, ["active"]);
    assert_eq!(names(Target::Shared.into()).await, ["public"]);
    let out_of_service = [Suspended, Maintenance];
    assert_eq!(
        names(of(Target::AllTenants, &out_of_service)).await,
        ["maintenance", "suspended"]
    );
    assert_eq!(names(of(Target::All, &[Active])).await, ["active", "public"]);
    let named = Target::Tenants(vec![schema("suspended"), schema("archived"), schema("active")]);
    assert_eq!(
        names(named.clone().into()).await,
        ["suspended", "archived", "active"]
    );
    assert_eq!(names(of(named, &[Active])).await, ["active"]);
}

#[tokio::test]
async fn commands_take_statuses() {
    let db = of_each_status().await;
    let migrations = with([NOTE]).task("nothing", |_| async { Ok::<_, DbErr>(()) });
    let schemas = async |words: &[&str]| {
        let (out, result) = cli(&db, &migrations, &[&["tenant"], words, &["--json"]].concat()).await;
        result.unwrap();
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let schemas = json
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["schema"].as_str().unwrap().to_owned());
        schemas.collect::<Vec<_>>()
    };
    let sql = ["sql", "SELECT 1 FROM \"$tenant\".note"];
    assert_eq!(schemas(&["run", "nothing", "--tenants"]).await, ["active"]);
    let suspended = ["run", "nothing", "--tenants", "--status", "suspended,archived"];
    assert_eq!(schemas(&suspended).await, ["archived", "suspended"]);
    // A change of rows must not leave out those that come back.
    let in_use = ["active", "maintenance", "suspended"];
    assert_eq!(schemas(&[&sql[..], &["--tenants"]].concat()).await, in_use);
    assert_eq!(
        schemas(&[&sql[..], &["--tenants", "--status", "active"]].concat()).await,
        ["active"]
    );
    assert_eq!(
        schemas(&[&sql[..], &["--tenant", "archived"]].concat()).await,
        ["archived"]
    );
}

#[tokio::test]
async fn tenants_are_found_by_id() {
    let (db, connection) = with_tenants(&with([]), &["acme", "globex"]).await;
    let tenants = db.tenants().await;
    for tenant in tenants.list().await.unwrap() {
        assert_eq!(tenants.by_id(tenant.id()).await.unwrap().as_ref(), Some(&tenant));
    }
    assert_eq!(tenants.by_id(TenantId(0)).await.unwrap(), None);
    // A pending schema is no tenant.
    tenant_migration::fill_pool(&connection, &with([]), "default", 1)
        .await
        .unwrap();
    let pending = column(&connection, "SELECT id FROM tenants WHERE status = 'pending'").await;
    let pending = TenantId(pending[0].parse().unwrap());
    assert_eq!(tenants.by_id(pending).await.unwrap(), None);
}

/// Collects the spans in which events happen.
#[derive(Clone, Default)]
struct Spans(Arc<std::sync::Mutex<Vec<String>>>);

struct Schema(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut text = String::new();
        attributes.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                text = format!("{} {field}={value:?}", attributes.metadata().name());
            },
        );
        context.span(id).unwrap().extensions_mut().insert(Schema(text));
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() == "task" {
            let scope = context.event_scope(event).into_iter().flatten();
            let names =
                scope.filter_map(|span| span.extensions().get::<Schema>().map(|schema| schema.0.clone()));
            self.0.lock().unwrap().push(names.collect::<Vec<_>>().join(", "));
        }
    }
}

#[tokio::test]
async fn a_task_logs_in_the_span_of_its_tenant() {
    let (db, _) = with_tenants(&with([]), &["acme", "globex"]).await;
    let tenants = db.tenants().await;
    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let task = |_| async {
        tracing::info!(target: "task", "working");
        Ok::<_, DbErr>(())
    };
    for_each_tenant(&tenants, Target::AllTenants, 1, task)
        .await
        .unwrap();
    assert_eq!(
        *spans.0.lock().unwrap(),
        ["tenant tenant.schema=acme", "tenant tenant.schema=globex"]
    );
}
