//! stub
use super::Config;
use crate::diagnostic::Diagnostic;
use crate::xml::Document;
pub(super) fn structure(_: &Document) -> Vec<Diagnostic> {
    Vec::new()
}
pub(super) fn meaning(_: &Config) -> Vec<Diagnostic> {
    Vec::new()
}
pub(super) fn permissions(_: &std::fs::Metadata) -> Option<Diagnostic> {
    None
}
