//! A pool of one machine, its days, and the programs that make and compare repositories.

use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::program::{self, describe};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A machine that backs up into itself.
pub(crate) struct Machine {
    pub(crate) pool: Pool,
    /// The day of March 2031. The third is a Monday, and weeks start on Sunday.
    day: u32,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Machine {
    /// A machine with these sections; `ROOT` in them is the directory where everything is.
    pub(crate) fn new(sections: &str) -> Self {
        let machine = Self { pool: Pool::new().unwrap(), day: 3, environment: Vec::new() };
        machine.configure(sections);
        machine
    }

    pub(crate) fn configure(&self, sections: &str) {
        fs_err::write(self.root().join("file"), "x").unwrap();
        self.configure_collect("<file><abs_path>ROOT/file</abs_path></file>", sections);
    }

    /// Lets nothing but `items` and what `sections` say be collected.
    pub(crate) fn configure_collect(&self, items: &str, sections: &str) {
        let root = self.root().display().to_string();
        let modes = "<collect_mode>daily</collect_mode><archive_mode>tar</archive_mode><ignore_file>.ignore</ignore_file>";
        let collect = format!("{modes}{items}").replace("ROOT", &root);
        self.pool.configure_with(&collect, &sections.replace("ROOT", &root)).unwrap();
    }

    pub(crate) fn root(&self) -> &Path {
        self.pool.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// The normalised path of something below the root.
    pub(crate) fn normalised(&self, name: &str) -> String {
        self.path(name).to_str().unwrap()[1..].replace('/', "-")
    }

    /// Sets a variable for all runs of ours from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: &Path) {
        self.environment.push((name, value.to_owned()));
    }

    pub(crate) fn next_day(&mut self) {
        self.day += 1;
    }

    pub(crate) fn date(&self) -> String {
        format!("2031-03-{:02}", self.day)
    }

    fn now(&self) -> String {
        format!("{} 02:00:00", self.date())
    }

    /// Runs our `cback3` with actions.
    pub(crate) fn cback3(&self, actions: &[&str]) -> Output {
        let mut command = self.pool.command(ours(), &self.now(), actions);
        program::run(command.envs(self.environment.iter().cloned()))
    }

    /// The same, which must succeed.
    #[track_caller]
    pub(crate) fn run(&self, actions: &[&str]) {
        let output = self.cback3(actions);
        assert!(output.status.success(), "{}\n{}", describe(&output), self.log());
    }

    /// Runs the original, which must succeed.
    #[track_caller]
    pub(crate) fn run_original(&self, oracle: &Oracle, actions: &[&str]) {
        let output = self.pool.run(Program::Original(oracle), &self.now(), actions);
        assert!(output.status.success(), "{}\n{}", describe(&output), self.log());
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs_err::read(self.pool.log()).unwrap_or_default()).into_owned()
    }

    /// Runs `redcedar` with words; `ROOT` in them is the directory where everything is.
    pub(crate) fn redcedar(&self, line: &str) -> Output {
        let root = self.root().to_str().unwrap();
        let words: Vec<_> = line.split(' ').map(|word| word.replace("ROOT", root)).collect();
        self.redcedar_with(&words)
    }

    /// The same with words that may have blanks in them.
    pub(crate) fn redcedar_with<S: AsRef<OsStr>>(&self, words: &[S]) -> Output {
        let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
        command.env("REDCEDAR_NOW", self.now().replace(' ', "T")).envs(self.environment.iter().cloned());
        program::run(command.args(words))
    }

    /// The same, which must succeed; what it printed.
    #[track_caller]
    pub(crate) fn redcedar_well(&self, line: &str) -> String {
        let output = self.redcedar(line);
        assert!(output.status.success(), "{line}: {}\n{}", describe(&output), self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is in the collect directory and begins so, with the normalised root taken out.
    pub(crate) fn collected(&self, prefix: &str) -> Vec<String> {
        self.names(&self.pool.collect_dir(), prefix)
    }

    /// The same of what was staged today.
    pub(crate) fn staged(&self, prefix: &str) -> Vec<String> {
        self.names(&self.daily_dir(), prefix)
    }

    /// Where today is staged.
    pub(crate) fn daily_dir(&self) -> PathBuf {
        self.pool.daily_dir(&self.date().replace('-', "/"))
    }

    fn names(&self, directory: &Path, prefix: &str) -> Vec<String> {
        let root = self.normalised("");
        let names = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().replace(&root, ""))
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }
}

/// Our executable.
pub(crate) fn ours() -> Program<'static> {
    Program::Ours(Path::new(env!("CARGO_BIN_EXE_redcedar")))
}

/// A command that must be there, else the tests cannot be made here.
pub(crate) fn required(name: &str) -> bool {
    let found = program::find(name).is_some();
    if !found {
        program::cannot_test("repositories", &format!("the program {name} is not installed"));
    }
    found
}

/// A command with words, in a directory, that reads no settings of whoever runs the tests.
pub(crate) fn command<S: AsRef<OsStr>>(directory: &Path, words: &[S]) -> Command {
    let mut command = program::command(&words[0]);
    command
        .args(&words[1..])
        .current_dir(directory)
        .env("HGRCPATH", "")
        .env("HGUSER", "nobody")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "nobody")
        .env("GIT_AUTHOR_EMAIL", "nobody@example.invalid")
        .env("GIT_COMMITTER_NAME", "nobody")
        .env("GIT_COMMITTER_EMAIL", "nobody@example.invalid");
    command
}

/// Runs such a command, which must succeed; what it printed.
#[track_caller]
pub(crate) fn tool<S: AsRef<OsStr>>(directory: &Path, words: &[S]) -> String {
    String::from_utf8_lossy(&program::succeed(&mut command(directory, words))).into_owned()
}
