//! The policy: it decides on every name in a statement, by the table of decisions in the documentation of
//! [`crate::TenantConnection`].
//!
//! It is an allow list. A node of the syntax tree whose kind is in no list of [`kinds`] is refused by its name, and so is
//! a function, a type or an operator that was not reviewed.

mod call;
mod column;
mod data_type;
mod kinds;
mod name;
mod operator;
mod relation;
mod schema_change;
mod scope;
mod statement;
#[cfg(feature = "rbac")]
mod table_use;

use std::ops::Range;

use squawk_parser::SyntaxKind;

use self::{
    kinds::{Treatment, treatment},
    name::Name,
    scope::Scopes,
};
use super::{
    Rules,
    refusal::Refusal,
    template::Edit,
    tree::{Node, Token, WalkEvent},
};

pub use statement::StatementKind;
pub(super) use statement::kind_of_only_statement;

/// Findings of the walk over a text.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// Edits, with the bytes of the token they stand at, in no order.
    pub(super) edits: Vec<(Range<usize>, Edit)>,
    /// First relation or type of the tenant's schema.
    pub(super) tenant_name: Option<String>,
    /// True if the statement is a CREATE, ALTER or DROP.
    pub(super) changes_schema: bool,
    /// Tables of the statement, for rules of access.
    #[cfg(feature = "rbac")]
    pub(super) uses: Vec<super::template::TableUse>,
}

/// Decides on everything in the text of `tree`, which is one statement.
pub(super) fn decide(tree: Node<'_>, rules: &Rules) -> Result<Decisions, Refusal> {
    let mut walk = Walk {
        rules,
        scopes: Scopes::default(),
        decided: None,
        decisions: Decisions::default(),
    };
    walk.run(tree)?;
    Ok(walk.decisions)
}

/// The walk over one text.
struct Walk<'a, 't> {
    rules: &'a Rules,
    scopes: Scopes<'t>,
    /// The child that was decided on with its parent, and comes next.
    decided: Option<Node<'t>>,
    decisions: Decisions,
}

/// Direction of the walk after a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// To the node's children.
    Into,
    /// To what follows the node.
    Over,
}

impl<'t> Walk<'_, 't> {
    fn run(&mut self, tree: Node<'t>) -> Result<(), Refusal> {
        let mut events = tree.preorder();
        while let Some(event) = events.next() {
            match event {
                WalkEvent::Enter(node) => {
                    self.scopes.enter(node);
                    if self.enter(node)? == Step::Over {
                        events.skip_subtree();
                    }
                }
                WalkEvent::Leave(node) => self.scopes.leave(node),
            }
        }
        Ok(())
    }

    fn enter(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        if self.decided == Some(node) {
            self.decided = None;
            return Ok(Step::Over);
        }
        match treatment(node.kind()) {
            Some(Treatment::Plain) => Ok(Step::Into),
            Some(Treatment::Text) => self.text(node),
            Some(Treatment::Statement) => self.statement(node),
            Some(Treatment::Relation) => self.relation(node),
            Some(Treatment::Call) => self.call(node),
            Some(Treatment::Column) => self.column(node),
            Some(Treatment::Word) => Ok(self.word(node)),
            Some(Treatment::LockedTables) => column::locked_tables(node),
            Some(Treatment::Cast) => data_type::cast(node),
            Some(Treatment::DataType) => self.data_type(node),
            Some(Treatment::Code) => self.code(node),
            Some(Treatment::Operator) => self.operator(node),
            Some(Treatment::Literal) => literal(node),
            Some(Treatment::Definition) => self.definition(node),
            None => Err(unreviewed(node.kind())),
        }
    }

    /// Decides on the schema of a name that has one.
    fn schema(&mut self, schema: Token<'t>, name: &Name<'t>) -> Result<(), Refusal> {
        if name::is_marker(schema) {
            self.replace_marker(schema, name);
            return Ok(());
        }
        let folded = name::fold(schema);
        if self.rules.allows_schema(&folded) {
            return Ok(());
        }
        Err(foreign_schema(name.to_string(), folded.into_owned()))
    }

    /// Decides on a collation or an operator class.
    fn code(&mut self, node: Node<'t>) -> Result<Step, Refusal> {
        let name = Name::of_path_in(node)?;
        match name.schema()? {
            Some(schema) if name::fold(schema) != "pg_catalog" => self.schema(schema, &name)?,
            _ => {}
        }
        Ok(Step::Over)
    }

    fn insert_tenant(&mut self, name: &Name<'t>) {
        self.edit(name.last(), Edit::InsertTenant);
        self.note_tenant_name(name);
    }

    fn insert_shared(&mut self, name: &Name<'t>, schema: &str) {
        self.edit(name.last(), Edit::InsertShared(schema.to_owned()));
    }

    fn replace_marker(&mut self, marker: Token<'t>, name: &Name<'t>) {
        self.edit(marker, Edit::ReplaceMarker);
        self.note_tenant_name(name);
    }

    /// Replaces `current_schema` and `current_schema()`, which are the session's, by the tenant's schema.
    fn current_schema(&mut self, call: Node<'t>) -> Step {
        self.decisions
            .edits
            .push((call.text_range(), Edit::CurrentSchema));
        Step::Over
    }

    fn edit(&mut self, at: Token<'t>, edit: Edit) {
        self.decisions.edits.push((at.text_range(), edit));
    }

    fn note_tenant_name(&mut self, name: &Name<'t>) {
        self.decisions.tenant_name.get_or_insert_with(|| name.to_string());
    }
}

/// Refuses what PostgreSQL and the parser cut differently: a literal that goes on after `E'...'` has escapes for
/// PostgreSQL, and none for the parser.
fn literal(node: Node<'_>) -> Result<Step, Refusal> {
    let mut tokens = node.tokens();
    let is_escaped = tokens
        .next()
        .is_some_and(|token| token.kind() == SyntaxKind::ESC_STRING);
    if is_escaped && tokens.any(|token| token.kind() == SyntaxKind::STRING && token.text().contains('\\')) {
        return Err(Refusal::Construct(
            "a literal E'...' that goes on in another line with a backslash",
            "write it in one line",
        ));
    }
    Ok(Step::Into)
}

/// Returns the arguments of a call.
fn arguments(call: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let list = call.child(SyntaxKind::ARG_LIST);
    let children = list.into_iter().flat_map(Node::children);
    children.filter(|child| child.kind() == SyntaxKind::ARG)
}

fn unreviewed(kind: SyntaxKind) -> Refusal {
    Refusal::Unreviewed(format!("{kind:?}").to_lowercase().replace('_', " "))
}

fn foreign_schema(name: String, schema: String) -> Refusal {
    if matches!(&*schema, "pg_catalog" | "information_schema") {
        return Refusal::SystemSchema { name, schema };
    }
    Refusal::ForeignSchema { name, schema }
}
