//! The form of Debian's control files: stanzas of `Field: value` lines, separated by empty lines.

use std::io::{self, BufRead};

use bstr::ByteSlice;
use bstr::io::BufReadExt;

/// The wanted fields of one stanza.
#[derive(Debug)]
pub(super) struct Stanza<'a> {
    wanted: &'a [&'a str],
    values: Vec<Vec<u8>>,
    /// The wanted field that the last line belonged to.
    current: Option<usize>,
    is_empty: bool,
}

impl Stanza<'_> {
    /// The value of a field, which must be one of the wanted; empty when the stanza has none. Lines that continue it keep
    /// their line breaks and lose nothing else.
    pub(super) fn get(&self, field: &str) -> &[u8] {
        let index = self.wanted.iter().position(|wanted| *wanted == field);
        index.map_or(b"", |index| &self.values[index])
    }

    fn line(&mut self, line: &[u8]) {
        self.is_empty = false;
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some(current) = self.current {
                self.values[current].push(b'\n');
                self.values[current].extend_from_slice(line);
            }
            return;
        }
        self.current = None;
        // Most lines are of fields that nobody asked for.
        let Some(colon) = line.find_byte(b':') else { return };
        let name = &line[..colon];
        self.current = self.wanted.iter().position(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
        if let Some(current) = self.current {
            self.values[current].clear();
            self.values[current].extend_from_slice(line[colon + 1..].trim_ascii());
        }
    }

    fn clear(&mut self) {
        self.values.iter_mut().for_each(Vec::clear);
        self.current = None;
        self.is_empty = true;
    }
}

/// Reads stanzas, of each the `wanted` fields.
pub(super) fn for_each(
    input: impl BufRead,
    wanted: &[&str],
    each: impl FnMut(&Stanza<'_>),
) -> io::Result<()> {
    for_each_of(input, wanted, |_| true, each)
}

/// The same, but for packages that nobody asks about. Only where a stanza begins with its package it is known so early; others
/// are all read.
pub(super) fn for_each_of(
    mut input: impl BufRead,
    wanted: &[&str],
    is_wanted: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(&Stanza<'_>),
) -> io::Result<()> {
    let values = vec![Vec::new(); wanted.len()];
    let mut stanza = Stanza { wanted, values, current: None, is_empty: true };
    let mut is_skipped = false;
    input.for_byte_line(|line| {
        if line.trim_ascii().is_empty() {
            if !stanza.is_empty {
                each(&stanza);
            }
            stanza.clear();
            is_skipped = false;
            return Ok(true);
        }
        if stanza.is_empty && !is_skipped {
            is_skipped = line.strip_prefix(b"Package: ").is_some_and(|package| !is_wanted(package));
        }
        if !is_skipped {
            stanza.line(line);
        }
        Ok(true)
    })?;
    if !stanza.is_empty {
        each(&stanza);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_give_the_wanted_fields_with_the_lines_that_continue_them() {
        let text =
            b"\nPackage: a\nOther: x\n y\nConffiles:\n /etc/a 1\n /etc/b 2\nversion:1 \n\n\nPackage: b";
        let mut seen = Vec::new();
        for_each(&text[..], &["Package", "Version", "Conffiles"], |stanza| {
            let text = |field| stanza.get(field).to_str().unwrap().to_owned();
            seen.push([text("Package"), text("Version"), text("Conffiles")]);
        })
        .unwrap();
        assert_eq!(seen, [["a", "1", "\n /etc/a 1\n /etc/b 2"], ["b", "", ""]]);
    }

    #[test]
    fn stanzas_of_other_packages_are_passed_over() {
        let text = b"Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\n x\n\nVersion: 3\nPackage: b\n\nPackage: a\nVersion: 4";
        let mut seen = Vec::new();
        for_each_of(
            &text[..],
            &["Version"],
            |package| package == b"a",
            |stanza| {
                seen.push(stanza.get("Version").to_owned());
            },
        )
        .unwrap();
        assert_eq!(seen, [b"1", b"3", b"4"]);
    }
}
