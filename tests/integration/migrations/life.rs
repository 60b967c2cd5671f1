//! Changes of a tenant's status, name and domains.

use tenant_core::{
    TenantStatus,
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{
    LifecycleError, TenantChanges, add_domain, archive_tenant, list_domains, remove_domain, resume_tenant,
    set_maintenance, set_primary_domain, suspend_tenant, update_tenant,
};

use super::*;

async fn status(db: &DatabaseConnection) -> TenantStatus {
    let acme = SeaOrmStore::new(db.clone())
        .by_schema(&schema("acme"))
        .await
        .unwrap();
    acme.unwrap().status()
}

async fn set_status(db: &TestDatabase, status: &str) {
    let sql = format!("UPDATE public.tenants SET status = '{status}' WHERE schema_name = 'acme'");
    db.execute(&sql).await;
}

#[tokio::test]
async fn each_change_of_status_is_made_or_refused() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let acme = schema("acme");
    // For each status, the new status after each change. Empty if the change is refused.
    let table = [
        (
            "active",
            ["suspended", "active", "maintenance", "active", "archived"],
        ),
        ("suspended", ["suspended", "active", "", "", "archived"]),
        (
            "maintenance",
            ["suspended", "active", "maintenance", "active", "archived"],
        ),
        ("archived", ["", "active", "", "", "archived"]),
        ("provisioning", ["", "", "", "", ""]),
        ("dropping", ["", "", "", "", ""]),
    ];
    for (before, expected) in table {
        for (change, expected) in expected.into_iter().enumerate() {
            set_status(&db, before).await;
            let changed = match change {
                0 => suspend_tenant(&connection, &acme).await,
                1 => resume_tenant(&connection, &migrations, &acme).await,
                2 => set_maintenance(&connection, &acme, true).await,
                3 => set_maintenance(&connection, &acme, false).await,
                _ => archive_tenant(&connection, &acme).await,
            };
            let after = status(&connection).await;
            let place = format!("{before}, change {change}: {changed:?}");
            if expected.is_empty() {
                assert!(
                    matches!(changed, Err(LifecycleError::WrongStatus { .. })),
                    "{place}"
                );
                assert_eq!(after.as_str(), before, "{place}");
            } else {
                assert!(changed.is_ok(), "{place}");
                assert_eq!(after.as_str(), expected, "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_tenant_that_missed_migrations_is_migrated_before_it_comes_back() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    let acme = schema("acme");
    archive_tenant(&connection, &acme).await.unwrap();
    let migrations = with([NOTE, TAG]);
    assert!(up(&db, &migrations).await.is_success());
    let refused = resume_tenant(&connection, &migrations, &acme).await;
    assert!(
        matches!(&refused, Err(LifecycleError::Behind { .. })),
        "{refused:?}"
    );
    assert!(refused.unwrap_err().to_string().contains("up --tenant acme"));
    assert!(
        act(&db, &migrations, &tenant("acme"), Action::UP)
            .await
            .is_success()
    );
    resume_tenant(&connection, &migrations, &acme).await.unwrap();
    assert_eq!(status(&connection).await, TenantStatus::Active);
}

#[tokio::test]
async fn who_is_not_there_is_named() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let nobody = schema("nobody");
    let errors = [
        suspend_tenant(&connection, &nobody).await.unwrap_err(),
        update_tenant(&connection, &migrations, &nobody, &TenantChanges::default())
            .await
            .unwrap_err(),
        list_domains(&connection, &nobody).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("no tenant nobody"), "{error}");
    }
    let error = archive_tenant(&connection, &SchemaName::shared())
        .await
        .unwrap_err();
    assert!(matches!(error, LifecycleError::PublicTenant { .. }), "{error}");
    // A pending schema of the pool is no tenant.
    set_status(&db, "pending").await;
    let error = suspend_tenant(&connection, &schema("acme")).await.unwrap_err();
    assert!(
        matches!(error, LifecycleError::Lookup(LookupError::NoSuchTenant { .. })),
        "{error}"
    );

    let empty = TestDatabase::create().await;
    let error = suspend_tenant(&empty.connect().await, &nobody).await.unwrap_err();
    assert!(
        matches!(error, LifecycleError::Lookup(LookupError::NoCatalog)),
        "{error}"
    );
}

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

/// Returns a tenant's domains. The primary one has a star.
async fn domains(db: &DatabaseConnection, name: &str) -> Vec<String> {
    let rows = list_domains(db, &schema(name)).await.unwrap().into_iter();
    rows.map(|row| format!("{}{}", row.domain, if row.is_primary { "*" } else { "" }))
        .collect()
}

#[tokio::test]
async fn a_tenant_has_domains_and_one_primary_one() {
    let (_db, db) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    let acme = schema("acme");
    let (first, second) = (host("acme.example.com"), host("www.acme.example.com"));
    for _ in 0..2 {
        add_domain(&db, &acme, &second, false).await.unwrap();
        assert_eq!(
            domains(&db, "acme").await,
            ["acme.example.com*", "www.acme.example.com"]
        );
    }
    let refused = remove_domain(&db, &acme, &first).await.unwrap_err();
    assert!(
        matches!(refused, LifecycleError::PrimaryDomain { .. }),
        "{refused}"
    );
    set_primary_domain(&db, &acme, &second).await.unwrap();
    remove_domain(&db, &acme, &first).await.unwrap();
    assert_eq!(domains(&db, "acme").await, ["www.acme.example.com*"]);
    let gone = remove_domain(&db, &acme, &first).await.unwrap_err();
    assert!(matches!(gone, LifecycleError::NoSuchDomain { .. }), "{gone}");

    let taken = add_domain(&db, &acme, &host("GLOBEX.example.com."), false)
        .await
        .unwrap_err();
    assert!(
        matches!(taken, LifecycleError::Name(NameError::DomainTaken { .. })),
        "{taken}"
    );
    let theirs = remove_domain(&db, &acme, &host("globex.example.com"))
        .await
        .unwrap_err();
    assert!(matches!(theirs, LifecycleError::NoSuchDomain { .. }), "{theirs}");
    assert_eq!(domains(&db, "globex").await, ["globex.example.com*"]);

    remove_domain(&db, &acme, &second).await.unwrap();
    add_domain(&db, &acme, &first, false).await.unwrap();
    assert_eq!(
        domains(&db, "acme").await,
        ["acme.example.com*"],
        "the first is primary"
    );
    add_domain(&db, &acme, &second, true).await.unwrap();
    assert_eq!(
        domains(&db, "acme").await,
        ["www.acme.example.com*", "acme.example.com"]
    );
}

#[tokio::test]
async fn a_wildcard_is_a_domain_and_not_the_primary_one() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let (acme, globex) = (schema("acme"), schema("globex"));
    let all = || tenant_core::Domain::parse("*.Shop.test").unwrap();
    let refused = add_domain(&connection, &acme, all(), true).await.unwrap_err();
    assert!(
        matches!(refused, LifecycleError::WildcardPrimary { .. }),
        "{refused}"
    );
    let before = list_domains(&connection, &acme).await.unwrap().len();
    add_domain(&connection, &acme, all(), false).await.unwrap();
    add_domain(&connection, &acme, all(), false).await.unwrap();
    let domains = list_domains(&connection, &acme).await.unwrap();
    assert_eq!(domains.len(), before + 1);
    let found = domains.iter().find(|row| row.domain == "*.shop.test").unwrap();
    assert!(!found.is_primary);
    let taken = add_domain(&connection, &globex, all(), false).await.unwrap_err();
    assert!(taken.to_string().contains("*.shop.test"), "{taken}");

    let words = ["tenant", "domain", "add", "acme", "*.more.test"];
    let (said, result) = cli(&db, &migrations, &words).await;
    assert!(result.is_ok() && said.contains("*.more.test"), "{said}");
    let words = ["migration", "tenant", "domain", "primary", "acme", "*.more.test"];
    assert!(Args::try_parse_from(words).is_err());
    remove_domain(&connection, &acme, all()).await.unwrap();
    assert_eq!(list_domains(&connection, &acme).await.unwrap().len(), before + 1);
}

#[tokio::test]
async fn the_command_line_does_and_shows_all_of_it() {
    let migrations = with([NOTE]);
    let (db, _connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let run = async |words: &[&str]| {
        let (out, result) = cli(&db, &migrations, words).await;
        result.unwrap_or_else(|error| panic!("{words:?}: {error}"));
        out
    };
    let said = run(&["tenant", "suspend", "acme"]).await;
    let delay = "other processes know within a second if they listen for changes, and in 30 s at the latest unless they \
                 cache hosts for longer\n";
    assert_eq!(said, format!("tenant acme is suspended\n{delay}"));
    let suspended = run(&["tenant", "list", "--status", "suspended", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&suspended).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!(json[0]["schema"], "acme");
    assert_eq!(json[0]["version"], "m1_create_note");
    run(&["tenant", "resume", "acme"]).await;
    run(&["tenant", "maintenance", "acme", "on"]).await;
    assert!(run(&["tenant", "list"]).await.contains("maintenance"));
    run(&["tenant", "maintenance", "acme", "off"]).await;
    run(&["tenant", "archive", "acme"]).await;
    run(&["tenant", "resume", "acme"]).await;
    run(&["tenant", "set", "acme", "--name", "Acme & Sons"]).await;
    let said = run(&[
        "tenant",
        "domain",
        "add",
        "acme",
        "www.acme.example.com",
        "--primary",
    ])
    .await;
    assert_eq!(
        said,
        format!("the domains of acme: www.acme.example.com (primary), acme.example.com\n{delay}")
    );
    run(&["tenant", "domain", "primary", "acme", "acme.example.com"]).await;
    run(&["tenant", "domain", "remove", "acme", "www.acme.example.com"]).await;
    assert_eq!(
        run(&["tenant", "domain", "list", "acme"]).await,
        "acme.example.com (primary)\n"
    );

    let shown = run(&["tenant", "show", "acme"]).await;
    for part in [
        "Acme & Sons",
        "acme.example.com (primary)",
        "m1_create_note",
        "active",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&run(&["tenant", "show", "acme", "--json"]).await).unwrap();
    assert_eq!(json["domains"][0]["primary"], true);
    assert_eq!(json["tables"], 2);
    assert_eq!(json["migrations"]["applied"][0], "m1_create_note");
    run(&["tenant", "create", "public"]).await;
    assert!(run(&["tenant", "show", "public"]).await.contains("public"));

    let newer = with([NOTE, TAG]);
    let (out, _) = cli(&db, &newer, &["tenant", "list", "--behind"]).await;
    assert!(
        out.contains("acme") && out.contains("globex") && !out.contains("public"),
        "{out}"
    );
    assert!(!run(&["tenant", "list", "--behind"]).await.contains("acme"));
    let (_, result) = cli(&db, &migrations, &["tenant", "show", "nobody"]).await;
    assert!(matches!(result, Err(CliError::Lifecycle(_))), "{result:?}");
}
