//! A machine of the pool: what it has, and what it has collected.

use super::super::world::{Day, ours};
use super::thing::{State, Thing, What};
use redcedar_testing::pool::Pool;
use redcedar_testing::program::describe;
use redcedar_testing::rng::Rng;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;

/// What each thing of a machine was.
pub(super) type States = BTreeMap<usize, Rc<State>>;

pub(super) struct Machine {
    pub(super) name: &'static str,
    pub(super) pool: Pool,
    pub(super) things: Vec<Thing>,
    /// What lies in the collect directory.
    collected: States,
    /// What was staged last.
    pub(super) staged: States,
}

/// How trees may be stored.
const ARCHIVES: [&str; 4] = ["tar", "targz", "tarbz2", "tarzst"];

impl Machine {
    /// A machine with some trees, and with things of other kinds.
    pub(super) fn new(name: &'static str, others: &[What], rng: &mut Rng) -> Self {
        let pool = Pool::new().unwrap();
        let path = |name: &str| pool.path().join(name);
        let mut things = Vec::new();
        let (mut dirs, mut sections) = (Vec::new(), String::new());
        for (number, mode) in ["incr", "weekly", "daily", "incr"].into_iter().enumerate() {
            if number > 0 && !rng.one_in(2) {
                continue;
            }
            let thing = Thing::new(What::Tree, path(&format!("tree{number}")), mode == "weekly", rng);
            dirs.push(format!(
                "<dir><abs_path>{}</abs_path><collect_mode>{mode}</collect_mode><archive_mode>{}</archive_mode></dir>",
                thing.path.display(),
                rng.pick(&ARCHIVES)
            ));
            things.push(thing);
        }
        for kind in others {
            let modes: &[&str] =
                if *kind == What::Sqlite { &["daily", "weekly"] } else { &["incr", "daily"] };
            let mode = rng.pick(modes);
            let thing = Thing::new(*kind, path(&format!("{kind:?}").to_lowercase()), mode == "weekly", rng);
            sections.push_str(&section(&thing, mode, rng.pick(&["none", "gzip", "bzip2", "zstd"])));
            things.push(thing);
        }
        let collect = format!(
            "<collect_mode>daily</collect_mode><archive_mode>targz</archive_mode><ignore_file>.ignore</ignore_file>{}",
            dirs.concat()
        );
        pool.configure_with(&collect, &sections).unwrap();
        Self { name, pool, things, collected: States::new(), staged: States::new() }
    }

    pub(super) fn change(&mut self, rng: &mut Rng) {
        for thing in &mut self.things {
            if !rng.one_in(3) {
                thing.change(rng);
            }
        }
    }

    /// Collects. What is weekly is collected when the program thinks so, on Sundays at least.
    #[track_caller]
    pub(super) fn collect(&mut self, day: Day) {
        let before: Vec<_> = self.things.iter().map(|thing| self.files_of(thing)).collect();
        let has_mail = self.things.iter().any(|thing| thing.kind == What::Mail);
        let actions: &[&str] = if has_mail { &["mbox", "collect"] } else { &["collect"] };
        let output = self.pool.run(ours(), &day.time(), actions);
        let log = || String::from_utf8_lossy(&fs_err::read(self.pool.log()).unwrap()).into_owned();
        assert!(output.status.success(), "{} on {}: {}\n{}", self.name, day.date(), describe(&output), log());
        for (number, (thing, before)) in self.things.iter().zip(before).enumerate() {
            let files = self.files_of(thing);
            let is_collected = !thing.is_weekly || (!files.is_empty() && files != before);
            assert!(is_collected || !day.is_sunday(), "{} on {}", thing.path.display(), day.date());
            if is_collected {
                self.collected.insert(number, Rc::new(thing.state()));
            }
        }
    }

    /// The files in the collect directory that hold a thing, and what tells them from others of these names.
    fn files_of(&self, thing: &Thing) -> BTreeMap<String, (u64, i64)> {
        let name = thing.normalised();
        let files = fs_err::read_dir(self.pool.collect_dir()).unwrap().map(|entry| entry.unwrap());
        let named = files.map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap()));
        let named = named.filter(|(file, _)| file.contains(&name));
        named.map(|(file, metadata)| (file, (metadata.ino(), metadata.mtime_nsec()))).collect()
    }

    /// Whether there is something that was not staged yet.
    pub(super) fn is_ready(&self) -> bool {
        !self.collected.is_empty()
    }

    /// Notes what of the collect directory is staged now. An increment on what was staged earlier on the same day waits for another
    /// day.
    #[track_caller]
    pub(super) fn note_staged(&mut self, directory: &Path, is_first: bool) {
        let collect_dir = self.pool.collect_dir();
        let is_there = |file: &String| {
            // What is not there was not staged.
            let staged = fs_err::read(directory.join(file)).ok();
            staged == Some(fs_err::read(collect_dir.join(file)).unwrap())
        };
        for (number, state) in std::mem::take(&mut self.collected) {
            let thing = &self.things[number];
            if self.files_of(thing).keys().all(is_there) {
                self.staged.insert(number, state);
            } else {
                assert!(!is_first, "{} is not in {}", thing.path.display(), directory.display());
                self.collected.insert(number, state);
            }
        }
    }
}

/// The section that backs up a thing that is no tree.
fn section(thing: &Thing, mode: &str, compression: &str) -> String {
    let path = thing.path.display();
    let options = format!("<collect_mode>{mode}</collect_mode><compress_mode>{compression}</compress_mode>");
    match thing.kind {
        What::Tree => String::new(),
        What::Sqlite => {
            format!("<sqlite>{options}<database><abs_path>{path}</abs_path></database></sqlite>")
        }
        What::Git => {
            format!(
                "<git><collect_mode>{mode}</collect_mode><repository><abs_path>{path}</abs_path></repository></git>"
            )
        }
        What::Mail => format!(
            "<extensions><action><name>mbox</name><module>CedarBackup3.extend.mbox</module>\
             <function>executeAction</function><index>99</index></action></extensions>\
             <mbox>{options}<file><abs_path>{path}</abs_path></file></mbox>"
        ),
    }
}
