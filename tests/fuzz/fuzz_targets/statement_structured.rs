//! Runs `tenant_fuzz::statement_structured`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tenant_fuzz::statement_structured(data);
});
