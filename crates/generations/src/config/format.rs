//! `{NAME}` in a text, with everything that the format language of Python lets one write there.

use std::fmt::Write as _;

use redcedar_system::Environment;

/// Why a text cannot be filled in: the end of a sentence that begins with the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormatError {
    #[error("has a single `{0}`; write `{0}{0}` for one that means itself")]
    Brace(char),
    #[error("uses the variable `{0}`, which is not set (cron sets only few)")]
    Unset(String),
    #[error("uses the variable `{0}`, whose value is not UTF-8")]
    NotText(String),
    #[error("has `{{{0}}}`, where the name of a variable must be")]
    NoName(String),
    #[error("has `{0}`, which cannot be taken of a text")]
    Part(String),
    #[error("has the conversion `!{0}`; there are `!s`, `!r` and `!a`")]
    Conversion(String),
    #[error("has the format `{0}`, which is none for a text")]
    Specification(String),
}

/// Fills a text in.
pub(super) fn format(text: &str, environment: &Environment) -> Result<String, FormatError> {
    fill(text, environment, true)
}

fn fill(text: &str, environment: &Environment, may_nest: bool) -> Result<String, FormatError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = if rest[at..].starts_with('{') { '{' } else { '}' };
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            filled.push(brace);
            rest = after;
        } else if brace == '}' {
            return Err(FormatError::Brace('}'));
        } else {
            let end = end_of_field(rest).ok_or(FormatError::Brace('{'))?;
            filled.push_str(&field(&rest[..end], environment, may_nest)?);
            rest = &rest[end + 1..];
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Where the brace is that closes a field.
fn end_of_field(text: &str) -> Option<usize> {
    let mut open = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// `NAME[0]…!r:>8`.
fn field(text: &str, environment: &Environment, may_nest: bool) -> Result<String, FormatError> {
    let end = end_of_name(text);
    let (name, rest) = text.split_at(end);
    let value = named(name, environment)?;
    let (conversion, specification) = match rest.strip_prefix('!') {
        Some(rest) => match rest.split_once(':') {
            Some((conversion, specification)) => (conversion, specification),
            None => (rest, ""),
        },
        None => ("s", rest.strip_prefix(':').unwrap_or_default()),
    };
    let value = match conversion {
        "s" => value,
        "r" => quoted(&value, false),
        "a" => quoted(&value, true),
        other => return Err(FormatError::Conversion(other.to_owned())),
    };
    if specification.contains('{') && !may_nest {
        return Err(FormatError::Specification(specification.to_owned()));
    }
    let specification = fill(specification, environment, false)?;
    aligned(&value, &specification).ok_or(FormatError::Specification(specification))
}

/// A name ends at `!` or `:` that is in no brackets.
fn end_of_name(text: &str) -> usize {
    let mut in_brackets = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b'!' | b':' if !in_brackets => return at,
            _ => {}
        }
    }
    text.len()
}

/// The value of `NAME`, or of parts of it.
fn named(text: &str, environment: &Environment) -> Result<String, FormatError> {
    let (name, mut parts) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    if name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FormatError::NoName(text.to_owned()));
    }
    let (_, value) = environment
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| FormatError::Unset(name.to_owned()))?;
    let mut value = value.to_str().ok_or_else(|| FormatError::NotText(name.to_owned()))?.to_owned();
    while !parts.is_empty() {
        let part = || FormatError::Part(parts.to_owned());
        let (index, rest) = parts.strip_prefix('[').and_then(|part| part.split_once(']')).ok_or_else(part)?;
        let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
        let index: usize = index.parse().ok().filter(|_| is_number).ok_or_else(part)?;
        value = value.chars().nth(index).ok_or_else(part)?.to_string();
        parts = rest;
    }
    Ok(value)
}

/// A text as Python shows it.
fn quoted(text: &str, ascii: bool) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            c if c == quote => quoted.extend(['\\', c]),
            c if c.is_control() || (ascii && !c.is_ascii()) => {
                let code = u32::from(c);
                let written = match code {
                    0..=0xff => write!(quoted, "\\x{code:02x}"),
                    0x100..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
                written.expect("writing to a string succeeds");
            }
            c => quoted.push(c),
        }
    }
    quoted.push(quote);
    quoted
}

/// `[[fill]align][0][width][.precision][s]`; none when the specification is another.
fn aligned(text: &str, specification: &str) -> Option<String> {
    const MOST: usize = 4096;
    let is_align = |c: char| ['<', '>', '^'].contains(&c);
    let mut rest = specification.chars().peekable();
    let (mut fill, mut align) = (None, None);
    let mut ahead = specification.chars();
    if let (Some(first), Some(second)) = (ahead.next(), ahead.next())
        && is_align(second)
    {
        (fill, align) = (Some(first), Some(second));
        rest.nth(1);
    } else {
        align = rest.next_if(|c| is_align(*c)).or(align);
    }
    if rest.next_if_eq(&'0').is_some() {
        align?;
        fill = fill.or(Some('0'));
    }
    let mut number = || {
        let mut digits = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits
    };
    let width = number();
    let width: usize = if width.is_empty() { 0 } else { width.parse().ok()? };
    let mut text = text.to_owned();
    if rest.next_if_eq(&'.').is_some() {
        let mut digits = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        text = text.chars().take(digits.parse().ok()?).collect();
    }
    rest.next_if_eq(&'s');
    if rest.next().is_some() || width > MOST {
        return None;
    }
    let missing = width.saturating_sub(text.chars().count());
    let before = match align {
        Some('>') => missing,
        Some('^') => missing / 2,
        _ => 0,
    };
    let padding = |count| std::iter::repeat_n(fill.unwrap_or(' '), count);
    Some(padding(before).chain(text.chars()).chain(padding(missing - before)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::from_pairs([
            ("USER", "root"),
            ("N", "6"),
            ("O", "o'Neil"),
            ("U", "Zoë€\n"),
            ("EMPTY", ""),
        ])
    }

    #[test]
    fn fields_are_filled_as_python_fills_them() {
        // What Python 3.8 makes of these.
        let rows = [
            ("/b/{USER}/{USER}", "/b/root/root"),
            ("{{x}}{{{USER}}}", "{x}{root}"),
            ("{USER!r}{O!r}{U!r}{U!a}{USER!s}", "'root'\"o'Neil\"'Zoë€\\n''Zo\\xeb\\u20ac\\n'root"),
            ("{USER[0]}{USER[3]}{USER[1][0]}", "rto"),
            ("{USER:>6}|{USER:6}|{USER:^7}|{USER:*<6}|{USER:<06}", "  root|root  | root  |root**|root00"),
            ("{USER:.2}|{USER:>4.1s}|{USER:s}|{USER!r:>8}", "ro|   r|root|  'root'"),
            ("{USER:>{N}}|{USER: <06}|", "  root|root  |"),
            ("{EMPTY}/", "/"),
        ];
        for (text, expected) in rows {
            assert_eq!(format(text, &environment()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        let rows = [
            "{",
            "}",
            "a}b",
            "{USER",
            "{}",
            "{0}",
            "{NOBODY}",
            "{USER.upper}",
            "{USER[x]}",
            "{USER[9]}",
            "{USER[-1]}",
            "{USER!x}",
            "{USER!}",
            "{USER:d}",
            "{USER:=6}",
            "{USER:+}",
            "{USER:06}",
            "{USER:,}",
            "{USER:>{N:>{N}}}",
        ];
        for text in rows {
            assert!(format(text, &environment()).is_err(), "{text}");
        }
    }
}
