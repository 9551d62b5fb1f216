use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

/// A temporary directory, and what is selected in it by default settings.
struct Tree {
    directory: tempfile::TempDir,
    exclude: Exclude,
    never_enter: Vec<PathBuf>,
}

impl Tree {
    /// `d/` is a directory, `a -> b` a link, `p|` a FIFO, `s=` a socket, all else a file that holds its own name.
    fn new(entries: &[&str]) -> Self {
        let tree = Self {
            directory: tempfile::tempdir().unwrap(),
            exclude: Exclude::default(),
            never_enter: Vec::new(),
        };
        for entry in entries {
            tree.add(entry);
        }
        tree
    }

    fn add(&self, entry: &str) {
        if let Some((link, target)) = entry.split_once(" -> ") {
            symlink(target.replace("ROOT", self.root().to_str().unwrap()), self.path(link)).unwrap();
        } else if let Some(directory) = entry.strip_suffix('/') {
            fs_err::create_dir_all(self.path(directory)).unwrap();
        } else if let Some(fifo) = entry.strip_suffix('|') {
            self.node(fifo, rustix::fs::FileType::Fifo);
        } else if let Some(socket) = entry.strip_suffix('=') {
            drop(std::os::unix::net::UnixListener::bind(self.path(socket)).unwrap());
        } else {
            fs_err::write(self.path(entry), entry).unwrap();
        }
    }

    fn node(&self, name: &str, kind: rustix::fs::FileType) {
        let path = CString::new(self.path(name).into_os_string().into_vec()).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, rustix::fs::Mode::from_raw_mode(0o644), 0).unwrap();
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root().to_owned() } else { self.root().join(name) }
    }

    fn exclude(mut self, paths: &[&str], patterns: &[&str], globs: &[&str]) -> Self {
        let paths = paths.iter().map(|name| self.path(name)).collect();
        self.exclude = Exclude::new(paths, patterns, globs).unwrap();
        self
    }

    fn selection<'a>(&'a self, root: &'a Path) -> Selection<'a> {
        Selection {
            root,
            ignore_file: Some(OsStr::new(".ignore")),
            exclude: &self.exclude,
            link_depth: 0,
            dereference: false,
            one_file_system: false,
            exclude_caches: false,
            never_enter: &self.never_enter,
        }
    }

    /// Selects everything below a name, with changed settings.
    fn select(&self, name: &str, change: impl FnOnce(&mut Selection<'_>)) -> Fileset {
        let root = self.path(name);
        let mut selection = self.selection(&root);
        change(&mut selection);
        select_directory(&selection, &Interrupt::new()).unwrap()
    }

    /// Paths below the root of the tree, directories with a slash, links with an at sign; the problems likewise.
    fn show(&self, fileset: &Fileset) -> Vec<String> {
        let name = |path: &Path| match path.strip_prefix(self.root()) {
            Ok(below) => escape::display(below).to_string(),
            Err(_) => escape::display(path).to_string(),
        };
        let mark = |kind| match kind {
            Kind::File => "",
            Kind::Directory => "/",
            Kind::Symlink => "@",
            Kind::Fifo => "|",
            Kind::Socket => "=",
            Kind::Character | Kind::Block => "!",
        };
        let entries = fileset.iter().map(|entry| name(entry.path) + mark(entry.metadata.kind));
        let problems = fileset.problems().iter().map(|problem| match problem {
            Problem::Vanished { path } => format!("vanished: {}", name(path)),
            Problem::Unreadable { path, reason } => format!("unreadable: {}: {reason}", name(path)),
            Problem::Skipped { path, reason } => format!("skipped: {}: {reason}", name(path)),
            Problem::Undecided { path, .. } => format!("undecided: {}", name(path)),
        });
        entries.chain(problems).collect()
    }
}

#[test]
fn everything_is_listed_in_canonical_order_with_the_root_first() {
    let tree = Tree::new(&[
        "b/",
        "b/x",
        "b-",
        "a",
        "b/c/",
        "dangling -> nowhere",
        "fifo|",
        "sock=",
        "to_b -> b",
        "back\\slash",
    ]);
    let fileset = tree.select("", |_| {});
    let expected =
        ["/", "a", "b/", "b/c/", "b/x", "b-", "back\\slash", "dangling@", "fifo|", "sock=", "to_b@"];
    assert_eq!(tree.show(&fileset), expected);
    assert_eq!(fileset.total_files(), 4);
}

