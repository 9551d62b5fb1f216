//! What a pattern says, independent of how any dialect spells it.

/// A pattern or a part of one. Flags that change the meaning of a part are already in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// One character out of a set.
    Set(Set),
    /// Any character; a newline only on demand.
    Any {
        newline: bool,
    },
    /// The beginning of the text, or of any line.
    Begin {
        line: bool,
    },
    /// The end of the text or before a newline at its end, or the end of any line.
    End {
        line: bool,
    },
    /// The very end.
    VeryEnd,
    /// Between a word character and another, or not.
    WordBoundary {
        negated: bool,
        ascii: bool,
    },
    Concatenation(Vec<Node>),
    Alternation(Vec<Node>),
    /// A group with a number.
    Capture(u32, Box<Node>),
    /// What matched once is not reconsidered.
    Atomic(Box<Node>),
    Look {
        behind: bool,
        negated: bool,
        inner: Box<Node>,
    },
    Repeat {
        inner: Box<Node>,
        min: u32,
        max: Option<u32>,
        greed: Greed,
    },
    BackReference {
        group: u32,
        ignore_case: bool,
    },
    /// One of two, by whether a group took part in the match.
    Conditional {
        group: u32,
        yes: Box<Node>,
        no: Box<Node>,
    },
}

impl Node {
    /// What matches nothing and is everywhere.
    pub(super) fn empty() -> Self {
        Self::Concatenation(Vec::new())
    }
}

/// How much a repetition takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greed {
    /// As much as possible, then less.
    Greedy,
    /// As little as possible, then more.
    Lazy,
    /// As much as possible, and that is that.
    Possessive,
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) items: Vec<SetItem>,
    pub(super) negated: bool,
    pub(super) ignore_case: bool,
    pub(super) ascii: bool,
}

/// A part of a set. Characters are numbers here: Python's may be halves of surrogate pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetItem {
    Range(u32, u32),
    Class { class: Class, negated: bool },
}

/// Classes that have a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Digit,
    Space,
    Word,
}
