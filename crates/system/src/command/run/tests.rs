//! Real programs: shells.

use super::*;
use crate::fake::RecordingMonitor;

fn run(command: &Command) -> (Result<Finished, CommandError>, Arc<RecordingMonitor>) {
    let monitor = Arc::new(RecordingMonitor::default());
    let environment =
        Environment::from_pairs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "de_DE"), ("LANG", "de_DE")]);
    let runner = OsRunner::new(&environment, monitor.clone(), Interrupt::new());
    (runner.run(command), monitor)
}

#[test]
fn output_arrives_line_by_line_and_the_status_is_the_programs_own() {
    let (finished, monitor) = run(&Command::new("sh").args(["-c", "echo a; echo b >&2; printf c; exit 3"]));
    let finished = finished.unwrap();
    assert_eq!(finished, Finished { status: 3, tail: vec!["a".into(), "b".into(), "c".into()] });
    assert_eq!(monitor.output_lines(), ["a", "b", "c"]);
}

#[test]
fn a_signal_is_a_negative_status_and_a_missing_program_is_256() {
    assert_eq!(run(&Command::new("sh").args(["-c", "kill -9 $$"])).0.unwrap().status, -9);
    assert_eq!(run(&Command::new("/nonexistent")).0.unwrap().status, 256);
}

#[test]
fn stdin_is_closed_and_the_environment_sanitised() {
    let (finished, monitor) = run(&Command::new("sh").args(["-c", "cat; echo $LANG-$LC_ALL-"]));
    assert!(finished.unwrap().success());
    assert_eq!(monitor.output_lines(), ["C--"]);
}

#[test]
fn stdout_can_go_elsewhere_than_messages() {
    let monitor = Arc::new(RecordingMonitor::default());
    let runner = OsRunner::new(
        &Environment::from_pairs([("PATH", "/usr/bin:/bin")]),
        monitor.clone(),
        Interrupt::new(),
    );
    let command = Command::new("sh").args(["-c", "echo warned >&2; head -c 300000 /dev/zero; echo $X; cat"]);
    let input = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(input.path(), "input").unwrap();
    let mut output = Vec::new();
    let command = command.variable("X", "variable").input_from(input.path());
    let finished = runner.stream(&command, &mut output).unwrap();
    assert_eq!(finished, Finished { status: 0, tail: vec!["warned".into()] });
    assert_eq!(output.len(), 300_000 + "variable\ninput".len());
    assert!(output.ends_with(b"variable\ninput"));
    assert_eq!(monitor.output_lines(), ["warned"]);
}

#[test]
fn a_program_whose_output_cannot_be_stored_is_ended() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let runner =
        OsRunner::new(&Environment::default(), Arc::new(RecordingMonitor::default()), Interrupt::new());
    let command = Command::new("/bin/sh").args(["-c", "echo data; sleep 600"]);
    let started = Instant::now();
    assert!(matches!(runner.stream(&command, &mut Full), Err(CommandError::Output { .. })));
    assert!(started.elapsed() < Duration::from_secs(10));
}

fn feed(script: &str, input: &mut dyn Read) -> (Result<Finished, CommandError>, Vec<String>) {
    let environment = Environment::from_pairs([("PATH", "/usr/bin:/bin")]);
    let runner = OsRunner::new(&environment, Arc::new(RecordingMonitor::default()), Interrupt::new());
    let mut heard = Vec::new();
    let command = Command::new("sh").args(["-c", script]);
    let finished = runner.feed(&command, input, &mut |line| {
        heard.push(String::from_utf8_lossy(line).into_owned());
    });
    (finished, heard)
}

#[test]
fn a_program_is_fed_while_what_it_prints_is_heard() {
    let input = vec![b'x'; 300_000];
    let (finished, heard) = feed("head -c 200000 | wc -c; cat | wc -c; cat", &mut &input[..]);
    assert!(finished.unwrap().success());
    assert_eq!(heard, ["200000", "100000"]);
}

#[test]
fn a_program_need_not_read_what_it_is_fed_with() {
    let input = vec![b'x'; 300_000];
    assert_eq!(feed("exit 3", &mut &input[..]).0.unwrap().status, 3);
}

#[test]
fn a_program_whose_input_fails_is_ended_before_it_sees_an_end_of_it() {
    struct Damaged(bool);
    impl Read for Damaged {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            buffer[..5].copy_from_slice(b"part\n");
            Ok(5)
        }
    }
    let end = tempfile::tempdir().unwrap();
    let end = end.path().join("seen");
    let (finished, _) = feed(&format!("cat >/dev/null; touch {}", end.display()), &mut Damaged(false));
    assert!(matches!(finished, Err(CommandError::Input { .. })), "{finished:?}");
    std::thread::sleep(Duration::from_millis(100));
    assert!(!end.exists());
}

#[test]
fn root_can_run_a_program_as_somebody_else_with_the_groups_of_that_user() {
    if !crate::account::is_root() {
        return;
    }
    let mut account = crate::account::account("nobody").unwrap();
    account.groups.push(8);
    let script = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME > /dev/stdout";
    let command = Command::new("sh").args(["-c", script]);
    let (finished, monitor) = run(&command.run_as(Some(account.clone())));
    assert!(finished.unwrap().success());
    let expected = [
        account.owner.uid.to_string(),
        account.owner.gid.to_string(),
        format!("{} 8", account.owner.gid),
        format!("{} nobody nobody", account.home.display()),
    ];
    assert_eq!(monitor.output_lines(), expected);
}

