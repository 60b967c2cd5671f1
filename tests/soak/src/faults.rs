//! [`FAULTS`]: the ways in which `scripts/soak` breaks the library, by name.

use crate::arm::arm;

/// A way to break a copy of the library.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) breaks: &'static str,
    /// The patches that are armed together. Some faults are hidden by a second wall, which is taken down with the first.
    patches: &'static [&'static str],
}

macro_rules! faults {
    ($($name:literal $(with $other:literal)* : $breaks:literal,)*) => {
        &[$(Fault { name: $name, breaks: $breaks, patches: &[$name $(, $other)*] }),*]
    };
}

/// All faults. Each has a patch of its name in `tests/soak/faults`.
pub(crate) const FAULTS: &[Fault] = faults! {
    "schema-left-out": "statements without their schema",
    "text-kept": "the text of another tenant from a cache",
    "guard-off": "nothing is checked",
    "unknown-table": "an unknown table is looked for in public",
    "table-not-qualified": "raw SQL's tables are left to search_path",
    "expression-never-ends": "a WITH hides tables outside its query",
    "leftovers-stay": "connections go back in the middle of something",
    "not-broken-off": "a transaction goes on after a failed nested BEGIN",
    "siblings": "a transaction works around an open nested one",
    "dropped-stays-open": "a dropped transaction is not rolled back",
    "aborted-commit-ok": "COMMIT of a failed transaction is Ok",
    "lost-commit-ok": "COMMIT without an answer is Ok",
    "rollback-commits": "rollback commits",
    "nested-rollback-keeps": "a nested rollback keeps its changes",
    "stream-not-compiled": "a transaction's streams are not compiled",
    "search-path-stays" with "unguarded-kept": "a session keeps a search_path, and is used again",
    "unguarded-kept": "sessions that ran unguarded statements are used again",
    "role-not-assumed": "statements run as the role of the login",
    "public-first": "begin_unguarded puts public first",
    "rows-mixed-up": "rows of many tenants are given to the first",
    "hosts-mixed-up": "a host is another host's tenant",
    "hosts-not-forgotten": "forget_hosts forgets nothing",
    "memory-never-ends": "hosts are remembered for ever",
    "status-ignored": "suspended tenants are served",
};

impl Fault {
    /// Finds a fault by its name, for the command line.
    pub(crate) fn find(name: &str) -> Result<&'static Self, &'static str> {
        let fault = FAULTS.iter().find(|fault| fault.name == name);
        fault.ok_or("there is no such fault: see --list-faults")
    }

    /// Breaks the library in this way alone.
    pub(crate) fn arm(&self) {
        arm(self.patches);
    }
}

/// Mends the library.
pub(crate) fn disarm() {
    arm(&[]);
}
