//! From SQL text to a [`Template`].

use sqlparser::{dialect::PostgreSqlDialect, parser::Parser, tokenizer::TokenWithSpan};

use super::{
    Rules,
    collapse::collapse,
    decide::{Decisions, decide},
    lexer::{Places, lex},
    refusal::Refusal,
    template::{Edit, Template},
};

/// The longest text that is compiled, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most tokens, after repetitions are left out, that are parsed. A chain of operators makes a tree as
/// deep as it is long, and every level takes stack to walk and to drop.
const MAX_TOKENS: usize = 200_000;

/// Stack for one token of a chain of operators, in bytes: measured at 830 without optimisation (`SELECT 1+1+1...`),
/// where walking the tree takes most.
const STACK_PER_TOKEN: usize = 2 * 1024;

/// Stack that a short statement is compiled with, in bytes.
const MIN_STACK: usize = 1024 * 1024;

/// Compiles `sql`: what it names is decided on by `rules`.
pub(super) fn compile(sql: &str, rules: &Rules) -> Result<Template, Refusal> {
    check_size(sql.len(), MAX_BYTES, "bytes")?;
    let (tokens, places) = lex(sql)?;
    let collapsed = collapse(tokens);
    check_size(collapsed.tokens.len(), MAX_TOKENS, "tokens")?;
    let stack = MIN_STACK + collapsed.tokens.len() * STACK_PER_TOKEN;
    let mut decisions = stacker::maybe_grow(stack, stack, || {
        parse_and_decide(collapsed.tokens, &places, rules)
    })?;
    collapsed.copies.repeat(&mut decisions.edits);
    refuse_stray_markers(&decisions, &places)?;
    Ok(template(sql, decisions, &places))
}

/// Puts the tenant's schema where the marker is, and checks nothing.
pub(super) fn replace_markers(sql: &str) -> Template {
    let Ok((_, places)) = lex(sql) else {
        return Template::new(sql, [], None);
    };
    let markers = places.markers().iter();
    Template::new(
        sql,
        markers.map(|marker| (places.bytes(*marker), Edit::ReplaceMarker)),
        Some("\"$tenant\"".to_owned()),
    )
}

fn check_size(size: usize, limit: usize, unit: &'static str) -> Result<(), Refusal> {
    if size > limit {
        return Err(Refusal::TooLong { size, limit, unit });
    }
    Ok(())
}

/// Drops the tree before it returns, since that takes stack too.
fn parse_and_decide(
    tokens: Vec<TokenWithSpan>,
    places: &Places,
    rules: &Rules,
) -> Result<Decisions, Refusal> {
    let statements = Parser::new(&PostgreSqlDialect {})
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|error| Refusal::Unparseable(error.to_string()))?;
    decide(&statements, places, rules)
}

/// Every marker stands where a schema goes; one that was not decided on would reach the server.
fn refuse_stray_markers(decisions: &Decisions, places: &Places) -> Result<(), Refusal> {
    let stray = places
        .markers()
        .iter()
        .any(|marker| !decisions.edits.contains_key(marker));
    if stray {
        return Err(Refusal::Construct(
            "\"$tenant\" where no schema goes",
            "write it in front of a table, a type or a function only",
        ));
    }
    Ok(())
}

fn template(sql: &str, decisions: Decisions, places: &Places) -> Template {
    let edits = decisions
        .edits
        .into_iter()
        .map(|(token, edit)| (places.bytes(token), edit));
    Template::new(sql, edits, decisions.tenant_name)
}