#[test]
fn metadata_is_what_the_system_says() {
    let tree = Tree::new(&["file", "link -> file"]);
    fs_err::set_permissions(tree.path("file"), std::fs::Permissions::from_mode(0o4751)).unwrap();
    let fileset = tree.select("", |_| {});
    for entry in fileset.iter() {
        let expected = fs_err::symlink_metadata(entry.path).unwrap();
        let found = entry.metadata;
        assert_eq!((found.size, found.inode), (expected.len(), expected.ino()));
        assert_eq!(
            found.device,
            u64::from(rustix::fs::major(expected.dev())) << 32 | u64::from(rustix::fs::minor(expected.dev()))
        );
        assert_eq!(
            (found.modified.seconds, i64::from(found.modified.nanoseconds)),
            (expected.mtime(), expected.mtime_nsec())
        );
        assert_eq!(
            (found.changed.seconds, i64::from(found.changed.nanoseconds)),
            (expected.ctime(), expected.ctime_nsec())
        );
        assert_eq!((found.uid, found.gid), (expected.uid(), expected.gid()));
        assert_eq!(u32::from(found.mode), expected.mode() & 0o7777);
        assert_eq!(u64::from(found.links), expected.nlink());
    }
}

#[test]
fn names_are_bytes() {
    let tree = Tree::new(&[]);
    let mut names: Vec<Vec<u8>> =
        vec![b"\xff\xfe".to_vec(), b"new\nline".to_vec(), b" ".to_vec(), vec![b'x'; 255]];
    for name in &names {
        fs_err::write(tree.root().join(OsStr::from_bytes(name)), "").unwrap();
    }
    names.sort();
    let fileset = tree.select("", |_| {});
    let found: Vec<_> =
        fileset.iter().skip(1).map(|entry| entry.path.file_name().unwrap().as_bytes().to_vec()).collect();
    assert_eq!(found, names);
}

#[test]
fn a_root_that_is_a_link_is_a_directory_with_its_contents_below() {
    let tree = Tree::new(&["real/", "real/x", "root -> real"]);
    let fileset = tree.select("root", |_| {});
    assert_eq!(tree.show(&fileset), ["root/", "root/x"]);
    let inode = fs_err::metadata(tree.path("real")).unwrap().ino();
    assert_eq!(fileset.iter().next().unwrap().metadata.inode, inode);
}

#[test]
fn slashes_at_the_end_of_the_root_do_not_count() {
    let tree = Tree::new(&["d/", "d/x"]);
    assert_eq!(tree.show(&tree.select("d//", |_| {})), ["d/", "d/x"]);
}

#[test]
fn a_root_that_is_missing_or_a_file_is_an_error_that_names_it() {
    let tree = Tree::new(&["file"]);
    let error = |name: &str| {
        let root = tree.path(name);
        select_directory(&tree.selection(&root), &Interrupt::new()).unwrap_err()
    };
    assert!(matches!(error("file"), SelectError::NotADirectory { .. }));
    let message = error("none").to_string();
    assert!(message.contains("/none") && message.contains("No such file"), "{message}");
}

#[test]
fn an_interrupt_ends_the_walk() {
    let tree = Tree::new(&["file"]);
    let interrupt = Interrupt::new();
    interrupt.raise();
    let result = select_directory(&tree.selection(tree.root()), &interrupt);
    assert!(matches!(result, Err(SelectError::Interrupted(_))));
}

#[test]
fn a_directory_with_an_ignore_file_contributes_nothing() {
    let tree = Tree::new(&[
        "a/",
        "a/.ignore",
        "a/x",
        "b/",
        "b/.ignore/",
        "c/",
        "c/.ignore -> nowhere",
        "d/",
        "d/.ignore -> ../a",
    ]);
    assert_eq!(tree.show(&tree.select("", |_| {})), ["/", "c/", "c/.ignore@"]);
    assert_eq!(tree.show(&tree.select("a", |_| {})), [""; 0]);
    let everything = tree.select("a", |selection| selection.ignore_file = None);
    assert_eq!(tree.show(&everything), ["a/", "a/.ignore", "a/x"]);
}

