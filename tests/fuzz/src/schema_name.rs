//! The names of schemas.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use tenant_core::SchemaName;

use crate::{
    oracle::tokens::{Kind, tokens},
    world,
};

/// A name is accepted where the rules, written down a second time, accept it; an accepted name is kept as it is, and
/// in quotes it is one identifier of PostgreSQL.
pub fn schema_name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let name = SchemaName::new(text);
    assert_eq!(name.is_ok(), is_name(text), "{text:?} gave {name:?}");
    assert_eq!(
        SchemaName::for_tenant(text).is_ok(),
        is_name(text) && text != "public"
    );
    if let Ok(name) = name {
        keeps_its_text(&name, text);
        is_one_identifier(&name);
        is_equal_in_any_case(&name);
    }
}

/// The rules, as another would write them down.
fn is_name(text: &str) -> bool {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let lower = text.to_lowercase();
    (1..=63).contains(&text.len())
        && text.chars().all(|letter| LETTERS.contains(letter))
        && !lower.starts_with("pg_")
        && lower != "information_schema"
        && (lower != "public" || text == "public")
}

fn keeps_its_text(name: &SchemaName, text: &str) {
    assert_eq!(name.as_str(), text);
    assert_eq!(name.to_string(), text);
    assert_eq!(String::from(name.clone()), text);
    let parsed: SchemaName = name
        .to_string()
        .parse()
        .expect("an accepted name is accepted again");
    assert_eq!(parsed.as_str(), text);
    let json = serde_json::to_string(name).expect("a name is a text");
    let read: SchemaName = serde_json::from_str(&json).expect("an accepted name is read again");
    assert_eq!(read.as_str(), text);
}

fn is_one_identifier(name: &SchemaName) {
    let quoted = name.quoted();
    let found = tokens(&quoted);
    assert_eq!(found.len(), 1, "{quoted}");
    assert_eq!(found[0].kind, Kind::Quoted(name.as_str().to_owned()));

    let rendered = world::connection(name.clone()).render(r#"SELECT * FROM "$tenant"."note", plan"#);
    if name.is_shared() {
        assert!(rendered.is_err(), "the public tenant has no tenant table");
    } else {
        let expected = format!(r#"SELECT * FROM {quoted}."note", "public".plan"#);
        assert_eq!(rendered.ok(), Some(expected));
    }
}

fn is_equal_in_any_case(name: &SchemaName) {
    let upper = SchemaName::new(name.as_str().to_ascii_uppercase());
    // `PUBLIC` is none.
    if let Ok(upper) = upper {
        assert_eq!(&upper, name);
        assert_eq!(hash(&upper), hash(name));
    }
}

fn hash(name: &SchemaName) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
