//! The grammar of regular expressions in Python's dialect.
//!
//! Whether a file is accepted must not depend on what our own engine for expressions can do, nor on its version. So the
//! rules of Python's `re` (3.11 and later, for text) are checked here, without building anything.

use std::collections::HashMap;

/// What to know about a valid pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatternTraits {
    /// It has a `|` outside of all groups.
    pub top_level_alternation: bool,
    /// It begins with flags for the whole pattern, such as `(?i)`.
    pub global_flags: bool,
}

/// Why Python does not compile a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a regular expression: {0}")]
pub struct PatternError(&'static str);

type Result<T> = std::result::Result<T, PatternError>;

/// Checks a pattern.
///
/// # Errors
/// When Python would not compile it.
pub fn check_pattern(text: &str) -> Result<PatternTraits> {
    let mut checker = Checker { chars: text.chars().collect(), ..Checker::default() };
    checker.alternatives(0)?;
    if checker.at < checker.chars.len() {
        return Err(PatternError("unbalanced parenthesis"));
    }
    if checker.conditions.iter().any(|group| *group > checker.groups.len()) {
        return Err(PatternError("invalid group reference"));
    }
    Ok(checker.traits)
}

/// As many groups may be inside each other.
const NESTING_LIMIT: usize = 250;

/// Repetitions and widths end here.
const REPEAT_LIMIT: u64 = 0xffff_ffff;

/// How many characters something matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Width {
    min: u64,
    max: u64,
}

impl Width {
    const ZERO: Self = Self { min: 0, max: 0 };
    const ONE: Self = Self { min: 1, max: 1 };

    fn plus(self, other: Self) -> Self {
        Self { min: self.min.saturating_add(other.min), max: self.max.saturating_add(other.max) }.capped()
    }

    fn or(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    fn repeated(self, min: u64, max: u64) -> Self {
        Self { min: self.min.saturating_mul(min), max: self.max.saturating_mul(max) }.capped()
    }

    fn capped(self) -> Self {
        Self { min: self.min.min(REPEAT_LIMIT - 1), max: self.max.min(REPEAT_LIMIT) }
    }
}

/// What a repetition would apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    /// `^`, `$`, `\b` and the like, which cannot be repeated.
    Anchor,
    Repetition(Width),
    Other(Width),
}

impl Item {
    fn width(self) -> Width {
        match self {
            Self::Anchor => Width::ZERO,
            Self::Repetition(width) | Self::Other(width) => width,
        }
    }
}

#[derive(Default)]
struct Checker {
    chars: Vec<char>,
    at: usize,
    /// Whether blanks and `#` comments are skipped.
    verbose: bool,
    /// The width of each group, from group 1; none while it is open.
    groups: Vec<Option<Width>>,
    names: HashMap<String, usize>,
    /// Inside a lookbehind: how many groups there were before it.
    lookbehind: Option<usize>,
    /// Groups that conditions ask for.
    conditions: Vec<usize>,
    traits: PatternTraits,
}

impl Checker {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn eat(&mut self, c: char) -> bool {
        let comes = self.peek() == Some(c);
        self.at += usize::from(comes);
        comes
    }

    fn take_while(&mut self, limit: usize, accept: impl Fn(char) -> bool) -> String {
        let taken: String = self.chars[self.at..].iter().take(limit).take_while(|c| accept(**c)).collect();
        self.at += taken.chars().count();
        taken
    }

    /// Everything before `end`, which is passed too.
    fn until(&mut self, end: char, missing: &'static str) -> Result<String> {
        let text = self.take_while(usize::MAX, |c| c != end);
        if self.eat(end) { Ok(text) } else { Err(PatternError(missing)) }
    }

    fn alternatives(&mut self, depth: usize) -> Result<Width> {
        if depth > NESTING_LIMIT {
            return Err(PatternError("groups are nested too deeply"));
        }
        let mut width = self.sequence(depth, depth == 0)?;
        while self.eat('|') {
            self.traits.top_level_alternation |= depth == 0;
            width = width.or(self.sequence(depth, false)?);
        }
        Ok(width)
    }

