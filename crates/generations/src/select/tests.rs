use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use redcedar_archive::select::Problem;
use redcedar_system::clock::FixedClock;
use redcedar_system::{System, fake};
use redcedar_testing::debian::{Deb, DebianRoot};
use redcedar_testing::program::is_root;

use super::*;
use crate::cache::{Cache, CacheWriter};

/// A system in a directory, and how to choose from it.
struct Machine {
    root: DebianRoot,
    prune: Vec<PathBuf>,
    always_save: Vec<PathBuf>,
    trust: Trust,
    cache: Option<PathBuf>,
    system: System,
}

impl Machine {
    /// With these packages installed, all of which a repository has.
    fn new(debs: &[Deb]) -> Self {
        let root = DebianRoot::new();
        for deb in debs {
            root.install(deb);
        }
        root.index("example.org_main_binary-all", debs);
        let (system, _) = fake::system("2100-01-01T00:00");
        Self { root, prune: vec![], always_save: vec![], trust: Trust::SameVersion, cache: None, system }
    }

    fn choose_from(&self, roots: &[PathBuf]) -> Choice {
        let options = Options {
            system_root: self.root.path(),
            roots,
            prune: &self.prune,
            always_save: &self.always_save,
            never_enter: &[],
            one_file_system: false,
            trust: self.trust,
            programs: &[],
            cache: self.cache.as_deref(),
        };
        choose(&options, &self.system).unwrap()
    }

    fn choose(&self) -> Choice {
        self.choose_from(&[self.root.path().to_owned()])
    }

    fn fate(&self, choice: &Choice, path: &str) -> Fate {
        let place = self.root.place(path);
        let entry = choice.iter().find(|entry| entry.path == place);
        entry.unwrap_or_else(|| panic!("{path} is not there")).fate
    }

    fn assert_saved(&self, choice: &Choice, cases: &[(&str, Reason)]) {
        for (path, reason) in cases {
            assert_eq!(self.fate(choice, path), Fate::Save(*reason), "{path}");
        }
    }

    fn assert_left_out(&self, choice: &Choice, paths: &[&str]) {
        for path in paths {
            let fate = self.fate(choice, path);
            assert!(matches!(fate, Fate::LeaveOut { digest: Some(_), .. }), "{path}: {fate:?}");
        }
    }

    fn set_mode(&self, path: &str, mode: u32) {
        fs_err::set_permissions(self.root.place(path), PermissionsExt::from_mode(mode)).unwrap();
    }
}

/// A package with files `/usr/share/p/1` and so on.
fn package(files: usize) -> Deb {
    (1..=files).fold(Deb::new("p", "1"), |deb, number| {
        deb.file(&format!("/usr/share/p/{number}"), format!("content {number}"), 0o644)
    })
}

