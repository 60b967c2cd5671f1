//! References from one schema into another: the audit finds each fixture, and nothing else.

use super::*;

fn reference(kind: ReferenceKind, object: &str, target: &str, target_schema: &str) -> Finding {
    Finding::Reference {
        kind,
        object: object.to_owned(),
        target: target.to_owned(),
        target_schema: target_schema.to_owned(),
    }
}

#[tokio::test]
async fn what_points_into_another_tenants_schema_is_found() {
    use ReferenceKind::{
        ColumnDefault, ColumnType, Constraint, ForeignKey, Function, Index, Parent, Policy, Rule, Trigger,
        Type, View,
    };
    let helper = "CREATE FUNCTION globex.one(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN 1;
        CREATE TABLE globex.base (id int);
        CREATE TABLE globex.parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE acme.t (id int)";
    let fixtures = [
        (
            "ALTER TABLE acme.t ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES globex.note",
            ForeignKey,
            "table constraint fk on acme.t",
            "table globex.note",
        ),
        (
            "ALTER TABLE acme.t ADD CONSTRAINT ck CHECK (globex.one(id) = 1)",
            Constraint,
            "table constraint ck on acme.t",
            "function globex.one(integer)",
        ),
        (
            "ALTER TABLE acme.t ALTER id SET DEFAULT nextval('globex.note_id_seq')",
            ColumnDefault,
            "default value for acme.t.id",
            "sequence globex.note_id_seq",
        ),
        (
            "ALTER TABLE acme.t ADD mood globex.mood",
            ColumnType,
            "table column acme.t.mood",
            "type globex.mood",
        ),
        (
            "ALTER TABLE acme.t ADD moods globex.mood[]",
            ColumnType,
            "table column acme.t.moods",
            "type globex.mood[]",
        ),
        (
            "CREATE TABLE acme.child () INHERITS (globex.base)",
            Parent,
            "table acme.child",
            "table globex.base",
        ),
        (
            "CREATE TABLE acme.part PARTITION OF globex.parts FOR VALUES FROM (1) TO (9)",
            Parent,
            "table acme.part",
            "table globex.parts",
        ),
        (
            "CREATE VIEW acme.v AS SELECT id, plan FROM globex.note",
            View,
            "view acme.v",
            "table globex.note",
        ),
        (
            "CREATE RULE r AS ON INSERT TO acme.t DO ALSO INSERT INTO globex.log VALUES (new.id)",
            Rule,
            "rule r on acme.t",
            "table globex.log",
        ),
        (
            "CREATE TRIGGER tr AFTER INSERT ON acme.t FOR EACH ROW EXECUTE FUNCTION globex.write_log()",
            Trigger,
            "trigger tr on acme.t",
            "function globex.write_log()",
        ),
        (
            "CREATE POLICY p ON acme.t USING (EXISTS (SELECT FROM globex.log))",
            Policy,
            "policy p on acme.t",
            "table globex.log",
        ),
        (
            "CREATE INDEX i ON acme.t (globex.one(id))",
            Index,
            "index acme.i",
            "function globex.one(integer)",
        ),
        (
            "CREATE FUNCTION acme.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM globex.log; END",
            Function,
            "function acme.f()",
            "table globex.log",
        ),
        (
            "CREATE DOMAIN acme.d AS globex.mood",
            Type,
            "type acme.d",
            "type globex.mood",
        ),
    ];
    let (_db, db) = clean().await;
    db.execute_unprepared(helper).await.unwrap();
    assert_eq!(found(&db).await, []);
    for (sql, kind, object, target) in fixtures {
        db.execute_unprepared(sql).await.unwrap();
        let expected = ("acme".to_owned(), reference(kind, object, target, "globex"));
        assert_eq!(found(&db).await, [expected], "{sql}");
        db.execute_unprepared(&undo(sql, object)).await.unwrap();
    }
    assert_eq!(found(&db).await, []);
}

/// Returns SQL that removes a fixture.
fn undo(sql: &str, object: &str) -> String {
    let name = object.split(' ').next_back().unwrap();
    match object.split(' ').next().unwrap() {
        "type" => format!("DROP DOMAIN {name}"),
        word @ ("index" | "view" | "function") => format!("DROP {word} {name}"),
        "table" if sql.starts_with("CREATE TABLE") => format!("DROP TABLE {name}"),
        _ => "DROP TABLE acme.t; CREATE TABLE acme.t (id int)".to_owned(),
    }
}

#[tokio::test]
async fn what_the_shared_schema_has_from_a_tenant_is_found() {
    let sql = "CREATE VIEW public.all_notes AS SELECT id FROM acme.note UNION ALL SELECT id FROM globex.note;
        CREATE TABLE public.invoice (note int REFERENCES acme.note)";
    let expected = [
        "public: table constraint invoice_note_fkey on public.invoice depends on table acme.note",
        "public: view public.all_notes depends on table acme.note",
        "public: view public.all_notes depends on table globex.note",
    ];
    assert_eq!(messages_after(sql).await, expected);
}

/// A table that was copied with `LIKE ... INCLUDING ALL` still uses the template's sequence and enum, so dropping the
/// template would drop columns.
#[tokio::test]
async fn a_table_that_was_cloned_is_found() {
    let sql = "CREATE SCHEMA template;
        CREATE TYPE template.mood AS ENUM ('calm');
        CREATE TABLE template.item (id serial PRIMARY KEY, mood template.mood DEFAULT 'calm');
        CREATE TABLE acme.item (LIKE template.item INCLUDING ALL)";
    let expected = [
        "acme: table column acme.item.mood depends on type template.mood",
        "acme: default value for acme.item.id depends on sequence template.item_id_seq",
        "acme: default value for acme.item.mood depends on type template.mood",
        "template: is no tenant's, not shared and not allowed: drop it or allow it",
    ];
    let mut found = messages_after(sql).await;
    let mut expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
