//! Writes a pattern in the dialect that the crates `regex` and `fancy-regex` share.
//!
//! Everything is spelled out, so that nothing depends on where the dialects differ: characters as numbers, classes as sets.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::flags::Flags;
use super::name::stand_in;
use super::parse::Parsed;
use super::syntax::{Class, Greed, Node, Set, SetItem};
use super::width::{self, Width};

/// A pattern in the other dialect.
pub(super) struct Translation {
    pub(super) text: String,
    /// Whether it takes an engine that backtracks.
    pub(super) backtracks: bool,
}

/// Translates `^` + pattern + `$`, to be matched at the beginning of a name.
///
/// The anchors are glued to the text, as the original does it: the one at the end binds to the last branch only, and any
/// other branch may match just the beginning of a name.
pub(super) fn translate(parsed: &Parsed) -> Translation {
    let mut referenced = BTreeSet::new();
    for branch in &parsed.branches {
        find_references(branch, &mut referenced);
    }
    let mut writer = Writer { text: String::from(r"\A(?:"), backtracks: false, referenced };
    for (index, branch) in parsed.branches.iter().enumerate() {
        if index > 0 {
            writer.text.push('|');
        }
        writer.node(branch, Position::Last);
    }
    writer.node(&Node::End { line: parsed.flags.contains(Flags::MULTI_LINE) }, Position::Last);
    writer.text.push(')');
    Translation { text: writer.text, backtracks: writer.backtracks }
}

/// The groups whose content or presence something asks for.
fn find_references(node: &Node, found: &mut BTreeSet<u32>) {
    match node {
        Node::BackReference { group, .. } => {
            found.insert(*group);
        }
        Node::Conditional { group, yes, no } => {
            found.insert(*group);
            find_references(yes, found);
            find_references(no, found);
        }
        Node::Concatenation(nodes) | Node::Alternation(nodes) => {
            for node in nodes {
                find_references(node, found);
            }
        }
        Node::Capture(_, inner)
        | Node::Atomic(inner)
        | Node::Look { inner, .. }
        | Node::Repeat { inner, .. } => find_references(inner, found),
        Node::Set(_)
        | Node::Any { .. }
        | Node::Begin { .. }
        | Node::End { .. }
        | Node::VeryEnd
        | Node::WordBoundary { .. } => {}
    }
}

/// Where a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Nothing follows it but ends of the text.
    Last,
    /// Something may follow it.
    Inside,
}

struct Writer {
    text: String,
    backtracks: bool,
    /// Only these groups are written as such; they are numbered anew.
    referenced: BTreeSet<u32>,
}

impl Writer {
    fn node(&mut self, node: &Node, position: Position) {
        match node {
            Node::Set(set) => self.set(set),
            Node::Any { newline: true } => self.text.push_str("(?s:.)"),
            Node::Any { newline: false } => self.text.push_str(r"[^\n]"),
            Node::Begin { line: false } => self.text.push_str(r"\A"),
            Node::Begin { line: true } => self.text.push_str("(?m:^)"),
            Node::End { line: true } => self.text.push_str("(?m:$)"),
            // Where nothing follows, the newline need not be looked at from before; then any engine will do.
            Node::End { line: false } if position == Position::Last => self.text.push_str(r"\n?\z"),
            Node::End { line: false } => self.fancy(r"(?=\n?\z)"),
            Node::VeryEnd => self.text.push_str(r"\z"),
            Node::WordBoundary { negated, ascii } => self.word_boundary(*negated, *ascii),
            Node::Concatenation(nodes) => self.concatenation(nodes, position),
            Node::Alternation(branches) => self.alternation(branches, position),
            Node::Capture(number, inner) => {
                let is_referenced = self.referenced.contains(number);
                self.enclosed(if is_referenced { "(" } else { "(?:" }, inner, position);
            }
            Node::Atomic(inner) => {
                self.backtracks = true;
                self.enclosed("(?>", inner, Position::Inside);
            }
            Node::Look { behind, negated, inner } => {
                self.backtracks = true;
                let open = match (behind, negated) {
                    (false, false) => "(?=",
                    (false, true) => "(?!",
                    (true, false) => "(?<=",
                    (true, true) => "(?<!",
                };
                self.enclosed(open, inner, Position::Inside);
            }
            Node::Repeat { inner, min, max, greed } => self.repeat(inner, *min, *max, *greed),
            Node::BackReference { group, ignore_case } => {
                let number = self.number(*group);
                self.fancy(&format!(r"(?{}:\{number})", if *ignore_case { "i" } else { "" }));
            }
            Node::Conditional { group, yes, no } => self.conditional(*group, yes, no, position),
        }
    }

