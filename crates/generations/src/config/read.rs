//! The keys of the file.

use std::path::{Path, PathBuf};

use redcedar_config::yaml::{Content, Mapping, Node};
use redcedar_config::{Diagnostic, Located, Span};
use redcedar_retention::Policy;
use redcedar_system::{Environment, account, command};

use super::{Config, Destination, Hooks, Remote, format};
use crate::select::{ALWAYS_SAVED, Trust};

const KEYS: [&str; 13] = [
    "roots",
    "prune",
    "destination",
    "always_save",
    "one_file_system",
    "trust",
    "system_root",
    "programs",
    "keep",
    "accept_errors",
    "hooks",
    "cache_directory",
    "lock_directory",
];
const DESTINATION_KEYS: [&str; 11] = [
    "directory",
    "host",
    "user",
    "password",
    "key",
    "port",
    "generations",
    "ssh",
    "rsync",
    "host_key",
    "fake_super",
];
const KEEP_KEYS: [&str; 7] = ["last", "hourly", "daily", "weekly", "monthly", "yearly", "within"];
const HOOK_KEYS: [&str; 2] = ["before", "after"];

/// What is pruned if nothing else is configured. The original prunes `/var/spool` as well, against its documentation, and
/// loses crontabs and mail.
const PRUNED: [&str; 11] = [
    "/tmp",
    "/proc",
    "/sys",
    "/dev",
    "/mnt",
    "/var/tmp",
    "/var/run",
    "/var/cache",
    "/var/lock",
    "/run",
    "/lost+found",
];
/// What is saved all the same if nothing else is configured: answers that were given when packages were installed.
const KEPT: &str = "/var/cache/debconf";

const DEFAULT_PORT: u16 = 22;
const DEFAULT_GENERATIONS: u32 = 30;

/// A file while it is read.
pub(super) struct Reading<'a> {
    pub(super) environment: &'a Environment,
    /// The mode of the file.
    pub(super) mode: u32,
    pub(super) findings: &'a mut Vec<Diagnostic>,
}

