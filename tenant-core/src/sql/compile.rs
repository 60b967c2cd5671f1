//! From SQL text to a [`Template`].

use std::collections::BTreeMap;

use super::{
    Rules,
    lexeme::{Lexeme, markers, quoted_marker},
    parse::with_tree,
    policy::decide,
    refusal::Refusal,
    template::{Edit, Template},
};
use crate::schema_name::TENANT_MARKER;

/// Compiles `sql`: what it names is decided on by `rules`.
pub(super) fn compile(sql: &str, rules: &Rules) -> Result<Template, Refusal> {
    with_tree(sql, |tree, source| {
        let decisions = decide(tree, rules)?;
        let edits = decisions.edits.into_iter().map(|(range, edit)| {
            let range = source.shortened.whole(&range);
            (range.start, (range, edit))
        });
        let edits: BTreeMap<_, _> = edits.collect();
        refuse_stray_markers(sql, &source.lexemes, |start| edits.contains_key(&start))?;
        let template = Template::new(sql, edits.into_values(), decisions.tenant_name);
        #[cfg(feature = "rbac")]
        let template = template.using(decisions.uses);
        Ok(template.changing_schema(decisions.changes_schema))
    })
}

/// Puts the tenant's schema where the marker is, and checks nothing.
pub(super) fn replace_markers(sql: &str) -> Template {
    let edits = markers(sql).map(|range| (range, Edit::ReplaceMarker));
    Template::new(sql, edits, Some(quoted_marker()))
}

/// Refuses a marker that was not decided on, which would reach the server.
fn refuse_stray_markers(
    sql: &str,
    lexemes: &[Lexeme],
    is_decided: impl Fn(usize) -> bool,
) -> Result<(), Refusal> {
    let is_stray = |lexeme: &Lexeme| lexeme.is_marker(sql) && !is_decided(lexeme.range.start);
    // Most texts that are long have none, and need no second look at each token.
    if !sql.contains(TENANT_MARKER) || !lexemes.iter().any(is_stray) {
        return Ok(());
    }
    Err(Refusal::Construct(
        "\"$tenant\" where no schema goes",
        "write it in front of a table, a type or a function only",
    ))
}
