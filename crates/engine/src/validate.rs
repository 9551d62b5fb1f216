//! Compares a configuration with the machine: directories, accounts, programs.
//!
//! What the original's `validate` looks at comes first, in its order and words; what else would make a run fail follows.

mod sections;

use std::fmt;
use std::path::{Path, PathBuf};

use redcedar_config::Config;
use redcedar_config::cedar::{Collect, PeerList};
use redcedar_system::{account, command, escape};
use rustix::fs::{Access, AtFlags, CWD, accessat};

pub use sections::sections;

use crate::plan::Actions;
use crate::store::Drive;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// An action will fail.
    Error,
    /// Something an administrator should look at.
    Warning,
}

/// Something that is not as the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.severity {
            Severity::Error => f.write_str(&self.message),
            Severity::Warning => write!(f, "Warning: {}", self.message),
        }
    }
}

/// What is needed of a directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Read,
    Write,
}

/// Makes all checks and returns everything found. The configuration is valid when none of it is an error.
pub fn validate(config: &Config) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.originals(config);
    findings.further_directories(config);
    findings.programs(config);
    findings.hooks(config);
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, message: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Error, message: message.into() });
    }

    fn warning(&mut self, message: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Warning, message: message.into() });
    }

    fn originals(&mut self, config: &Config) {
        if config.reference.is_none() {
            self.error("Required reference configuration does not exist.");
        }
        self.directory("Working directory", &config.options.working_dir, Need::Write);
        let (user, group) = (&config.options.backup_user, &config.options.backup_group);
        if account::owner(user, group).is_err() {
            self.error(format!("Backup user:group [{}:{}] invalid.", **user, **group));
        }
        if let Some(collect) = &config.collect {
            self.directory("Collect target directory", &collect.collect_dir, Need::Write);
            for dir in &collect.dirs {
                self.directory("Collect directory", &dir.abs_path, Need::Read);
            }
        }
        if let Some(stage) = &config.stage {
            self.directory("Stage target dir ", &stage.staging_dir, Need::Write);
            self.local_peers(stage.peers.as_ref());
        }
        if let Some(store) = &config.store {
            self.directory("Store source directory", &store.source_dir, Need::Read);
            let place = Drive::configured(config).map(|drive| drive.setup().place());
            if !matches!(place, Some(Ok(_))) {
                let id = store.target_scsi_id.as_ref().map_or("None", |id| id.as_str());
                let device = escape::display(&*store.target_device);
                self.error(format!("Backup device [{device}] [{id}] is not valid."));
            }
        }
        for dir in config.purge.iter().flat_map(|purge| &purge.dirs) {
            self.directory("Purge directory", &dir.abs_path, Need::Write);
        }
    }

    /// What the original does not look at, though its absence makes an action fail.
    fn further_directories(&mut self, config: &Config) {
        if let Some(collect) = &config.collect {
            self.collect_files(collect);
        }
        let overridden = config.stage.as_ref().is_some_and(|stage| stage.peers.is_some());
        if !overridden {
            self.local_peers(config.peers.as_ref());
        }
    }

    fn collect_files(&mut self, collect: &Collect) {
        for file in &collect.files {
            let shown = escape::display(&*file.abs_path).to_string();
            if !file.abs_path.exists() {
                self.error(format!("Collect file [{shown}] does not exist."));
            } else if !file.abs_path.is_file() {
                self.error(format!("Collect file [{shown}] is not a file."));
            } else if !is_accessible(&file.abs_path, Access::READ_OK) {
                self.error(format!("Collect file [{shown}] is not readable."));
            }
        }
    }

    fn local_peers(&mut self, peers: Option<&PeerList>) {
        for peer in peers.into_iter().flat_map(|peers| &peers.local) {
            self.directory("Local peer collect dir ", &peer.collect_dir, Need::Read);
        }
    }

    /// The first test that fails is the finding.
    fn directory(&mut self, prefix: &str, path: &Path, need: Need) {
        let fault = if !path.exists() {
            "does not exist"
        } else if !path.is_dir() {
            "is not a directory"
        } else if !is_accessible(path, Access::READ_OK) {
            "is not readable"
        } else if !is_accessible(path, Access::EXEC_OK) {
            "is not executable"
        } else if need == Need::Write && !is_accessible(path, Access::WRITE_OK) {
            "is not writable"
        } else {
            return;
        };
        self.error(format!("{prefix} [{}] {fault}.", escape::display(path)));
    }

    /// Programs that remote peers need. They may be installed later, so their absence is only worth a warning.
    fn programs(&mut self, config: &Config) {
        let lists = [config.peers.as_ref(), config.stage.as_ref().and_then(|stage| stage.peers.as_ref())];
        let remote: Vec<_> = lists.into_iter().flatten().flat_map(|peers| &peers.remote).collect();
        let options = &config.options;
        let mut commands = Vec::new();
        for peer in remote {
            commands.push(peer.rcp_command.as_ref().unwrap_or(&options.rcp_command));
            if peer.managed == Some(true) {
                commands.extend(peer.rsh_command.as_ref().or(options.rsh_command.as_ref()));
            }
        }
        let mut programs: Vec<PathBuf> = commands
            .iter()
            .filter_map(|line| command::split(line).into_iter().next())
            .map(PathBuf::from)
            .collect();
        let overrides = options.overrides.iter().filter_map(|entry| entry.abs_path.as_ref());
        programs.extend(overrides.map(|path| path.value.clone()));
        programs.dedup();
        for program in programs {
            self.program(&program, "");
        }
    }

    fn hooks(&mut self, config: &Config) {
        let actions = Actions::resolve(config.extensions.as_ref());
        for hook in &config.options.hooks {
            let Some(action) = &hook.action else {
                self.warning("A hook without an action is never executed.");
                continue;
            };
            if actions.as_ref().is_ok_and(|actions| actions.get(action).is_none()) {
                self.warning(format!(
                    "The hook for action [{}] is never executed: there is no such action.",
                    **action
                ));
            }
            let words = hook.command.as_ref().map(|line| command::split(line)).unwrap_or_default();
            match words.first() {
                Some(program) => {
                    self.program(Path::new(program), &format!(" of the hook for action [{}]", **action));
                }
                None => self.error(format!("The hook for action [{}] has no command.", **action)),
            }
        }
        if let Err(error) = actions {
            self.error(error.to_string());
        }
    }

    fn program(&mut self, program: &Path, role: &str) {
        // A bare name is searched along PATH when it is run, by whoever runs it then.
        if program.is_absolute() && !is_accessible(program, Access::EXEC_OK) {
            self.warning(format!("Program [{}]{role} cannot be executed.", escape::display(program)));
        }
    }
}