    fn fancy(&mut self, text: &str) {
        self.backtracks = true;
        self.text.push_str(text);
    }

    fn enclosed(&mut self, open: &str, inner: &Node, position: Position) {
        self.text.push_str(open);
        self.node(inner, position);
        self.text.push(')');
    }

    fn concatenation(&mut self, nodes: &[Node], position: Position) {
        let is_end = |node: &Node| matches!(node, Node::End { line: false });
        for (index, node) in nodes.iter().enumerate() {
            let is_last = nodes[index + 1..].iter().all(is_end);
            self.node(node, if is_last { position } else { Position::Inside });
        }
    }

    fn alternation(&mut self, branches: &[Node], position: Position) {
        self.text.push_str("(?:");
        for (index, branch) in branches.iter().enumerate() {
            if index > 0 {
                self.text.push('|');
            }
            self.node(branch, position);
        }
        self.text.push(')');
    }

    fn repeat(&mut self, inner: &Node, min: u32, max: Option<u32>, greed: Greed) {
        if width::of(inner, &|_| Some(Width::ANY)).is_zero() {
            return self.repeat_nothing(inner, min, greed);
        }
        if greed == Greed::Possessive {
            self.fancy("(?>");
        }
        self.enclosed("(?:", inner, Position::Inside);
        let bounds = match (min, max) {
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (0, Some(1)) => "?".to_owned(),
            (min, None) => format!("{{{min},}}"),
            (min, Some(max)) => format!("{{{min},{max}}}"),
        };
        self.text.push_str(&bounds);
        match greed {
            Greed::Greedy => {}
            Greed::Lazy => self.text.push('?'),
            Greed::Possessive => self.text.push(')'),
        }
    }

    /// Repeats what takes no characters, and which the engine therefore refuses to repeat: once does.
    fn repeat_nothing(&mut self, inner: &Node, min: u32, greed: Greed) {
        let choice = match (min, greed) {
            (0, Greed::Greedy) => vec![inner.clone(), Node::empty()],
            (0, Greed::Lazy) => vec![Node::empty(), inner.clone()],
            (0, Greed::Possessive) => {
                let choice = Node::Alternation(vec![inner.clone(), Node::empty()]);
                return self.node(&Node::Atomic(Box::new(choice)), Position::Inside);
            }
            _ => vec![inner.clone()],
        };
        self.alternation(&choice, Position::Inside);
    }

    fn conditional(&mut self, group: u32, yes: &Node, no: &Node, position: Position) {
        // The engine takes a condition without branches for a demand.
        if *yes == Node::empty() && *no == Node::empty() {
            return;
        }
        let number = self.number(group);
        self.fancy(&format!("(?({number})"));
        self.enclosed("(?:", yes, position);
        self.text.push('|');
        self.enclosed("(?:", no, position);
        self.text.push(')');
    }

    /// The number of a group among those that are written.
    fn number(&self, group: u32) -> usize {
        self.referenced.range(..=group).count()
    }

    /// Python's word characters are letters, numbers and `_`; the engines count marks and joiners among them.
    fn word_boundary(&mut self, negated: bool, ascii: bool) {
        let word = if ascii { "[0-9A-Za-z_]" } else { r"[\p{L}\p{N}_]" };
        let (same, other) = if negated { ("=", "!") } else { ("!", "=") };
        self.fancy(&format!("(?:(?<={word})(?{same}{word})|(?<!{word})(?{other}{word}))"));
    }

