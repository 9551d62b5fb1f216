//! What a backslash makes of the character after it.

use super::parse::{Parser, SyntaxError};
use super::syntax::{Class, SetItem};

/// A number after a backslash, outside of sets.
pub(super) enum Number {
    /// Three octal digits: a character.
    Character(u32),
    /// A group.
    Group(u32),
}

/// Reads a number of which the first digit, not 0, is already read.
pub(super) fn number(parser: &mut Parser, first: char) -> Result<Number, SyntaxError> {
    let mut digits = String::from(first);
    digits.push_str(&parser.tokens.take_while(1, |c| c.is_ascii_digit()));
    if digits.len() == 2 && digits.chars().all(is_octal) {
        digits.push_str(&parser.tokens.take_while(1, is_octal));
        if digits.len() == 3 {
            return octal(parser, &digits).map(Number::Character);
        }
    }
    let group = digits.parse().map_err(|_| parser.error("invalid group reference"))?;
    if group as usize >= parser.group_count() {
        return Err(parser.error("invalid group reference"));
    }
    Ok(Number::Group(group))
}

/// Reads what an escaped character stands for, outside of sets.
pub(super) fn item(parser: &mut Parser, letter: char) -> Result<SetItem, SyntaxError> {
    match letter {
        '0' => {
            let digits = format!("0{}", parser.tokens.take_while(2, is_octal));
            octal(parser, &digits).map(one)
        }
        _ => common(parser, letter),
    }
}

/// Reads what an escaped character stands for in a set.
pub(super) fn item_in_set(parser: &mut Parser, letter: char) -> Result<SetItem, SyntaxError> {
    match letter {
        'b' => Ok(one(8)),
        '0'..='7' => {
            let digits = format!("{letter}{}", parser.tokens.take_while(2, is_octal));
            octal(parser, &digits).map(one)
        }
        '8' | '9' => Err(parser.error("bad escape")),
        _ => common(parser, letter),
    }
}

fn common(parser: &mut Parser, letter: char) -> Result<SetItem, SyntaxError> {
    let class = |class, negated| Ok(SetItem::Class { class, negated });
    match letter {
        'd' => class(Class::Digit, false),
        'D' => class(Class::Digit, true),
        's' => class(Class::Space, false),
        'S' => class(Class::Space, true),
        'w' => class(Class::Word, false),
        'W' => class(Class::Word, true),
        'a' => Ok(one(7)),
        'f' => Ok(one(12)),
        'n' => Ok(one(10)),
        'r' => Ok(one(13)),
        't' => Ok(one(9)),
        'v' => Ok(one(11)),
        'x' => hexadecimal(parser, 2),
        'u' => hexadecimal(parser, 4),
        'U' => hexadecimal(parser, 8),
        'N' => Err(parser.error("characters cannot be called by name here; write the character itself")),
        letter if letter.is_ascii_alphabetic() => Err(parser.error("bad escape")),
        character => Ok(one(u32::from(character))),
    }
}

fn hexadecimal(parser: &mut Parser, length: usize) -> Result<SetItem, SyntaxError> {
    let digits = parser.tokens.take_while(length, |c| c.is_ascii_hexdigit());
    match u32::from_str_radix(&digits, 16) {
        _ if digits.len() < length => Err(parser.error("incomplete escape")),
        Ok(character) if character <= u32::from(char::MAX) => Ok(one(character)),
        _ => Err(parser.error("bad escape")),
    }
}

fn octal(parser: &Parser, digits: &str) -> Result<u32, SyntaxError> {
    match u32::from_str_radix(digits, 8) {
        Ok(character) if character <= 0o377 => Ok(character),
        _ => Err(parser.error("octal escape outside of 0 to 377")),
    }
}

fn is_octal(character: char) -> bool {
    matches!(character, '0'..='7')
}

fn one(character: u32) -> SetItem {
    SetItem::Range(character, character)
}
