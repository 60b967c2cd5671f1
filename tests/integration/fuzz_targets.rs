//! The fuzz targets, run with the inputs in `tests/fuzz/seeds` and with random inputs, on any toolchain.
//!
//! If `scripts/fuzz` finds a failing input, add it to `tests/fuzz/seeds` as a regression test.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

#[track_caller]
fn run_seeds(target: &str, run: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&seeds).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| run(&text));
        assert!(outcome.is_ok(), "{}", path.display());
        count += 1;
    }
    assert!(count > 10, "only {count} texts in {}", seeds.display());
}

#[test]
fn the_seeds_of_schema_names_pass() {
    run_seeds("schema_name", tenant_fuzz::schema_name);
}

#[test]
fn the_seeds_of_hosts_pass() {
    run_seeds("host", tenant_fuzz::host);
}

#[test]
fn the_seeds_of_statements_pass() {
    run_seeds("statement", |text| {
        tenant_fuzz::statement(text);
    });
}

/// More than 10 % of the structured statements compile, so the fuzz target checks enough compiled statements.
#[test]
fn statements_that_are_made_of_choices_often_compile() {
    let mut choices = TestRunner::deterministic();
    let strategy = vec(any::<u8>(), 10..100);
    let compiled = (0..200).filter(|_| {
        let choices = strategy.new_tree(&mut choices).unwrap().current();
        tenant_fuzz::statement_structured(&choices)
    });
    let compiled = compiled.count();
    assert!(compiled > 20, "only {compiled} of 200 statements compile");
}

proptest! {
    #[test]
    fn schema_names_pass(text in "\\PC{0,70}|[A-Za-z0-9_-]{0,70}|[Pp][Gg]_[a-z]*|(?i:public|information_schema)") {
        tenant_fuzz::schema_name(text.as_bytes());
    }

    #[test]
    fn hosts_pass(text in "\\PC{0,80}|[A-Za-z0-9.:-]{0,80}|([a-z]{1,70}\\.){0,5}[a-z]{1,20}:[0-9]{0,6}") {
        tenant_fuzz::host(text.as_bytes());
    }

    #[test]
    fn requests_pass(
        target in "/|(http://)?[a-z.]{1,20}(:[0-9]{1,5})?/?",
        headers in vec("[A-Za-z.]{1,12}(:[0-9]{1,5})?", 0..3),
    ) {
        tenant_fuzz::host([vec![target], headers].concat().join("\n").as_bytes());
    }

    #[test]
    fn statements_pass(choices in vec(any::<u8>(), 0..400)) {
        tenant_fuzz::statement_structured(&choices);
    }
}

/// The fuzz target's check fails for wrong output. A check that finds nothing would accept everything.
#[test]
fn what_breaks_a_promise_is_found() {
    for (before, after) in [
        ("SELECT 1", "SELECT 2"),
        ("SELECT 'note'", "SELECT '\"acme\".note'"),
        ("SELECT 1 -- note", "SELECT 1 -- \"acme\".note"),
        ("SELECT * FROM note", "SELECT * FROM \"public\".note"),
        ("SELECT * FROM plan", "SELECT * FROM \"acme\".plan"),
        ("SELECT * FROM secret", "SELECT * FROM \"acme\".secret"),
    ] {
        let outcome = std::panic::catch_unwind(|| tenant_fuzz::judge(before, after));
        assert!(outcome.is_err(), "{before} may become {after}");
    }
    tenant_fuzz::judge(
        "SELECT n.id, (n).id, 'note' FROM note AS n, plan -- note",
        "SELECT n.id, (n).id, 'note' FROM \"acme\".note AS n, \"public\".plan -- note",
    );
}