#[test]
fn the_name_of_an_ignore_file_may_contain_slashes() {
    let tree = Tree::new(&["a/", "a/meta/", "a/meta/skip", "b/", "b/meta"]);
    let fileset = tree.select("", |selection| selection.ignore_file = Some(OsStr::new("meta/skip")));
    assert_eq!(tree.show(&fileset), ["/", "b/", "b/meta"]);
}

#[test]
fn excluded_directories_are_not_entered_and_excluded_entries_not_listed() {
    let tree = Tree::new(&["a/", "a/x", "b/", "b/x.o", "b/y", "c/", "c/x", "keep/"]);
    let tree = tree.exclude(&["a/", "b/y"], &[".*/c"], &["*.o"]);
    assert_eq!(tree.show(&tree.select("", |_| {})), ["/", "b/", "keep/"]);
    assert_eq!(tree.show(&tree.select("a", |_| {})), [""; 0]);
}

#[test]
fn links_to_directories_are_followed_down_to_the_link_depth() {
    let tree = Tree::new(&["t/", "t/f", "r/", "r/l -> ../t", "r/d/", "r/d/l -> ../../t", "r/f -> ../t/f"]);
    let depth = |depth| tree.show(&tree.select("r", |selection| selection.link_depth = depth));
    assert_eq!(depth(0), ["r/", "r/d/", "r/d/l@", "r/f@", "r/l@"]);
    assert_eq!(depth(1), ["r/", "r/d/", "r/d/l@", "r/f@", "r/l/", "r/l/f"]);
    assert_eq!(depth(2), ["r/", "r/d/", "r/d/l/", "r/d/l/f", "r/f@", "r/l/", "r/l/f"]);
}

#[test]
fn dereferenced_links_stay_and_what_they_lead_to_is_listed_under_its_own_path() {
    let tree = Tree::new(&[
        "t/",
        "t/f",
        "t/sub/",
        "o",
        "r/",
        "r/l -> ROOT/t",
        "r/d/",
        "r/d/l -> ../../o",
        "r/f -> d/../../o",
    ]);
    let depth = |depth| {
        tree.show(&tree.select("r", |selection| {
            selection.link_depth = depth;
            selection.dereference = true;
        }))
    };
    assert_eq!(depth(0), ["r/", "r/d/", "r/d/l@", "r/f@", "r/l@"]);
    assert_eq!(depth(1), ["o", "r/", "r/d/", "r/d/l@", "r/f@", "r/l@", "t/", "t/f", "t/sub/"]);
}

#[test]
fn nothing_is_listed_below_a_path_that_is_listed_as_a_link() {
    let tree = Tree::new(&[
        "t/",
        "t/f",
        "t/s/",
        "t/s/f",
        "r/",
        "r/m -> ../t",
        "r/l -> m",
        "r/x -> m/s",
        "r/y -> m/f",
        "r/z -> l",
    ]);
    for link_depth in 0..5 {
        for dereference in [false, true] {
            let fileset = tree.select("r", |selection| {
                selection.link_depth = link_depth;
                selection.dereference = dereference;
            });
            let is_link =
                |path: &Path| fileset.iter().any(|e| e.path == path && e.metadata.kind == Kind::Symlink);
            for entry in fileset.iter() {
                let mut above = entry.path.ancestors().skip(1);
                assert!(!above.any(is_link), "{:?} at {link_depth} {dereference}", entry.path);
            }
        }
    }
}

#[test]
fn links_that_lead_back_end_as_links() {
    let tree = Tree::new(&[
        "r/",
        "r/self -> .",
        "r/d/",
        "r/d/up -> ..",
        "r/e/",
        "r/e/to_d -> ../d",
        "r/loop -> loop",
    ]);
    let fileset = tree.select("r", |selection| selection.link_depth = u64::MAX);
    let expected = ["r/", "r/d/", "r/d/up@", "r/e/", "r/e/to_d/", "r/e/to_d/up@", "r/loop@", "r/self@"];
    assert_eq!(tree.show(&fileset), expected);
    let fileset = tree.select("r", |selection| {
        selection.link_depth = u64::MAX;
        selection.dereference = true;
    });
    let expected = ["r/", "r/d/", "r/d/up@", "r/e/", "r/e/to_d@", "r/loop@", "r/self@"];
    assert_eq!(tree.show(&fileset), expected);
}

