//! Compares the two texts: a compiled statement is the statement with schemas in it, and nothing else.

use std::collections::HashMap;

use super::tokens::{Kind, Token, tokens};
use crate::world::{SHARED_NAMES, TENANT, TENANT_NAMES};

/// Nothing of the text changed but for the schemas in front of names, which are those of the names.
pub(super) fn only_schemas_were_added(before: &str, after: &str) {
    let tokens: HashMap<usize, Token> = tokens(before)
        .into_iter()
        .map(|token| (token.start, token))
        .collect();
    let tenant = format!("\"{TENANT}\"");
    let (mut at, mut rest) = (0, after);
    while at < before.len() || !rest.is_empty() {
        let unread = &before[at..];
        let here = tokens.get(&at);
        if let Some(more) = replaced(rest, &tenant, unread) {
            let marker = Kind::Quoted("$tenant".to_owned());
            assert!(
                here.is_some_and(|token| token.kind == marker),
                "{before}\n{after}"
            );
            at += "\"$tenant\"".len();
            rest = more;
        } else if let Some(more) = inserted(rest, &tenant, unread) {
            assert!(
                here.is_some_and(|token| is_one_of(token, TENANT_NAMES)),
                "{before}\n{after}"
            );
            rest = more;
        } else if let Some(more) = inserted(rest, "\"public\"", unread) {
            assert!(
                here.is_some_and(|token| is_one_of(token, SHARED_NAMES)),
                "{before}\n{after}"
            );
            rest = more;
        } else {
            let letter = unread.chars().next();
            assert!(
                letter.is_some() && letter == rest.chars().next(),
                "{before}\n{after}"
            );
            let length = letter.map_or(0, char::len_utf8);
            at += length;
            rest = &rest[length..];
        }
    }
}

/// Returns the text behind the schema and a dot, if the compiler inserted them.
fn inserted<'a>(after: &'a str, schema: &str, before: &str) -> Option<&'a str> {
    if before.starts_with(schema) {
        return None;
    }
    after.strip_prefix(schema)?.strip_prefix('.')
}

fn replaced<'a>(after: &'a str, schema: &str, before: &str) -> Option<&'a str> {
    before
        .starts_with("\"$tenant\"")
        .then(|| after.strip_prefix(schema))
        .flatten()
}

fn is_one_of(token: &Token, names: &[&str]) -> bool {
    token.name().is_some_and(|name| names.contains(&name))
}
