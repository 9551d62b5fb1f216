//! Digest states go to Python and come back.

use redcedar_engine::state::pickle::{DigestMap, DigestWriter};
use redcedar_testing::program;

/// Names with everything that the format has to escape.
fn names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> =
        (1..=255_u8).filter(|&byte| byte != b'/').map(|byte| vec![b'/', b'x', byte, b'y']).collect();
    for text in [
        "/",
        "/é",
        "/€",
        "/😀",
        "/\u{d7ff}\u{e000}\u{ffff}",
        "/a\\u0041",
        "/a\\\\u0041",
        "/a\\",
        "/\u{2028}\u{85}",
    ] {
        names.push(text.as_bytes().to_vec());
    }
    names.push(b"/caf\xe9/\xed\xa0\x80/\xf0\x9f\x98".to_vec());
    names.push([b"/".as_slice(), &[b'n'; 5000]].concat());
    names
}

/// Runs a Python script with arguments and returns what it prints.
fn python(script: &str, arguments: &[&std::path::Path]) -> Vec<u8> {
    program::succeed(program::command("python3").arg("-c").arg(script).args(arguments))
}

#[test]
fn python_reads_what_we_write_and_writes_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, list, theirs) =
        (directory.path().join("ours"), directory.path().join("list"), directory.path().join("theirs"));
    let mut writer = DigestWriter::create(Vec::new()).unwrap();
    let mut listed = Vec::new();
    for (number, name) in names().iter().enumerate() {
        let digest = [u8::try_from(number % 256).unwrap(); 20];
        writer.pair(name, &digest).unwrap();
        listed.extend_from_slice(name);
        listed.push(0);
    }
    fs_err::write(&ours, writer.finish().unwrap()).unwrap();
    fs_err::write(&list, &listed).unwrap();
    let script = "
import os, pickle, sys
state = pickle.load(open(sys.argv[1], 'rb'))
names = open(sys.argv[2], 'rb').read().split(b'\\0')[:-1]
assert [os.fsencode(name) for name in state] == names, 'names'
assert [bytes.fromhex(digest) for digest in state.values()] == [bytes([n % 256]) * 20 for n in range(len(names))], 'digests'
pickle.dump(state, open(sys.argv[3], 'wb'), 0)
";
    python(script, &[&ours, &list, &theirs]);
    assert_eq!(fs_err::read(&ours).unwrap(), fs_err::read(&theirs).unwrap());
}

#[test]
fn we_read_what_python_writes() {
    let directory = tempfile::tempdir().unwrap();
    let (list, theirs) = (directory.path().join("list"), directory.path().join("theirs"));
    let mut names = names();
    fs_err::write(&list, names.join(&0)).unwrap();
    let script = "
import os, pickle, sys
names = open(sys.argv[1], 'rb').read().split(b'\\0')
pickle.dump({os.fsdecode(name): '%040x' % n for n, name in enumerate(names)}, open(sys.argv[2], 'wb'), 0)
";
    python(script, &[&list, &theirs]);
    let map = DigestMap::parse(&fs_err::read(&theirs).unwrap()).unwrap();
    for (number, name) in names.iter().enumerate() {
        let mut digest = [0; 20];
        digest[18..].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
        let found =
            map.iter().find(|(path, _)| path == name).unwrap_or_else(|| panic!("{}", name.escape_ascii()));
        assert_eq!(found.1, digest);
    }
    names.sort();
    names.dedup();
    assert_eq!(map.len(), names.len());
}
