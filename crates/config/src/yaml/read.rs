//! Making of values what the reader expects, with a finding where that is not possible.

use std::fmt;

use super::{Content, Entry, Node};
use crate::diagnostic::Diagnostic;
use crate::{Located, Span, suggest};

/// A mapping whose keys are known.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'n> {
    entries: &'n [Entry],
    span: Span,
}

impl<'n> Mapping<'n> {
    /// Takes a node as a mapping; a finding if it is none. What is not known and what is there twice is pointed at by a warning:
    /// the original passes over it without a word.
    pub fn of(node: &'n Node, what: &str, known: &[&str], findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let Content::Mapping(entries) = &node.content else {
            let message = format!("{what} must be a list of keys and values, `key: value`");
            findings.push(Diagnostic::error(node.span, message));
            return None;
        };
        for (index, Entry { key, .. }) in entries.iter().enumerate() {
            if !known.contains(&key.as_str()) {
                let mut finding =
                    Diagnostic::warning(key.span, format!("`{}` is no key of {what}", key.value));
                let nearest = suggest::nearest(key, known.iter().copied());
                finding.hint = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
                findings.push(finding);
            } else if entries[index + 1..].iter().any(|later| later.key == *key) {
                let message = format!("`{}` is there again below, and only the last counts", key.value);
                findings.push(Diagnostic::warning(key.span, message));
            }
        }
        Some(Self { entries, span: node.span })
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The value of a key, even if it is nothing; of several the last.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().rev().find(|entry| entry.key.value == key).map(|entry| &entry.value)
    }

    /// The value of a key that is not nothing.
    pub fn value(&self, key: &str) -> Option<&'n Node> {
        self.get(key).filter(|node| node.content != Content::Null)
    }

    /// A text.
    pub fn text(&self, key: &str, findings: &mut Vec<Diagnostic>) -> Option<Located<&'n str>> {
        let node = self.value(key)?;
        let Content::Text(text) = &node.content else {
            findings.push(Diagnostic::error(node.span, format!("`{key}` must be a single value")));
            return None;
        };
        Some(Located { value: text.as_str(), span: node.span })
    }

    /// Something that is made of a text; a finding that names the key if that is not possible.
    pub fn read<T, E: fmt::Display>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Located<T>> {
        let text = self.text(key, findings)?;
        match parse(text.value) {
            Ok(value) => Some(Located { value, span: text.span }),
            Err(error) => {
                findings.push(Diagnostic::error(text.span, format!("`{key}` {error}")));
                None
            }
        }
    }

    /// A list of what is made of texts; what cannot be made is complained about and left out.
    pub fn read_list<T, E: fmt::Display>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
        findings: &mut Vec<Diagnostic>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for text in self.texts(key, findings).unwrap_or_default() {
            match parse(text.value) {
                Ok(value) => values.push(value),
                Err(error) => findings.push(Diagnostic::error(text.span, format!("`{key}` {error}"))),
            }
        }
        values
    }

    /// A list of texts. A single one counts as a list of one.
    pub fn texts(&self, key: &str, findings: &mut Vec<Diagnostic>) -> Option<Vec<Located<&'n str>>> {
        let node = self.value(key)?;
        let items = match &node.content {
            Content::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.content {
                Content::Text(text) => texts.push(Located { value: text.as_str(), span: item.span }),
                _ => findings
                    .push(Diagnostic::error(item.span, format!("`{key}` must be a list of single values"))),
            }
        }
        Some(texts)
    }
}

#[cfg(test)]
mod tests {
    use crate::Source;

    use super::*;

    fn parse(text: &str) -> (Result<Node, Diagnostic>, Vec<Diagnostic>) {
        let mut findings = Vec::new();
        (Node::parse(&Source::new("f", text), &mut findings), findings)
    }

    #[test]
    fn values_have_places_and_are_no_more_than_texts() {
        let text = "é: x\na: [1, 'b', ~]\nc:\n  d: \"7\"\ne:\n";
        let (node, findings) = parse(text);
        assert_eq!(findings, []);
        let mut findings = Vec::new();
        let node = node.unwrap();
        let mapping = Mapping::of(&node, "it", &["é", "a", "c", "e"], &mut findings).unwrap();
        assert_eq!(findings, []);
        assert_eq!(mapping.get("e").unwrap().content, Content::Null);
        assert!(mapping.get("f").is_none() && mapping.value("e").is_none());
        let inner = Mapping::of(mapping.get("c").unwrap(), "c", &["d"], &mut findings).unwrap();
        assert_eq!(&text[inner.get("d").unwrap().span.range()], "\"7\"");
        assert_eq!(inner.read("d", str::parse::<u8>, &mut findings).unwrap().value, 7);
        let texts = mapping.texts("a", &mut findings).unwrap();
        assert_eq!(texts.iter().map(|text| text.value).collect::<Vec<_>>(), ["1", "b"]);
        assert_eq!(findings.len(), 1);
        assert_eq!(&text[findings[0].span.range()], "~");
        assert_eq!(mapping.texts("é", &mut findings).unwrap(), [Located::from("x")]);
    }

    #[test]
    fn what_is_not_known_or_there_twice_is_pointed_at() {
        let (node, _) = parse("roots: a\nprunes: b\nroots: c\n");
        let (node, mut findings) = (node.unwrap(), Vec::new());
        let mapping = Mapping::of(&node, "it", &["roots", "prune"], &mut findings).unwrap();
        assert_eq!(mapping.text("roots", &mut findings).unwrap().value, "c");
        let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            ["`roots` is there again below, and only the last counts", "`prunes` is no key of it"]
        );
        assert_eq!(findings[1].hint.as_deref(), Some("did you mean `prune`?"));
    }

    #[test]
    fn only_plain_data_is_taken() {
        let wrong = [
            "a: !!python/object/apply:os.system [id]",
            "a: !local x",
            "a: [",
            "a: &x [*x]",
            "? [a]\n: b",
            "<<: {a: b}",
            &"[".repeat(40),
        ];
        for text in wrong {
            assert!(parse(text).0.is_err(), "{text}");
        }
        let bomb: Vec<String> = (1..9)
            .map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(",")))
            .collect();
        let bomb = bomb.concat();
        assert!(parse(&format!("a0: &a0 x\n{bomb}")).0.unwrap_err().message.contains("too many"));
        for text in ["a: !!str 7", "--- &x {a: b}", "a: &p /tmp\nb: *p", ""] {
            assert!(parse(text).0.is_ok(), "{text}");
        }
        assert_eq!(parse("").0.unwrap().content, Content::Null);
    }

    #[test]
    fn only_the_first_document_counts_and_a_second_is_pointed_at() {
        let (node, findings) = parse("a: b\n---\nc: d\n");
        assert!(matches!(node.unwrap().content, Content::Mapping(entries) if entries.len() == 1));
        assert_eq!(findings.len(), 1);
    }
}
