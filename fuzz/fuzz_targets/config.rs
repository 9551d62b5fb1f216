//! The reader of configurations takes anything without a panic; what it accepts and can write, it accepts again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redcedar_config::{Config, Source};

fuzz_target!(|bytes: &[u8]| {
    let source = match Source::decode("fuzz.conf", bytes) {
        Ok(source) => source,
        Err(diagnostics) => return drop(diagnostics.render(true)),
    };
    match Config::parse(source) {
        Err(diagnostics) => drop(diagnostics.render(true)),
        Ok(loaded) => {
            drop(loaded.warnings.render(false));
            let text = loaded.config.render().expect("what was read can be written");
            let again = Config::parse(Source::new("again.conf", &text)).expect("what was written can be read");
            assert_eq!(again.config.render().ok(), Some(text));
            drop(loaded.config.render_over(&loaded.document));
        }
    }
});
