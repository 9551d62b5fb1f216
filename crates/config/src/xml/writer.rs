//! XML as the originals write it: one element a line, three blanks a level, no attributes.

use std::fmt::Display;
use std::path::Path;

use xml::common::is_xml10_char;

/// Why a configuration cannot be written as XML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// XML has no way to write a character.
    #[error("`{element}` holds the character U+{:04X}, which XML cannot hold", u32::from(*.character))]
    Character {
        /// The element.
        element: String,
        /// The character.
        character: char,
    },
    /// A path is not UTF-8.
    #[error("`{element}` holds a path that is not UTF-8")]
    NotUnicode {
        /// The element.
        element: String,
    },
}

/// Writes elements one below the other.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: String,
    depth: usize,
    /// The first thing that could not be written.
    error: Option<TextError>,
}

impl Writer {
    /// A writer of elements `depth` levels down.
    pub(crate) fn at_depth(depth: usize) -> Self {
        Self { depth, ..Self::default() }
    }

    pub(crate) fn finish(self) -> Result<String, TextError> {
        self.error.map_or(Ok(self.out), Err)
    }

    /// A line as it is.
    pub(crate) fn line(&mut self, line: &str) {
        const INDENT: &str = "   ";
        for _ in 0..self.depth {
            self.out.push_str(INDENT);
        }
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// An element with others inside.
    pub(crate) fn section(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.line(&format!("<{name}>"));
        let end = self.out.len();
        self.depth += 1;
        content(self);
        self.depth -= 1;
        if self.out.len() == end {
            self.out.truncate(start);
            self.line(&format!("<{name}/>"));
        } else {
            self.line(&format!("</{name}>"));
        }
    }

    /// A value, or the empty element for none.
    pub(crate) fn scalar(&mut self, name: &str, value: Option<impl Display>) {
        let text = value.map(|value| value.to_string()).unwrap_or_default();
        if text.is_empty() {
            self.line(&format!("<{name}/>"));
            return;
        }
        if let Some(character) = text.chars().find(|c| !is_xml10_char(*c)) {
            self.error.get_or_insert(TextError::Character { element: name.to_owned(), character });
        }
        self.line(&format!("<{name}>{}</{name}>", escaped(&text)));
    }

    pub(crate) fn path(&mut self, name: &str, path: Option<&Path>) {
        let text = path.map(Path::to_str);
        if text == Some(None) {
            self.error.get_or_insert(TextError::NotUnicode { element: name.to_owned() });
        }
        self.scalar(name, text.flatten());
    }

    /// Never absent: what is not said means no.
    pub(crate) fn boolean(&mut self, name: &str, value: Option<bool>) {
        self.scalar(name, Some(if value == Some(true) { "Y" } else { "N" }));
    }

    /// Names with commas between. A list without names is not the same as no list: it is written as blanks.
    pub(crate) fn names<T: AsRef<str>>(&mut self, name: &str, names: Option<&[T]>) {
        if names.is_some_and(<[T]>::is_empty) {
            self.line(&format!("<{name}>"));
            self.line(&format!("</{name}>"));
            return;
        }
        let names: Option<Vec<&str>> = names.map(|names| names.iter().map(AsRef::as_ref).collect());
        self.scalar(name, names.map(|names| names.join(",")));
    }
}

fn escaped(text: &str) -> String {
    // A carriage return as it is would come back as a newline.
    text.replace('&', "&amp;").replace('<', "&lt;").replace("]]>", "]]&gt;").replace('\r', "&#13;")
}
