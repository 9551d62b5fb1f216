use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use redcedar_config::{Loaded, Severity, Source};
use redcedar_system::command::OsRunner;
use redcedar_system::fake::{self, RecordingMonitor};
use redcedar_system::{Environment, Interrupt, Level, System};

use super::*;

/// A machine with an action `db` whose program is a script.
struct Machine {
    directory: tempfile::TempDir,
    loaded: Loaded,
}

impl Machine {
    /// Whatever `settings` add to the action.
    fn new(script: &str, settings: &str) -> Self {
        let directory = redcedar_testing::trusted::directory();
        let root = directory.path().to_str().unwrap();
        write(&directory.path().join("program"), &format!("#!/bin/sh\n{script}\n"), 0o755);
        let text = format!(
            "<cb_config><extensions><action><name>db</name><module>foo.bar</module><function>run</function>\
            <index>90</index><command>{root}/program</command>{settings}</action></extensions>\
            <options><starting_day>monday</starting_day><working_dir>{root}/work</working_dir>\
            <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command></options>\
            <collect><collect_dir>{root}/collect</collect_dir><file><abs_path>/etc/hosts</abs_path>\
            <mode>daily</mode><archive_mode>tar</archive_mode></file></collect>\
            <db><name>customers</name></db><mysql><password>secret</password></mysql></cb_config>"
        );
        write(&directory.path().join("cback3.conf"), &text, 0o600);
        let source = Source::new(directory.path().join("cback3.conf"), &text);
        let loaded = Config::parse(source).unwrap_or_else(|findings| panic!("{findings}"));
        Self { directory, loaded }
    }

    fn find(&self) -> Result<Program<'_>, Diagnostic> {
        let action = &self.loaded.config.extensions.as_ref().unwrap().actions[0];
        Program::find(action, &self.loaded.document)
    }

    fn facts(&self) -> Facts<'_> {
        let Loaded { config, document, .. } = &self.loaded;
        Facts { config, document, full: true, actions: &["db", "collect"] }
    }

    fn run(&self) -> (Result<(), String>, Arc<RecordingMonitor>) {
        let (system, monitor) = system();
        let result = self.find().unwrap().run(&self.facts(), &system);
        (result.map_err(|error| error.to_string()), monitor)
    }

    fn check(&self) -> Vec<Diagnostic> {
        self.find().unwrap().check(&self.facts(), &system().0).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }
}

/// One that really runs programs.
fn system() -> (System, Arc<RecordingMonitor>) {
    let (system, monitor) = fake::system("2026-11-24T02:00");
    let environment = Environment::from_pairs([("HOME", "/root"), ("PGPASSWORD", "secret")]);
    let runner = OsRunner::new(&environment, monitor.clone(), Interrupt::new());
    (System { runner: Arc::new(runner), ..system }, monitor)
}

fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_program_gets_what_it_needs_and_no_secret_of_others() {
    let machine = Machine::new("cat; echo; env; echo \"arguments: $*\"", "");
    let (result, monitor) = machine.run();
    result.unwrap();
    let said = monitor.at(Level::Info);
    let input: serde_json::Value = serde_json::from_str(said[1].strip_prefix("[db] ").unwrap())
        .unwrap_or_else(|e| panic!("{said:?}: {e}"));
    assert_eq!(
        input,
        serde_json::json!({
            "protocol": 1, "action": "db", "module": "foo.bar", "function": "run",
            "config_path": machine.path("cback3.conf"),
            "options": { "full": true, "actions": ["db", "collect"] },
            "config": {
                "options": {
                    "starting_day": "monday", "working_dir": machine.path("work"),
                    "backup_user": "root", "backup_group": "root",
                },
                "collect": { "collect_dir": machine.path("collect") },
                "stage": null, "store": null, "purge": null, "peers": null,
            },
            "section": { "name": "db", "xml": "<db><name>customers</name></db>" },
        })
    );
    let said = said.join("\n");
    for line in
        ["arguments: run", "CBACK_PROTOCOL=1", "CBACK_ACTION=db", "CBACK_FULL=1", "HOME=/root", "LANG=C"]
    {
        assert!(said.contains(&format!("[db] {line}")), "{line}: {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn which_program_it_was_is_in_the_log() {
    let machine = Machine::new("exit 0", "");
    let (_, monitor) = machine.run();
    let identity = &monitor.at(Level::Info)[0];
    assert!(identity.starts_with(&format!("Action [db], {}: 17 bytes, changed ", machine.path("program"))));
    assert!(
        identity.ends_with("SHA-256 306c6ca7407560340797866e077e053627ad409277d1b9da58106fce4cf717cb"),
        "{identity}"
    );
}

#[test]
fn a_failure_says_how_it_ended_and_why() {
    for (script, reason) in [
        ("echo 'ERROR: no server'; echo later >&2; exit 3", "it ended with status 3: no server"),
        ("echo 'broken pipe' >&2; exit 1", "it ended with status 1: broken pipe"),
        ("kill -9 $$", "it was ended by signal 9"),
    ] {
        let machine = Machine::new(script, "");
        let expected = format!("Action [db], {}: {reason}", machine.path("program"));
        assert_eq!(machine.run().0, Err(expected));
    }
}

#[test]
fn a_program_that_takes_too_long_is_ended() {
    let machine = Machine::new("sleep 600 & sleep 600", "<timeout>1</timeout>");
    let started = Instant::now();
    let error = machine.run().0.unwrap_err();
    assert!(error.ends_with("took longer than 1 s and was ended"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn root_runs_a_program_as_somebody_else_where_that_is_configured() {
    if !account::is_root() {
        return;
    }
    let machine = Machine::new("id -un; id -Gn", "<run_as>nobody</run_as>");
    let (result, monitor) = machine.run();
    result.unwrap();
    assert_eq!(monitor.at(Level::Info)[1..], ["[db] nobody", "[db] nogroup"]);
    let machine = Machine::new("id", "<run_as>nosuchuser</run_as>");
    let error = machine.find().err().unwrap();
    assert_eq!(error.message, "`run_as`: user [nosuchuser] does not exist on this machine");
}

#[test]
fn a_check_finds_what_the_program_complains_about_in_its_section() {
    let script = "echo \"$1\"; echo 'ERROR: no database of that name'; echo 'WARNING: slow'; exit 1";
    let machine = Machine::new(script, "");
    let findings = machine.check();
    let said: Vec<_> = findings.iter().map(|finding| (finding.severity, finding.message.as_str())).collect();
    assert_eq!(said, [(Severity::Error, "no database of that name"), (Severity::Warning, "slow")]);
    let text = machine.loaded.document.source().text();
    assert!(text[findings[0].span.start..].starts_with("db><name>customers"));
    let machine = Machine::new("exit 4", "<section>mysql</section>");
    let findings = machine.check();
    assert!(findings[0].message.ends_with("it ended with status 4"), "{findings:?}");
    let machine = Machine::new("exit 0", "");
    assert_eq!(machine.check(), []);
}

#[test]
fn what_others_could_change_is_not_run() {
    let machine = Machine::new("exit 0", "");
    let program = machine.directory.path().join("program");
    write(&program, "#!/bin/sh\n", 0o775);
    let error = machine.find().err().unwrap();
    assert!(error.message.ends_with("/program can be written by others than its owner"), "{}", error.message);
    let text = machine.loaded.document.source().text();
    assert_eq!(&text[error.span.range()], machine.path("program"), "it points at the command");
    write(&program, "#!/bin/sh\n", 0o755);
    assert!(machine.find().is_ok());
    if account::is_root() {
        write(&machine.directory.path().join("cback3.conf"), "", 0o666);
        let error = machine.find().err().unwrap();
        assert!(error.message.ends_with("others than root can write the file"), "{}", error.message);
    }
}

#[test]
fn a_program_that_is_not_named_is_looked_for_by_module_and_function() {
    let machine = Machine::new("exit 0", "");
    let mut action = machine.loaded.config.extensions.as_ref().unwrap().actions[0].clone();
    action.program.command = None;
    let error = Program::find(&action, &machine.loaded.document).err().unwrap();
    assert!(error.message.contains("/usr/libexec/redcedar"), "{}", error.message);
    assert_eq!(path(&action), Path::new("/usr/libexec/redcedar/extensions/foo.bar.run"));
    assert!(error.hint.unwrap().contains("Python module"));
}
