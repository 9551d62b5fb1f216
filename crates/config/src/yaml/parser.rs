//! From text to a tree.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::{Content, Entry, Node};
use crate::diagnostic::Diagnostic;
use crate::{Located, Source, Span};

/// Nobody writes a configuration that is nested as deep by hand.
const DEEPEST: usize = 16;
/// References can make a small file large.
const MOST_VALUES: usize = 100_000;

impl Node {
    /// Reads the first document of a stream; whatever else the stream holds is pointed at by a warning.
    ///
    /// # Errors
    /// When it is not YAML, or not plain data. Further errors would be guesses.
    pub fn parse(source: &Source, findings: &mut Vec<Diagnostic>) -> Result<Self, Diagnostic> {
        let parser = Parser::new_from_str(source.text());
        let mut reader = Reader { source, parser, anchors: HashMap::new(), values: 0 };
        let node = loop {
            match reader.next()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, span) => break Self { content: Content::Null, span },
                (event, span) => break reader.node(event, span, 0)?,
            }
        };
        loop {
            match reader.next()? {
                (Event::StreamEnd, _) => return Ok(node),
                (Event::DocumentStart(_), span) => {
                    findings.push(Diagnostic::warning(span, "only the first document of a file counts"));
                    return Ok(node);
                }
                _ => {}
            }
        }
    }
}

struct Reader<'s> {
    source: &'s Source,
    parser: Parser<'s, StrInput<'s>>,
    anchors: HashMap<usize, (Node, usize)>,
    /// How many values there are, those that are referred to counted each time.
    values: usize,
}

impl<'s> Reader<'s> {
    fn next(&mut self) -> Result<(Event<'s>, Span), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let span = self.offset(&span.start)..self.offset(&span.end);
                Ok((event, Span::from(span)))
            }
            Some(Err(error)) => {
                let at = self.offset(error.marker());
                Err(Diagnostic::error(Span::from(at..at), format!("this is not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn offset(&self, marker: &saphyr_parser::Marker) -> usize {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.source.offset(number(marker.line().saturating_sub(1)), number(marker.col()))
    }

    /// The value that begins with an event.
    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Node, Diagnostic> {
        let before = self.values;
        self.count(1, span)?;
        if depth > DEEPEST {
            return Err(Diagnostic::error(span, "this is nested too deep"));
        }
        let (content, anchor, span) = match event {
            Event::Alias(anchor) => {
                let Some((node, values)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Diagnostic::error(span, "this refers to what it is in"));
                };
                self.count(values, span)?;
                return Ok(Node { content: node.content, span });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = plain(tag.as_deref(), span)?;
                let is_null = style == ScalarStyle::Plain && !is_text && is_null(&text);
                let content = if is_null { Content::Null } else { Content::Text(text.into_owned()) };
                (content, anchor, span)
            }
            Event::SequenceStart(anchor, tag) => {
                plain(tag.as_deref(), span)?;
                let (list, end) = self.list(depth)?;
                (Content::List(list), anchor, Span::from(span.start..end))
            }
            Event::MappingStart(anchor, tag) => {
                plain(tag.as_deref(), span)?;
                let (entries, end) = self.mapping(depth)?;
                (Content::Mapping(entries), anchor, Span::from(span.start..end))
            }
            _ => (Content::Null, 0, span),
        };
        let node = Node { content, span };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.values - before));
        }
        Ok(node)
    }

    fn count(&mut self, values: usize, span: Span) -> Result<(), Diagnostic> {
        self.values += values;
        if self.values > MOST_VALUES {
            return Err(Diagnostic::error(span, "there are too many values up to here"));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, usize), Diagnostic> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, span) => return Ok((list, span.start)),
                (event, span) => list.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<(Vec<Entry>, usize), Diagnostic> {
        let mut entries = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, span) => return Ok((entries, span.start)),
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let key = match key {
                Node { content: Content::Text(text), span } if text != "<<" => Located { value: text, span },
                Node { span, .. } => return Err(Diagnostic::error(span, "a key must be a word")),
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push(Entry { key, value });
        }
    }
}

/// Whether a tag says that a scalar is a text; refuses what is no plain data.
fn plain(tag: Option<&Tag>, span: Span) -> Result<bool, Diagnostic> {
    let Some(tag) = tag else { return Ok(false) };
    let is_plain = ["str", "int", "bool", "null", "float", "seq", "map"].contains(&tag.suffix.as_str());
    if !tag.is_yaml_core_schema() || !is_plain {
        let message =
            format!("the tag `{}{}` is refused: a configuration is plain data", tag.handle, tag.suffix);
        return Err(Diagnostic::error(span, message));
    }
    Ok(tag.suffix == "str")
}

fn is_null(text: &str) -> bool {
    ["", "~", "null", "Null", "NULL"].contains(&text)
}
