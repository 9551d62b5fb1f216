//! From text to the tree. The crate `xml` splits the text into events; here they are put together and placed.

use std::ops::Range;

use xml::common::Position;
use xml::name::OwnedName;
use xml::reader::{Error, XmlEvent};
use xml::{Encoding, ParserConfig};

use super::{Element, Node};
use crate::diagnostic::Diagnostic;
use crate::{Located, Source, Span};

/// All elements of a document, parents before children.
pub(super) fn parse(source: &Source) -> Result<Vec<Element>, Diagnostic> {
    let text = source.text();
    let mut reader = options().create_reader(text.as_bytes());
    let mut tree = Tree { source, done: 0, elements: Vec::new(), open: Vec::new() };
    loop {
        let event = reader.next();
        // The reader takes one byte after the other, so this is exact.
        let read = text.len() - reader.source().len();
        match event.map_err(|error| tree.diagnostic(&error, read))? {
            XmlEvent::StartDocument { .. } => {
                // Without a declaration this comes in the middle of whatever is first.
                if text[..read].ends_with("?>") {
                    tree.done = read;
                }
            }
            XmlEvent::Doctype { .. } => {
                if reader.doctype_ids().is_some_and(|ids| ids.system_id().is_some()) {
                    let undefined = undefined_entities(text, &text[tree.done..read]);
                    // Refused if the document is declared to stand alone; they are errors there.
                    let _standalone = reader.add_entities(undefined.map(|name| (name, "")));
                }
                tree.done = read;
            }
            XmlEvent::StartElement { name, .. } => tree.start_element(&name, read),
            XmlEvent::EndElement { .. } => tree.end_element(read),
            XmlEvent::Characters(run) | XmlEvent::Whitespace(run) => tree.characters(&run, read),
            // An empty one leaves no trace, not even an interruption.
            XmlEvent::CData(content) if content.is_empty() => tree.done = read,
            XmlEvent::CData(_) => tree.markup(Node::Cdata, read),
            XmlEvent::Comment(_) => tree.markup(Node::Comment, read),
            XmlEvent::ProcessingInstruction { .. } => tree.markup(Node::Instruction, read),
            XmlEvent::EndDocument => return Ok(tree.elements),
        }
    }
}

fn options() -> ParserConfig {
    ParserConfig::new()
        .ignore_comments(false)
        .whitespace_to_characters(true)
        .cdata_to_characters(false)
        .allow_multiple_root_elements(false)
        // The text is decoded already, whatever it declares.
        .override_encoding(Some(Encoding::Utf8))
        .ignore_invalid_encoding_declarations(true)
        // It counts references in entities, also those that are not nested in each other.
        .max_entity_expansion_depth(100)
}

/// The entities that a document refers to and its document type does not define: with a part of the document type outside
/// the file, they may be defined there, and are taken to be empty.
fn undefined_entities<'t>(text: &'t str, doctype: &'t str) -> impl Iterator<Item = &'t str> {
    let is_defined = |name: &str| {
        doctype.split("<!ENTITY").skip(1).any(|entity| entity.split_whitespace().next() == Some(name))
    };
    text.split('&')
        .skip(1)
        .filter_map(|rest| rest.split_once(';'))
        .map(|(name, _)| name)
        .filter(move |name| !is_defined(name))
}

/// The tree as far as it is read.
struct Tree<'s> {
    source: &'s Source,
    /// Where the last event ended, which is where the next one begins.
    done: usize,
    elements: Vec<Element>,
    open: Vec<usize>,
}

impl Tree<'_> {
    fn start_element(&mut self, name: &OwnedName, end: usize) {
        let value = name.borrow().to_repr();
        let span = self.markup_span(end);
        let from_entity = !self.source.text()[span.range()].starts_with('<');
        let name_span = if from_entity {
            span
        } else {
            let start = span.start + "<".len();
            Span::from(start..start + value.len())
        };
        let index = self.elements.len();
        let name = Located { value, span: name_span };
        self.elements.push(Element { name, span, from_entity, content: Vec::new() });
        self.push(Node::Element(index));
        self.open.push(index);
        self.done = end;
    }

    fn end_element(&mut self, end: usize) {
        if let Some(index) = self.open.pop() {
            self.elements[index].span.end = end;
        }
        self.done = end;
    }

    /// Adds characters to the current run, or begins one.
    fn characters(&mut self, text: &str, read: usize) {
        // They come when the markup behind them has begun.
        let raw = &self.source.text()[self.done..read];
        let end = self.done + raw.find('<').unwrap_or(raw.len());
        let span = if end > self.done { Span::from(self.done..end) } else { self.reference_before(end) };
        self.done = end;
        let content = self.open.last().map(|index| &mut self.elements[*index].content);
        if let Some(Node::Text(run)) = content.and_then(|content| content.last_mut()) {
            run.value.push_str(text);
            run.span.end = span.end;
        } else {
            self.push(Node::Text(Located { value: text.to_owned(), span }));
        }
    }

    fn markup(&mut self, node: fn(Span) -> Node, end: usize) {
        let span = self.markup_span(end);
        self.push(node(span));
        self.done = end;
    }

    fn push(&mut self, node: Node) {
        if let Some(index) = self.open.last() {
            self.elements[*index].content.push(node);
        }
    }

    /// The markup that ends here, or the reference to the entity that it comes out of.
    fn markup_span(&self, end: usize) -> Span {
        // Blanks around the root element are no events.
        let markup = self.source.text()[self.done..end].trim_start();
        if markup.starts_with('<') { Span::from(end - markup.len()..end) } else { self.reference_before(end) }
    }

    fn reference_before(&self, end: usize) -> Span {
        Span::from(self.source.text()[..end].rfind('&').unwrap_or(end)..end)
    }

    /// What is said when the text is not well-formed.
    fn diagnostic(&self, error: &Error, read: usize) -> Diagnostic {
        let text = self.source.text();
        let raw = &text[self.done..read];
        let at = self.source.offset(error.position().row(), error.position().column());
        if let Some(open) = self.open.last().map(|index| &self.elements[*index].name) {
            let line = self.source.position(open.span.start).line;
            let opened = format!("`<{}>` was opened in line {line}", open.value);
            if raw.starts_with("</") && raw.ends_with('>') {
                let message = format!("expected `</{}>`, found `{raw}`", open.value);
                return refusal(self.done..read, &message).with_hint(opened);
            }
            if at == text.len() {
                let message = format!("the file ends before `</{}>`", open.value);
                return refusal(at..at, &message).with_hint(opened);
            }
        }
        // The place is in front of the reason, and what was found behind it, even if it is a blank or nothing.
        let said = error.to_string();
        let reason = said.split_once(' ').map_or(said.as_str(), |(_, reason)| reason);
        let reason = reason.trim_end_matches([' ', ':']);
        if let Some(length) = broken_reference(raw) {
            return refusal(read - length..read, reason).with_hint("a plain `&` is written `&amp;`");
        }
        match reason.split_once('\n') {
            Some((reason, hint)) => refusal(at..read.max(at), reason).with_hint(hint),
            None => refusal(at..read.max(at), reason),
        }
    }
}