    /// Items up to `|`, `)` or the end.
    fn sequence(&mut self, depth: usize, is_first: bool) -> Result<Width> {
        let mut before_last = Width::ZERO;
        let mut last: Option<Item> = None;
        while let Some(c) = self.peek().filter(|c| !matches!(c, '|' | ')')) {
            self.at += 1;
            if self.verbose && matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') {
                continue;
            }
            let item = match c {
                '#' if self.verbose => {
                    self.take_while(usize::MAX, |c| c != '\n');
                    continue;
                }
                '*' | '+' | '?' | '{' => match self.repetition(c)? {
                    Some((min, max)) => {
                        last = Some(self.repeat(last, min, max)?);
                        continue;
                    }
                    None => Item::Other(Width::ONE),
                },
                '(' => match self.group(depth, is_first && last.is_none())? {
                    Some(item) => item,
                    None => continue,
                },
                '\\' => self.escape()?,
                '[' => self.set()?,
                '^' | '$' => Item::Anchor,
                _ => Item::Other(Width::ONE),
            };
            before_last = before_last.plus(last.map_or(Width::ZERO, Item::width));
            last = Some(item);
        }
        Ok(before_last.plus(last.map_or(Width::ZERO, Item::width)))
    }

    /// The bounds of a repetition; `None` if the brace is an ordinary character.
    fn repetition(&mut self, c: char) -> Result<Option<(u64, u64)>> {
        match c {
            '?' => return Ok(Some((0, 1))),
            '*' => return Ok(Some((0, REPEAT_LIMIT))),
            '+' => return Ok(Some((1, REPEAT_LIMIT))),
            _ => {}
        }
        let start = self.at;
        if self.peek() == Some('}') {
            return Ok(None);
        }
        let low = self.take_while(usize::MAX, |c| c.is_ascii_digit());
        let high =
            if self.eat(',') { self.take_while(usize::MAX, |c| c.is_ascii_digit()) } else { low.clone() };
        if !self.eat('}') {
            self.at = start;
            return Ok(None);
        }
        let bound = |digits: &str, default| match digits {
            "" => Ok(default),
            _ => digits
                .parse()
                .ok()
                .filter(|bound| *bound < REPEAT_LIMIT)
                .ok_or(PatternError("the repetition number is too large")),
        };
        let (min, max) = (bound(&low, 0)?, bound(&high, REPEAT_LIMIT)?);
        if max < min {
            return Err(PatternError("min repeat greater than max repeat"));
        }
        Ok(Some((min, max)))
    }

    fn repeat(&mut self, item: Option<Item>, min: u64, max: u64) -> Result<Item> {
        match item {
            None | Some(Item::Anchor) => Err(PatternError("nothing to repeat")),
            Some(Item::Repetition(_)) => Err(PatternError("multiple repeat")),
            Some(Item::Other(width)) => {
                // Lazy or possessive.
                if !self.eat('?') {
                    self.eat('+');
                }
                Ok(Item::Repetition(width.repeated(min, max)))
            }
        }
    }

    /// After `(`. `None` for what is no item: comments and flags for the whole pattern.
    fn group(&mut self, depth: usize, may_set_flags: bool) -> Result<Option<Item>> {
        if !self.eat('?') {
            return self.captured(None, depth).map(Some);
        }
        match self.next() {
            None => Err(PatternError("unexpected end of pattern")),
            Some('P') if self.eat('<') => {
                let name = self.until('>', "missing >, unterminated name")?;
                check_group_name(&name)?;
                self.captured(Some(name), depth).map(Some)
            }
            Some('P') if self.eat('=') => {
                let name = self.until(')', "missing ), unterminated name")?;
                check_group_name(&name)?;
                let group = *self.names.get(&name).ok_or(PatternError("unknown group name"))?;
                self.back_reference(group).map(Some)
            }
            Some('#') => self.until(')', "missing ), unterminated comment").map(|_| None),
            Some(':' | '>') => self.body(depth).map(|width| Some(Item::Other(width))),
            Some('=' | '!') => self.body(depth).map(|_| Some(Item::Other(Width::ZERO))),
            Some('<') => self.lookbehind(depth).map(Some),
            Some('(') => self.condition(depth).map(Some),
            Some(c) if is_flag(c) || c == '-' => self.flags(c, depth, may_set_flags),
            Some(_) => Err(PatternError("unknown extension")),
        }
    }

    /// Alternatives and the closing parenthesis.
    fn body(&mut self, depth: usize) -> Result<Width> {
        let width = self.alternatives(depth + 1)?;
        self.close()?;
        Ok(width)
    }

    fn close(&mut self) -> Result<()> {
        if self.eat(')') { Ok(()) } else { Err(PatternError("missing ), unterminated subpattern")) }
    }

    fn captured(&mut self, name: Option<String>, depth: usize) -> Result<Item> {
        self.groups.push(None);
        let group = self.groups.len();
        if let Some(name) = name
            && self.names.insert(name, group).is_some()
        {
            return Err(PatternError("redefinition of group name"));
        }
        let verbose = self.verbose;
        let width = self.body(depth)?;
        self.verbose = verbose;
        self.groups[group - 1] = Some(width);
        Ok(Item::Other(width))
    }

    fn back_reference(&mut self, group: usize) -> Result<Item> {
        let Some(width) = self.groups.get(group - 1) else {
            return Err(PatternError("invalid group reference"));
        };
        let Some(width) = *width else { return Err(PatternError("cannot refer to an open group")) };
        self.check_in_lookbehind(group)?;
        Ok(Item::Other(width))
    }

    fn check_in_lookbehind(&self, group: usize) -> Result<()> {
        match self.lookbehind {
            Some(before) if matches!(self.groups.get(group - 1), None | Some(None)) || group > before => {
                Err(PatternError("a lookbehind cannot refer to a group that is open or in it"))
            }
            _ => Ok(()),
        }
    }

    /// After `(?<`.
    fn lookbehind(&mut self, depth: usize) -> Result<Item> {
        if !self.eat('=') && !self.eat('!') {
            return Err(PatternError("unknown extension"));
        }
        let outer = self.lookbehind;
        self.lookbehind = outer.or(Some(self.groups.len()));
        let width = self.body(depth)?;
        self.lookbehind = outer;
        if width.min != width.max {
            return Err(PatternError("look-behind requires fixed-width pattern"));
        }
        Ok(Item::Other(Width::ZERO))
    }

    /// `(?(group)yes|no)`, after the second parenthesis.
    fn condition(&mut self, depth: usize) -> Result<Item> {
        if depth >= NESTING_LIMIT {
            return Err(PatternError("groups are nested too deeply"));
        }
        let name = self.until(')', "missing ), unterminated name")?;
        let group = if check_group_name(&name).is_ok() {
            *self.names.get(&name).ok_or(PatternError("unknown group name"))?
        } else {
            match super::integer(&name).map(usize::try_from) {
                Ok(Ok(group @ 1..)) => group,
                Ok(_) => return Err(PatternError("bad group number")),
                Err(_) => return Err(PatternError("bad character in group name")),
            }
        };
        self.conditions.push(group);
        self.check_in_lookbehind(group)?;
        let yes = self.sequence(depth + 1, false)?;
        let no = if self.eat('|') { self.sequence(depth + 1, false)? } else { Width::ZERO };
        if self.peek() == Some('|') {
            return Err(PatternError("conditional backref with more than two branches"));
        }
        self.close()?;
        Ok(Item::Other(yes.or(no)))
    }

    /// `(?flags)` or `(?flags-flags:…)`, after the first flag or the `-`.
    fn flags(&mut self, first: char, depth: usize, may_set_flags: bool) -> Result<Option<Item>> {
        let mut end = first;
        let mut on = String::new();
        while !matches!(end, ')' | '-' | ':') {
            if end == 'L' {
                return Err(PatternError("cannot use 'L' flag with a str pattern"));
            }
            on.push(end);
            if on.contains('a') && on.contains('u') {
                return Err(PatternError("flags 'a', 'u' and 'L' are incompatible"));
            }
            end = self.flag_or(&[')', '-', ':'])?;
        }
        if end == ')' {
            if !may_set_flags {
                return Err(PatternError("global flags not at the start of the expression"));
            }
            self.verbose |= on.contains('x');
            self.traits.global_flags = true;
            return Ok(None);
        }
        let mut off = String::new();
        if end == '-' {
            end = self.flag_or(&[])?;
            while end != ':' {
                if matches!(end, 'a' | 'u' | 'L') {
                    return Err(PatternError("cannot turn off flags 'a', 'u' and 'L'"));
                }
                off.push(end);
                end = self.flag_or(&[':'])?;
            }
        }
        if on.chars().any(|flag| off.contains(flag)) {
            return Err(PatternError("flag turned on and off"));
        }
        let verbose = self.verbose;
        self.verbose = (verbose || on.contains('x')) && !off.contains('x');
        let width = self.body(depth)?;
        self.verbose = verbose;
        Ok(Some(Item::Other(width)))
    }

    fn flag_or(&mut self, ends: &[char]) -> Result<char> {
        self.next().filter(|c| is_flag(*c) || ends.contains(c)).ok_or(PatternError("unknown or missing flag"))
    }

    /// After `[`.
    fn set(&mut self) -> Result<Item> {
        const UNTERMINATED: &str = "unterminated character set";
        self.eat('^');
        let mut is_first = true;
        loop {
            let low = match self.next() {
                None => return Err(PatternError(UNTERMINATED)),
                Some(']') if !is_first => break,
                Some('\\') => self.set_escape()?,
                Some(c) => Some(u32::from(c)),
            };
            is_first = false;
            if !self.eat('-') {
                continue;
            }
            let high = match self.next() {
                None => return Err(PatternError(UNTERMINATED)),
                Some(']') => break,
                Some('\\') => self.set_escape()?,
                Some(c) => Some(u32::from(c)),
            };
            match (low, high) {
                (Some(low), Some(high)) if low <= high => {}
                _ => return Err(PatternError("bad character range")),
            }
        }
        Ok(Item::Other(Width::ONE))
    }

    /// A backslash in a set: the character's code, or none for a class of characters.
    fn set_escape(&mut self) -> Result<Option<u32>> {
        let Some(c) = self.next() else { return Err(PatternError("bad escape (end of pattern)")) };
        match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Ok(None),
            'b' => Ok(Some(8)),
            '0'..='7' => {
                let digits = format!("{c}{}", self.take_while(2, is_octal));
                octal(&digits).map(Some)
            }
            _ => self.character_escape(c).map(Some),
        }
    }

    /// A backslash outside of sets.
    fn escape(&mut self) -> Result<Item> {
        let Some(c) = self.next() else { return Err(PatternError("bad escape (end of pattern)")) };
        match c {
            'A' | 'b' | 'B' | 'Z' => Ok(Item::Anchor),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Ok(Item::Other(Width::ONE)),
            '0' => {
                self.take_while(2, is_octal);
                Ok(Item::Other(Width::ONE))
            }
            '1'..='9' => self.numeric_escape(c),
            _ => self.character_escape(c).map(|_| Item::Other(Width::ONE)),
        }
    }

    /// A reference to a group, or three octal digits.
    fn numeric_escape(&mut self, first: char) -> Result<Item> {
        let mut digits = format!("{first}{}", self.take_while(1, |c| c.is_ascii_digit()));
        if digits.len() == 2 && digits.chars().all(is_octal) && self.peek().is_some_and(is_octal) {
            digits.extend(self.next());
            return octal(&digits).map(|_| Item::Other(Width::ONE));
        }
        let group = digits.parse().map_err(|_| PatternError("invalid group reference"))?;
        self.back_reference(group)
    }

    /// An escape that stands for one character, in sets and outside.
    fn character_escape(&mut self, c: char) -> Result<u32> {
        match c {
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => Ok(match c {
                'a' => 7,
                't' => 9,
                'n' => 10,
                'v' => 11,
                'f' => 12,
                _ => 13,
            }),
            'x' => self.hexadecimal(2),
            'u' => self.hexadecimal(4),
            'U' => self.hexadecimal(8),
            'N' => {
                if !self.eat('{') {
                    return Err(PatternError("missing {"));
                }
                let name = self.until('}', "missing }, unterminated name")?;
                if name.is_empty() {
                    return Err(PatternError("missing character name"));
                }
                // Names of characters are not known here; the first private one stands for all of them.
                Ok(0xe000)
            }
            _ if c.is_ascii_alphanumeric() => Err(PatternError("bad escape")),
            _ => Ok(u32::from(c)),
        }
    }

    fn hexadecimal(&mut self, length: usize) -> Result<u32> {
        let digits = self.take_while(length, |c| c.is_ascii_hexdigit());
        if digits.len() != length {
            return Err(PatternError("incomplete escape"));
        }
        u32::from_str_radix(&digits, 16)
            .ok()
            .filter(|code| *code <= 0x10_ffff)
            .ok_or(PatternError("bad escape"))
    }
}

