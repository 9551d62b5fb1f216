//! Each kind of file of a day, damaged in each way: `verify` finds it and names it, and everything else comes back.

use super::world::{Day, below, ours};
use age::secrecy::ExposeSecret;
use redcedar_testing::compare::Snapshot;
use redcedar_testing::pool::Pool;
use redcedar_testing::program::{self, describe};
use redcedar_testing::rng::Rng;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Truncated,
    Flipped,
    Missing,
    /// It is that of the day before.
    Swapped,
    Empty,
}

impl Damage {
    const ALL: [Self; 5] = [Self::Truncated, Self::Flipped, Self::Missing, Self::Swapped, Self::Empty];

    fn happen(self, file: &Path, day_before: &Path) {
        let mut content = fs_err::read(file).unwrap();
        let middle = content.len() / 2;
        match self {
            Self::Truncated => content.truncate(middle),
            Self::Flipped => content[middle] ^= 1,
            Self::Missing => return fs_err::remove_file(file).unwrap(),
            Self::Swapped => content = fs_err::read(day_before).unwrap(),
            Self::Empty => content.clear(),
        }
        fs_err::write(file, content).unwrap();
    }
}

/// Trees by the way they are stored.
const TREES: [&str; 4] = ["tar", "targz", "tarbz2", "tarzst"];
const SUNDAY: Day = Day::FIRST.after(6);

/// A pool of one with two days of everything.
struct Store {
    pool: Pool,
    trees: Vec<Snapshot>,
}

impl Store {
    fn new(seed: u64, is_treated: bool) -> Self {
        let pool = Pool::new().unwrap();
        let root = pool.path().display().to_string();
        let dirs = TREES.map(|mode| {
            format!("<dir><abs_path>{root}/{mode}</abs_path><archive_mode>{mode}</archive_mode></dir>")
        });
        let identity = age::x25519::Identity::generate();
        fs_err::write(pool.path().join("identity"), identity.to_string().expose_secret()).unwrap();
        let action = |name: &str, index: u32| {
            format!(
                "<action><name>{name}</name><module>CedarBackup3.extend.{name}</module>\
                 <function>executeAction</function><index>{index}</index></action>"
            )
        };
        let treatment = format!(
            "<encrypt><age_recipient>{}</age_recipient></encrypt>
            <split><size_limit>3 KB</size_limit><split_size>2 KB</split_size></split>",
            identity.to_public()
        );
        let sections = format!(
            "<extensions>{}{}{}</extensions>
            <mbox><collect_mode>daily</collect_mode><compress_mode>gzip</compress_mode>
            <file><abs_path>{root}/mail</abs_path></file></mbox>
            <sqlite><collect_mode>daily</collect_mode><compress_mode>gzip</compress_mode>
            <database><abs_path>{root}/app.db</abs_path></database></sqlite>
            <git><collect_mode>daily</collect_mode><repository><abs_path>{root}/git</abs_path></repository></git>
            {}",
            action("mbox", 99),
            action("encrypt", 210),
            action("split", 220),
            if is_treated { &treatment } else { "" }
        );
        let collect = format!(
            "<collect_mode>daily</collect_mode><archive_mode>tar</archive_mode><ignore_file>.ignore</ignore_file>{}",
            dirs.concat()
        );
        pool.configure_with(&collect, &sections).unwrap();
        let mut rng = Rng::new(seed);
        let treat: &[&str] = if is_treated { &["encrypt", "split"] } else { &[] };
        for day in [SUNDAY, SUNDAY.next()] {
            change(pool.path(), day, &mut rng);
            let output = pool.run(ours(), &day.time(), &[&["mbox", "collect", "stage"], treat].concat());
            assert!(output.status.success(), "{}", describe(&output));
        }
        let trees = TREES.map(|mode| Snapshot::take(&pool.path().join(mode)).unwrap());
        Self { pool, trees: trees.to_vec() }
    }

