//! `redcedar validate-command`.

use std::process::Output;

use redcedar_testing::program::{self, describe};
use redcedar_testing::sshd::{Access, Host};

use super::*;

impl Master {
    /// Runs one of the network's commands, with further words.
    fn client(&self, line: &str, words: &[&str]) -> Output {
        let mut parts = line.split(' ');
        let mut command = program::command(parts.next().unwrap());
        program::run(command.args(parts).args(words).current_dir(self.sandbox.root()))
    }

    fn at(&self, path: &str) -> String {
        format!("{}@web1:{path}", self.network.login())
    }

    /// A host behind the forced command; the log of its machine.
    fn guarded(&self, extra: &str) -> (Host, PathBuf) {
        let (command, log) = self.forced(extra);
        (self.network.host("web1", &Access::Command(command)), log)
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_was_collected_is_fetched_and_the_indicator_is_put_there() {
    let Some(master) = Master::new() else { return };
    let (host, log) = master.guarded("");
    let collect = master.collect_dir().display().to_string();
    for name in ["cback.collect", "etc.tar.gz", "-O", "a b", ".hidden"] {
        master.sandbox.write(&format!("/collect/{name}"), name);
    }
    master.sandbox.write("/collect/sub/file", "");
    fs_err::os::unix::fs::symlink("/etc/passwd", master.sandbox.path("/collect/link")).unwrap();
    fs_err::create_dir(master.sandbox.path("/fetched")).unwrap();
    let scp = master.network.scp_legacy();
    for flags in [&[][..], &["-p"], &["-p", "-r", "-v"]] {
        for source in ["cback.collect", "*"] {
            let source = master.at(&format!("{collect}/{source}"));
            let output = master.client(&scp, &[flags, &[&source, "fetched"]].concat());
            assert!(output.status.success(), "{}\n{}", describe(&output), host.log());
        }
        let fetched = master.sandbox.path("/fetched");
        assert_eq!(names(&fetched), ["-O", "a b", "cback.collect", "etc.tar.gz"]);
        let target = master.at(&format!("{collect}/cback.stage"));
        let output = master.client(&scp, &[flags, &["collect/etc.tar.gz", &target]].concat());
        assert!(output.status.success(), "{}\n{}", describe(&output), host.log());
        assert_eq!(master.sandbox.read("/collect/cback.stage"), "etc.tar.gz");
        fs_err::remove_file(master.sandbox.path("/collect/cback.stage")).unwrap();
    }
    let log = fs_err::read_to_string(log).unwrap();
    assert!(
        log.starts_with(&format!(
            "-t redcedar -p auth.info -- allowed: scp -f {collect}/cback.collect (from [127.0.0.1])\n"
        )),
        "{log}"
    );
    assert_eq!(log.lines().count(), 9);
}

#[test]
fn a_directory_without_files_is_told_as_scp_tells_it() {
    let Some(master) = Master::new() else { return };
    let (_host, _) = master.guarded("");
    let collect = master.collect_dir().display().to_string();
    for name in ["cback.collect", "*"] {
        let source = master.at(&format!("{collect}/{name}"));
        let output = master.client(&master.network.scp_legacy(), &[&source, "fetched"]);
        assert_eq!(output.status.code(), Some(1));
        let text = describe(&output);
        assert!(text.contains(&format!("scp: {collect}/{name}: No such file or directory")), "{text}");
    }
}

#[test]
fn everything_else_is_refused_with_a_reason_and_logged() {
    let Some(master) = Master::new() else { return };
    let (host, log) = master.guarded("");
    master.sandbox.write("/secret", "secret");
    let secret = master.at(&master.sandbox.path("/secret").display().to_string());
    let (legacy, modern) = (master.network.scp_legacy(), master.network.scp());
    let address = format!("{}@web1", master.network.login());
    let ssh = master.network.ssh();
    let rows: [(&str, &[&str], &str); 6] = [
        (&legacy, &[&secret, "x"], "refused: the request [scp -f "),
        (&legacy, &["-r", "collect", &secret], "refused: the request [scp -r -t "),
        (&modern, &[&secret, "x"], "Connection closed"),
        (&ssh, &[&address, "/usr/lib/openssh/sftp-server"], "use `scp -O` in the rcp_command of the master"),
        (&ssh, &[&address, "cat /etc/passwd"], "the request [cat /etc/passwd] is not allowed for this key"),
        (&ssh, &[&address], "this key gives no shell"),
    ];
    for (line, words, reason) in rows {
        let output = master.client(line, words);
        assert!(!output.status.success(), "{line} {words:?}");
        let text = describe(&output);
        assert!(text.contains(reason), "{line} {words:?}: {text}\n{}", host.log());
    }
    assert!(!master.sandbox.path("/x").exists());
    assert_eq!(master.sandbox.read("/secret"), "secret");
    let log = fs_err::read_to_string(log).unwrap();
    assert!(log.lines().all(|line| line.starts_with("-t redcedar -p auth.warning -- refused: ")), "{log}");
}

#[test]
fn without_a_logger_requests_are_answered_all_the_same() {
    let Some(master) = Master::new() else { return };
    let (command, _) = master.forced("");
    fs_err::remove_file(master.sandbox.path("/bin/logger")).unwrap();
    let scp = program::find("scp").unwrap();
    fs_err::os::unix::fs::symlink(scp, master.sandbox.path("/bin/scp")).unwrap();
    let command = command.replace(":$PATH", "");
    let _host = master.network.host("web1", &Access::Command(command));
    master.sandbox.write("/collect/cback.collect", "");
    let source = master.at(&master.sandbox.path("/collect/cback.collect").display().to_string());
    let output = master.client(&master.network.scp_legacy(), &[&source, "fetched"]);
    assert!(output.status.success(), "{}", describe(&output));
}

#[test]
fn allowed_actions_are_run_with_their_status_and_no_shell() {
    let Some(master) = Master::new() else { return };
    master.script("/cback", "echo \"$#:$*\"; exit 3");
    let cback = master.sandbox.path("/cback").display().to_string();
    let (_host, log) = master.guarded(&format!(" --allow collect,purge --cback-command '{cback} -q'"));
    let address = format!("{}@web1", master.network.login());
    let ask = |request: &str| master.client(&master.network.ssh(), &[&address, request]);
    for (request, answer) in [("collect", "2:-q collect\n"), ("--full purge", "3:-q --full purge\n")] {
        let output = ask(&format!("{cback} -q {request}"));
        assert_eq!(output.status.code(), Some(3), "{}", describe(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), answer);
    }
    for request in ["stage", "collect; id", "collect purge"] {
        assert_eq!(ask(&format!("{cback} -q {request}")).status.code(), Some(1), "{request}");
    }
    let log = fs_err::read_to_string(log).unwrap();
    assert!(log.contains("refused: the action stage is not allowed for this key"), "{log}");
}

#[test]
fn what_the_options_leave_open_is_in_the_configuration() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("/etc")).unwrap();
    assert_eq!(sandbox.run("init /etc --base /backup").code, 0);
    let collect = sandbox.path("/backup/collect").display().to_string();
    fs_err::create_dir_all(&collect).unwrap();
    let ask = |line: &str, request: &str| {
        let output = sandbox.command(line).env("SSH_ORIGINAL_COMMAND", request).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let request = format!("scp -t {collect}/cback.stage");
    assert_eq!(ask("validate-command", &request).0, 0);
    assert_eq!(ask("validate-command --collect-dir /elsewhere", &request).0, 1);
    let (code, text) = ask("validate-command --allow collect", "/usr/bin/cback3 store");
    assert_eq!(code, 1);
    assert!(text.contains("the action store is not allowed"), "{text}");
    assert_eq!(ask("validate-command --config /none", &request).0, 4);
}
