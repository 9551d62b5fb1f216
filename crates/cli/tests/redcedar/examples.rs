//! Every example that `--help`, the README and the manual print is run.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use redcedar_testing::program;
use redcedar_testing::s3::Server;

use super::mount::{self, Mounted};
use super::{Sandbox, help};

#[test]
fn every_example_of_the_help_works() {
    let mut examples = Vec::new();
    for command in help::commands(&Sandbox::new()) {
        let help = Sandbox::new().run(&format!("help {command}")).stdout;
        let own = examples_in(&help, "  redcedar ");
        assert!(!own.is_empty(), "{command} has no examples");
        examples.extend(own);
    }
    for example in examples {
        works(&example);
    }
}

#[test]
fn every_command_of_the_documents_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut count = 0;
    for document in ["README.md", "docs/manual.md", "docs/peers.md", "docs/buckets.md"] {
        let text = fs_err::read_to_string(root.join(document)).unwrap();
        for example in examples_in(&text, "    redcedar ") {
            works(&example);
            count += 1;
        }
    }
    assert!(count > 20, "only {count} commands were found");
}

/// The commands of a text: lines that begin with `prefix`, without comments, redirections and what is left open (`…`).
fn examples_in(text: &str, prefix: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let plain =
        lines.map(|line| line.split(" #").next().unwrap().split(" > ").next().unwrap().trim().to_owned());
    plain.filter(|line| !line.contains('…')).collect()
}

fn works(example: &str) {
    let sandbox = machine(example.split(' ').next().unwrap());
    if example.starts_with("mount ") && !example.contains("--dry-run") {
        if mount::is_possible() {
            let mounted = Mounted::new(&sandbox, example);
            mounted.interrupt();
            assert_eq!(mounted.wait(), (Some(0), String::new()), "redcedar {example}");
        }
        return;
    }
    let server = if example.contains("s3://") { Server::required() } else { None };
    if server.is_none() && example.contains("s3://") {
        return;
    }
    // What a master asks for, for the command that answers it.
    let request = format!("scp -t {}/cback.stage", sandbox.path(COLLECT).display());
    let mut command = sandbox.command(example);
    command.env("SSH_ORIGINAL_COMMAND", request).env("PATH", path_with_client(&sandbox));
    if let Some(server) = &server {
        fill(server, &sandbox);
        server.environment(&mut command);
    }
    let output = program::run(&mut command);
    assert_eq!(output.status.code(), Some(0), "redcedar {example}\n{}", program::describe(&output));
}

/// What the examples suppose to be in a bucket: a directory, and backups.
fn fill(server: &Server, sandbox: &Sandbox) {
    prepare(sandbox, "backup /home/anna --to /tmp/backup");
    for (directory, prefix) in [("/home/anna", "anna"), ("/tmp/backup", "host"), ("/tmp/backup", "backup")] {
        let mut command = sandbox.command(&format!("sync {directory} s3://bucket/{prefix}"));
        server.environment(&mut command);
        program::succeed(&mut command);
    }
}

/// Where the machine collects.
const COLLECT: &str = "/var/backups/redcedar/collect";

