//! The state files, as Python reads them.

use redcedar_testing::program;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads state files as the original does and prints file, path and digest of each entry, names in
/// hexadecimal.
const READ: &str = r#"
import os, pickle, sys
for name in sorted(os.listdir(sys.argv[1])):
    if name.endswith(".sha"):
        with open(os.path.join(sys.argv[1], name), "rb") as file:
            state = pickle.load(file)
        print(os.fsencode(name).hex(), "", len(state))
        for path in state:
            print(os.fsencode(name).hex(), os.fsencode(path).hex(), state[path])
"#;

/// Both working directories hold the same state files with the same entries.
pub(super) fn assert_equal(theirs: &Path, ours: &Path, context: &str) {
    let (theirs, ours) = (read(theirs), read(ours));
    let missing: Vec<_> = theirs.iter().filter(|(key, value)| ours.get(*key) != Some(value)).collect();
    let added: Vec<_> = ours.iter().filter(|(key, value)| theirs.get(*key) != Some(value)).collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "{context}\ntheirs only: {missing:?}\nours only: {added:?}"
    );
}

fn read(working_dir: &Path) -> BTreeMap<(String, String), String> {
    let printed = program::succeed(program::command("python3").args(["-c", READ]).arg(working_dir));
    let printed = String::from_utf8(printed).unwrap();
    let mut entries = BTreeMap::new();
    for line in printed.lines() {
        let mut fields = line.splitn(3, ' ').map(str::to_owned);
        let key = (unhex(&fields.next().unwrap()), unhex(&fields.next().unwrap()));
        entries.insert(key, fields.next().unwrap());
    }
    entries
}

/// Paths readable, for the message of a test that fails.
fn unhex(hex: &str) -> String {
    let digits = hex.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Vec<u8> = digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    bytes.escape_ascii().to_string()
}