#[test]
fn of_a_cache_directory_only_itself_and_its_tag_are_listed() {
    let tree = Tree::new(&[
        "a/",
        "a/x",
        "b/",
        "b/CACHEDIR.TAG",
        "b/x",
        "c/",
        "c/CACHEDIR.TAG -> ../a/CACHEDIR.TAG",
        "d/",
        "d/CACHEDIR.TAG|",
    ]);
    fs_err::write(tree.path("a/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n# more")
        .unwrap();
    let fileset = tree.select("", |selection| selection.exclude_caches = true);
    let expected = [
        "/",
        "a/",
        "a/CACHEDIR.TAG",
        "b/",
        "b/CACHEDIR.TAG",
        "b/x",
        "c/",
        "c/CACHEDIR.TAG@",
        "d/",
        "d/CACHEDIR.TAG|",
    ];
    assert_eq!(tree.show(&fileset), expected);
    assert_eq!(tree.select("a", |_| {}).len(), 3);
}

#[test]
fn directories_never_to_enter_are_listed_empty_and_reported_unless_they_are_the_root() {
    let mut tree = Tree::new(&["own/", "own/x", "z"]);
    tree.never_enter = vec![tree.path("./own"), tree.path("missing")];
    let skipped = "skipped: own: it belongs to the backup itself";
    assert_eq!(tree.show(&tree.select("", |_| {})), ["/", "own/", "z", skipped]);
    assert_eq!(tree.show(&tree.select("own", |_| {})), ["own/", "own/x"]);
}

#[test]
fn the_file_systems_of_the_kernel_are_not_entered_through_links_either() {
    let tree = Tree::new(&["l -> /proc/self"]);
    for dereference in [false, true] {
        let fileset = tree.select("", |selection| {
            selection.link_depth = 1;
            selection.dereference = dereference;
        });
        assert_eq!(tree.show(&fileset), ["/", "l@", "skipped: l: it is a proc file system"]);
    }
}

#[test]
fn another_file_system_is_not_entered_where_only_one_is_wanted() {
    let tree = Tree::new(&["l -> /proc/self"]);
    for dereference in [false, true] {
        let fileset = tree.select("", |selection| {
            selection.link_depth = 1;
            selection.dereference = dereference;
            selection.one_file_system = true;
        });
        assert_eq!(tree.show(&fileset), ["/", "l@"]);
    }
}

#[test]
fn what_is_mounted_is_told_from_what_is_not() {
    let exclude = Exclude::new(vec![], &["/(?!proc(/|$)).+"], &[]).unwrap();
    let select = |root: &str, one_file_system| {
        let selection = Selection {
            root: Path::new(root),
            ignore_file: None,
            exclude: &exclude,
            link_depth: 0,
            dereference: false,
            one_file_system,
            exclude_caches: false,
            never_enter: &[],
        };
        select_directory(&selection, &Interrupt::new()).unwrap()
    };
    let paths = |fileset: &Fileset| fileset.iter().map(|entry| entry.path.to_owned()).collect::<Vec<_>>();
    for one_file_system in [false, true] {
        let above = select("/", one_file_system);
        assert_eq!(paths(&above), [Path::new("/"), Path::new("/proc")]);
        let skipped = Problem::Skipped { path: "/proc".into(), reason: "it is a proc file system".into() };
        assert_eq!(above.problems(), if one_file_system { vec![] } else { vec![skipped] });
        assert!(paths(&select("/proc/sys/kernel/random", one_file_system)).len() > 1);
    }
}

#[test]
fn a_directory_that_may_not_be_read_is_listed_and_reported_and_the_walk_goes_on() {
    let tree = Tree::new(&["a/", "a/x", "b/", "b/x", "c"]);
    for (name, mode) in [("", 0o755), ("a", 0o000), ("b", 0o744)] {
        fs_err::set_permissions(tree.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let selected = std::thread::scope(|scope| {
        // Only this thread becomes an ordinary user: root may read everything.
        let walk = || {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            tree.show(&tree.select("", |_| {}))
        };
        scope.spawn(walk).join().unwrap()
    });
    let denied = "Permission denied (os error 13)";
    let problems = [format!("unreadable: a: {denied}"), format!("unreadable: b/x: {denied}")];
    assert_eq!(selected[..4], ["/", "a/", "b/", "c"]);
    assert_eq!(selected[4..], problems);
}

#[test]
fn a_tree_deeper_than_open_files_allow_is_walked_to_its_end() {
    let tree = Tree::new(&[]);
    let mut deep = tree.path("r");
    let depth = 10 + 2 * 128;
    for level in 0..depth {
        fs_err::create_dir(&deep).unwrap();
        fs_err::write(deep.join("z"), "").unwrap();
        deep.push(format!("d{}", level % 7));
    }
    let fileset = tree.select("r", |_| {});
    assert_eq!(fileset.problems(), []);
    assert_eq!(fileset.len(), 2 * depth);
}

#[test]
fn what_no_path_can_name_is_reported() {
    use rustix::fs::{Mode, OFlags, mkdirat, openat};
    let tree = Tree::new(&[]);
    let open = |at: &std::os::fd::OwnedFd, name: &str| openat(at, name, OFlags::PATH, Mode::empty()).unwrap();
    let mut at = rustix::fs::open(tree.root(), OFlags::PATH, Mode::empty()).unwrap();
    let name = "d".repeat(250);
    for _ in 0..20 {
        mkdirat(&at, name.as_str(), Mode::from_raw_mode(0o755)).unwrap();
        at = open(&at, &name);
    }
    let fileset = tree.select("", |_| {});
    let [Problem::Unreadable { path, reason }] = fileset.problems() else {
        panic!("{:?}", fileset.problems())
    };
    assert!(path.as_os_str().len() > 4095);
    assert!(reason.contains("longer than 4095"), "{reason}");
    assert!(fileset.iter().all(|entry| entry.path.as_os_str().len() <= 4095));
}

#[test]
fn a_file_is_selected_alone_and_a_link_to_one_as_a_link() {
    let tree = Tree::new(&["f", "l -> f", "d/", "dangling -> none"]);
    let select = |name| select_file(&tree.path(name));
    assert_eq!(tree.show(&select("f").unwrap()), ["f"]);
    assert_eq!(tree.show(&select("l").unwrap()), ["l@"]);
    assert!(matches!(select("d"), Err(SelectError::NotAFile { .. })));
    assert!(matches!(select("dangling"), Err(SelectError::Unreadable { .. })));
    assert!(matches!(select("f/"), Err(SelectError::NotADirectory { .. })));
}

#[test]
fn subdirectories_are_the_real_ones_that_are_not_excluded_ignore_file_or_not() {
    let tree =
        Tree::new(&["d/b/", "d/b/.ignore", "d/a/", "d/a/deep/", "d/c/", "d/l -> b", "d/f", "d/.ignore"]);
    let tree = tree.exclude(&["d/c"], &[], &[]);
    for root in ["d", "d/"] {
        assert_eq!(
            subdirectories(&tree.path(root), &tree.exclude).unwrap(),
            [tree.path("d/a"), tree.path("d/b")]
        );
    }
    assert!(matches!(
        subdirectories(&tree.path("d/f"), &tree.exclude),
        Err(SelectError::NotADirectory { .. })
    ));
}

#[test]
fn with_places_what_is_excluded_leaves_empty_directories_and_links_and_the_root_is_entered_whatever_it_holds()
{
    let tree = Tree::new(&[
        "r/cache/",
        "r/kept/",
        "r/marked/deep/",
        "r/.ignore",
        "r/cache/x",
        "r/file",
        "r/kept/x",
        "r/link -> cache",
        "r/marked/.ignore",
        "r/marked/deep/x",
        "r/other",
    ]);
    let tree = tree.exclude(&["r", "r/cache", "r/file", "r/link"], &[], &[]);
    let root = tree.path("r");
    let fileset = select_with_places(&tree.selection(&root), &Interrupt::new()).unwrap();
    let expected = ["r/", "r/.ignore", "r/cache/", "r/kept/", "r/kept/x", "r/link@", "r/marked/", "r/other"];
    assert_eq!(tree.show(&fileset), expected);
    assert_eq!(fileset.places(), ["r/cache", "r/file", "r/marked"].map(|name| tree.path(name)));
}

#[test]
fn filesets_are_joined_in_order_and_each_path_comes_once() {
    let tree = Tree::new(&["a/", "b/", "a/x", "b/y"]);
    let all = tree.select("", |_| {});
    let part = tree.select("b", |_| {});
    let one = select_path(&tree.path("a/x")).unwrap();
    let joined = Fileset::join(vec![part, one, all]);
    assert_eq!(tree.show(&joined), ["/", "a/", "a/x", "b/", "b/y"]);
    assert_eq!(joined.total_files(), 2);
}
