//! [`Scenario`]: a way to break the library, by a name.

use tenant_core::__private::Plant;

/// A way to break the library: what is planted together. Where one wall hides a fault that another one would let
/// through, both are taken down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) breaks: &'static str,
    plants: &'static [Plant],
}

const fn scenario(name: &'static str, breaks: &'static str, plants: &'static [Plant]) -> Scenario {
    Scenario { name, breaks, plants }
}

/// All ways.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario(
        "schema-left-out",
        "statements without their schema",
        &[Plant::SchemaLeftOut],
    ),
    scenario(
        "text-kept",
        "the text of another tenant from a cache",
        &[Plant::TextKept],
    ),
    scenario("guard-off", "nothing is checked", &[Plant::GuardOff]),
    scenario(
        "unknown-table",
        "an unknown table is looked for in public",
        &[Plant::UnknownTablePasses],
    ),
    scenario(
        "table-not-qualified",
        "raw SQL's tables are left to search_path",
        &[Plant::TableNotQualified],
    ),
    scenario(
        "expression-never-ends",
        "a WITH hides tables outside its query",
        &[Plant::ExpressionNeverEnds],
    ),
    scenario(
        "leftovers-stay",
        "connections go back in the middle of something",
        &[Plant::LeftoversStay],
    ),
    scenario(
        "not-broken-off",
        "a transaction goes on after a failed nested BEGIN",
        &[Plant::NotBrokenOff],
    ),
    scenario(
        "siblings",
        "a transaction works around an open nested one",
        &[Plant::NestedIgnored],
    ),
    scenario(
        "dropped-stays-open",
        "a dropped transaction is not rolled back",
        &[Plant::DroppedStaysOpen],
    ),
    scenario(
        "aborted-commit-ok",
        "COMMIT of a failed transaction is Ok",
        &[Plant::FailureForgotten],
    ),
    scenario(
        "lost-commit-ok",
        "COMMIT without an answer is Ok",
        &[Plant::LossIgnored],
    ),
    scenario("rollback-commits", "rollback commits", &[Plant::RollbackCommits]),
    scenario(
        "nested-rollback-keeps",
        "a nested rollback keeps its changes",
        &[Plant::NestedRollbackKeeps],
    ),
    scenario(
        "stream-not-compiled",
        "a transaction's streams are not compiled",
        &[Plant::StreamNotCompiled],
    ),
    scenario(
        "search-path-stays",
        "a session keeps a search_path, and is used again",
        &[Plant::SearchPathStays, Plant::UnguardedKept],
    ),
    scenario(
        "unguarded-kept",
        "sessions that ran unguarded statements are used again",
        &[Plant::UnguardedKept],
    ),
    scenario(
        "role-not-assumed",
        "statements run as the role of the login",
        &[Plant::RoleNotAssumed],
    ),
    scenario(
        "public-first",
        "begin_unguarded puts public first",
        &[Plant::SharedSchemaFirst],
    ),
    scenario(
        "hosts-mixed-up",
        "a host is another host's tenant",
        &[Plant::HostsMixedUp],
    ),
    scenario(
        "hosts-not-forgotten",
        "forget_hosts forgets nothing",
        &[Plant::HostsNotForgotten],
    ),
    scenario(
        "memory-never-ends",
        "hosts are remembered for ever",
        &[Plant::MemoryNeverEnds],
    ),
    scenario(
        "status-ignored",
        "suspended tenants are served",
        &[Plant::StatusIgnored],
    ),
];

impl Scenario {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    pub(crate) fn plant(&self) {
        tenant_core::__private::arm(self.plants);
    }
}

/// Takes out what was planted.
pub(crate) fn clear() {
    tenant_core::__private::arm(&[]);
}