#[test]
fn only_what_the_package_brings_back_as_it_is_is_left_out() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new(&[
        package(9).link("/usr/share/p/link", "1").conffile("/etc/p.conf", "x").conffile("/etc/q.conf", "x"),
        Deb::new("set-id", "1").file("/bin/set-id", "s", 0o4755).file("/bin/own", "o", 0o750),
    ]);
    let root = &machine.root;
    root.write("/usr/share/p/2", "CONTENT 2");
    fs_err::remove_file(root.place("/usr/share/p/3")).unwrap();
    fs_err::rename(root.place("/usr/share/p/4"), root.place("/usr/share/p/moved")).unwrap();
    symlink("moved", root.place("/usr/share/p/4")).unwrap();
    machine.set_mode("/usr/share/p/5", 0o664);
    std::os::unix::fs::chown(root.place("/usr/share/p/6"), Some(1), None).unwrap();
    xattr::set(root.place("/usr/share/p/7"), "user.note", b"mine").unwrap();
    root.write("/usr/share/p/unowned", "x");
    root.write("/etc/q.conf", "y");
    machine.always_save.push(root.place("/etc/p.conf"));
    root.tool("dpkg-statoverride", &["--add", "games", "games", "2755", "/bin/set-id"]);
    std::os::unix::fs::chown(root.place("/usr/bin/set-id"), Some(5), Some(60)).unwrap();
    machine.set_mode("/usr/bin/set-id", 0o2755);

    let choice = machine.choose();
    machine
        .assert_left_out(&choice, &["/usr/share/p/1", "/usr/share/p/8", "/usr/share/p/9", "/usr/bin/set-id"]);
    machine.assert_saved(
        &choice,
        &[
            ("/usr/share/p", Reason::Directory),
            ("/usr/share/p/2", Reason::ContentChanged),
            ("/usr/share/p/4", Reason::KindChanged),
            ("/usr/share/p/moved", Reason::Unowned),
            ("/usr/share/p/5", Reason::PermissionsChanged),
            ("/usr/share/p/6", Reason::PermissionsChanged),
            ("/usr/share/p/7", Reason::Attributes),
            ("/usr/share/p/link", Reason::Unspecified),
            ("/usr/share/p/unowned", Reason::Unowned),
            ("/usr/bin/own", Reason::PermissionsChanged),
            ("/etc/p.conf", Reason::Always),
            ("/etc/q.conf", Reason::ContentChanged),
            ("/var/lib/dpkg/status", Reason::Unowned),
            ("/bin", Reason::Unspecified),
        ],
    );
    let missing: Vec<_> = choice.missing().iter().map(|missing| missing.path.clone()).collect();
    assert_eq!(missing, [root.place("/usr/share/p/3")]);
    let totals = choice.totals();
    assert_eq!((totals.left_out.paths, totals.missing), (4, 1));
    assert_eq!(totals.saved[&Reason::ContentChanged], Total { paths: 2, bytes: 10 });
    assert_eq!(totals.saved.values().map(|total| total.paths).sum::<u64>() + 4, choice.iter().len() as u64);
}

#[test]
fn names_of_one_file_are_saved_together_or_not_at_all() {
    if !is_root() {
        return;
    }
    let machine = Machine::new(&[package(4)]);
    let link = |from: &str, to: &str| {
        fs_err::remove_file(machine.root.place(to)).ok();
        fs_err::hard_link(machine.root.place(from), machine.root.place(to)).unwrap();
    };
    link("/usr/share/p/1", "/usr/share/p/unowned");
    let choice = machine.choose();
    machine.assert_saved(
        &choice,
        &[("/usr/share/p/1", Reason::Linked), ("/usr/share/p/unowned", Reason::Unowned)],
    );
    machine.assert_left_out(&choice, &["/usr/share/p/2"]);
}

#[test]
fn a_package_that_no_repository_has_in_this_build_is_saved_as_far_as_it_is_not_trusted() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new(&[package(1)]);
    let reasons = |machine: &mut Machine| {
        [Trust::Nothing, Trust::SameVersion, Trust::AnyVersion, Trust::Installed].map(|trust| {
            machine.trust = trust;
            match machine.fate(&machine.choose(), "/usr/share/p/1") {
                Fate::Save(reason) => Some(reason),
                Fate::LeaveOut { .. } => None,
            }
        })
    };
    let (nowhere, other) = (Some(Reason::NotAvailable), Some(Reason::OtherVersion));
    assert_eq!(reasons(&mut machine), [nowhere, None, None, None]);
    machine.root.index("example.org_main_binary-all", &[Deb::new("p", "1").field("Depends: q")]);
    assert_eq!(reasons(&mut machine), [other, other, None, None]);
    fs_err::remove_dir_all(machine.root.place("/var/lib/apt/lists")).unwrap();
    assert_eq!(reasons(&mut machine), [nowhere, nowhere, nowhere, None]);
    assert!(machine.choose().remarks().any(|remark| remark.contains("apt-get update")));
}

