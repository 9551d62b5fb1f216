//! A machine with mailboxes, in a pool of its own.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::program::{self, describe};

/// The original and grepmail, or nothing after having said aloud that they are missing.
pub(crate) fn original() -> Option<Oracle> {
    if program::find("grepmail").is_none() {
        program::cannot_test("mailboxes against grepmail", "grepmail is not installed");
        return None;
    }
    Oracle::required()
}

pub(crate) struct Machine {
    pub(crate) pool: Pool,
}

impl Machine {
    /// Backs up the mailbox `inbox` and the directory `mail`, compressed by `compress_mode`.
    pub(crate) fn new(compress_mode: &str) -> Self {
        let pool = Pool::new().unwrap();
        let root = pool.path().to_owned();
        fs_err::create_dir(root.join("mail")).unwrap();
        fs_err::create_dir(root.join("files")).unwrap();
        let root = root.display();
        pool.configure_with(
            &format!(
                "<collect_mode>daily</collect_mode><archive_mode>tar</archive_mode><ignore_file>.ignore</ignore_file>
                <dir><abs_path>{root}/files</abs_path></dir>"
            ),
            &format!(
                "<extensions><action><name>mbox</name><module>CedarBackup3.extend.mbox</module>
                <function>executeAction</function><index>99</index></action></extensions>
                <mbox><collect_mode>incr</collect_mode><compress_mode>{compress_mode}</compress_mode>
                <file><abs_path>{root}/inbox</abs_path></file><dir><abs_path>{root}/mail</abs_path></dir></mbox>"
            ),
        )
        .unwrap();
        Self { pool }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.pool.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs_err::write(self.path(name), content).unwrap();
    }

    /// Backs up and stages, by the original if there is one, else by us. Nothing may go wrong.
    pub(crate) fn night(&self, oracle: Option<&Oracle>, now: &str) {
        let ours = cargo_bin!("redcedar");
        let program = oracle.map_or(Program::Ours(ours), Program::Original);
        let output = self.run(program, now, &["mbox", "collect", "stage"]);
        assert!(output.status.success(), "{now}: {}", describe(&output));
        let log = fs_err::read_to_string(self.pool.log()).unwrap();
        assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
        // What is staged is not staged again.
        self.purge();
    }

    /// Runs a program at a time.
    pub(crate) fn run(&self, program: Program<'_>, now: &str, arguments: &[&str]) -> Output {
        let mut command = self.pool.command(program, now, arguments);
        // Where grepmail has its cache.
        program::run(command.env("HOME", self.pool.path()))
    }

    fn purge(&self) {
        for entry in fs_err::read_dir(self.pool.collect_dir()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("mbox-") {
                fs_err::remove_file(path).unwrap();
            }
        }
    }

    /// The decompressed piece of a day, as `tar -O` or `cat` gives it.
    pub(crate) fn piece(&self, day: &str, what: &str) -> String {
        let (year, rest) = day.split_at(4);
        let (month, date) = rest.split_at(2);
        let root = self.pool.path().to_str().unwrap()[1..].replace('/', "-");
        let dir = self.pool.daily_dir(&format!("{year}/{month}/{date}"));
        let path = dir.join(format!("mbox-{day}-{root}-{what}.gz"));
        assert!(path.is_file(), "{}", path.display());
        let mut command = program::command("sh");
        let script = if what.contains(".tar") { "tar -xzOf \"$0\"" } else { "zcat \"$0\"" };
        String::from_utf8(program::succeed(command.arg("-c").arg(script).arg(path))).unwrap()
    }

    /// Restores the mailbox `what` as of a day, and gives it back.
    pub(crate) fn restored(&self, what: &str, day: &str) -> String {
        let to = self.path(&format!("restored-{}-{day}", what.replace('/', "-")));
        let output = self.restore(&self.path(what), &to, &["--as-of", day]);
        assert!(output.status.success(), "{}", describe(&output));
        fs_err::read_to_string(to).unwrap()
    }

    pub(crate) fn restore(&self, what: &Path, to: &Path, more: &[&str]) -> Output {
        let mut command = program::command(cargo_bin!("redcedar"));
        command.arg("restore").arg("--mailbox").arg(what).arg("--to").arg(to);
        program::run(command.arg("--from").arg(self.pool.staging_dir()).args(more))
    }
}
