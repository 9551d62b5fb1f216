//! What was marked, each as it was on a day.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_system::{escape, quote};

/// Paths, by machine and day.
#[derive(Debug, Default)]
pub(super) struct Marks(BTreeMap<(OsString, Date), BTreeSet<PathBuf>>);

impl Marks {
    pub(super) fn add(&mut self, machine: &OsStr, day: Date, path: PathBuf) {
        self.0.entry((machine.to_owned(), day)).or_default().insert(path);
    }

    /// Takes a mark away; false if there is none.
    pub(super) fn remove(&mut self, machine: &OsStr, day: Date, path: &Path) -> bool {
        let key = (machine.to_owned(), day);
        let was_marked = self.0.get_mut(&key).is_some_and(|paths| paths.remove(path));
        self.0.retain(|_, paths| !paths.is_empty());
        was_marked
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a path, or a directory it is in, is marked.
    pub(super) fn has(&self, machine: &OsStr, day: Date, path: &Path) -> bool {
        let paths = self.0.get(&(machine.to_owned(), day));
        paths.is_some_and(|paths| path.ancestors().any(|above| paths.contains(above)))
    }

    /// By machine and day.
    pub(super) fn groups(&self) -> Vec<(&(OsString, Date), Vec<PathBuf>)> {
        self.0.iter().map(|(key, paths)| (key, paths.iter().cloned().collect())).collect()
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "nothing is marked");
        }
        for ((machine, day), paths) in &self.0 {
            for path in paths {
                writeln!(out, "{} {day} {}", escape::display(machine), quote::word(path.as_os_str()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_mark_is_of_one_day_and_holds_for_all_below_it() {
        let (day, other) = (date(2026, 11, 23), date(2026, 11, 24));
        let web = OsStr::new("web");
        let mut marks = Marks::default();
        marks.add(web, day, "/home/anna".into());
        assert!(marks.has(web, day, Path::new("/home/anna/report")));
        assert!(!marks.has(web, day, Path::new("/home")));
        assert!(!marks.has(web, day, Path::new("/home/annabel")));
        assert!(!marks.has(web, other, Path::new("/home/anna")));
        assert!(!marks.remove(web, day, Path::new("/home/anna/report")));
        assert!(marks.remove(web, day, Path::new("/home/anna")));
        assert!(marks.groups().is_empty());
    }
}
