//! From a configuration to a file: a fresh one, or an edited one that keeps what is not ours.

use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use redcedar_system::Owner;
use redcedar_system::fs::write_atomically;

use super::{Collect, Config, Extensions, Options, PeerList, Purge, Reference, Stage, Store};
use crate::diagnostic::Diagnostics;
use crate::xml::{Document, Node, TextError, Writer};
use crate::{Section, Source, encoding};

/// Why a configuration cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A value has no form in XML.
    #[error(transparent)]
    Text(#[from] TextError),
    /// What would be written is not a valid configuration.
    #[error("this would be no valid configuration:\n{0}")]
    Invalid(#[source] Diagnostics),
    /// The document has no place for sections.
    #[error("the root element of the document is not `cb_config`")]
    NotAConfiguration,
    /// A section to be changed is not written out in the document.
    #[error("the section `{0}` comes out of an entity and cannot be changed where it is used")]
    InEntity(&'static str),
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is nothing valid to write.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The system refused.
    #[error("cannot write the configuration: {0}")]
    Io(#[from] io::Error),
}

impl Config {
    /// The configuration as a file, byte for byte as the originals would write it. Our own elements are only there when
    /// they say something. An empty text is written like an absent one.
    ///
    /// # Errors
    /// When a value cannot be written, and when the result would not be valid.
    pub fn render(&self) -> Result<String, RenderError> {
        let sections =
            self.parts().iter().map(|part| part.text(&[])).collect::<Result<String, TextError>>()?;
        let text = format!("<?xml version='1.0' encoding='UTF-8'?>\n<cb_config>\n{sections}</cb_config>\n");
        checked(text)
    }

    /// The document with this configuration in it. Sections that say the same as before stay as they are, byte for byte;
    /// others are written anew, with their comments at the top. Foreign sections, and comments between sections, stay.
    /// The result is UTF-8 and says so.
    ///
    /// # Errors
    /// As [`Config::render`], and when a section that changes is not written out in the document.
    pub fn render_over(&self, document: &Document) -> Result<String, RenderError> {
        let root = document.configuration().ok_or(RenderError::NotAConfiguration)?;
        if root.children().next().is_none() {
            return self.render();
        }
        let source = &document.source;
        let before = Self::parse(source.clone()).map_err(RenderError::Invalid)?.config;
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        if let Some(encoding) = encoding::declared_encoding(source.text().as_bytes()) {
            edits.push((encoding, "UTF-8".to_owned()));
        }
        let mut end_of_previous = None;
        for (part, part_before) in self.parts().iter().zip(before.parts()) {
            let elements: Vec<Section<'_>> = root.sections(part.name).collect();
            let rendered = part.text(&[])?;
            if rendered != part_before.text(&[])? {
                if elements.iter().any(|section| section.element().from_entity) {
                    return Err(RenderError::InEntity(part.name));
                }
                match (elements.first(), rendered.is_empty()) {
                    (_, true) => edits
                        .extend(elements.iter().map(|element| (line_of(*element, source), String::new()))),
                    (Some(first), false) => {
                        let text = part.text(&comments(*first, source))?;
                        edits.push((first.element().span.range(), text.trim().to_owned()));
                    }
                    (None, false) => {
                        let at = end_of_previous.unwrap_or_else(|| end_of_content(root, source));
                        edits.push((at..at, rendered));
                    }
                }
            }
            if let Some(first) = elements.first() {
                end_of_previous = Some(line_of(*first, source).end);
            }
        }
        checked(apply(source.text(), edits))
    }

    /// Writes [`Config::render`] to a file, atomically. A file that is replaced gives its mode and owner to the new one;
    /// a fresh one is readable by its owner only.
    ///
    /// # Errors
    /// When it cannot be rendered or written.
    pub fn write_to(&self, path: &Path) -> Result<(), WriteError> {
        Ok(write_file(path, &self.render()?)?)
    }

    /// The sections in the order in which they are written.
    fn parts(&self) -> [Part<'_>; 8] {
        [
            Part::new("reference", self.reference.as_ref(), Reference::write),
            Part::new("extensions", self.extensions.as_ref(), Extensions::write),
            Part::new("options", Some(&self.options), Options::write),
            Part::new("peers", self.peers.as_ref(), PeerList::write),
            Part::new("collect", self.collect.as_ref(), Collect::write),
            Part::new("stage", self.stage.as_ref(), Stage::write),
            Part::new("store", self.store.as_ref(), Store::write),
            Part::new("purge", self.purge.as_ref(), Purge::write),
        ]
    }
}

/// A section that may be there, and how to write what is in it.
struct Part<'a> {
    name: &'static str,
    write: Option<WriteContent<'a>>,
}

type WriteContent<'a> = Box<dyn Fn(&mut Writer) + 'a>;

impl<'a> Part<'a> {
    fn new<T>(name: &'static str, section: Option<&'a T>, write: fn(&T, &mut Writer)) -> Self {
        let write = section.map(|section| -> WriteContent<'a> {
            Box::new(move |writer: &mut Writer| write(section, writer))
        });
        Self { name, write }
    }

    /// The section with its indent and final newline, comments first; nothing if it is not there.
    fn text(&self, comments: &[&str]) -> Result<String, TextError> {
        let mut writer = Writer::at_depth(1);
        if let Some(write) = &self.write {
            writer.section(self.name, |writer| {
                for comment in comments {
                    writer.line(comment);
                }
                write(writer);
            });
        }
        writer.finish()
    }
}

fn checked(text: String) -> Result<String, RenderError> {
    match Config::parse(Source::new("(rendered)", &text)) {
        Ok(_) => Ok(text),
        Err(diagnostics) => Err(RenderError::Invalid(diagnostics)),
    }
}

/// All comments in a section, as they are written.
fn comments<'a>(section: Section<'_>, source: &'a Source) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut open = vec![section];
    while let Some(section) = open.pop() {
        found.extend(section.element().content.iter().filter_map(|node| match node {
            Node::Comment(span) => Some(*span),
            _ => None,
        }));
        open.extend(section.children().filter(|child| !child.element().from_entity));
    }
    found.sort_by_key(|span| span.start);
    found
        .into_iter()
        .map(|span| &source.text()[span.range()])
        .filter(|text| text.starts_with("<!--"))
        .collect()
}