#[test]
fn a_program_that_may_ask_is_in_the_process_group_of_the_terminal_and_is_ended_alone() {
    let group = nix::unistd::getpgrp().to_string();
    let script = Command::new("sh").args(["-c", "cut -d ' ' -f 5 /proc/$$/stat"]);
    for (command, is_ours) in [(script.clone(), false), (script.may_ask(), true)] {
        let (finished, monitor) = run(&command);
        assert!(finished.unwrap().success());
        assert_eq!(monitor.output_lines()[0] == group, is_ours);
    }
    let command = Command::new("sleep").arg("600").may_ask().time_limit(Some(Duration::from_millis(200)));
    assert!(matches!(run(&command).0, Err(CommandError::TimedOut { .. })));
}

#[test]
fn a_program_that_may_not_ask_has_a_session_of_its_own_without_a_terminal() {
    let script = "read -r pid name state parent group session terminal rest </proc/$$/stat
        echo $((pid == group)) $((pid == session)) $terminal; exec </dev/tty";
    let (finished, monitor) = run(&Command::new("sh").args(["-c", script]));
    assert!(!finished.unwrap().success(), "there is nothing to ask on");
    assert_eq!(monitor.output_lines()[0], "1 1 0");
}

#[test]
fn a_program_reads_what_it_gets_in_memory_as_often_as_it_likes() {
    let file = MemoryFile::new(b"secret\n").unwrap();
    let command = Command::new("sh").args(["-c", r#"cat "$0" "$0"; stat -L -c %a "$0""#]).arg(file.path());
    let (finished, monitor) = run(&command.clone().with_file(file.clone()));
    assert!(finished.unwrap().success());
    assert_eq!(monitor.output_lines(), ["secret", "secret", "600"]);
    let (finished, _) = run(&command);
    assert!(!finished.unwrap().success(), "others do not get it");
    assert!(!format!("{file:?}").contains("secret"));
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_its_children() {
    let mut command = Command::new("sh").args(["-c", "sleep 600 & sleep 600"]);
    command.timeout = Some(Duration::from_millis(200));
    let started = Instant::now();
    assert!(matches!(run(&command).0, Err(CommandError::TimedOut { .. })));
    assert!(started.elapsed() < Duration::from_secs(10));
}

fn write_program(path: &std::path::Path, text: &str) {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let mut options = fs_err::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o755).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_runs_is_the_file_that_was_looked_at_confined_and_heard_apart() {
    let directory = redcedar_testing::trusted::directory();
    let path = directory.path().join("program");
    write_program(
        &path,
        "#!/bin/sh\necho \"$1 $(cat)\"; pwd; umask; printf last\necho $LANG $HOME $TZ $SECRET $PATH >&2\n",
    );
    let executable = Executable::open(&path).unwrap();
    fs_err::rename(&path, directory.path().join("moved")).unwrap();
    write_program(&path, "#!/bin/sh\necho something else\n");
    let monitor = Arc::new(RecordingMonitor::default());
    let environment =
        Environment::from_pairs([("PATH", "/evil"), ("HOME", "/home/x"), ("SECRET", "s"), ("TZ", "UTC")]);
    let runner = OsRunner::new(&environment, monitor.clone(), Interrupt::new());
    let mut heard = Vec::new();
    let finished = runner
        .converse(&Command::of(executable).arg("run").confined(), &mut &b"input"[..], &mut |stream, line| {
            heard.push((stream, String::from_utf8_lossy(line).into_owned()));
        })
        .unwrap();
    let errors = format!("C /home/x UTC {PATH}");
    assert_eq!(finished, Finished { status: 0, tail: vec![errors.clone()] });
    let of =
        |stream| heard.iter().filter(|(from, _)| *from == stream).map(|(_, line)| line).collect::<Vec<_>>();
    assert_eq!(of(Stream::Output), ["run input", "/", "0077", "last"]);
    assert_eq!(of(Stream::Errors), [&errors]);
    assert!(monitor.output_lines().is_empty());
}

#[test]
fn a_service_runs_on_and_ends_with_what_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let (log, pid) = (directory.path().join("log"), directory.path().join("pid"));
    let environment = Environment::from_pairs([("PATH", "/usr/bin:/bin")]);
    let runner = OsRunner::new(&environment, Arc::new(RecordingMonitor::default()), Interrupt::new());
    let script = format!("echo began; sleep 100 & echo $! > {0}.part; mv {0}.part {0}; wait", pid.display());
    let mut service = runner.serve(&Command::new("sh").args(["-c", &script]), &log).unwrap();
    while !pid.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!service.has_ended().unwrap());
    service.stop().unwrap();
    assert_eq!(fs_err::read_to_string(&log).unwrap(), "began\n");
    let started = fs_err::read_to_string(&pid).unwrap();
    let status = format!("/proc/{}/stat", started.trim());
    let is_gone = || fs_err::read_to_string(&status).map_or(true, |status| status.contains(") Z "));
    let waited = Instant::now();
    while !is_gone() && waited.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(is_gone());
    assert!(runner.serve(&Command::new("/nonexistent"), &log).is_err());
}