    fn set(&mut self, set: &Set) {
        let fold_unicode = set.ignore_case && !set.ascii;
        let mut ranges = Vec::new();
        let mut classes = String::new();
        for item in &set.items {
            match *item {
                SetItem::Range(low, high) => add_range(&mut ranges, low, high),
                SetItem::Class { class, negated } => classes.push_str(class_text(class, negated, set.ascii)),
            }
        }
        if set.ignore_case {
            add_other_case(&mut ranges, set.ascii);
        }
        if ranges.is_empty() && classes.is_empty() {
            // Only halves of surrogate pairs, which are in no name.
            self.text.push_str(if set.negated { "(?s:.)" } else { r"[^\x{0}-\x{10ffff}]" });
            return;
        }
        self.text.push_str(if fold_unicode { "(?i:[" } else { "[" });
        self.text.push_str(if set.negated { "^" } else { "" });
        for (low, high) in ranges {
            // Writing to a string does not fail.
            let _ = if low == high {
                write!(self.text, r"\x{{{low:x}}}")
            } else {
                write!(self.text, r"\x{{{low:x}}}-\x{{{high:x}}}")
            };
        }
        self.text.push_str(&classes);
        self.text.push_str(if fold_unicode { "])" } else { "]" });
    }
}

/// Adds a range of Python characters as such that can be in a decoded name: no halves of surrogate pairs, but what stands
/// for undecodable bytes, which Python makes U+DC80 to U+DCFF.
fn add_range(ranges: &mut Vec<(u32, u32)>, low: u32, high: u32) {
    let mut add = |low: u32, high: u32| {
        if low <= high {
            ranges.push((low, high));
        }
    };
    add(low, high.min(0xd7ff));
    add(low.max(0xe000), high);
    let (first, last) = (low.max(0xdc80), high.min(0xdcff));
    if first <= last {
        add(u32::from(stand_in((first & 0xff) as u8)), u32::from(stand_in((last & 0xff) as u8)));
    }
}

/// Adds what only Python takes for the same letter: in ASCII mode nothing but ASCII letters, otherwise the Turkish ones.
fn add_other_case(ranges: &mut Vec<(u32, u32)>, ascii: bool) {
    let contains = |ranges: &[(u32, u32)], c: u32| ranges.iter().any(|&(low, high)| low <= c && c <= high);
    if ascii {
        for letter in u32::from('a')..=u32::from('z') {
            let capital = letter - 32;
            match (contains(ranges, letter), contains(ranges, capital)) {
                (true, false) => ranges.push((capital, capital)),
                (false, true) => ranges.push((letter, letter)),
                _ => {}
            }
        }
        return;
    }
    let forms_of_i = ['i', 'I', 'ı', 'İ'].map(u32::from);
    if forms_of_i.iter().any(|&form| contains(ranges, form)) {
        ranges.extend(forms_of_i.map(|form| (form, form)));
    }
}

/// The inside of a set that is one of Python's classes.
fn class_text(class: Class, negated: bool, ascii: bool) -> &'static str {
    match (class, ascii, negated) {
        (Class::Digit, true, false) => "0-9",
        (Class::Digit, true, true) => "[^0-9]",
        (Class::Digit, false, false) => r"\p{Nd}",
        (Class::Digit, false, true) => r"\P{Nd}",
        (Class::Space, true, false) => r"\x{9}-\x{d}\x{20}",
        (Class::Space, true, true) => r"[^\x{9}-\x{d}\x{20}]",
        (Class::Space, false, false) => r"\p{White_Space}\x{1c}-\x{1f}",
        (Class::Space, false, true) => r"[^\p{White_Space}\x{1c}-\x{1f}]",
        (Class::Word, true, false) => "0-9A-Za-z_",
        (Class::Word, true, true) => "[^0-9A-Za-z_]",
        (Class::Word, false, false) => r"\p{L}\p{N}_",
        (Class::Word, false, true) => r"[^\p{L}\p{N}_]",
    }
}
