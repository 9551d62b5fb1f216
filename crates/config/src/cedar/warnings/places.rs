//! Directories that get in each other's way.

use std::path::{Component, Path, PathBuf};

use crate::Located;
use crate::cedar::{Collect, CollectDir, Config};
use crate::diagnostic::Diagnostic;

pub(super) fn check(config: &Config, findings: &mut Vec<Diagnostic>) {
    check_roles(config, findings);
    check_store(config, findings);
    check_collected(config, findings);
    check_purge(config, findings);
}

/// The path without `.`, doubled and final slashes, and with `..` taken back as far as the text tells.
fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// A directory with a purpose.
struct Role<'a> {
    name: &'static str,
    path: &'a Located<PathBuf>,
}

fn roles(config: &Config) -> Vec<Role<'_>> {
    let mut roles = vec![Role { name: "working directory", path: &config.options.working_dir }];
    roles.extend(config.collect.iter().map(|c| Role { name: "collect directory", path: &c.collect_dir }));
    roles.extend(config.stage.iter().map(|s| Role { name: "staging directory", path: &s.staging_dir }));
    roles
}

fn check_roles(config: &Config, findings: &mut Vec<Diagnostic>) {
    let roles = roles(config);
    for (index, role) in roles.iter().enumerate() {
        for earlier in &roles[..index] {
            if lexical(role.path) == lexical(earlier.path) {
                let message = format!("the {} is the {} too", role.name, earlier.name);
                findings.push(
                    Diagnostic::warning(role.path.span, message).with_hint("give each its own directory"),
                );
            }
        }
    }
}

fn check_store(config: &Config, findings: &mut Vec<Diagnostic>) {
    let Some(store) = &config.store else { return };
    match &config.stage {
        None => {
            let message = "the originals cannot store without a `stage` section";
            findings.push(Diagnostic::warning(store.source_dir.span, message));
        }
        Some(stage) if lexical(&stage.staging_dir) != lexical(&store.source_dir) => {
            let message = format!("`source_dir` is not the `staging_dir`, {}", stage.staging_dir.display());
            findings.push(Diagnostic::warning(store.source_dir.span, message));
        }
        Some(_) => {}
    }
    let Some(blank) = &store.blank_behavior else { return };
    if blank.mode.is_none() || blank.factor.is_none() {
        let missing = if blank.mode.is_none() { "mode" } else { "factor" };
        let message = format!("`blank_behavior` needs both `mode` and `factor`; `{missing}` is missing");
        findings.push(Diagnostic::warning(blank.span, message));
    }
    if let Some(factor) = &blank.factor
        && !crate::value::float(factor).is_ok_and(|factor| factor.value.is_finite())
    {
        let message = format!("the `factor` of `blank_behavior` is not a finite number: {}", factor.trim());
        findings.push(Diagnostic::warning(blank.span, message));
    }
}

/// Our own directories inside collected ones: every backup would hold the one before.
fn check_collected(config: &Config, findings: &mut Vec<Diagnostic>) {
    let Some(collect) = &config.collect else { return };
    for dir in &collect.dirs {
        let root = lexical(&dir.abs_path);
        for role in roles(config) {
            let path = lexical(role.path);
            if path.starts_with(&root) && !is_excluded(&path, collect, dir) {
                let message = format!("this directory holds the {}, {}", role.name, role.path.display());
                findings.push(
                    Diagnostic::warning(dir.abs_path.span, message)
                        .with_hint("exclude it, unless an ignore file or a pattern does"),
                );
            }
        }
    }
}

/// Whether an excluded path covers `path`.
fn is_excluded(path: &Path, collect: &Collect, dir: &CollectDir) -> bool {
    let absolute =
        collect.exclude.abs_paths.iter().chain(&dir.exclude.abs_paths).map(|path| path.value.clone());
    let relative = dir.exclude.rel_paths.iter().map(|rel_path| dir.abs_path.join(rel_path.as_str()));
    absolute.chain(relative).any(|excluded| path.starts_with(excluded))
}

const SYSTEM_DIRECTORIES: &[&str] = &[
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc",
    "/root", "/run", "/sbin", "/srv", "/sys", "/usr", "/var",
];

fn check_purge(config: &Config, findings: &mut Vec<Diagnostic>) {
    for dir in config.purge.iter().flat_map(|purge| &purge.dirs) {
        let path = lexical(&dir.abs_path);
        if SYSTEM_DIRECTORIES.iter().any(|system| path == Path::new(system)) {
            let message = format!("purging {} deletes old files of the system", path.display());
            findings.push(Diagnostic::warning(dir.abs_path.span, message));
            continue;
        }
        for role in roles(config) {
            let other = lexical(role.path);
            let is_own_purpose = other == path && role.name != "working directory";
            if other.starts_with(&path) && !is_own_purpose {
                let message = format!("purging this directory deletes from the {} too", role.name);
                findings.push(Diagnostic::warning(dir.abs_path.span, message));
            }
        }
        let is_collect_dir =
            config.collect.as_ref().is_some_and(|collect| lexical(&collect.collect_dir) == path);
        if dir.retain_days == 0 && !is_collect_dir {
            let message = "with `retain_days` 0, every file in this directory is deleted at once";
            findings.push(Diagnostic::warning(dir.abs_path.span, message));
        }
        if !dir.keep.is_empty() && !has_staged_days(&path, config) {
            let message =
                "`keep_last` and the like speak of staged days, and this is not the staging directory";
            findings
                .push(Diagnostic::warning(dir.abs_path.span, message).with_hint("they have no effect here"));
        }
    }
}

/// Whether a directory is the staging directory, or around it or within it.
fn has_staged_days(path: &Path, config: &Config) -> bool {
    let staging_dir = config.stage.as_ref().map(|stage| lexical(&stage.staging_dir));
    staging_dir.is_some_and(|staging| staging.starts_with(path) || path.starts_with(staging))
}
