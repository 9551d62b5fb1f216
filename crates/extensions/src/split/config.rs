//! The `split` section.

use redcedar_config::value::ByteQuantity;
use redcedar_config::{Diagnostic, Document};

use super::NAME;

/// What is split, and into what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings {
    /// Files with more bytes are split.
    pub(super) limit: f64,
    /// Bytes of a part.
    pub(super) part: u64,
}

/// Reads the section, and complains about it.
pub(super) fn read(document: &Document) -> (Option<Settings>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let Some(section) = document.section(NAME) else {
        return (None, vec![document.root().missing(NAME)]);
    };
    let limit =
        section.read("size_limit", quantity, &mut findings).required(section, "size_limit", &mut findings);
    let part =
        section.read("split_size", part_size, &mut findings).required(section, "split_size", &mut findings);
    let settings = limit.zip(part).map(|(limit, part)| Settings { limit: limit.value, part: part.value });
    (settings, findings)
}

fn quantity(text: &str) -> Result<f64, String> {
    let bytes = text.parse::<ByteQuantity>().map_err(|error| error.to_string())?.bytes();
    if bytes.is_nan() { Err("must be a number of bytes".to_owned()) } else { Ok(bytes) }
}

/// A fraction of a byte counts for nothing, as with the original.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "larger numbers saturate, none is negative"
)]
fn part_size(text: &str) -> Result<u64, String> {
    let bytes = quantity(text)? as u64;
    if bytes == 0 { Err("must be at least one byte".to_owned()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::Source;

    fn split(content: &str) -> (Option<Settings>, Vec<String>) {
        let text = format!("<cb_config><split>{content}</split></cb_config>");
        let (settings, findings) = read(&Document::parse(Source::new("c", &text)).unwrap());
        (settings, findings.into_iter().map(|finding| finding.message).collect())
    }

    #[test]
    fn sizes_are_quantities_and_a_part_has_at_least_a_byte() {
        let (settings, findings) = split("<size_limit> 2.5 GB </size_limit><split_size>0.4KB</split_size>");
        assert!(findings.is_empty());
        assert_eq!(settings, Some(Settings { limit: 2.5 * 1024.0 * 1024.0 * 1024.0, part: 409 }));
        let (settings, _) = split("<size_limit>inf</size_limit><split_size>inf</split_size>");
        assert_eq!(settings, Some(Settings { limit: f64::INFINITY, part: u64::MAX }));
        assert_eq!(split("").1, ["`split` lacks `size_limit`", "`split` lacks `split_size`"]);
        let (settings, findings) = split("<size_limit>nan</size_limit><split_size>0.5</split_size>");
        assert_eq!(settings, None);
        assert_eq!(findings.len(), 2, "{findings:?}");
    }
}
