//! What changed, a line each.

use std::io::{self, Write};

use redcedar_restore::diff::{Aspect, Difference, What};
use redcedar_system::escape;
use serde::Serialize;

use super::json::JsonPath;

/// Writes `+` for what is new, `-` for what is gone, `*` for what changed, with the respects behind it.
pub(crate) fn write(difference: &Difference, out: &mut impl Write) -> io::Result<()> {
    let path = escape::display(&difference.path);
    match &difference.what {
        What::Added => writeln!(out, "+ {path}"),
        What::Removed => writeln!(out, "- {path}"),
        What::Changed(aspects) => writeln!(out, "* {path} ({})", words(aspects).join(", ")),
    }
}

fn words(aspects: &[Aspect]) -> Vec<String> {
    aspects.iter().map(ToString::to_string).collect()
}

#[derive(Serialize)]
pub(crate) struct JsonDifference {
    path: JsonPath,
    change: &'static str,
    aspects: Vec<String>,
}

impl From<Difference> for JsonDifference {
    fn from(difference: Difference) -> Self {
        let (change, aspects) = match &difference.what {
            What::Added => ("added", Vec::new()),
            What::Removed => ("removed", Vec::new()),
            What::Changed(aspects) => ("changed", words(aspects)),
        };
        Self { path: JsonPath(difference.path), change, aspects }
    }
}