/// Asks with the real user id, as the original does: root passes.
fn is_accessible(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use redcedar_config::cedar::{CollectFile, Hook, HookKind, Keep, Purge, PurgeDir, Reference};

    fn messages(config: &Config) -> Vec<String> {
        validate(config).iter().map(ToString::to_string).collect()
    }

    fn good(root: &Path) -> Config {
        for name in ["work", "collect", "staging", "source"] {
            fs_err::create_dir(root.join(name)).unwrap();
        }
        Config { reference: Some(Reference::default()), ..sample::config(root) }
    }

    #[test]
    fn a_good_configuration_has_no_findings() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(messages(&good(root.path())), [""; 0]);
    }

    #[test]
    fn everything_is_found_in_the_originals_order_and_words() {
        let root = tempfile::tempdir().unwrap();
        let mut config = sample::config(root.path());
        config.options.backup_user = "nosuchuser".to_owned().into();
        fs_err::write(root.path().join("source"), "").unwrap();
        config.purge = Some(Purge {
            anomaly: None,
            dirs: vec![PurgeDir {
                abs_path: root.path().join("staging").into(),
                retain_days: 1,
                keep: Keep::default(),
            }],
        });
        config.stage.as_mut().unwrap().peers = Some(PeerList {
            local: vec![sample::local_peer("p", &root.path().join("p"))],
            remote: Vec::new(),
        });
        let path = |name: &str| root.path().join(name).display().to_string();
        assert_eq!(
            messages(&config),
            [
                "Required reference configuration does not exist.".to_owned(),
                format!("Working directory [{}] does not exist.", path("work")),
                "Backup user:group [nosuchuser:root] invalid.".to_owned(),
                format!("Collect target directory [{}] does not exist.", path("collect")),
                format!("Collect directory [{}] is not a directory.", path("source")),
                format!("Stage target dir  [{}] does not exist.", path("staging")),
                format!("Local peer collect dir  [{}] does not exist.", path("p")),
                format!("Purge directory [{}] does not exist.", path("staging")),
            ]
        );
    }

    #[test]
    fn what_would_fail_later_is_found_too() {
        let root = tempfile::tempdir().unwrap();
        let mut config = good(root.path());
        let file = |path: &Path| CollectFile {
            abs_path: path.to_owned().into(),
            collect_mode: None,
            archive_mode: None,
        };
        config.collect.as_mut().unwrap().files = vec![file(Path::new("/nonexistent")), file(root.path())];
        config.peers.as_mut().unwrap().local.push(sample::local_peer("p", Path::new("/nonexistent")));
        let hook = |action: Option<&str>, command: Option<&str>| Hook {
            kind: HookKind::Pre,
            action: action.map(|action| action.to_owned().into()),
            command: command.map(|command| command.to_owned().into()),
        };
        config.options.hooks = vec![
            hook(None, Some("echo")),
            hook(Some("nosuch"), Some("echo")),
            hook(Some("collect"), Some("/nonexistent/program x")),
            hook(Some("stage"), None),
        ];
        assert_eq!(
            messages(&config),
            [
                "Collect file [/nonexistent] does not exist.".to_owned(),
                format!("Collect file [{}] is not a file.", root.path().display()),
                "Local peer collect dir  [/nonexistent] does not exist.".to_owned(),
                "Warning: A hook without an action is never executed.".to_owned(),
                "Warning: The hook for action [nosuch] is never executed: there is no such action.".to_owned(),
                "Warning: Program [/nonexistent/program] of the hook for action [collect] cannot be executed."
                    .to_owned(),
                "The hook for action [stage] has no command.".to_owned(),
            ]
        );
    }
}