impl Reading<'_> {
    /// The whole file. What is not valid is none, and has been complained about.
    pub(super) fn config(&mut self, node: &Node) -> Option<Config> {
        let mapping = Mapping::of(node, "the configuration", &KEYS, self.findings)?;
        let before = self.findings.len();
        let mut roots = self.paths(&mapping, "roots").unwrap_or_default();
        if roots.is_empty() && self.findings.len() == before {
            self.error(mapping.span(), "`roots` is missing: there is nothing to back up");
        }
        let prune = match mapping.get("prune") {
            Some(Node { content: Content::Null, .. }) => Vec::new(),
            Some(_) => self.paths(&mapping, "prune").unwrap_or_default(),
            None => {
                let kept = Path::new(KEPT);
                if roots.iter().any(|root| kept.starts_with(root)) && kept.is_dir() {
                    roots.push(kept.to_owned());
                }
                PRUNED.map(PathBuf::from).to_vec()
            }
        };
        let always_save = self.paths(&mapping, "always_save");
        let destination = mapping.value("destination");
        if destination.is_none() {
            self.error(mapping.span(), "`destination` is missing");
        }
        let destination =
            destination.and_then(|node| Mapping::of(node, "`destination`", &DESTINATION_KEYS, self.findings));
        let generations = destination.as_ref().and_then(|destination| self.generations(destination));
        let keep = self.keep(&mapping, generations);
        Some(Config {
            roots,
            prune,
            always_save: always_save.unwrap_or_else(|| ALWAYS_SAVED.map(PathBuf::from).to_vec()),
            one_file_system: self.truth(&mapping, "one_file_system").unwrap_or(false),
            trust: mapping
                .read("trust", trust, self.findings)
                .map_or(Trust::SameVersion, |trust| trust.value),
            system_root: mapping
                .read("system_root", absolute, self.findings)
                .map_or_else(|| "/".into(), |root| root.value),
            programs: self.paths(&mapping, "programs").unwrap_or_default(),
            keep,
            accept_errors: self.truth(&mapping, "accept_errors").unwrap_or(false),
            hooks: self.hooks(&mapping),
            cache_directory: self.directory(&mapping, "cache_directory", "/var/cache/redcedar"),
            lock_directory: self.directory(&mapping, "lock_directory", "/run/redcedar"),
            destination: self.destination(&destination?)?,
        })
    }

    fn destination(&mut self, mapping: &Mapping<'_>) -> Option<Destination> {
        let environment = self.environment;
        if mapping.value("directory").is_none() {
            self.error(mapping.span(), "`directory` is missing: where do generations go?");
        }
        let directory = mapping.read("directory", |text| format::format(text, environment), self.findings);
        let host = self.word(mapping, "host");
        let user = self.word(mapping, "user");
        let port = mapping.read("port", port, self.findings).map_or(DEFAULT_PORT, |port| port.value);
        let key = mapping.text("key", self.findings).map(|key| PathBuf::from(key.value));
        let ssh = mapping.text("ssh", self.findings).map(|ssh| command::split(ssh.value));
        let rsync = mapping.text("rsync", self.findings).map(|rsync| rsync.value.to_owned());
        let host_keys = mapping.read_list("host_key", host_key, self.findings);
        let fake_super = self.truth(mapping, "fake_super");
        self.password(mapping);
        let directory = directory?;
        if directory.value.is_empty() {
            self.error(directory.span, "`directory` is empty");
        } else if host.is_none() && !directory.value.starts_with('/') {
            self.error(directory.span, "`directory` must begin with `/` where there is no `host`");
        }
        let remote = host.map(|host| Remote {
            host,
            user: user.or_else(|| environment_text(environment, "USER")).unwrap_or_else(|| "root".to_owned()),
            port,
            key,
            ssh: ssh.filter(|words| !words.is_empty()).unwrap_or_else(|| vec!["ssh".to_owned()]),
            rsync,
            host_keys,
            fake_super,
        });
        Some(Destination { directory: directory.value.into(), remote })
    }

    /// The original gives the password to its own connection, never to that of `rsync`, which asks at the terminal.
    fn password(&mut self, mapping: &Mapping<'_>) {
        let Some(password) = mapping.value("password") else { return };
        if self.mode & 0o077 != 0 {
            let finding =
                Diagnostic::error(password.span, "others than the owner of this file can read the password");
            self.findings.push(finding.with_hint("`chmod 600` the file, or use a key instead"));
        } else {
            let finding =
                Diagnostic::warning(password.span, "a password is not used: nothing is asked or answered");
            self.findings
                .push(finding.with_hint("log in with a key (`key`) or an agent; `ssh-copy-id` installs one"));
        }
    }

    fn generations(&mut self, mapping: &Mapping<'_>) -> Option<u32> {
        let given = mapping.read("generations", signed, self.findings)?;
        if given.value < 1 {
            let message = "at least one generation stays";
            self.findings.push(Diagnostic::warning(given.span, message));
        }
        Some(u32::try_from(given.value.max(1)).unwrap_or(u32::MAX))
    }

    fn keep(&mut self, mapping: &Mapping<'_>, generations: Option<u32>) -> Policy {
        let last = |last| Policy { last, ..Policy::default() };
        let Some(node) = mapping.value("keep") else {
            return last(generations.unwrap_or(DEFAULT_GENERATIONS));
        };
        let Some(mapping) = Mapping::of(node, "`keep`", &KEEP_KEYS, self.findings) else {
            return Policy::default();
        };
        let mut number =
            |key| mapping.read(key, number, self.findings).map(|number: Located<u32>| number.value);
        Policy {
            last: number("last").or(generations).unwrap_or_default(),
            hourly: number("hourly").unwrap_or_default(),
            daily: number("daily").unwrap_or_default(),
            weekly: number("weekly").unwrap_or_default(),
            monthly: number("monthly").unwrap_or_default(),
            yearly: number("yearly").unwrap_or_default(),
            within_days: number("within").unwrap_or_default(),
        }
    }

    fn hooks(&mut self, mapping: &Mapping<'_>) -> Hooks {
        let Some(node) = mapping.value("hooks") else { return Hooks::default() };
        let Some(mapping) = Mapping::of(node, "`hooks`", &HOOK_KEYS, self.findings) else {
            return Hooks::default();
        };
        Hooks {
            before: mapping.read_list("before", words, self.findings),
            after: mapping.read_list("after", words, self.findings),
        }
    }

    /// Paths without slashes at their ends. The original walks relative ones from where it is started, and sends them as if
    /// that were `/`.
    fn paths(&mut self, mapping: &Mapping<'_>, key: &str) -> Option<Vec<PathBuf>> {
        let texts = mapping.texts(key, self.findings)?;
        let mut paths = Vec::new();
        for text in texts {
            if text.value.starts_with('~') {
                self.error(text.span, "`~` means nothing here; write the whole path");
                continue;
            }
            if !text.value.starts_with('/') {
                let message = format!("`{}` is taken as `/{}`", text.value, text.value);
                self.findings.push(Diagnostic::warning(text.span, message));
            }
            paths.push(Path::new("/").join(text.value).components().collect());
        }
        Some(paths)
    }

    fn directory(&mut self, mapping: &Mapping<'_>, key: &str, default_of_root: &str) -> PathBuf {
        let text = mapping.read(key, absolute, self.findings);
        text.map_or_else(
            || match environment_text(self.environment, "HOME") {
                Some(home) if !account::is_root() => Path::new(&home).join(".cache/redcedar"),
                _ => PathBuf::from(default_of_root),
            },
            |text| text.value,
        )
    }

    /// A name that becomes part of a command line.
    fn word(&mut self, mapping: &Mapping<'_>, key: &str) -> Option<String> {
        Some(mapping.read(key, word, self.findings)?.value)
    }

    fn truth(&mut self, mapping: &Mapping<'_>, key: &str) -> Option<bool> {
        Some(mapping.read(key, truth, self.findings)?.value)
    }

    fn error(&mut self, span: Span, message: &str) {
        self.findings.push(Diagnostic::error(span, message));
    }
}

