//! The configured command that encrypts a file, with `${input}` and `${output}` in it.

use std::ffi::{OsStr, OsString};
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

const INPUT: &str = "${input}";
const OUTPUT: &str = "${output}";

/// What means something to a shell wherever it stands without quotes.
const SPECIAL: &str = "|&;<>()$`*?[\n";
/// What means something to it where a word begins.
const SPECIAL_AT_FIRST: &str = "#~!{}";
/// Commands that only a shell has.
const OF_SHELLS: [&str; 6] = ["exec", "eval", "command", ".", "cd", "umask"];

/// The command. The names of files never become text of a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Template {
    /// A program and its arguments.
    Words(Vec<Vec<Piece>>),
    /// What only a shell understands, with `$1` and `$2` for the files.
    Script(String),
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Input,
    Output,
}

impl Template {
    /// Understands a command as the shell does that the originals give it to.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        match words(text)? {
            Some(words) if words.is_empty() => Err("is no command"),
            Some(words) => Ok(Self::Words(words)),
            None => Ok(Self::Script(script(text))),
        }
    }

    /// What is run for a file.
    pub(super) fn command(&self, input: &Path, output: &Path) -> Vec<OsString> {
        match self {
            Self::Words(words) => words.iter().map(|word| filled(word, input, output)).collect(),
            Self::Script(script) => {
                let shell = ["/bin/sh", "-c", script, "sh"].map(OsString::from);
                shell.into_iter().chain([input.into(), output.into()]).collect()
            }
        }
    }
}

fn filled(word: &[Piece], input: &Path, output: &Path) -> OsString {
    word.iter().fold(OsString::new(), |mut filled, piece| {
        filled.push(match piece {
            Piece::Text(text) => OsStr::new(text),
            Piece::Input => input.as_os_str(),
            Piece::Output => output.as_os_str(),
        });
        filled
    })
}

/// Takes the command apart; nothing where it takes a shell to understand it.
fn words(text: &str) -> Result<Option<Vec<Vec<Piece>>>, &'static str> {
    let mut words: Vec<Vec<Piece>> = Vec::new();
    let mut word: Option<Vec<Piece>> = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((piece, behind)) = name(rest) {
            word.get_or_insert_default().push(piece);
            rest = behind;
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let (quoted, behind) = rest.split_once('\'').ok_or(OPEN_QUOTE)?;
                push_single(word.get_or_insert_default(), quoted);
                rest = behind;
            }
            '"' => match double(rest, word.get_or_insert_default())? {
                Some(behind) => rest = behind,
                None => return Ok(None),
            },
            '\\' => {
                let Some(next) = rest.chars().next() else { return Err("ends in a backslash") };
                push(word.get_or_insert_default(), next);
                rest = &rest[next.len_utf8()..];
            }
            _ if SPECIAL.contains(first) => return Ok(None),
            _ if word.is_none() && SPECIAL_AT_FIRST.contains(first) => return Ok(None),
            // A variable for the command.
            '=' if words.is_empty() => return Ok(None),
            _ => push(word.get_or_insert_default(), first),
        }
    }
    words.extend(word);
    let needs_shell = matches!(
        words.first().map(Vec::as_slice),
        Some([Piece::Text(program)]) if OF_SHELLS.contains(&program.as_str())
    );
    Ok((!needs_shell).then_some(words))
}

const OPEN_QUOTE: &str = "has a quote that is never closed";

/// What stands between double quotes. Returns what follows; nothing where it takes a shell to understand it.
fn double<'t>(text: &'t str, word: &mut Vec<Piece>) -> Result<Option<&'t str>, &'static str> {
    word.push(Piece::Text(String::new()));
    let mut rest = text;
    loop {
        if let Some((piece, behind)) = name(rest) {
            word.push(piece);
            rest = behind;
            continue;
        }
        let first = rest.chars().next().ok_or(OPEN_QUOTE)?;
        rest = &rest[first.len_utf8()..];
        match first {
            '"' => return Ok(Some(rest)),
            '$' | '`' => return Ok(None),
            '\\' if rest.starts_with(['$', '`', '"', '\\']) => {
                word.push(Piece::Text(rest[..1].to_owned()));
                rest = &rest[1..];
            }
            other => push(word, other),
        }
    }
}

