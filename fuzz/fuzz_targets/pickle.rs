//! The reader of digest states takes anything without a panic, and what it accepts it writes and reads back unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redcedar_engine::state::pickle::{DigestMap, DigestWriter};

fuzz_target!(|bytes: &[u8]| {
    let Ok(map) = DigestMap::parse(bytes) else { return };
    let mut writer = DigestWriter::create(Vec::new()).expect("memory takes everything");
    for (path, digest) in map.iter() {
        writer.pair(path, &digest).expect("memory takes everything");
    }
    let written = writer.finish().expect("memory takes everything");
    let again = DigestMap::parse(&written).expect("what we write we can read");
    assert!(map.iter().eq(again.iter()));
});
