//! The `capacity` section.

use redcedar_config::value::{ByteQuantity, Float, boolean, non_negative_float};
use redcedar_config::{Diagnostic, Document};

use super::NAME;
use crate::section::{required, warn_of_unknown};

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings {
    pub(super) limit: Limit,
    /// Whether the run fails when the limit is passed. Ours.
    pub(super) fail: bool,
}

/// What must not be passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// No more of the disc may be used.
    Percentage(f64),
    /// So many bytes must be free.
    Bytes(f64),
}

const ELEMENTS: [&str; 3] = ["max_percentage", "min_bytes", "fail"];

/// Reads the section, and complains about it.
pub(super) fn read(document: &Document) -> (Option<Settings>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let Some(section) = required(document, NAME, &mut findings) else { return (None, findings) };
    warn_of_unknown(section, &ELEMENTS, &mut findings);
    let percentage = section.read("max_percentage", percentage, &mut findings);
    let bytes = section.read("min_bytes", quantity, &mut findings);
    let fail = section.read("fail", boolean, &mut findings).value() == Some(true);
    if percentage.is_absent() == bytes.is_absent() {
        let both = if bytes.is_absent() { "neither" } else { "both" };
        let message =
            format!("one of `max_percentage` and `min_bytes` must be there, and {both} of them are");
        findings.push(Diagnostic::error(section.name_span(), message));
        return (None, findings);
    }
    let limit = percentage.value().map(Limit::Percentage).or(bytes.value().map(Limit::Bytes));
    (limit.map(|limit| Settings { limit, fail }), findings)
}

fn percentage(text: &str) -> Result<f64, String> {
    let Float { value, .. } = non_negative_float(text).map_err(|error| error.to_string())?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("must be between 0 and 100".to_owned()) }
}

fn quantity(text: &str) -> Result<f64, String> {
    let bytes = text.parse::<ByteQuantity>().map_err(|error| error.to_string())?.bytes();
    if bytes.is_nan() { Err("must be a number of bytes".to_owned()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::Source;

    fn capacity(content: &str) -> (Option<Settings>, usize) {
        let text = format!("<cb_config><capacity>{content}</capacity></cb_config>");
        let (settings, findings) = read(&Document::parse(Source::new("c", &text)).unwrap());
        (settings, findings.len())
    }

    #[test]
    fn there_is_one_limit_and_it_can_be_reached() {
        let limit = |limit, fail| (Some(Settings { limit, fail }), 0);
        assert_eq!(
            capacity("<max_percentage> 95.5 </max_percentage>"),
            limit(Limit::Percentage(95.5), false)
        );
        let gigabyte = 1024.0 * 1024.0 * 1024.0;
        assert_eq!(
            capacity("<min_bytes>1 GB</min_bytes><fail>Y</fail>"),
            limit(Limit::Bytes(gigabyte), true)
        );
        for wrong in [
            "",
            "<max_percentage>90</max_percentage><min_bytes>1</min_bytes>",
            "<max_percentage>100.1</max_percentage>",
            "<max_percentage>nan</max_percentage>",
            "<min_bytes>nan</min_bytes>",
            "<min_bytes>1 gb</min_bytes>",
        ] {
            assert_eq!(capacity(wrong), (None, 1), "{wrong}");
        }
    }
}
