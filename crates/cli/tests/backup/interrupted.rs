//! Runs that are ended from outside while they copy: what was there stays whole, and the next run makes a generation.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use redcedar_testing::program;
use redcedar_testing::sshd::Access;
use rustix::process::{Pid, Signal, kill_process};

use super::machine::{MONDAY, Machine, TUESDAY, WEDNESDAY, generation, untouched};

/// A machine with a generation of Monday, and an `rsync` on the far side that waits before it does anything.
struct Paused {
    machine: Machine,
    monday: Vec<(PathBuf, u64, u32, i64)>,
}

impl Paused {
    fn new() -> Option<Self> {
        let machine = Machine::grown(&Access::Free)?;
        machine.configure("  generations: 1\n");
        machine.succeed(MONDAY);
        let monday = untouched(&machine.saved(&generation(MONDAY)));
        fs_err::write(machine.tree().join("new"), vec![7; 1 << 20]).unwrap();
        let paused = Self { machine, monday };
        let script = format!(
            "#!/bin/sh\ncase $1 in --server) touch {0}; while [ -e {0} ]; do sleep 0.01; done ;; esac\nexec rsync \"$@\"\n",
            paused.flag().display()
        );
        let wrapper = paused.machine.dir.path().join("slow-rsync");
        fs_err::write(&wrapper, script).unwrap();
        fs_err::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).unwrap();
        let line = format!("  generations: 1\n  rsync: {}\n", wrapper.display());
        paused.machine.configure(&line);
        Some(paused)
    }

    /// Is there while `rsync` waits.
    fn flag(&self) -> PathBuf {
        self.machine.dir.path().join("waiting")
    }

    /// A run of Tuesday that has come to where it copies.
    fn start(&self) -> Child {
        let mut command = self.machine.command(TUESDAY);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = command.spawn().unwrap();
        let started = Instant::now();
        while !self.flag().exists() {
            assert!(started.elapsed() < Duration::from_secs(20), "{}", self.machine.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        run
    }

    fn go_on(&self) {
        fs_err::remove_file(self.flag()).unwrap();
    }

    /// Monday is as it was, and nothing looks like a generation that is none; the next run makes one.
    fn assert_nothing_is_lost(&self) {
        self.machine.becomes_free();
        assert_eq!(untouched(&self.machine.saved(&generation(MONDAY))), self.monday);
        let latest = || fs_err::read_link(self.machine.store().join("latest")).unwrap();
        assert_eq!(latest().to_str(), Some(&*generation(MONDAY)));
        let names = self.machine.names();
        let apart = format!("{}.incomplete", generation(TUESDAY));
        assert_eq!(names, [&*generation(MONDAY), &apart, "latest"]);
        self.machine.configure("  generations: 1\n");
        self.machine.succeed(WEDNESDAY);
        self.machine.assert_saved(&generation(WEDNESDAY));
        assert_eq!(latest().to_str(), Some(&*generation(WEDNESDAY)));
        assert_eq!(self.machine.names(), [&*generation(WEDNESDAY), "latest"]);
    }
}

fn signal(run: &Child, signal: Signal) {
    let pid = i32::try_from(run.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn a_run_that_is_asked_to_end_while_it_copies_ends_and_loses_nothing() {
    let Some(paused) = Paused::new() else { return };
    let run = paused.start();
    signal(&run, Signal::TERM);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", program::describe(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains("the run was interrupted"));
    paused.go_on();
    paused.assert_nothing_is_lost();
}

#[test]
fn a_run_that_is_killed_while_it_copies_loses_nothing() {
    let Some(paused) = Paused::new() else { return };
    let run = paused.start();
    signal(&run, Signal::KILL);
    assert_eq!(run.wait_with_output().unwrap().status.code(), None);
    paused.go_on();
    paused.assert_nothing_is_lost();
}

#[test]
fn a_connection_that_is_cut_while_it_copies_loses_nothing() {
    let Some(paused) = Paused::new() else { return };
    let run = paused.start();
    paused.machine.host.cut();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", program::describe(&output));
    paused.go_on();
    paused.assert_nothing_is_lost();
}

#[test]
fn a_store_that_vanishes_while_it_is_written_to_is_whole_when_it_is_back() {
    let Some(paused) = Paused::new() else { return };
    let run = paused.start();
    let away = paused.machine.dir.path().join("away");
    fs_err::rename(paused.machine.store(), &away).unwrap();
    paused.go_on();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", program::describe(&output));
    if paused.machine.store().exists() {
        fs_err::remove_dir_all(paused.machine.store()).unwrap();
    }
    fs_err::rename(&away, paused.machine.store()).unwrap();
    paused.assert_nothing_is_lost();
}

#[test]
fn a_disk_that_is_not_mounted_is_no_new_store() {
    let Some(machine) = Machine::required(&Access::Free) else { return };
    fs_err::create_dir(machine.tree()).unwrap();
    let config = fs_err::read_to_string(machine.config()).unwrap().replace("host: far", "generations: 2");
    fs_err::write(machine.config(), config).unwrap();
    machine.succeed(MONDAY);
    let away = machine.dir.path().join("away");
    fs_err::rename(machine.store(), &away).unwrap();
    for exists in [false, true] {
        if exists {
            // What is left of a disk: the directory that it was mounted on.
            fs_err::create_dir(machine.store()).unwrap();
        }
        let said = machine.fail(TUESDAY);
        assert!(said.contains("is its disk mounted?"), "{said}");
        assert_eq!(machine.names(), [""; 0]);
    }
    fs_err::remove_dir(machine.store()).unwrap();
    fs_err::rename(&away, machine.store()).unwrap();
    machine.succeed(TUESDAY);
    let names = machine.names();
    assert!(names.contains(&generation(MONDAY)) && names.contains(&generation(TUESDAY)), "{names:?}");
}
