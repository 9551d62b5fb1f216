use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use redcedar_system::command::OsRunner;
use redcedar_system::fake::RecordingMonitor;
use redcedar_system::{Environment, Interrupt, Level};
use redcedar_testing::program;

use super::*;
use crate::sample::Machine;

/// Everything that may take long, and what the tests speak of.
const PROGRAMS: [&str; 7] = ["/usr/bin/dpkg", "fdisk", "ls", "apt", "apt-cache", "lsblk", "mdadm"];

/// A machine whose programs are those in `bin`: by default each prints its name and its arguments.
fn machine(section: &str) -> Machine {
    let overrides = PROGRAMS.map(|name| {
        let file = Path::new(name).file_name().unwrap().to_str().unwrap();
        format!("<override><command>{name}</command><abs_path>DIR/bin/{file}</abs_path></override>")
    });
    let machine = Machine::new(&overrides.concat(), section);
    fs_err::create_dir(machine.path("bin")).unwrap();
    for name in PROGRAMS {
        let name = Path::new(name).file_name().unwrap().to_str().unwrap();
        install(&machine, name, &format!("echo {name} \"$@\""));
    }
    machine
}

fn install(machine: &Machine, name: &str, script: &str) {
    let path = machine.path("bin").join(name);
    fs_err::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(machine: &Machine) -> (Outcome, Arc<RecordingMonitor>) {
    let environment = Environment::from_pairs([("PATH", "/usr/bin:/bin")]);
    let silent = Arc::new(RecordingMonitor::default());
    let runner = OsRunner::new(&environment, silent, Interrupt::new());
    let (outcome, monitor) = machine.run(&Sysinfo, Arc::new(runner));
    (outcome.unwrap(), monitor)
}

fn content(machine: &Machine, name: &str) -> String {
    let path = machine.path("collect").join(name);
    let mode = fs_err::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640, "{name}");
    String::from_utf8(program::succeed(program::command("bzcat").arg(path))).unwrap()
}

#[test]
fn the_three_files_of_the_originals_have_their_names_and_commands() {
    let machine = machine("<sysinfo><rebuild>N</rebuild></sysinfo>");
    let (outcome, _) = run(&machine);
    assert!(outcome.is_complete());
    assert_eq!(machine.collected(), ["dpkg-selections.txt.bz2", "fdisk-l.txt.bz2", "ls-laR.txt.bz2"]);
    assert_eq!(content(&machine, "dpkg-selections.txt.bz2"), "dpkg --get-selections\n");
    assert_eq!(content(&machine, "fdisk-l.txt.bz2"), "fdisk -l\n");
    assert_eq!(content(&machine, "ls-laR.txt.bz2"), "ls -laR /\n");
}

#[test]
fn without_a_section_everything_is_reported() {
    let machine = machine("");
    let (outcome, _) = run(&machine);
    assert!(outcome.is_complete(), "{outcome:?}");
    let own = ["disks", "kernel", "network", "packages", "services"];
    let own = own.map(|name| format!("sysinfo-{name}.txt.bz2"));
    assert_eq!(machine.collected()[3..], own);
    let kernel = content(&machine, "sysinfo-kernel.txt.bz2");
    assert!(kernel.contains("\n### uname --all\nLinux "), "{kernel}");
    assert!(kernel.contains("\n### /proc/meminfo\nMemTotal:"), "{kernel}");
    let packages = content(&machine, "sysinfo-packages.txt.bz2");
    assert!(packages.contains("\n### apt list --installed\napt list --installed\n"), "{packages}");
    assert!(content(&machine, "sysinfo-disks.txt.bz2").contains("\n### /proc/self/mountinfo\n"));
}

