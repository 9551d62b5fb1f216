//! Any text is a pattern or is refused, and what is compiled answers for any name.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redcedar_archive::select::pattern::{Pattern, check};

fuzz_target!(|input: (&str, &[u8])| {
    let (text, name) = input;
    match Pattern::compile(text) {
        Ok(pattern) => {
            assert!(check(text).is_ok());
            // Giving up is an answer, too.
            let _ = pattern.matches(name);
        }
        Err(error) => assert!(error.to_string().contains(text)),
    }
});