/// How many bytes ago a reference began, if that is where reading stopped.
fn broken_reference(raw: &str) -> Option<usize> {
    let reference = &raw[raw.rfind('&')?..];
    let has_ended = reference.trim_end_matches(';').contains(';');
    let is_other_markup = raw.starts_with("<!");
    (!has_ended && !is_other_markup).then_some(reference.len())
}

fn refusal(range: Range<usize>, reason: &str) -> Diagnostic {
    Diagnostic::error(range.into(), format!("Unable to parse XML document: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All nodes and what of the text they are.
    fn outline(text: &str) -> Vec<String> {
        let source = Source::new("f", text);
        let elements = parse(&source).unwrap_or_else(|diagnostic| panic!("{}", diagnostic.message));
        let raw = |span: Span| &source.text()[span.range()];
        let root = format!("{} {}", elements[0].name.value, raw(elements[0].span));
        let nodes = elements.iter().flat_map(|element| &element.content).map(|node| match node {
            Node::Element(index) => {
                let Element { name, span, from_entity, .. } = &elements[*index];
                let origin = if *from_entity { " from entity" } else { "" };
                format!("{}={} {}{origin}", name.value, raw(name.span), raw(*span))
            }
            Node::Text(run) => format!("{:?} {}", run.value, raw(run.span)),
            Node::Cdata(span) => format!("cdata {}", raw(*span)),
            Node::Comment(span) => format!("comment {}", raw(*span)),
            Node::Instruction(span) => format!("instruction {}", raw(*span)),
        });
        std::iter::once(root).chain(nodes).collect()
    }

    #[test]
    fn everything_is_placed_to_the_byte() {
        let text = "\u{feff}<?xml version='1.0'?>\r\n<!-- é --> <?p q?>\r\n\
            <é x='/>'>ü<ö>\u{1f600}</ö ><b\r\n/>&lt;ß&#228;<!-- < -> --><![CDATA[<é>]]><?p é?>\r\n]]<c/></é> <!-- é -->";
        assert_eq!(
            outline(text),
            [
                "é <é x='/>'>ü<ö>\u{1f600}</ö ><b\n/>&lt;ß&#228;<!-- < -> --><![CDATA[<é>]]><?p é?>\n]]<c/></é>",
                "\"ü\" ü",
                "ö=ö <ö>\u{1f600}</ö >",
                "b=b <b\n/>",
                "\"<ßä\" &lt;ß&#228;",
                "comment <!-- < -> -->",
                "cdata <![CDATA[<é>]]>",
                "instruction <?p é?>",
                "\"\\n]]\" \n]]",
                "c=c <c/>",
                "\"\u{1f600}\" \u{1f600}",
            ]
        );
    }

    #[test]
    fn what_comes_out_of_an_entity_is_where_the_reference_is() {
        let doctype =
            "<!DOCTYPE a [<!ENTITY e 'x<b>y</b><c/>z<!-- c -->&f;'><!ENTITY f '<d/>'><!ENTITY g 'w'>]>";
        assert_eq!(
            outline(&format!("{doctype}<a> &e;<d/>&g;</a>")),
            [
                "a <a> &e;<d/>&g;</a>",
                "\" x\"  &e;",
                "b=&e; &e; from entity",
                "c=&e; &e; from entity",
                "\"z\" &e;",
                "comment &e;",
                "d=&e; &e; from entity",
                "d=d <d/>",
                "\"w\" &g;",
                "\"y\" &e;",
            ]
        );
    }

    #[test]
    fn an_empty_cdata_section_does_not_interrupt_text() {
        assert_eq!(outline("<a>x<![CDATA[]]>y</a>"), ["a <a>x<![CDATA[]]>y</a>", "\"xy\" x<![CDATA[]]>y"]);
    }

    #[test]
    fn with_a_document_type_elsewhere_undefined_entities_are_empty() {
        let doctype = "<!DOCTYPE a SYSTEM 'x' [<!ENTITY e 'y'>]>";
        assert_eq!(outline(&format!("{doctype}<a>&e;&d;</a>"))[1], "\"y\" &e;&d;");
        let alone = format!("<?xml version='1.0' standalone='yes'?>{doctype}<a>&e;&d;</a>");
        assert!(parse(&Source::new("f", &alone)).is_err());
    }
}
