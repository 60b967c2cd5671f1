//! Runs `tenant_fuzz::schema_name`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenant_fuzz::schema_name(data));
