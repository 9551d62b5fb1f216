//! Flags in a pattern: `(?i)` for all of it, `(?i-s:…)` for a part.

use super::parse::{Parser, SyntaxError};
use super::token::Token;

/// A set of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const IGNORE_CASE: Self = Self(1);
    pub(super) const MULTI_LINE: Self = Self(2);
    pub(super) const DOT_ALL: Self = Self(4);
    pub(super) const VERBOSE: Self = Self(8);
    pub(super) const ASCII: Self = Self(16);
    pub(super) const UNICODE: Self = Self(32);
    /// `t`, which does nothing; it is only allowed for all.
    const TEMPLATE: Self = Self(64);
    /// Only one of these at a time.
    const KINDS: Self = Self(Self::ASCII.0 | Self::UNICODE.0);

    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags inside a group that changes them.
    pub(super) fn changed(self, add: Self, remove: Self) -> Self {
        let kept = if add.meets(Self::KINDS) { self.0 & !Self::KINDS.0 } else { self.0 };
        Self((kept | add.0) & !remove.0)
    }
}

/// What a flag group does.
pub(super) enum Change {
    /// It sets flags for the whole pattern.
    Global(Flags),
    /// It is a group with flags of its own.
    Local { add: Flags, remove: Flags },
}

/// Whether a letter names a flag, be it one that is not allowed here.
pub(super) fn is_flag(letter: char) -> bool {
    "aiLmstux".contains(letter)
}

/// Reads the flags of a group up to its `)` or `:`; the first letter is already read.
pub(super) fn parse(parser: &mut Parser, first: char) -> Result<Change, SyntaxError> {
    let mut add = Flags::default();
    let mut letter = first;
    while letter != '-' {
        let flag = flag(parser, letter)?;
        add = add.with(flag);
        if add.contains(Flags::KINDS) {
            return Err(parser.error("flags 'a' and 'u' are incompatible"));
        }
        letter = next(parser)?;
        match letter {
            ')' => return Ok(Change::Global(add)),
            ':' => return local(parser, add, Flags::default()),
            _ => {}
        }
    }
    let mut remove = Flags::default();
    letter = next(parser)?;
    loop {
        let flag = flag(parser, letter)?;
        if flag.meets(Flags::KINDS) {
            return Err(parser.error("flags 'a' and 'u' cannot be turned off"));
        }
        remove = remove.with(flag);
        letter = next(parser)?;
        if letter == ':' {
            return local(parser, add, remove);
        }
    }
}

fn local(parser: &Parser, add: Flags, remove: Flags) -> Result<Change, SyntaxError> {
    if add.with(remove).meets(Flags::TEMPLATE) {
        return Err(parser.error("flag 't' is only for the whole pattern"));
    }
    if add.meets(remove) {
        return Err(parser.error("flag turned on and off"));
    }
    Ok(Change::Local { add, remove })
}

fn next(parser: &mut Parser) -> Result<char, SyntaxError> {
    match parser.tokens.next() {
        Some(Token::Plain(letter)) => Ok(letter),
        _ => Err(parser.error("incomplete flags")),
    }
}

fn flag(parser: &Parser, letter: char) -> Result<Flags, SyntaxError> {
    Ok(match letter {
        'i' => Flags::IGNORE_CASE,
        'm' => Flags::MULTI_LINE,
        's' => Flags::DOT_ALL,
        'x' => Flags::VERBOSE,
        'a' => Flags::ASCII,
        'u' => Flags::UNICODE,
        't' => Flags::TEMPLATE,
        'L' => return Err(parser.error("flag 'L' is only for bytes")),
        _ => return Err(parser.error("unknown flag")),
    })
}