    /// The only file of a day whose name ends or, with a `*` at its end, begins so.
    fn file(&self, day: Day, name: &str) -> PathBuf {
        let files = fs_err::read_dir(self.pool.daily_dir(&day.path())).unwrap();
        let is_it = |path: &PathBuf| {
            let file = path.file_name().unwrap().to_str().unwrap();
            name.strip_suffix('*').map_or_else(|| file.ends_with(name), |begin| file.starts_with(begin))
        };
        let mut found = files.map(|entry| entry.unwrap().path()).filter(is_it);
        let file = found.next().unwrap_or_else(|| panic!("no {name} on {}", day.date()));
        assert!(found.next().is_none(), "several {name}");
        file
    }

    fn redcedar(&self, words: &[&str]) -> Output {
        let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
        command.env("REDCEDAR_NOW", SUNDAY.next().time().replace(' ', "T"));
        command.env("REDCEDAR_IDENTITY", self.pool.path().join("identity"));
        command.args(words).arg("--from").arg(self.pool.staging_dir());
        program::run(&mut command)
    }

    /// What is found, and the exit code.
    fn findings(&self) -> (i32, Vec<Finding>) {
        let output = self.redcedar(&["verify", "--json"]);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", describe(&output)));
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let finding = |finding: &Value| Finding {
            day: text(finding, "day"),
            file: text(finding, "file"),
            message: text(finding, "message"),
        };
        let findings = report["findings"].as_array().unwrap().iter().map(finding).collect();
        (output.status.code().unwrap(), findings)
    }

