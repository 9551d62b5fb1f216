//! Exclusions that do not exclude, and items whose archives get the same name.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use crate::Located;
use crate::cedar::{Collect, Config, Exclusions};
use crate::diagnostic::Diagnostic;
use crate::value::check_pattern;

pub(super) fn check(config: &Config, findings: &mut Vec<Diagnostic>) {
    let Some(collect) = &config.collect else { return };
    check_exclusions(&collect.exclude, findings);
    for dir in &collect.dirs {
        check_exclusions(&dir.exclude, findings);
    }
    check_names(collect, findings);
}

fn check_exclusions(exclude: &Exclusions, findings: &mut Vec<Diagnostic>) {
    for path in &exclude.abs_paths {
        check_excluded_path(path.as_os_str(), path, findings);
    }
    for path in &exclude.rel_paths {
        if path.starts_with('/') {
            let message = "this `rel_path` is absolute, so it is not taken relative to the directory";
            findings.push(
                Diagnostic::warning(path.span, message).with_hint("call it `abs_path`, or remove the `/`"),
            );
        }
        check_excluded_path(OsStr::new(path.as_str()), path, findings);
    }
    for pattern in &exclude.patterns {
        check_meaning_of_pattern(pattern, findings);
    }
}

/// Exclusions are compared with paths as they are found on disk, as text.
fn check_excluded_path<T>(path: &OsStr, place: &Located<T>, findings: &mut Vec<Diagnostic>) {
    let text = path.to_string_lossy();
    let problem = if text.len() > 1 && text.ends_with('/') {
        "it ends in `/`"
    } else if text.contains("//") {
        "it holds `//`"
    } else if text.split('/').any(|part| matches!(part, "." | "..")) {
        "it holds a `.` or `..`"
    } else {
        return;
    };
    let message = format!("this excludes nothing: {problem}, which no path found on disk does");
    findings.push(Diagnostic::warning(place.span, message));
}

fn check_meaning_of_pattern(pattern: &Located<String>, findings: &mut Vec<Diagnostic>) {
    // It has passed the check when it was read, or was made by a program, which is not our concern.
    let Ok(traits) = check_pattern(pattern) else { return };
    if traits.top_level_alternation {
        let message = "of these alternatives only the first is bound to the start of the path, and only the last to its end";
        findings.push(Diagnostic::warning(pattern.span, message).with_hint("put them in a group: `(?:…|…)`"));
    }
    if traits.global_flags {
        let message = "with these flags at its start the pattern fails when the originals use it";
        findings
            .push(Diagnostic::warning(pattern.span, message).with_hint("limit them to a group: `(?i:…)`"));
    }
}

fn check_names(collect: &Collect, findings: &mut Vec<Diagnostic>) {
    let files = collect.files.iter().map(|file| &file.abs_path);
    let dirs = collect.dirs.iter().map(|dir| &dir.abs_path);
    let mut items = HashMap::new();
    for path in files.chain(dirs) {
        if let Some(other) = items.insert(flattened(path), path) {
            let message = if **other == **path {
                format!("`{}` is collected twice, into the same archive", path.display())
            } else {
                format!(
                    "the archive of `{}` gets the same name as that of `{}`",
                    path.display(),
                    other.display()
                )
            };
            findings.push(
                Diagnostic::warning(path.span, message).with_hint("one of the two overwrites the other"),
            );
        }
    }
}

/// The name that the archive of an item gets, without its suffix. All separators become the same, which is how two
/// different paths can meet.
fn flattened(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = text.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&text);
    let text = text.strip_prefix('\\').unwrap_or(text);
    text.chars()
        .enumerate()
        .map(|(index, c)| match c {
            '.' if index == 0 => '_',
            '/' | '\\' => '-',
            ':' => '_',
            c if c.is_whitespace() => '_',
            c => c,
        })
        .collect()
}