/// A machine with what the examples speak of: two directories, a backup of two days, a configuration and a run of it.
fn machine(command: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.write("/etc/fstab", "proc /proc proc\n");
    sandbox.write("/home/anna/report.odt", "draft");
    for directory in ["/mnt/days", "/tmp", "/usr/local/sbin", "/usr/local/share/man/man1"] {
        fs_err::create_dir_all(sandbox.path(directory)).unwrap();
    }
    match command {
        "backup" | "list" | "find" | "diff" | "restore" | "mount" | "verify" | "drill" | "run" | "status"
        | "validate" | "peer" | "validate-command" => {
            prepare(&sandbox, "backup /etc /home/anna --to /mnt/backup");
            prepare(&sandbox, "init /etc /home/anna --base /var/backups/redcedar");
            for directory in ["collect", "stage", "work"] {
                fs_err::create_dir_all(sandbox.path("/var/backups/redcedar").join(directory)).unwrap();
            }
            let name = format!("<name>{}</name>", redcedar_system::account::host_name());
            let config = sandbox.read("/etc/redcedar.conf").replace(&name, "<name>web1</name>");
            sandbox.write("/etc/redcedar.conf", config);
            fs_err::copy(sandbox.path("/etc/redcedar.conf"), sandbox.path("/etc/cback3.conf")).unwrap();
            write_backups(&sandbox);
            sandbox.write("/var/backups/redcedar/collect/mysqldump-web.txt", "-- Dump completed\n");
            let mailbox = sandbox.path("/var/mail/anna").display().to_string()[1..].replace('/', "-");
            let letter = "From b@c Mon Nov 23 01:00:00 2026\nSubject: hello\n\nhello\n\n";
            sandbox.write(&format!("/var/backups/redcedar/collect/mbox-20261123-{mailbox}"), letter);
            prepare(&sandbox, "run collect stage");
            sandbox.at("2026-11-24T02:00:00");
            sandbox.write("/home/anna/report.odt", "final");
            prepare(&sandbox, "backup /etc /home/anna --to /mnt/backup");
        }
        "span" => {
            let root = sandbox.root().display();
            let config = format!(
                "<cb_config><options><starting_day>monday</starting_day><working_dir>{root}/tmp</working_dir>\
                <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command>\
                </options><store><source_dir>{root}/mnt</source_dir><media_type>cdrw-74</media_type>\
                <target_device>{root}/disc.iso</target_device></store></cb_config>"
            );
            sandbox.write("/etc/redcedar.conf", config);
            sandbox.write("/mnt/2026/11/23/web/etc.tar", "a day");
            sandbox.write("/mnt/2026/11/23/cback.stage", "");
        }
        "snapshot" => {
            // No packages: those of the machine that runs the test are none of its business.
            let make = "snapshot create /etc /home --to /mnt/store --init --system /mnt";
            prepare(&sandbox, make);
            sandbox.at("2026-11-24T02:00:00");
            sandbox.write("/home/anna/report.odt", "final");
            prepare(&sandbox, make);
        }
        _ => {}
    }
    sandbox
}

/// What extensions could have put into the collect directory: a database, a repository, a database that is a file.
fn write_backups(sandbox: &Sandbox) {
    let normalised = |path: &str| sandbox.path(path).to_str().unwrap()[1..].replace('/', "-");
    let dump = "SVN-fs-dump-format-version: 2\n\nRevision-number: 0\nContent-length: 10\n\nPROPS-END\n\n";
    for (name, content) in [
        ("mysqldump-web.txt".to_owned(), "-- Dump completed\n"),
        (format!("svndump-0:0-{}.txt", normalised("/srv/svn/project")), dump),
        (format!("sqlitedump-{}.sqlite", normalised("/srv/app/app.db")), ""),
    ] {
        sandbox.write(&format!("{COLLECT}/{name}"), content);
    }
}

fn prepare(sandbox: &Sandbox, line: &str) {
    let answer = sandbox.run(line);
    assert_eq!(answer.code, 0, "preparing: redcedar {line}\n{}{}", answer.stdout, answer.stderr);
}

/// A `PATH` with a client of MySQL that is content with everything, and finds nothing on the server; with programs of
/// Subversion that are content, too.
fn path_with_client(sandbox: &Sandbox) -> String {
    for (name, script) in [
        ("mysql", "cat >/dev/null\necho 0\n"),
        ("svnadmin", "if [ $1 = create ]; then mkdir $3; fi\ncat >/dev/null\n"),
        ("svnlook", "echo 0\n"),
    ] {
        let path = format!("/bin/{name}");
        sandbox.write(&path, format!("#!/bin/sh\n{script}"));
        fs_err::set_permissions(sandbox.path(&path), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = program::variable("PATH").unwrap().into_string().unwrap();
    format!("{}:{path}", sandbox.path("/bin").display())
}