fn environment_text(environment: &Environment, name: &str) -> Option<String> {
    environment.get(name)?.to_str().map(str::to_owned)
}

fn absolute(text: &str) -> Result<PathBuf, &'static str> {
    if text.starts_with('/') { Ok(text.into()) } else { Err("must begin with `/`") }
}

fn word(text: &str) -> Result<String, &'static str> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    if text.is_empty() || text.starts_with('-') || text.contains(is_odd) {
        return Err("must be one word that does not begin with `-`");
    }
    Ok(text.to_owned())
}

fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let words = command::split(text);
    if words.is_empty() { Err("must name a program") } else { Ok(words) }
}

fn host_key(text: &str) -> Result<String, &'static str> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(key)) if kind.contains('-') && key.starts_with("AAAA") => {
            Ok(format!("{kind} {key}"))
        }
        _ => Err("must be a public key as `ssh-keyscan` shows it, `ssh-ed25519 AAAA…`"),
    }
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        _ => Err(format!("must be `yes` or `no`, not `{text}`")),
    }
}

fn trust(text: &str) -> Result<Trust, String> {
    match text {
        "nothing" => Ok(Trust::Nothing),
        "same-version" => Ok(Trust::SameVersion),
        "any-version" => Ok(Trust::AnyVersion),
        _ => Err(format!("must be `nothing`, `same-version` or `any-version`, not `{text}`")),
    }
}

/// A leading zero would mean that the original reads another number than people do.
fn signed(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.len() > 1 && digits.starts_with('0') {
        return Err(format!("must be a whole number without leading zeros, not `{text}`"));
    }
    text.parse().map_err(|_| format!("must be a whole number, not `{text}`"))
}

fn number(text: &str) -> Result<u32, String> {
    signed(text)?.try_into().map_err(|_| format!("must be a whole number from 0, not `{text}`"))
}

fn port(text: &str) -> Result<u16, String> {
    let port = signed(text)?.try_into().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("must be a number from 1 to 65535, not `{text}`"))
}
