//! `tenant adopt --from-query`: the tenants of a database of django-tenants.

use tenant_migration::list_domains;

use super::*;

const QUERY: &str = "SELECT schema_name, name, domain, is_primary FROM customers_client
    JOIN customers_domain ON tenant_id = customers_client.id ORDER BY customers_client.id, domain -- all";

/// Creates the tables of django-tenants with the tenants public, acme, globex and initech.
async fn django(migrations: &Migrations) -> (TestDatabase, DatabaseConnection) {
    let (db, connection) = with_tenants(migrations, &[]).await;
    db.execute(
        "CREATE TABLE customers_client (id int PRIMARY KEY, schema_name varchar(63) UNIQUE, name varchar(100));
         CREATE TABLE customers_domain (domain varchar(253) UNIQUE, is_primary boolean, tenant_id int);
         CREATE TABLE django_migrations (id int);
         INSERT INTO customers_client VALUES
            (1, 'public', 'Main'), (2, 'acme', 'Acme Inc.'), (3, 'globex', 'Globex'), (4, 'initech', 'Initech');
         INSERT INTO customers_domain VALUES
            ('example.com', true, 1), ('a.example.com', false, 2), ('ACME.example.com', true, 2),
            ('globex.example.com', true, 3), ('initech.example.com', true, 4)",
    )
    .await;
    for name in ["acme", "globex", "initech"] {
        db.execute(&format!(
            "CREATE SCHEMA {name}; CREATE TABLE {name}.note (id serial PRIMARY KEY, plan text DEFAULT 'free');
             CREATE TABLE {name}.django_migrations (id int); INSERT INTO {name}.note DEFAULT VALUES"
        ))
        .await;
    }
    (db, connection)
}

fn lines(out: &str) -> Vec<String> {
    let lines = out.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

async fn adopt(
    db: &TestDatabase,
    migrations: &Migrations,
    words: &[&str],
) -> (Vec<String>, Result<(), CliError>) {
    let first = [
        "tenant",
        "adopt",
        "--from-query",
        QUERY,
        "--applied-to",
        "m1_create_note",
    ];
    let (out, result) = cli(db, migrations, &[&first, words].concat()).await;
    (lines(&out), result)
}

#[tokio::test]
async fn all_tenants_are_adopted_with_their_domains() {
    let migrations = with([NOTE, TAG]);
    let (db, connection) = django(&migrations).await;
    let before = tables(&connection, "acme").await;
    let result = |word: &str| {
        [
            "schema domain result".to_owned(),
            "public - is the shared schema".to_owned(),
            format!("acme acme.example.com {word}"),
            format!("globex globex.example.com {word}"),
            format!("initech initech.example.com {word}"),
            format!("3 {word}, 0 there already, 0 failed"),
            "Left to do:".to_owned(),
            "- `up` runs the pending migrations of 3 tenants".to_owned(),
            "- `tenant create public --domain HOST` makes the tenant of the main site".to_owned(),
            "- `audit` finds what could lead from one tenant to another".to_owned(),
            "- django_migrations is in 4 schemas, and nothing here uses it: drop it by a migration when there is no way back"
                .to_owned(),
        ]
    };
    let (out, done) = adopt(&db, &migrations, &["--dry-run"]).await;
    done.unwrap();
    assert_eq!(out, result("would be adopted"));
    assert_eq!(tables(&connection, "acme").await, before);
    assert_eq!(count(&connection, "SELECT FROM tenants").await, 0);

    let (out, done) = adopt(&db, &migrations, &[]).await;
    done.unwrap();
    assert_eq!(out, result("adopted"));
    let domains = list_domains(&connection, &schema("acme")).await.unwrap();
    let domains: Vec<_> = domains
        .iter()
        .map(|row| (row.domain.as_str(), row.is_primary))
        .collect();
    assert_eq!(domains, [("acme.example.com", true), ("a.example.com", false)]);
    assert_eq!(ledger(&connection, "globex").await, ["m1_create_note"]);
    let names = column(&connection, "SELECT name FROM tenants ORDER BY id").await;
    assert_eq!(names, ["Acme Inc.", "Globex", "Initech"]);
    assert!(up(&db, &migrations).await.is_success());
    assert_eq!(count(&connection, "SELECT FROM initech.note").await, 1);

    // The second time, all of them are there.
    let (out, done) = adopt(&db, &migrations, &[]).await;
    done.unwrap();
    assert_eq!(out[5], "0 adopted, 3 there already, 0 failed");
}

#[tokio::test]
async fn a_tenant_that_fails_leaves_no_trace_and_stops_nobody() {
    let migrations = with([NOTE]);
    let (db, connection) = django(&migrations).await;
    db.execute(
        "DROP SCHEMA globex CASCADE; ALTER TABLE customers_domain DROP CONSTRAINT customers_domain_domain_key;
         INSERT INTO customers_domain VALUES ('acme.example.com', false, 4)",
    )
    .await;
    for word in ["--dry-run", "--reuse-name"] {
        let (out, result) = adopt(&db, &migrations, &[word]).await;
        assert!(
            matches!(result, Err(CliError::TenantsFailed { failed: 2, all: 4 })),
            "{result:?}"
        );
        assert!(
            out[3].starts_with("globex - FAILED: tenant globex: the database has no such schema"),
            "{out:?}"
        );
        let domain = "initech - FAILED: the domain acme.example.com is also a domain of acme in the query";
        assert_eq!(out[4], domain);
        assert!(out[5].ends_with("there already, 2 failed"), "{out:?}");
    }
    assert_eq!(
        column(&connection, "SELECT schema_name FROM tenants").await,
        ["acme"]
    );
    assert_eq!(count(&connection, "SELECT FROM domains").await, 2);
}

#[tokio::test]
async fn some_are_chosen_by_their_schemas() {
    let migrations = with([NOTE]);
    let (db, connection) = django(&migrations).await;
    let (_, result) = adopt(&db, &migrations, &["--only", "acme,nobody"]).await;
    assert!(
        matches!(&result, Err(CliError::NotInQuery { schema }) if schema == "nobody"),
        "{result:?}"
    );
    adopt(&db, &migrations, &["--only", "initech"]).await.1.unwrap();
    assert_eq!(
        column(&connection, "SELECT schema_name FROM tenants").await,
        ["initech"]
    );
}

#[tokio::test]
async fn the_query_only_reads_and_has_a_schema_name() {
    let migrations = with([NOTE]);
    let (db, connection) = django(&migrations).await;
    let run = async |query: &str| {
        let words = ["tenant", "adopt", "--from-query", query];
        cli(&db, &migrations, &words).await.1.unwrap_err()
    };
    let error = run("SELECT name FROM customers_client").await;
    assert!(matches!(error, CliError::NoSchemaName), "{error}");
    for query in [
        "DELETE FROM customers_client RETURNING schema_name",
        "SELECT nextval('tenants_id_seq')::text AS schema_name",
        "SELECT 'acme' AS schema_name) AS x; DROP TABLE customers_client; SELECT (1",
    ] {
        let error = run(query).await;
        assert!(matches!(error, CliError::Database(_)), "{query}: {error}");
    }
    assert_eq!(count(&connection, "SELECT FROM customers_client").await, 4);
    assert_eq!(count(&connection, "SELECT FROM tenants").await, 0);
}
