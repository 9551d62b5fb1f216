//! Names of actions, modules and functions.
//!
//! The originals compare with expressions that end in `$`, which accepts a final newline. Such a name is accepted and kept
//! here too; there is a warning elsewhere, because it never matches anything.

use super::Mismatch;

/// The name of an action: lower-case letters and digits.
///
/// # Errors
/// For everything else.
pub fn action_name(text: &str) -> Result<String, Mismatch> {
    let name = without_final_newline(text);
    let is_name = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
    if is_name && !text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err(Mismatch("must be the name of an action: lower-case letters and digits"))
    }
}

/// Names of actions, separated by commas. Blanks around them and empty parts do not count.
///
/// # Errors
/// When a part is no name.
pub fn name_list(text: &str) -> Result<Vec<String>, Mismatch> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(action_name).collect()
}

/// The name of a Python module: identifiers separated by dots.
///
/// # Errors
/// For everything else.
pub fn module_name(text: &str) -> Result<String, Mismatch> {
    if without_final_newline(text).split('.').all(is_identifier) {
        Ok(text.to_owned())
    } else {
        Err(Mismatch("must be the name of a module: identifiers separated by dots"))
    }
}

/// The name of a Python function: an identifier.
///
/// # Errors
/// For everything else.
pub fn function_name(text: &str) -> Result<String, Mismatch> {
    if is_identifier(without_final_newline(text)) {
        Ok(text.to_owned())
    } else {
        Err(Mismatch("must be the name of a function: letters, digits and underscores"))
    }
}

fn without_final_newline(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_names() {
        for text in ["collect", "a1", "1", "foo\n", "\n"] {
            assert_eq!(action_name(text).as_deref(), Ok(text));
        }
        for text in ["", "Collect", "a_b", "a-b", " a", "a ", "a\n\n", "é"] {
            assert!(action_name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn name_lists_drop_blanks_and_empty_parts() {
        assert_eq!(name_list(" a,\n b ,,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(name_list(",").unwrap(), Vec::<String>::new());
        assert_eq!(name_list(" ").unwrap(), Vec::<String>::new());
        for text in ["a b", "A", "a,B", "a;b"] {
            assert!(name_list(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn module_and_function_names() {
        for text in ["a", "_a.b9", "CedarBackup3.extend.mysql", "a.b\n"] {
            assert_eq!(module_name(text).as_deref(), Ok(text));
        }
        for text in ["", ".", "a.", ".a", "a..b", "9a", "a-b", "a b", "é", "\n"] {
            assert!(module_name(text).is_err(), "{text:?}");
        }
        for text in ["a", "_9", "executeAction\n"] {
            assert_eq!(function_name(text).as_deref(), Ok(text));
        }
        for text in ["", "a.b", "9a", "a-b", " a"] {
            assert!(function_name(text).is_err(), "{text:?}");
        }
    }
}
