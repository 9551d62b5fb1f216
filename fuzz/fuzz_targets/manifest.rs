//! A manifest from anywhere is read or refused: no panic, no endless memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redcedar_archive::manifest::ManifestReader;

fuzz_target!(|text: &[u8]| {
    // Compressed here, so that the fuzzer spends its time on the lines and not on the frame around them.
    let compressed = zstd::encode_all(text, 1).expect("memory can be written");
    let Ok(mut reader) = ManifestReader::open(&compressed[..]) else { return };
    while let Ok(Some(_)) = reader.next_line() {}
    let _ = reader.trailer();
});