    /// Restores everything of the second day; returns which trees are as they were.
    fn restored(&self) -> Vec<&'static str> {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("restored");
        self.redcedar(&["restore", "--to", target.to_str().unwrap()]);
        let is_same = |(mode, wanted): (&'static str, &Snapshot)| {
            let place = self.pool.path().join(mode);
            let there = target.join(place.strip_prefix("/").unwrap()).exists();
            (there && wanted.differences(&below(&target, &place)).is_empty()).then_some(mode)
        };
        TREES.into_iter().zip(&self.trees).filter_map(is_same).collect()
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Finding {
    day: String,
    file: String,
    message: String,
}

/// Everything is something else than the day before, and of the same size.
fn change(root: &Path, day: Day, rng: &mut Rng) {
    for mode in TREES {
        let tree = root.join(mode);
        fs_err::create_dir_all(&tree).unwrap();
        for name in ["one", "two"] {
            fs_err::write(tree.join(name), rng.bytes(3000)).unwrap();
        }
    }
    let letter = format!(
        "From a@example.invalid Sun Mar  2 10:00:00 2031\nMessage-Id: <{}@x>\n\ntext\n\n",
        day.date()
    );
    fs_err::write(root.join("mail"), letter.repeat(3)).unwrap();
    let database = root.join("app.db");
    let _new = fs_err::remove_file(&database);
    let sql = format!("CREATE TABLE t AS SELECT '{}' AS day", day.date());
    program::succeed(program::command("sqlite3").arg(database).arg(sql));
    let git = root.join("git");
    let _there = fs_err::create_dir(&git);
    fs_err::write(git.join("file"), day.date()).unwrap();
    for words in ["init -q .", "add file", "-c user.name=n -c user.email=n@x commit -q -m day"] {
        program::succeed(program::command("git").args(words.split(' ')).current_dir(&git));
    }
}

/// A kind of file, and what it is about.
struct Case {
    /// As [`Store::file`] finds it.
    file: &'static str,
    about: About,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// A tree, by how it is stored. It alone may be lost.
    Tree(&'static str),
    /// Something that is no tree; files of it have this in their names.
    Other(&'static str),
    /// All files. Without it there is less proof, and nothing is lost.
    List,
    /// It only says that something was done, and that is over.
    Indicator,
}

const fn case(file: &'static str, about: About) -> Case {
    Case { file, about }
}

#[test]
fn whatever_happens_to_a_file_in_clear_it_is_named_and_the_rest_comes_back() {
    let cases = [
        case("-tar.tar", About::Tree("tar")),
        case("-targz.tar.gz", About::Tree("targz")),
        case("-tarbz2.tar.bz2", About::Tree("tarbz2")),
        case("-tarzst.tar.zst", About::Tree("tarzst")),
        case("-targz.manifest.jsonl.zst", About::Tree("targz")),
        case("cback.sha256", About::List),
        case("cback.collect", About::Indicator),
        case("sqlitedump-*", About::Other("sqlitedump-")),
        case(".bundle", About::Other("gitbundle-20310310")),
        case(".refs", About::Other("gitbundle-20310310")),
        case("mbox-20310310*", About::Other("mbox-20310310")),
    ];
    assert_found(&Store::new(1, false), &cases);
}

#[test]
fn whatever_happens_to_an_encrypted_file_or_to_a_part_it_is_named_and_the_rest_comes_back() {
    let cases = [
        case("-tar.tar.age_00001", About::Tree("tar")),
        case("-targz.tar.gz.age_00000", About::Tree("targz")),
        case("-tarzst.manifest.jsonl.zst.age", About::Tree("tarzst")),
        case("cback.sha256", About::List),
        case("cback.origins.sha256", About::List),
        case("sqlitedump-*", About::Other("sqlitedump-")),
        case(".bundle.age", About::Other("gitbundle-20310310")),
        case("mbox-20310310*", About::Other("mbox-20310310")),
    ];
    assert_found(&Store::new(2, true), &cases);
}

fn assert_found(store: &Store, cases: &[Case]) {
    let whole = store.findings();
    assert_eq!((whole.0, &*whole.1), (0, &[][..]));
    for case in cases {
        let file = store.file(SUNDAY.next(), case.file);
        let before = store.file(SUNDAY, &case.file.replace("20310310", "20310309"));
        let intact = fs_err::read(&file).unwrap();
        for damage in Damage::ALL {
            damage.happen(&file, &before);
            let (code, findings) = store.findings();
            let restored = store.restored();
            let context = format!("{} {damage:?}: {code} {findings:#?}, {restored:?}", case.file);
            case.assert_named(damage, &file, code, &findings, &context);
            let is_safe = |tree| case.about != About::Tree(tree);
            let mut safe = TREES.into_iter().filter(|tree| is_safe(*tree));
            assert!(safe.all(|tree| restored.contains(&tree)), "{context}");
            fs_err::write(&file, &intact).unwrap();
        }
    }
}

impl Case {
    #[track_caller]
    fn assert_named(&self, damage: Damage, file: &Path, code: i32, findings: &[Finding], context: &str) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let is_of_it = |finding: &Finding| match self.about {
            About::Tree(tree) => finding.file.contains(&format!("-{tree}.")),
            About::Other(begin) => finding.file.starts_with(begin),
            // What it says of a file is not what the file is, and whose fault that is cannot be known.
            About::List => {
                finding.file == name
                    || finding.message.contains("cback.sha256")
                    || finding.message.contains("before it was encrypted")
            }
            About::Indicator => false,
        };
        assert!(findings.iter().all(|finding| finding.day == SUNDAY.next().date()), "{context}");
        assert!(findings.iter().all(is_of_it), "{context}");
        let mut said: Vec<_> = findings.iter().map(|finding| (&finding.file, &finding.message)).collect();
        said.sort();
        said.dedup();
        assert_eq!(said.len(), findings.len(), "something is said twice: {context}");
        let is_named = findings.iter().any(|finding| finding.file == name);
        match (self.about, damage) {
            (About::Indicator, _) => assert_eq!(code, 0, "{context}"),
            // Nothing is lost, but it is said.
            (About::List, Damage::Missing) => assert!(code == 0 && is_named, "{context}"),
            (About::List, _) => assert!(code == 6 && !findings.is_empty(), "{context}"),
            _ => assert!(code == 6 && is_named, "{context}"),
        }
    }
}
