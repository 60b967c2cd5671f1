//! The attributes `#[tenant]` and `#[shared]`: programs that use them well, and the errors of those that do not.
//!
//! `TRYBUILD=overwrite` writes the errors anew.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
