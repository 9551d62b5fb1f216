//! What machines have that is worth a backup, and what it was at some time.

use redcedar_testing::compare::{Kind, Snapshot};
use redcedar_testing::program;
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{Growth, change, grow};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Something that is backed up.
pub(super) struct Thing {
    pub(super) kind: What,
    pub(super) path: PathBuf,
    /// Whether it is backed up once a week only.
    pub(super) is_weekly: bool,
    /// How often it was changed.
    count: u32,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Tree,
    Sqlite,
    Git,
    Mail,
}

/// What a thing was at some time.
#[derive(Debug, Clone)]
pub(super) enum State {
    Tree(Snapshot),
    Text(String),
}

impl State {
    /// The same as somebody sees it who sees no extended attributes.
    pub(super) fn without_attributes(&self) -> Self {
        match self.clone() {
            Self::Tree(tree) => Self::Tree(tree.simplified(|object| object.attributes.clear())),
            text @ Self::Text(_) => text,
        }
    }

    /// Fails the test if `found` is something else.
    #[track_caller]
    pub(super) fn assert_same(&self, found: &Self, context: impl Fn() -> String) {
        match (self, found) {
            (Self::Tree(wanted), Self::Tree(found)) => wanted.assert_same(found, context),
            (Self::Text(wanted), Self::Text(found)) => {
                assert!(wanted == found, "{}\n--- wanted\n{wanted}\n--- found\n{found}", context());
            }
            _ => panic!("a tree is no text: {}", context()),
        }
    }
}

fn growth() -> Growth {
    Growth { objects: 10, largest: 40_000, ..Growth::everything() }
}

impl Thing {
    /// Makes one at `path`.
    pub(super) fn new(kind: What, path: PathBuf, is_weekly: bool, rng: &mut Rng) -> Self {
        let mut thing = Self { kind, path, is_weekly, count: 0 };
        match kind {
            What::Tree => grow(&thing.path, rng, &growth()).unwrap(),
            What::Git => drop(git(Path::new("/"), &["init", "-q", thing.path.to_str().unwrap()])),
            What::Sqlite => thing.sql("CREATE TABLE t(number, bytes)"),
            What::Mail => {}
        }
        if kind != What::Tree {
            thing.change(rng);
        }
        thing
    }

    /// Changes it in one step.
    pub(super) fn change(&mut self, rng: &mut Rng) {
        self.count += 1;
        let count = self.count;
        match self.kind {
            What::Tree => drop(change(&self.path, rng, &growth(), 5).unwrap()),
            What::Sqlite => match rng.below(4) {
                0 => self.sql("DELETE FROM t WHERE number % 3 = 0"),
                1 => self.sql("UPDATE t SET number = number + 1"),
                _ => {
                    let bytes = String::from_utf8(rng.text(300)).unwrap();
                    self.sql(&format!("INSERT INTO t VALUES({count}, '{bytes}')"));
                }
            },
            What::Git => self.commit(rng),
            What::Mail => self.deliver(rng),
        }
    }

    fn sql(&self, text: &str) {
        program::succeed(program::command("sqlite3").arg(&self.path).arg(text));
    }

    /// Commits a file, on one of a few branches; some of them are thrown away or begun anew.
    fn commit(&self, rng: &mut Rng) {
        let branch = format!("branch{}", rng.below(3));
        let line = |words: &[&str]| git(&self.path, words);
        if rng.one_in(3) {
            line(&["checkout", "-q", "--orphan", &branch]);
            line(&["branch", "-q", "-D", "branch1"]);
        } else {
            line(&["checkout", "-q", "-B", &branch]);
        }
        fs_err::write(self.path.join("file"), rng.text(400)).unwrap();
        line(&["add", "file"]);
        line(&["commit", "-q", "--allow-empty", "-m", &format!("commit {}", self.count)]);
        if rng.one_in(3) {
            line(&["tag", "-f", "-a", "-m", "a tag", &format!("tag{}", rng.below(4))]);
        }
    }

    fn deliver(&self, rng: &mut Rng) {
        let mut mail = fs_err::read_to_string(&self.path).unwrap_or_default();
        for part in 0..=rng.below(3) {
            let id = format!("{}.{part}@example.invalid", self.count);
            let text = String::from_utf8(rng.text(300)).unwrap();
            let day = 1 + rng.below(28);
            let letter = format!(
                "From a@example.invalid Sun Feb {day:2} 10:00:00 2031\nMessage-Id: <{id}>\nSubject: letter\n\n{text}\n\n"
            );
            let _infallible = mail.write_str(&letter);
        }
        fs_err::write(&self.path, mail).unwrap();
    }

    /// What it is now.
    pub(super) fn state(&self) -> State {
        self.state_at(&self.path)
    }

    /// What something like it is that lies at `path`.
    pub(super) fn state_at(&self, path: &Path) -> State {
        match self.kind {
            What::Tree => {
                // Nobody can bring back sockets.
                let tree = Snapshot::take(path).unwrap();
                State::Tree(tree.filtered(|_, object| object.kind != Kind::Socket))
            }
            What::Sqlite => text(&program::succeed(program::command("sqlite3").arg(path).arg(".dump"))),
            What::Git => {
                let refs = git(path, &["show-ref"]);
                let head = git(path, &["symbolic-ref", "HEAD"]);
                let objects = git(path, &["rev-list", "--objects", "--all"]);
                State::Text(format!("{head}{refs}{objects}"))
            }
            What::Mail => State::Text(fs_err::read_to_string(path).unwrap()),
        }
    }

    /// What stands in the names of files that hold it.
    pub(super) fn normalised(&self) -> String {
        self.path.to_str().unwrap()[1..].replace('/', "-")
    }

    /// The words that bring it back alone.
    pub(super) fn switch(&self) -> &'static str {
        match self.kind {
            What::Tree => "--item",
            What::Sqlite => "--sqlite",
            What::Git => "--repository",
            What::Mail => "--mailbox",
        }
    }
}

fn text(bytes: &[u8]) -> State {
    State::Text(String::from_utf8_lossy(bytes).into_owned())
}

/// Runs `git`; a step that does not apply, such as deleting a branch that is not there, does nothing.
fn git(directory: &Path, words: &[&str]) -> String {
    let mut command = program::command("git");
    command.args(words).current_dir(directory);
    for variable in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{variable}_NAME"), "nobody");
        command.env(format!("{variable}_EMAIL"), "nobody@example.invalid");
    }
    let output = program::run(command.env("GIT_CONFIG_NOSYSTEM", "1"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
