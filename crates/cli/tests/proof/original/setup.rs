//! Random configurations of the collect section.

use redcedar_testing::pool::xml;
use redcedar_testing::rng::Rng;
use redcedar_testing::trees::{self, Growth};
use std::path::Path;

/// What is chosen by chance for one comparison.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    mode: &'static str,
    archive_mode: &'static str,
    link_depth: u64,
    dereference: bool,
    recursion_level: i64,
    ignored: bool,
    excluded: Vec<Exclusion>,
}

/// An element of `exclude`.
#[derive(Debug, Clone, Copy)]
enum Exclusion {
    /// One file or directory, by its whole path. The number chooses which.
    Path(u64),
    /// The same relative to the tree.
    RelativePath(u64),
    Pattern(&'static str),
}

const PATTERNS: [&str; 7] = [
    r".*\.tmp-?[0-9]*",
    r".*/src-[0-9]*1",
    r".*hidden",
    r".*/note-[0-9]*|.*/photo-[0-9]*",
    r"(?P<slash>/).*(?P=slash)data\.bin-\d+",
    r".*\$HOME.*",
    ".*na\u{ef}ve.*",
];

impl Setup {
    /// Any; incremental only if it is for several days, on which other modes have nothing to compare.
    pub(super) fn random(rng: &mut Rng, several_days: bool) -> Self {
        let link_depth = rng.below(3);
        let recursion_level = rng.pick(&[0, 0, 1, 2, -1]);
        let mode =
            if several_days { "incr" } else { rng.pick(&["daily", "daily", "incr", "incr", "weekly"]) };
        Self {
            // A weekly item does nothing on a Monday; that nothing comes of it is compared too.
            mode,
            archive_mode: rng.pick(&["tar", "targz", "tarbz2"]),
            link_depth,
            // With recursion, what was dereferenced for one archive is left out of those after it, whose order is that of
            // the directory in the original and that of names in ours.
            dereference: link_depth > 0 && recursion_level == 0 && rng.one_in(2),
            recursion_level,
            ignored: rng.one_in(2),
            excluded: (0..rng.below(4)).map(|_| exclusion(rng)).collect(),
        }
    }

    /// Incremental, with links as links.
    pub(super) fn incremental(rng: &mut Rng) -> Self {
        Self { link_depth: 0, dereference: false, ..Self::random(rng, true) }
    }

    /// The original cannot store names with backslashes, and goes round in circles where links do. With recursion the
    /// names of directories become names of archives, which must not be too long.
    pub(super) fn growth(&self) -> Growth {
        let (loops, long_names) = (self.link_depth == 0, self.recursion_level == 0);
        Growth { backslashes: false, loops, long_names, ..Growth::everything() }
    }

    /// Puts an ignore file into some directories.
    pub(super) fn decorate(&self, tree: &Path) {
        if self.ignored {
            let mut rng = Rng::new(5);
            for path in trees::walk(tree).unwrap() {
                if path != tree && fs_err::symlink_metadata(&path).unwrap().is_dir() && rng.one_in(6) {
                    fs_err::write(path.join(".ignore"), "").unwrap();
                }
            }
        }
    }

    /// What stands in the collect section.
    pub(super) fn collect_section(&self, tree: &Path) -> String {
        // Names that are not UTF-8 cannot be written in a configuration.
        let paths: Vec<String> = trees::walk(tree)
            .unwrap()
            .iter()
            .skip(1)
            .filter_map(|path| path.strip_prefix(tree).unwrap().to_str())
            .filter(|path| !path.contains(|c: char| c.is_control()))
            .map(str::to_owned)
            .collect();
        let pick = |number: u64| xml(&paths[usize::try_from(number).unwrap() % paths.len()]);
        let root = xml(tree.to_str().unwrap());
        let exclude: String = self
            .excluded
            .iter()
            .map(|excluded| match excluded {
                Exclusion::Path(number) => format!("<abs_path>{root}/{}</abs_path>", pick(*number)),
                Exclusion::RelativePath(number) => format!("<rel_path>{}</rel_path>", pick(*number)),
                Exclusion::Pattern(pattern) => format!("<pattern>{}</pattern>", xml(pattern)),
            })
            .collect();
        let Self { mode, archive_mode, link_depth, recursion_level, .. } = self;
        let dereference = if self.dereference { "Y" } else { "N" };
        format!(
            "<collect_mode>{mode}</collect_mode><archive_mode>{archive_mode}</archive_mode>
            <ignore_file>.ignore</ignore_file>
            <dir><abs_path>{root}</abs_path><link_depth>{link_depth}</link_depth>
            <dereference>{dereference}</dereference><recursion_level>{recursion_level}</recursion_level>
            <exclude>{exclude}</exclude></dir>"
        )
    }
}

fn exclusion(rng: &mut Rng) -> Exclusion {
    match rng.below(3) {
        0 => Exclusion::Path(rng.number()),
        1 => Exclusion::RelativePath(rng.number()),
        _ => Exclusion::Pattern(rng.pick(&PATTERNS)),
    }
}