/// The element, with the blanks before it and the end of its line if nothing else stands there.
fn line_of(section: Section<'_>, source: &Source) -> Range<usize> {
    let text = source.text();
    let Range { start, end } = section.element().span.range();
    let indent = text[..start].trim_end_matches([' ', '\t']).len();
    let rest = text[end..].trim_start_matches([' ', '\t']);
    let is_alone = (indent == 0 || text[..indent].ends_with('\n')) && rest.starts_with('\n');
    if is_alone { indent..text.len() - rest.len() + 1 } else { start..end }
}

/// Where another section can be added: before the end tag of the root.
fn end_of_content(root: Section<'_>, source: &Source) -> usize {
    let span = root.element().span;
    source.text()[span.range()].rfind("</").map_or(span.end, |at| span.start + at)
}

fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    // Stable, so that what is added at one place stays in order.
    edits.sort_by_key(|(range, _)| range.start);
    let mut edited = String::with_capacity(text.len());
    let mut at = 0;
    for (range, replacement) in edits {
        edited.push_str(&text[at..range.start]);
        edited.push_str(&replacement);
        at = range.end;
    }
    edited.push_str(&text[at..]);
    edited
}

/// Writes a rendered configuration to a file, as [`Config::write_to`] does.
///
/// # Errors
/// When the file cannot be written.
pub fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let (mode, owner) = match fs_err::metadata(path) {
        Ok(metadata) => (metadata.mode() & 0o7777, Some(Owner { uid: metadata.uid(), gid: metadata.gid() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (0o600, None),
        Err(error) => return Err(error),
    };
    write_atomically(path, text.as_bytes(), mode, owner)
}