#[test]
fn a_listing_that_fails_is_not_kept_and_the_others_are_made() {
    let machine = machine("<sysinfo><rebuild>N</rebuild></sysinfo>");
    install(&machine, "dpkg", "echo half; echo 'database is locked' >&2; exit 2");
    install(&machine, "fdisk", "echo disk; echo 'strange disk' >&2");
    install(&machine, "ls", "echo files; echo 'cannot open /proc/1/fd' >&2; exit 1");
    let (outcome, monitor) = run(&machine);
    let program = machine.path("bin/dpkg");
    let program = program.display();
    let failure =
        format!("Cannot write [dpkg-selections.txt.bz2]: {program} ended with status 2: database is locked");
    assert_eq!(outcome.failures, [failure.as_str()]);
    assert_eq!(monitor.at(Level::Error), [failure]);
    assert_eq!(machine.collected(), ["fdisk-l.txt.bz2", "ls-laR.txt.bz2"]);
    let told = monitor.at(Level::Info).join("\n");
    assert!(told.contains("fdisk] strange disk"), "{told}");
    assert!(told.contains("ls ended with status 1: cannot open /proc/1/fd"), "{told}");
}

#[test]
fn a_list_of_files_that_was_cut_off_is_not_kept() {
    let machine = machine("<sysinfo><rebuild>N</rebuild></sysinfo>");
    install(&machine, "ls", "echo half; kill -9 $$");
    let (outcome, _) = run(&machine);
    assert!(outcome.failures[0].ends_with("ls was ended by signal 9"), "{outcome:?}");
    assert_eq!(machine.collected(), ["dpkg-selections.txt.bz2", "fdisk-l.txt.bz2"]);
}

#[test]
fn programs_that_are_not_here_are_worth_a_line_and_those_that_fail_a_warning() {
    let machine = machine("<sysinfo><file_list>none</file_list></sysinfo>");
    install(&machine, "lsblk", "echo '{'; echo 'no sysfs' >&2; exit 32");
    fs_err::remove_file(machine.path("bin/mdadm")).unwrap();
    let (outcome, monitor) = run(&machine);
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(!machine.collected().contains(&"ls-laR.txt.bz2".to_owned()));
    let disks = content(&machine, "sysinfo-disks.txt.bz2");
    assert!(disks.contains("{\n(lsblk ended with status 32: no sysfs)\n"), "{disks}");
    assert!(disks.contains("\n### mdadm --detail --scan\n(mdadm is not here)\n"), "{disks}");
    let warnings = monitor.at(Level::Warning).join("\n");
    assert!(warnings.contains("lsblk ended with status 32: no sysfs"), "{warnings}");
    assert!(monitor.at(Level::Info).join("\n").contains("[mdadm] is not here"));
}

#[test]
fn where_there_is_no_such_program_there_is_no_listing() {
    let machine = Machine::new("", "<sysinfo><file_list>none</file_list><rebuild>N</rebuild></sysinfo>");
    let (outcome, monitor) = run(&machine);
    assert!(outcome.failures.is_empty(), "{outcome:?}");
    let told = monitor.at(Level::Info).join("\n");
    for (program, file) in [("/usr/bin/dpkg", "dpkg-selections.txt.bz2"), ("/sbin/fdisk", "fdisk-l.txt.bz2")]
    {
        let is_there = Path::new(program).exists();
        assert_eq!(machine.collected().contains(&file.to_owned()), is_there, "{file}");
        assert_eq!(told.contains(&format!("[{program}] is not here: there is no [{file}].")), !is_there);
    }
}

#[test]
fn a_program_that_hangs_is_ended() {
    let machine = machine("<sysinfo><time_limit>7</time_limit><rebuild>N</rebuild></sysinfo>");
    let commands = machine.commands(&Sysinfo, []);
    assert!(commands.iter().all(|command| command.timeout == Some(Duration::from_mins(7))));
    let forever = self::machine("<sysinfo><time_limit>0</time_limit></sysinfo>");
    assert!(forever.commands(&Sysinfo, []).iter().all(|command| command.timeout.is_none()));
}

#[test]
fn a_wrong_section_is_told() {
    let machine = Machine::new(
        "",
        "<sysinfo><file_list>some</file_list><rebuild>yes</rebuild><time_limit>-1</time_limit><x/></sysinfo>",
    );
    assert_eq!(
        machine.check(&Sysinfo),
        [
            "warning: `sysinfo` has no element `x`; it is ignored",
            "error: `file_list` must be one of: all, local, none",
            "error: `rebuild` must be `Y` or `N`",
            "error: `time_limit` must not be negative",
        ]
    );
    assert_eq!(Machine::new("", "").check(&Sysinfo), [""; 0]);
}
