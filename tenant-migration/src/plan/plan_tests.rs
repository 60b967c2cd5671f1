//! Tests of plans made from ledgers.

use std::collections::HashSet;

use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};
use tenant_core::{DEFAULT_KIND, SchemaName};

use crate::{
    define::{Migrations, Step},
    plan::{
        error::PlanError,
        plan::{Plan, SchemaPlan},
        remaining::Remaining,
        status::SchemaStatus,
        target::{Action, Target},
    },
};

struct Named(&'static str);

impl MigrationName for Named {
    fn name(&self) -> &str {
        self.0
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait leaves it out, and async_trait tells them apart"
)]
#[async_trait::async_trait]
impl MigrationTrait for Named {
    async fn up(&self, _manager: &SchemaManager) -> Result<(), sea_orm::DbErr> {
        Ok(())
    }
}

struct Three;

impl MigratorTrait for Three {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        ["m1", "m2", "m3"].map(|name| Box::new(Named(name)) as _).into()
    }
}

struct Twins;

impl MigratorTrait for Twins {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        ["m1", "m1"].map(|name| Box::new(Named(name)) as _).into()
    }
}

fn plan(target: &Target, action: Action, ledgers: &[(&str, Option<&[&str]>)]) -> Vec<String> {
    let migrations = Migrations::new(Three, Three);
    let statuses = ledgers.iter().map(|(schema, ledger)| {
        let schema = SchemaName::new(schema).unwrap();
        let applied = ledger.unwrap_or_default().iter().map(ToString::to_string);
        let status = SchemaStatus {
            kind: (!schema.is_shared()).then(|| DEFAULT_KIND.into()),
            schema,
            exists: true,
            has_ledger: ledger.is_some(),
            applied: Vec::new(),
            pending: Vec::new(),
            unknown: Vec::new(),
            unfinished: None,
            last_failure: None,
            version: None,
            pooled: None,
        };
        status.with_ledger(&migrations, applied.collect())
    });
    let plan = Plan::new(&migrations, target, action, statuses.collect()).unwrap();
    let line = |plan: &SchemaPlan| match plan.steps() {
        Ok(steps) => format!("{}: {}", plan.schema(), words(steps)),
        Err(error) => format!("{}: {error}", plan.schema()),
    };
    plan.schemas().iter().map(line).collect()
}

fn words(steps: &[Step]) -> String {
    let word = |step: &Step| match step {
        Step::Recreate => "recreate".to_owned(),
        Step::Down(name) => format!("-{name}"),
        Step::Up(name) => format!("+{name}"),
        Step::Fake(name) => format!("={name}"),
        Step::DropLedger => "drop".to_owned(),
    };
    steps.iter().map(word).collect::<Vec<_>>().join(" ")
}

const SOME: &[(&str, Option<&[&str]>)] = &[
    ("public", Some(&["m1", "m2"])),
    ("a", Some(&["m1", "m3"])),
    ("b", None),
];

#[test]
fn up_applies_what_is_pending_in_the_order_of_definition() {
    assert_eq!(
        plan(&Target::All, Action::UP, SOME),
        ["public: +m3", "a: +m2", "b: +m1 +m2 +m3"]
    );
    let two = Action::Up { steps: Some(2) };
    assert_eq!(
        plan(&Target::All, two, SOME),
        ["public: +m3", "a: +m2", "b: +m1 +m2"]
    );
}

#[test]
fn on_everything_the_shared_schema_is_not_rolled_back() {
    assert_eq!(
        plan(&Target::All, Action::Down { steps: 1 }, SOME),
        ["a: -m3", "b: "]
    );
    assert_eq!(
        plan(&Target::All, Action::Reset, SOME),
        ["a: -m3 -m1 drop", "b: "]
    );
    assert_eq!(
        plan(&Target::All, Action::Refresh, SOME),
        ["public: +m3", "a: -m3 -m1 +m1 +m2 +m3", "b: +m1 +m2 +m3"]
    );
    assert_eq!(
        plan(&Target::All, Action::Fresh, SOME),
        [
            "public: +m3",
            "a: recreate +m1 +m2 +m3",
            "b: recreate +m1 +m2 +m3"
        ]
    );
}

#[test]
fn without_tenants_everything_is_the_shared_schema() {
    let shared = &SOME[..1];
    assert_eq!(
        plan(&Target::All, Action::Reset, shared),
        ["public: -m2 -m1 drop"]
    );
    assert_eq!(
        plan(&Target::All, Action::Fresh, shared),
        ["public: recreate +m1 +m2 +m3"]
    );
    assert!(plan(&Target::All, Action::Down { steps: 1 }, shared).is_empty());
    assert_eq!(
        plan(&Target::Shared, Action::Down { steps: 1 }, shared),
        ["public: -m2"]
    );
}

#[test]
fn a_migration_that_the_code_does_not_have_is_an_error_but_for_fresh() {
    let ledgers: &[(&str, Option<&[&str]>)] = &[("a", Some(&["m1", "m9_gone"]))];
    let target = Target::Tenants(Vec::new());
    for action in [
        Action::UP,
        Action::Down { steps: 1 },
        Action::Refresh,
        Action::Reset,
    ] {
        let lines = plan(&target, action, ledgers);
        assert!(lines[0].contains("m9_gone"), "{lines:?}");
    }
    assert_eq!(plan(&target, Action::Fresh, ledgers), ["a: recreate +m1 +m2 +m3"]);
}

#[test]
fn two_migrations_of_one_name_are_refused() {
    let migrations = Migrations::new(Three, Twins);
    let plan = Plan::new(&migrations, &Target::All, Action::UP, Vec::new());
    assert!(matches!(plan, Err(PlanError::DuplicateMigration { .. })));
}

#[test]
fn what_another_run_did_is_not_done_again() {
    let up = |name: &str| Step::Up(name.into());
    let down = |name: &str| Step::Down(name.into());
    let applied = |names: &[&str]| names.iter().map(ToString::to_string).collect::<HashSet<_>>();
    assert_eq!(
        Remaining::of(&[up("m1"), up("m2")], applied(&["m1"])).steps,
        [up("m2")]
    );
    assert!(Remaining::of(&[down("m2")], applied(&["m1"])).steps.is_empty());
    let refresh = [down("m1"), up("m1"), up("m2")];
    let after = Remaining::of(&refresh, applied(&["m1", "m2"]));
    assert_eq!(after.steps, [down("m1"), up("m1")]);
    assert_eq!(after.applied, applied(&["m1", "m2"]));
    let fresh = [Step::Recreate, up("m1")];
    let after = Remaining::of(&fresh, applied(&["m9"]));
    assert_eq!(after.steps, fresh);
    assert_eq!(after.applied, applied(&["m1"]));
}