/// Names are put in between single quotes too, as the originals do.
fn push_single(word: &mut Vec<Piece>, quoted: &str) {
    word.push(Piece::Text(String::new()));
    let mut rest = quoted;
    while let Some(first) = rest.chars().next() {
        if let Some((piece, behind)) = name(rest) {
            word.push(piece);
            rest = behind;
        } else {
            push(word, first);
            rest = &rest[first.len_utf8()..];
        }
    }
}

fn push(word: &mut Vec<Piece>, character: char) {
    match word.last_mut() {
        Some(Piece::Text(text)) => text.push(character),
        _ => word.push(Piece::Text(character.into())),
    }
}

/// The name that a text begins with, and what follows.
fn name(text: &str) -> Option<(Piece, &str)> {
    let input = text.strip_prefix(INPUT).map(|rest| (Piece::Input, rest));
    input.or_else(|| text.strip_prefix(OUTPUT).map(|rest| (Piece::Output, rest)))
}

/// The command for a shell, with its parameters where the names of the files belong, whatever quotes stand around them.
fn script(text: &str) -> String {
    let mut script = String::new();
    let mut rest = text.chars().peekable();
    let mut quote = None;
    while let Some(character) = rest.next() {
        let parameter = if character == '$' { parameter(&mut rest) } else { None };
        match (parameter, quote) {
            (Some(parameter), None) => script.extend(["\"", parameter, "\""]),
            (Some(parameter), Some('\'')) => script.extend(["'\"", parameter, "\"'"]),
            (Some(parameter), Some(_)) => script.push_str(parameter),
            (None, None) if matches!(character, '\'' | '"') => {
                quote = Some(character);
                script.push(character);
            }
            (None, Some(open)) if open == character => {
                quote = None;
                script.push(character);
            }
            (None, quote) => {
                script.push(character);
                if character == '\\' && quote != Some('\'') {
                    script.extend(rest.next());
                }
            }
        }
    }
    script
}

/// The parameter for the name that follows a `$`, which is taken.
fn parameter(rest: &mut Peekable<Chars<'_>>) -> Option<&'static str> {
    for (name, parameter) in [(INPUT, "${1}"), (OUTPUT, "${2}")] {
        let mut ahead = rest.clone();
        if name.chars().skip(1).all(|expected| ahead.next() == Some(expected)) {
            *rest = ahead;
            return Some(parameter);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> Vec<String> {
        let template = Template::parse(text).unwrap();
        let words = template.command(Path::new("/in put"), Path::new("/out;put"));
        words.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn a_plain_command_is_run_without_a_shell() {
        let gpg = "/usr/bin/gpg -c --no-use-agent --batch --yes --passphrase-file /home/backup/.passphrase -o ${output} ${input}";
        let words = command(gpg);
        assert_eq!(words.first().unwrap(), "/usr/bin/gpg");
        assert_eq!(words[words.len() - 3..], ["-o", "/out;put", "/in put"]);
        assert_eq!(
            command(r#"enc  --in="${input}" '${output}' "a \"b\" \n" '' 'c d'\ e"#),
            ["enc", "--in=/in put", "/out;put", r#"a "b" \n"#, "", "c d e"]
        );
        assert_eq!(command("enc --key=x#y a~ ${input}.gpg")[1..], ["--key=x#y", "a~", "/in put.gpg"]);
    }

    #[test]
    fn what_takes_a_shell_gets_one_and_names_stay_parameters() {
        for (text, script) in [
            ("enc < ${input} > ${output}", r#"enc < "${1}" > "${2}""#),
            (r#"enc "${input}" | tee '${output}'"#, r#"enc "${1}" | tee ''"${2}"''"#),
            (r"LEVEL=1 enc ${input}", r#"LEVEL=1 enc "${1}""#),
            (r#"enc "$HOME/key" ${input}"#, r#"enc "$HOME/key" "${1}""#),
            ("exec enc ${input}", r#"exec enc "${1}""#),
            (r"enc \$x ${input} &", r#"enc \$x "${1}" &"#),
        ] {
            assert_eq!(command(text), ["/bin/sh", "-c", script, "sh", "/in put", "/out;put"], "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_said() {
        for text in ["", "  ", "enc 'x", "enc \"x", "enc \\"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
