//! A machine with a section for an extension, for tests.

use std::path::PathBuf;
use std::sync::Arc;

use redcedar_config::{Config, Loaded, Severity, Source};
use redcedar_engine::extension::{Call, Extension, ExtensionError};
use redcedar_engine::{Outcome, Ownership};
use redcedar_system::command::{Command, Finished};
use redcedar_system::fake::{self, RecordingMonitor, ScriptedRunner};
use redcedar_system::{Runner, System};

/// A machine that collects to `collect`, below a directory of its own.
pub(crate) struct Machine {
    root: tempfile::TempDir,
    loaded: Loaded,
    ownership: Ownership,
}

impl Machine {
    /// One whose configuration has `options` among the options, and `section`. `DIR` is its directory.
    pub(crate) fn new(options: &str, section: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("collect")).unwrap();
        let text = format!(
            "<cb_config><options><starting_day>monday</starting_day><working_dir>DIR/work</working_dir>\
            <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command>{options}\
            </options><collect><collect_dir>DIR/collect</collect_dir></collect>\n{section}</cb_config>"
        );
        let text = text.replace("DIR", root.path().to_str().unwrap());
        let source = Source::decode("cback3.conf", text.as_bytes()).unwrap();
        let loaded = Config::parse(source).unwrap();
        Self { ownership: Ownership::configured(&loaded.config.options), loaded, root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The names in the collect directory, sorted.
    pub(crate) fn collected(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.path("collect")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What the extension finds in its section, as `severity: message`.
    pub(crate) fn check(&self, extension: &dyn Extension) -> Vec<String> {
        let findings = extension.check(&self.loaded.document, &self.loaded.config);
        let severity = |severity| if severity == Severity::Error { "error" } else { "warning" };
        findings
            .iter()
            .map(|finding| format!("{}: {}", severity(finding.severity), finding.message))
            .collect()
    }

    /// Runs the extension with programs run by `runner`.
    pub(crate) fn run(
        &self,
        extension: &dyn Extension,
        runner: Arc<dyn Runner>,
    ) -> (Result<Outcome, ExtensionError>, Arc<RecordingMonitor>) {
        let (system, monitor) = fake::system("2026-11-24T02:00");
        let system = System { runner, ..system };
        (extension.run(&self.call(&system)), monitor)
    }

    /// What an extension gets to know when it runs.
    pub(crate) fn call<'a>(&'a self, system: &'a System) -> Call<'a> {
        Call {
            config: &self.loaded.config,
            document: &self.loaded.document,
            full: false,
            threads: 2,
            is_picked_up: true,
            ownership: &self.ownership,
            system,
        }
    }

    /// The programs that the extension runs, when each ends as `answers` say, then with success.
    pub(crate) fn commands(
        &self,
        extension: &dyn Extension,
        answers: impl IntoIterator<Item = Finished>,
    ) -> Vec<Command> {
        let runner = Arc::new(ScriptedRunner::new(answers));
        self.run(extension, runner.clone()).0.unwrap();
        runner.commands()
    }
}

/// How a program ended.
pub(crate) fn ended(status: i32, tail: &[&str]) -> Finished {
    Finished { status, tail: tail.iter().map(ToString::to_string).collect() }
}