#[test]
fn pruned_and_marked_directories_are_saved_empty_and_a_root_brings_the_directories_above_it() {
    let mut machine = Machine::new(&[]);
    for path in ["/srv/cache/x", "/srv/marked/x", "/home/u/x"] {
        fs_err::create_dir_all(machine.root.place(path)).unwrap();
    }
    symlink("srv", machine.root.place("/alias")).unwrap();
    machine.root.write("/srv/marked/.no-backup", "");
    machine.root.write("/srv/swap", "");
    machine.prune = ["/alias/cache/", "/srv/swap"].map(|path| machine.root.place(path)).to_vec();
    let roots = ["/alias", "/home/u", "/etc/passwd", "/absent"].map(|path| machine.root.place(path));
    let choice = machine.choose_from(&roots);
    let below = |path: &Path| {
        path.strip_prefix(machine.root.path()).ok().map(|path| path.to_str().unwrap().to_owned())
    };
    let paths: Vec<_> = choice.iter().filter_map(|entry| below(entry.path)).collect();
    let expected = ["", "etc", "etc/passwd", "home", "home/u", "home/u/x", "srv", "srv/cache", "srv/marked"];
    assert_eq!(paths, expected);
    assert_eq!(choice.iter().next().unwrap().path, Path::new("/"));
    machine.assert_saved(&choice, &[("/srv/cache", Reason::Pruned), ("/srv/marked", Reason::Pruned)]);
    machine.assert_saved(&choice, &[("/srv", Reason::Directory)]);
    assert!(
        choice.remarks().any(|remark| remark.contains("alias")),
        "{:?}",
        choice.remarks().collect::<Vec<_>>()
    );
    let problems: Vec<_> = choice.problems().map(Problem::path).collect();
    assert_eq!(problems, [machine.root.place("/absent")]);
}

#[test]
fn what_did_not_change_is_not_read_again() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new(&[package(3)]);
    let cache = machine.root.place("/cache");
    machine.cache = Some(cache.clone());
    machine.assert_left_out(&machine.choose(), &["/usr/share/p/1"]);
    let mut remembered = Cache::load(&cache).unwrap();
    let choice = machine.choose();
    for entry in choice.iter().filter(|entry| matches!(entry.fate, Fate::LeaveOut { .. })) {
        let Fate::LeaveOut { digest, .. } = entry.fate else { unreachable!() };
        assert_eq!(remembered.find(entry.path, entry.metadata), digest);
    }
    assert!(remembered.is_used_up());
    // Whoever believes this has not read the file.
    let mut lie = CacheWriter::create(&cache).unwrap();
    let two = machine.root.place("/usr/share/p/2");
    let entry = choice.iter().find(|entry| entry.path == two).unwrap();
    lie.add(&two, entry.metadata, &Digest::Md5([0; 16])).unwrap();
    lie.finish().unwrap();
    machine.assert_saved(&machine.choose(), &[("/usr/share/p/2", Reason::ContentChanged)]);
    machine.root.write("/usr/share/p/2", "content 2");
    machine.assert_left_out(&machine.choose(), &["/usr/share/p/1", "/usr/share/p/2", "/usr/share/p/3"]);
}

#[test]
fn a_file_that_changed_just_now_is_not_remembered() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new(&[package(1)]);
    let cache = machine.root.place("/cache");
    machine.cache = Some(cache.clone());
    let place = machine.root.place("/usr/share/p/1");
    let choice = machine.choose();
    let changed = choice.iter().find(|entry| entry.path == place).unwrap().metadata.changed.seconds;
    for (later, is_remembered) in [(1, false), (2, true)] {
        fs_err::remove_file(&cache).ok();
        let now = jiff::Timestamp::from_second(changed + later).unwrap();
        machine.system.clock = Arc::new(FixedClock(now.to_zoned(jiff::tz::TimeZone::UTC)));
        let choice = machine.choose();
        let entry = choice.iter().find(|entry| entry.path == place).unwrap();
        let mut remembered = Cache::load(&cache).unwrap();
        assert_eq!(remembered.find(&place, entry.metadata).is_some(), is_remembered, "{later} s");
    }
}

