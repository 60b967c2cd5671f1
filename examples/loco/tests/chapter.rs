//! The chapter about Loco shows code of this application.

const CHAPTER: &str = include_str!("../../../tenant-core/src/docs/loco.md");

const SOURCES: [&str; 5] = [
    include_str!("../src/app.rs"),
    include_str!("../src/controllers/notes.rs"),
    include_str!("../src/initializers/tenants.rs"),
    include_str!("../src/migrator.rs"),
    include_str!("../src/workers/digest.rs"),
];

#[test]
fn each_block_of_code_in_the_chapter_is_in_a_source() {
    let blocks: Vec<_> = CHAPTER
        .split("```rust,ignore\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    for block in blocks {
        let found = SOURCES
            .iter()
            .any(|source| unindented(source).contains(&unindented(block)));
        assert!(found, "no source has this:\n{block}");
    }
}

fn unindented(code: &str) -> String {
    code.lines()
        .map(|line| line.trim_start().to_owned() + "\n")
        .collect()
}