fn check_group_name(name: &str) -> Result<()> {
    let is_identifier = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_identifier { Ok(()) } else { Err(PatternError("bad character in group name")) }
}

fn octal(digits: &str) -> Result<u32> {
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|code| *code <= 0o377)
        .ok_or(PatternError("octal escape value outside of range 0-0o377"))
}

fn is_flag(c: char) -> bool {
    matches!(c, 'i' | 'L' | 'm' | 's' | 'x' | 'a' | 'u')
}

fn is_octal(c: char) -> bool {
    matches!(c, '0'..='7')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_compiles_is_accepted() {
        for pattern in [
            "",
            ".*",
            "a|b",
            "|",
            "()",
            "(?:)*",
            "a{,3}",
            "a{3,}",
            "a{,}",
            "a{}",
            "a{x}",
            "{",
            "}",
            "]",
            "a{1",
            "[]]",
            "[^]]",
            "[a-]",
            "[-a]",
            "[[:alpha:]]",
            r"[\w-]",
            r"[\b]",
            r"[\0\x41\u0041]",
            "[a-z]*?",
            "a++",
            "a?+",
            "(?>a)b",
            "(?P<n>a)(?P=n)",
            r"(a)\1",
            r"\A\Z\b\B",
            "(?i)a",
            "(?#c)(?i)a",
            "(?i)(?m)a",
            "(?i:a)",
            "(?i-s:a)",
            "(?-i:a)",
            "(?x) a # b (\n c",
            "(?=a)*",
            "(?!a)",
            "(?<=ab)c",
            "(?<!a|b)c",
            "(?<=a{3})c",
            "(?<=(?=a*)b)c",
            "(a)(?(1)b|c)",
            "(?P<n>a)(?(n)b)",
            "(?(1)a|b)(c)",
            r"\.\-\/\é",
            r"\012",
            r"\08",
            r"\377",
            r"\U0001F600",
            r"\N{BULLET}",
            "^$",
            "\n foo \n",
            "(?P<é>a)",
        ] {
            assert!(check_pattern(pattern).is_ok(), "{pattern:?}: {:?}", check_pattern(pattern));
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for pattern in [
            "*",
            "+a",
            "a**",
            "a*?*",
            "a+++",
            "a{2,1}",
            "a{2}{3}",
            "a{99999999999}",
            "^*",
            "$+",
            r"\b?",
            "(",
            ")",
            "(a",
            "a)",
            "(?",
            "(?P<n>a",
            "(?P<1>a)",
            "(?P<n>a)(?P<n>b)",
            "(?P=n)",
            "(?Pn)",
            "(?z)",
            "(?<a>b)",
            "[",
            "[a",
            "[]",
            "[b-a]",
            r"[\d-z]",
            r"[a-\d]",
            r"\z",
            r"\h",
            r"\p{L}",
            r"\Q",
            r"\1",
            r"(\1)",
            r"\400",
            r"[\400]",
            r"[\8]",
            r"\x4",
            r"\u004",
            r"\U00110000",
            r"\N",
            r"\N{",
            "\\",
            "[\\",
            "a(?i)",
            "a|(?i)b",
            "(?L)a",
            "(?au)a",
            "(?i-i:a)",
            "(?-a:b)",
            "(?i",
            "(?i-",
            "(?i-:a)",
            "(?#a",
            "(?<=a*)b",
            "(?<=a|bc)d",
            r"(?<=(a)\1)b",
            "(?(1)a)",
            "(?(0)a)(b)",
            "(?(x)a)",
            "(a)(?(1)b|c|d)",
            "(?i)*",
        ] {
            assert!(check_pattern(pattern).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn the_traits_that_surprise_are_seen() {
        let traits = |pattern| check_pattern(pattern).unwrap();
        assert!(traits("a|b").top_level_alternation);
        assert!(!traits("(a|b)[|]").top_level_alternation);
        assert!(traits("(?i)a").global_flags);
        assert!(!traits("(?i:a)").global_flags);
    }

    #[test]
    fn deep_nesting_is_refused_and_not_fatal() {
        assert!(check_pattern(&"(".repeat(100_000)).is_err());
        assert!(check_pattern(&format!("{}{}", "(".repeat(200), ")".repeat(200))).is_ok());
        assert!(check_pattern(&"(?(1)".repeat(100_000)).is_err());
    }
}
