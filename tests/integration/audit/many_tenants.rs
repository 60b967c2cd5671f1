//! Number of statements of an audit.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tenant_core::audit::SchemaFinding;

use super::*;

async fn statements(test: &TestDatabase) -> (usize, Audit) {
    let count = Arc::new(AtomicUsize::new(0));
    let mut db = test.connect().await;
    let counted = count.clone();
    db.set_metric_callback(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let audit = audit(&db, &nothing()).await.unwrap();
    (count.load(Ordering::Relaxed), audit)
}

#[tokio::test]
async fn many_tenants_take_as_many_statements_as_two() {
    let (test, db) = clean().await;
    let (few, audit) = statements(&test).await;
    assert_eq!(audit.tenants().len(), 2);
    let sql = "DO $$ BEGIN FOR i IN 1..198 LOOP
            EXECUTE format('CREATE SCHEMA t%s', i);
            EXECUTE format('CREATE TABLE t%s.note (id serial PRIMARY KEY, plan text REFERENCES public.plan)', i);
            INSERT INTO public.tenants (schema_name, name, status) VALUES (format('t%s', i), '', 'active');
        END LOOP; END $$;
        ALTER TABLE t77.note ADD other int REFERENCES t78.note";
    db.execute_unprepared(sql).await.unwrap();
    let (many, audit) = statements(&test).await;
    assert_eq!(audit.tenants().len(), 200);
    let schemas: Vec<_> = audit.findings().iter().map(SchemaFinding::schema).collect();
    assert_eq!(schemas, ["t77"]);
    assert_eq!(few, many);
    assert!((1..=8).contains(&many), "{many}");
}
