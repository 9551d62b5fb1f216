//! Any text is a pattern or is refused, and what is compiled answers for any name.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redcedar_archive::select::pattern::{Pattern, PatternError, check};

fuzz_target!(|input: (&str, &[u8])| {
    let (text, name) = input;
    match Pattern::compile(text) {
        Ok(pattern) => {
            assert!(check(text).is_ok());
            // Giving up is an answer, too.
            let _ = pattern.matches(name);
        }
        Err(PatternError::Syntax { .. }) => assert!(check(text).is_err()),
        Err(_) => assert!(check(text).is_ok()),
    }
});