#[test]
fn a_cache_that_is_damaged_or_open_to_others_is_not_used() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new(&[package(2)]);
    let cache = machine.root.place("/cache");
    machine.cache = Some(cache.clone());
    machine.choose();
    let good = fs_err::read(&cache).unwrap();
    for spoil in [0, 1, 2] {
        let mut bytes = good.clone();
        match spoil {
            0 => bytes[40] ^= 1,
            1 => bytes.truncate(good.len() - 1),
            _ => {}
        }
        fs_err::write(&cache, bytes).unwrap();
        machine.set_mode("/cache", if spoil == 2 { 0o666 } else { 0o600 });
        let choice = machine.choose();
        assert!(choice.remarks().any(|remark| remark.contains("the cache cannot be used")), "{spoil}");
        machine.assert_left_out(&choice, &["/usr/share/p/1"]);
        assert_eq!(choice.remarks().count(), 1);
        assert!(machine.choose().remarks().next().is_none(), "it is written anew");
    }
}

/// What somebody may do to a file of a package.
#[derive(Debug, Clone)]
enum Change {
    Content(Vec<u8>),
    Mode(u32),
    Owner(u32),
    Remove,
    Link,
    Directory,
    Touch,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Change::Content),
        prop::sample::select(vec![0o600, 0o644, 0o755, 0o4755, 0o666, 0o444]).prop_map(Change::Mode),
        (0..2_u32).prop_map(Change::Owner),
        Just(Change::Remove),
        Just(Change::Link),
        Just(Change::Directory),
        Just(Change::Touch),
    ]
}

impl Change {
    /// Does it, and says whether the package would not bring back what is there then.
    fn apply(&self, path: &Path, original: &[u8]) -> bool {
        match self {
            Self::Content(content) => {
                fs_err::write(path, content).unwrap();
                content != original
            }
            Self::Mode(mode) => {
                fs_err::set_permissions(path, PermissionsExt::from_mode(*mode)).unwrap();
                ![0o644, 0o755, 0o444].contains(mode)
            }
            Self::Owner(owner) => {
                std::os::unix::fs::chown(path, Some(*owner), None).unwrap();
                *owner != 0
            }
            Self::Remove => {
                fs_err::remove_file(path).unwrap();
                true
            }
            Self::Link => {
                fs_err::remove_file(path).unwrap();
                symlink("1", path).unwrap();
                true
            }
            Self::Directory => {
                fs_err::remove_file(path).unwrap();
                fs_err::create_dir(path).unwrap();
                true
            }
            Self::Touch => {
                fs_err::File::options()
                    .write(true)
                    .open(path)
                    .unwrap()
                    .set_modified(std::time::UNIX_EPOCH)
                    .unwrap();
                false
            }
        }
    }
}

/// How many files it is done to.
const FILES: usize = 12;

#[test]
fn whatever_is_done_to_files_of_packages_what_would_not_come_back_is_saved() {
    if !is_root() {
        return;
    }
    let mut machine = Machine::new(&[package(FILES)]);
    machine.cache = Some(machine.root.place("/cache"));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(60));
    let changes = prop::collection::vec(prop::option::weighted(0.6, change()), FILES);
    runner
        .run(&changes, |changes| {
            let name = |number: usize| format!("/usr/share/p/{number}");
            let mut expected = Vec::new();
            for (number, change) in (1..).zip(&changes) {
                let path = machine.root.place(&name(number));
                let original = format!("content {number}");
                // As dpkg installed it.
                fs_err::remove_file(&path).or_else(|_| fs_err::remove_dir(&path)).ok();
                fs_err::write(&path, &original).unwrap();
                machine.set_mode(&name(number), 0o644);
                expected.push(change.as_ref().is_some_and(|change| change.apply(&path, original.as_bytes())));
            }
            // Once reading, once believing the cache.
            for _ in 0..2 {
                let choice = machine.choose();
                for (number, is_changed) in (1..).zip(&expected) {
                    let place = machine.root.place(&name(number));
                    let fate = choice.iter().find(|entry| entry.path == place).map(|entry| entry.fate);
                    let is_left_out = matches!(fate, Some(Fate::LeaveOut { .. }));
                    prop_assert_eq!(
                        is_left_out,
                        !is_changed,
                        "{} {:?} {:?}",
                        number,
                        changes[number - 1],
                        fate
                    );
                    let is_missing = choice.missing().iter().any(|missing| missing.path == place);
                    prop_assert_eq!(is_missing, fate.is_none());
                }
            }
            Ok(())
        })
        .unwrap();
}
