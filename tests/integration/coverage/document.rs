//! The documentation's table has a row for each test, and the tests exist for all rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

#[test]
fn each_row_of_the_table_has_a_test_and_each_test_a_row() {
    let tests = tests();
    let rows = rows();
    for (test, file) in &rows {
        assert_eq!(
            tests.get(test),
            Some(file),
            "the table names `{file}::{test}`, which is no test"
        );
    }
    let named: BTreeSet<_> = rows.keys().collect();
    let missing: Vec<_> = tests.keys().filter(|test| !named.contains(test)).collect();
    assert!(
        missing.is_empty(),
        "tests without a row in coverage.md: {missing:?}"
    );
}

/// Returns the tests in this file's directory, with the names of their files.
fn tests() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/coverage");
    let mut tests = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if file == "document" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for name in test_functions(&text) {
            let before = tests.insert(name.to_owned(), file.clone());
            assert_eq!(before, None, "two tests are called {name}");
        }
    }
    tests
}

fn test_functions(text: &str) -> impl Iterator<Item = &str> {
    let after_attribute = text.split("#[tokio::test]\n").skip(1);
    after_attribute.map(|rest| {
        let rest = rest.strip_prefix("async fn ").expect("a test is an async fn");
        rest.split('(').next().unwrap()
    })
}

/// Returns the tests in the last column of the documentation's table, with the names of their files.
fn rows() -> BTreeMap<String, String> {
    let text = include_str!("../../../tenant-core/src/docs/coverage.md");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|line| line.trim_end_matches(" |").rsplit(" | ").next());
    let names = cells.filter(|cell| cell.contains("::"));
    let mut tests = BTreeMap::new();
    for name in names.flat_map(|cell| cell.split(", ")) {
        let (file, test) = name.trim_matches('`').split_once("::").unwrap();
        tests.insert(test.to_owned(), file.to_owned());
    }
    assert!(tests.len() > 40, "the table was not read");
    tests
}
