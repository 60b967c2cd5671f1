//! Runs `tenant_fuzz::host`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenant_fuzz::host(data));
