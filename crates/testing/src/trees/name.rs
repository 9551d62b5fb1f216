//! Names: ordinary ones, and the ones that break things.

use super::Growth;
use crate::rng::Rng;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Awkward pieces of names. Those with backslashes come last.
const AWKWARD: [&[u8]; 16] = [
    b" leading and trailing ",
    b"line\nbreak",
    b"final newline\n",
    b"tab\tand\rreturn",
    b"not utf-8 \xff\xfe\x80",
    "na\u{ef}ve \u{fc}n\u{ef}c\u{f6}d\u{e9} \u{1f332} \u{a0}\u{2028}".as_bytes(),
    b"-rf --checkpoint=1",
    b"quote ' and \" and `",
    b"dollar $HOME ${x} $(y)",
    b"star * ? [a-z] {b,c} ~",
    b"colon:semi;amp&pipe|lt<gt>",
    b".hidden",
    b"...",
    b"control \x01\x1b[31m\x7f",
    b"systemd-\\x2d.unit",
    b"trailing backslash\\",
];
const WITHOUT_BACKSLASHES: usize = AWKWARD.len() - 2;

/// A name that begins with a number no other name of the tree has, so that names never collide.
pub(super) fn name(rng: &mut Rng, growth: &Growth, number: usize) -> OsString {
    let mut bytes = Vec::new();
    if rng.one_in(2) {
        bytes.extend_from_slice(rng.pick(&[
            b"note".as_slice(),
            b"photo",
            b"src",
            b"Makefile",
            b"data.bin",
            b"x.tmp",
        ]));
        bytes.extend_from_slice(format!("-{number}").as_bytes());
    } else {
        let end = if growth.backslashes { AWKWARD.len() } else { WITHOUT_BACKSLASHES };
        bytes.extend_from_slice(rng.pick(&AWKWARD[..end]));
        bytes.splice(0..0, format!("{number} ").into_bytes());
    }
    OsString::from_vec(bytes)
}

/// All the awkward names, each once.
pub(super) fn awkward(growth: &Growth) -> impl Iterator<Item = OsString> {
    let end = if growth.backslashes { AWKWARD.len() } else { WITHOUT_BACKSLASHES };
    AWKWARD[..end].iter().map(|bytes| OsString::from_vec(bytes.to_vec()))
}

/// A name of 255 bytes, the longest there can be.
pub(super) fn longest(rng: &mut Rng, number: usize) -> OsString {
    let mut bytes = format!("{number}-").into_bytes();
    while bytes.len() < 255 {
        bytes.push(b'a' + u8::try_from(rng.below(26)).expect("a letter is a byte"));
    }
    OsString::from_vec(bytes)
}
