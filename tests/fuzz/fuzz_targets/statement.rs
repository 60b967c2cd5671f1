//! Runs `tenant_fuzz::statement`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tenant_fuzz::statement(data);
});
