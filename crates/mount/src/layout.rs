//! Which directories there are above the trees, and which numbers the kernel knows everything by. Pure.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use jiff::civil::Date;
use redcedar_restore::browse::{Number, State};

/// What the kernel calls the root.
const ROOT: u64 = 1;
const LATEST: u64 = 2;
const FIRST_DAY: u64 = 3;
/// Numbers of trees begin here, with the number of the tree above these bits.
const TREE_BITS: u32 = 32;

const LATEST_NAME: &str = "latest";

/// The directories above the trees.
pub(crate) struct Layout {
    days: Vec<Date>,
    /// By name, each with its newest day.
    machines: Vec<(OsString, Date)>,
    /// By day and name.
    trees: Vec<(Date, OsString)>,
}

/// Something in the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Root,
    /// The directory of links to the newest trees.
    Latest,
    /// The directory of a day, by its place among the days.
    Day(usize),
    /// The link to the newest tree of a machine, by its place among the machines.
    Newest(usize),
    /// An object of a tree, by its place among the trees.
    In(usize, Number),
}

impl Layout {
    pub(crate) fn new(machines: &BTreeMap<OsString, Vec<Date>>) -> Self {
        let mut trees: Vec<_> =
            machines.iter().flat_map(|(name, days)| days.iter().map(|day| (*day, name.clone()))).collect();
        trees.sort();
        let mut days: Vec<_> = trees.iter().map(|(day, _)| *day).collect();
        days.dedup();
        let newest = |(name, days): (&OsString, &Vec<Date>)| Some((name.clone(), *days.last()?));
        Self { days, machines: machines.iter().filter_map(newest).collect(), trees }
    }

    /// Which number a place has.
    pub(crate) fn number(&self, place: Place) -> u64 {
        match place {
            Place::Root => ROOT,
            Place::Latest => LATEST,
            Place::Day(day) => FIRST_DAY + day as u64,
            Place::Newest(machine) => FIRST_DAY + (self.days.len() + machine) as u64,
            Place::In(tree, number) => (tree as u64 + 1) << TREE_BITS | u64::from(number),
        }
    }

    /// Which place has a number. Whether a tree has an object of this number is another question.
    pub(crate) fn place(&self, number: u64) -> Option<Place> {
        match (number >> TREE_BITS).checked_sub(1) {
            Some(tree) => {
                let tree = usize::try_from(tree).ok().filter(|tree| *tree < self.trees.len())?;
                Some(Place::In(tree, Number::try_from(number & u64::from(Number::MAX)).ok()?))
            }
            None if number == ROOT => Some(Place::Root),
            None if number == LATEST => Some(Place::Latest),
            None => {
                let place = usize::try_from(number.checked_sub(FIRST_DAY)?).ok()?;
                let machine = place.checked_sub(self.days.len());
                match machine {
                    None => Some(Place::Day(place)),
                    Some(machine) => (machine < self.machines.len()).then_some(Place::Newest(machine)),
                }
            }
        }
    }

    /// What is in a directory above the trees.
    pub(crate) fn entries(&self, directory: Place) -> Vec<(OsString, Place)> {
        match directory {
            Place::Root => {
                let days = self.days.iter().enumerate();
                let days = days.map(|(place, day)| (day.to_string().into(), Place::Day(place)));
                days.chain([(LATEST_NAME.into(), Place::Latest)]).collect()
            }
            Place::Latest => {
                let machines = self.machines.iter().enumerate();
                machines.map(|(place, (name, _))| (shown(name).to_owned(), Place::Newest(place))).collect()
            }
            Place::Day(day) => {
                let is_of_day =
                    |(_, (date, _)): &(usize, &(Date, OsString))| self.days.get(day) == Some(date);
                let trees = self.trees.iter().enumerate().filter(is_of_day);
                trees
                    .map(|(tree, (_, name))| (shown(name).to_owned(), Place::In(tree, State::ROOT)))
                    .collect()
            }
            Place::Newest(_) | Place::In(..) => Vec::new(),
        }
    }

    /// The directory that the root of a tree is in.
    pub(crate) fn above(&self, tree: usize) -> Place {
        let day = self.trees.get(tree).and_then(|(date, _)| self.days.binary_search(date).ok());
        day.map_or(Place::Root, Place::Day)
    }

    /// Of which machine and day a tree is.
    pub(crate) fn tree(&self, tree: usize) -> Option<(&OsStr, Date)> {
        self.trees.get(tree).map(|(day, name)| (name.as_os_str(), *day))
    }

    /// The day of a place above the trees.
    pub(crate) fn day(&self, place: Place) -> Option<Date> {
        match place {
            Place::Day(day) => self.days.get(day).copied(),
            Place::Newest(machine) => self.machines.get(machine).map(|(_, day)| *day),
            _ => self.days.last().copied(),
        }
    }

    /// Where the link to the newest tree of a machine leads.
    pub(crate) fn target(&self, machine: usize) -> Option<PathBuf> {
        let (name, day) = self.machines.get(machine)?;
        Some(PathBuf::from("..").join(day.to_string()).join(shown(name)))
    }
}

/// A folder of archives may say nothing about the machine.
fn shown(name: &OsStr) -> &OsStr {
    if name.is_empty() { OsStr::new("unnamed") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::path::Path;

    fn layout() -> Layout {
        let (first, second) = (date(2026, 11, 23), date(2026, 11, 24));
        Layout::new(&BTreeMap::from([("web".into(), vec![first, second]), ("db".into(), vec![first])]))
    }

    #[test]
    fn every_number_means_one_place() {
        let layout = layout();
        let mut places = vec![Place::Root, Place::Latest, Place::Day(0), Place::Day(1)];
        places.extend([Place::Newest(0), Place::Newest(1), Place::In(0, 0), Place::In(2, Number::MAX)]);
        for place in places {
            assert_eq!(layout.place(layout.number(place)), Some(place));
        }
        for number in [0, layout.number(Place::Newest(2)), layout.number(Place::In(3, 0)), u64::MAX] {
            assert_eq!(layout.place(number), None, "{number}");
        }
    }

    #[test]
    fn days_hold_the_machines_that_were_backed_up_and_latest_leads_to_the_newest() {
        let layout = layout();
        let names = |place| layout.entries(place).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(Place::Root), ["2026-11-23", "2026-11-24", "latest"]);
        assert_eq!(names(Place::Day(0)), ["db", "web"]);
        assert_eq!(names(Place::Day(1)), ["web"]);
        assert_eq!(names(Place::Latest), ["db", "web"]);
        assert_eq!(layout.target(0).as_deref(), Some(Path::new("../2026-11-23/db")));
        assert_eq!(layout.target(1).as_deref(), Some(Path::new("../2026-11-24/web")));
        let Place::In(tree, _) = layout.entries(Place::Day(1))[0].1 else { panic!("it is a tree") };
        assert_eq!(layout.tree(tree), Some((OsStr::new("web"), date(2026, 11, 24))));
        assert_eq!(layout.above(tree), Place::Day(1));
    }
}
