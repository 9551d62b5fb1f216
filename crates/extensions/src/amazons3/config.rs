//! The `amazons3` section.

use redcedar_config::value::{self, ByteQuantity};
use redcedar_config::{Config, Diagnostic, Document, Section, Severity};
use redcedar_engine::extension::program;

use super::NAME;
use super::retention::{RULES, Rules};
use super::template::Template;
use crate::section;

const ELEMENTS: [&str; 6] =
    ["warn_midnite", "s3_bucket", "encrypt", "full_size_limit", "incr_size_limit", "catch_up"];

/// How objects are stored: elements of the section, ours, and what asks `redcedar sync` for the same.
const MANNERS: [(&str, &str); 8] = [
    ("storage_class", "--storage-class"),
    ("sse", "--sse"),
    ("sse_kms_key_id", "--sse-kms-key-id"),
    ("sse_c_key_file", CUSTOMER_KEY),
    ("lock_mode", "--lock-mode"),
    ("lock_days", "--lock-days"),
    ("tags", "--tags"),
    ("max_bandwidth", "--max-bandwidth"),
];

/// What reading needs, too.
pub(super) const CUSTOMER_KEY: &str = "--sse-c-key-file";

/// Switches of `redcedar sync`, each with its value.
pub(super) type Manner = Vec<(&'static str, String)>;

/// What is sent where, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// Whether the day before or after is worth a warning.
    pub(super) warn_midnight: bool,
    /// The bucket, and what keys in it begin with.
    pub(super) bucket: String,
    /// What encrypts a file before it is sent.
    pub(super) encrypt: Option<Template>,
    /// The most bytes of a day with full backups.
    pub(super) full_limit: Option<f64>,
    /// The most bytes of another day.
    pub(super) incr_limit: Option<f64>,
    /// Whether days are sent however long they were missed. Ours.
    pub(super) catch_up: bool,
    /// Which days stay in the bucket; all if nothing is said. Ours.
    pub(super) keep: Rules,
    /// How objects are stored. Ours.
    pub(super) manner: Manner,
}

/// Reads the section, and complains about it.
pub(super) fn read(document: &Document, config: &Config) -> (Option<Settings>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let Some(section) = section::required(document, NAME, &mut findings) else { return (None, findings) };
    let (rules, manners) = (RULES.map(|(element, _)| element), MANNERS.map(|(element, _)| element));
    section::warn_of_unknown(section, &[&ELEMENTS[..], &rules, &manners].concat(), &mut findings);
    let settings = settings(section, &mut findings);
    // The program that is named may know another server than we do.
    let has = |ours: fn(&Settings) -> bool| settings.as_ref().is_some_and(ours);
    for (is_there, what) in [
        (has(|settings| !settings.keep.is_empty()), "`keep_…`"),
        (has(|settings| !settings.manner.is_empty()), "how objects are stored"),
    ] {
        if is_there && program("aws", &config.options) != "aws" {
            let message = format!("{what} cannot be used with an override for `aws`");
            findings.push(Diagnostic::error(section.name_span(), message).with_hint("remove the override"));
        }
    }
    let is_valid = findings.iter().all(|finding| finding.severity != Severity::Error);
    (settings.filter(|_| is_valid), findings)
}

fn settings(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Settings> {
    let warn_midnight = section.read("warn_midnite", value::boolean, findings);
    let bucket = section.read("s3_bucket", bucket, findings).required(section, "s3_bucket", findings);
    let encrypt = section.read("encrypt", Template::parse, findings).value();
    let full_limit = section.read("full_size_limit", quantity, findings).value();
    let incr_limit = section.read("incr_size_limit", quantity, findings).value();
    let catch_up = section.read("catch_up", value::boolean, findings).value().unwrap_or(false);
    let mut keep = Rules::new();
    for (element, option) in RULES {
        keep.extend(section.read(element, number, findings).value().map(|number| (option, number)));
    }
    let mut manner = Manner::new();
    for (element, switch) in MANNERS {
        manner.extend(section.read(element, text, findings).value().map(|value| (switch, value)));
    }
    Some(Settings {
        warn_midnight: warn_midnight.value().unwrap_or(false),
        bucket: bucket?.value,
        encrypt,
        full_limit,
        incr_limit,
        catch_up,
        keep,
        manner,
    })
}

fn text(text: &str) -> Result<String, &'static str> {
    if text.starts_with('-') { Err("must not begin with `-`") } else { Ok(text.to_owned()) }
}

fn number(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("must be a number of days, weeks, months or years")
}

fn bucket(text: &str) -> Result<String, &'static str> {
    match text {
        _ if text.starts_with("s3://") => Err("is the name of a bucket, without `s3://`"),
        _ if text.is_empty() || text.starts_with('/') => Err("must begin with the name of a bucket"),
        _ => Ok(text.to_owned()),
    }
}

fn quantity(text: &str) -> Result<f64, String> {
    let bytes = text.parse::<ByteQuantity>().map_err(|error| error.to_string())?.bytes();
    if bytes.is_nan() { Err("must be a number of bytes".to_owned()) } else { Ok(bytes) }
}
