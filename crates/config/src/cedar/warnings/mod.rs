//! What is accepted and probably not meant. Nothing here changes what a file means.

mod actions;
mod collect;
mod peers;
mod places;
mod structure;

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

pub(super) use structure::{foreign_sections, structure};

use super::Config;
use crate::Span;
use crate::diagnostic::Diagnostic;
use crate::xml::Document;

/// What is doubtful about a valid configuration.
pub(super) fn meaning(config: &Config) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    actions::check(config, &mut findings);
    collect::check(config, &mut findings);
    peers::check(config, &mut findings);
    places::check(config, &mut findings);
    findings
}

/// The file names commands that run as root, and may hold passwords.
pub(super) fn permissions(metadata: &Metadata, document: &Document) -> Option<Diagnostic> {
    let mode = metadata.mode();
    if mode & 0o022 != 0 {
        let message = "others than its owner can write this file, and it names commands that are run";
        return Some(Diagnostic::warning(Span::default(), message).with_hint("chmod go-w"));
    }
    let holds_password = document.elements.iter().any(|element| element.name.value == "password");
    if holds_password && mode & 0o044 != 0 {
        let message = "this file holds a password, and others than its owner can read it";
        return Some(Diagnostic::warning(Span::default(), message).with_hint("chmod go-r"));
    }
    None
}
