//! The arguments of `mkisofs`, and of `growisofs`, which hands them on.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::Label;
use crate::capacity::Boundaries;
use crate::writer::Entry;

/// What goes into an image, and after what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Image<'a> {
    pub(crate) entries: &'a [Entry],
    pub(crate) label: Option<&'a Label>,
    /// The sessions before it, and the device where they are.
    pub(crate) after: Option<(Boundaries, &'a Path)>,
}

impl Image<'_> {
    /// Arguments that make `mkisofs` tell the size in sectors.
    pub(crate) fn size_arguments(&self) -> Vec<OsString> {
        self.arguments(&["-print-size".as_ref(), "-graft-points".as_ref(), "-r".as_ref()])
    }

    /// Arguments that make `mkisofs` write the image to a file.
    pub(crate) fn build_arguments(&self, file: &Path) -> Vec<OsString> {
        self.arguments(&["-graft-points".as_ref(), "-r".as_ref(), "-o".as_ref(), file.as_os_str()])
    }

    fn arguments(&self, middle: &[&OsStr]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        if let Some(label) = self.label {
            arguments.extend(["-V".into(), label.as_str().into()]);
        }
        arguments.extend(middle.iter().map(OsString::from));
        if let Some((Boundaries { last, next }, device)) = self.after {
            arguments.extend(["-C".into(), format!("{last},{next}").into(), "-M".into(), device.into()]);
        }
        arguments.extend(self.entries.iter().map(graft));
        arguments
    }
}

/// `GRAFT/=PATH`, in which `=` and `\` are escaped.
pub(crate) fn graft(entry: &Entry) -> OsString {
    let graft = trimmed(entry.graft.as_os_str().as_bytes());
    if graft.is_empty() {
        return entry.source.clone().into();
    }
    let mut text = escaped(graft);
    text.extend_from_slice(b"/=");
    text.extend(escaped(entry.source.as_os_str().as_bytes()));
    OsString::from_vec(text)
}

fn trimmed(graft: &[u8]) -> &[u8] {
    let start = graft.iter().position(|byte| *byte != b'/').unwrap_or(graft.len());
    let end = graft.iter().rposition(|byte| *byte != b'/').map_or(start, |last| last + 1);
    &graft[start..end]
}

fn escaped(path: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(path.len());
    for byte in path {
        if matches!(byte, b'=' | b'\\') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text
}

/// The size that `mkisofs -print-size` printed, in sectors: exactly one line with a number.
pub(crate) fn parse_size(lines: &[String]) -> Option<f64> {
    match lines {
        [line] => line.trim().parse().ok().filter(|size: &f64| size.is_finite() && *size >= 0.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn words(arguments: &[OsString]) -> String {
        arguments.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn arguments_stand_in_the_order_of_the_original() {
        let entries = [Entry::new("/stage/2026/11/23", "2026/11/23"), Entry::new("/x/file", "/a/b/")];
        let label = Label::of(date(2026, 11, 23));
        let image = Image { entries: &entries, label: Some(&label), after: None };
        assert_eq!(
            words(&image.size_arguments()),
            "-V|CEDAR BACKUP 23-NOV-2026|-print-size|-graft-points|-r|2026/11/23/=/stage/2026/11/23|a/b/=/x/file"
        );
        let after = Some((Boundaries { last: 0, next: 1184 }, Path::new("/dev/cdrw")));
        let image = Image { entries: &entries[..1], label: None, after };
        assert_eq!(
            words(&image.build_arguments(Path::new("/w/i"))),
            "-graft-points|-r|-o|/w/i|-C|0,1184|-M|/dev/cdrw|2026/11/23/=/stage/2026/11/23"
        );
    }

    #[test]
    fn what_means_something_to_mkisofs_is_escaped() {
        assert_eq!(graft(&Entry::new("/x/a=b", r"c\d=")), r"c\\d\=/=/x/a\=b");
        assert_eq!(graft(&Entry::new("/x/a=b", "//")), "/x/a=b");
    }

    #[test]
    fn a_size_is_one_line_with_a_number() {
        let parse = |lines: &[&str]| parse_size(&lines.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(parse(&["1646"]), Some(1646.0));
        assert_eq!(parse(&[" 1646.5 "]), Some(1646.5));
        for wrong in [&[][..], &[""], &["x"], &["1", "2"], &["nan"], &["-1"]] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
