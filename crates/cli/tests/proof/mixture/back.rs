//! What comes back from each place: all at once, one by one, and seen through the kernel.

use super::super::world::{Day, below};
use super::machine::{Machine, States};
use super::master::{Days, Master};
use super::mounted::{self, Mounted};
use super::thing::{State, What};
use redcedar_testing::program::{self, describe};
use redcedar_testing::rng::Rng;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where the bucket has the days.
const BUCKET: &str = "s3://bucket/pool";

impl Master {
    /// Everything comes back from everywhere, and `verify` finds nothing.
    #[track_caller]
    pub(super) fn assert_all_comes_back(&self, machines: &[Machine], rng: &mut Rng) {
        let staging = self.pool.staging_dir();
        let discs: Vec<PathBuf> =
            self.shelf.iter().cloned().chain(self.disc().exists().then(|| self.disc())).collect();
        let bucket = self.server.iter().map(|_| PathBuf::from(BUCKET)).collect();
        for (places, days) in
            [(vec![staging], &self.staged), (discs, &self.on_discs), (bucket, &self.in_bucket)]
        {
            if days.is_empty() {
                continue;
            }
            let mut line: Vec<OsString> = vec!["verify".into()];
            line.extend(from(&places));
            let output = self.redcedar(&line);
            assert!(output.status.success(), "{places:?}: {}", describe(&output));
            self.assert_mounted(&places, days, machines);
            for (day, states) in days {
                for (machine, states) in machines.iter().zip(states) {
                    if rng.one_in(2) {
                        self.assert_trees(&places, *day, machine, states);
                    } else {
                        self.assert_things(&places, *day, machine, states);
                    }
                }
            }
        }
    }

    /// Each tree is seen through the kernel, on each day on which its machine was staged.
    #[track_caller]
    fn assert_mounted(&self, places: &[PathBuf], days: &Days, machines: &[Machine]) {
        if !mounted::is_possible() {
            return program::cannot_test("mounting", "that needs root and /dev/fuse");
        }
        let mut line: Vec<OsString> = vec!["mount".into()];
        line.extend(from(places));
        let mounted = Mounted::new(&mut self.command(&line));
        let mut trees = 0;
        for (day, states) in days {
            for (machine, states) in machines.iter().zip(states) {
                for (thing, wanted) in states {
                    let thing = &machine.things[*thing];
                    let shown = mounted.path(&day.date(), machine.name, &thing.path);
                    if let (What::Tree, Some(shown)) = (thing.kind, shown) {
                        // Extended attributes are in archives only.
                        let (wanted, found) = (wanted.without_attributes(), thing.state_at(&shown));
                        wanted.assert_same(&found.without_attributes(), || {
                            format!(
                                "{} mounted from {places:?}\n{}",
                                thing.path.display(),
                                self.context(*day)
                            )
                        });
                        trees += 1;
                    }
                }
            }
        }
        assert!(trees > 0, "nothing is seen of {places:?}");
        mounted.end();
    }

    /// All trees of a machine at once.
    #[track_caller]
    fn assert_trees(&self, places: &[PathBuf], day: Day, machine: &Machine, states: &States) {
        let of_trees = |(thing, _): &(&usize, _)| machine.things[**thing].kind == What::Tree;
        if !states.iter().any(|state| of_trees(&state)) {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("restored");
        self.restore(places, day, machine, &target, &[]);
        for (thing, wanted) in states.iter().filter(of_trees) {
            let path = &machine.things[*thing].path;
            let found = State::Tree(below(&target, path));
            wanted.assert_same(&found, || format!("{} of {places:?}\n{}", path.display(), self.context(day)));
        }
    }

    /// One thing after the other.
    #[track_caller]
    fn assert_things(&self, places: &[PathBuf], day: Day, machine: &Machine, states: &States) {
        for (thing, wanted) in states {
            let thing = &machine.things[*thing];
            let directory = tempfile::tempdir().unwrap();
            let target = directory.path().join("restored");
            self.restore(places, day, machine, &target, &[thing.switch().as_ref(), thing.path.as_os_str()]);
            let found = match thing.kind {
                What::Tree => State::Tree(below(&target, &thing.path)),
                _ => thing.state_at(&target),
            };
            wanted.assert_same(&found, || {
                format!("{} of {places:?}\n{}", thing.path.display(), self.context(day))
            });
        }
    }

    #[track_caller]
    fn restore(&self, places: &[PathBuf], day: Day, machine: &Machine, target: &Path, what: &[&OsStr]) {
        let mut line: Vec<OsString> = vec!["restore".into(), "--as-of".into(), day.date().into()];
        line.extend(from(places));
        line.extend(["--peer".into(), machine.name.into(), "--to".into(), target.into()]);
        line.extend(what.iter().map(OsString::from));
        let output = self.redcedar(&line);
        assert!(output.status.success(), "{line:?}: {}\n{}", describe(&output), self.context(day));
    }
}

/// The switches that name places.
fn from(places: &[PathBuf]) -> impl Iterator<Item = OsString> {
    places.iter().flat_map(|place| ["--from".into(), place.clone().into_os_string()])
}
