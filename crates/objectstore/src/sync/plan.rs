//! What is to be done: both sides and what is remembered, read in step. Nothing of it is done before both sides are known to
//! their ends, and what has to be kept of them is not in memory.

use std::cmp::min;
use std::io;
use std::iter::Peekable;

use super::filter::Filter;
use super::guard::Facts;
use super::local::{Local, Reason};
use super::memory::{Changes, Name, Remembered};
use super::remote::Remote;
use super::spool::{Record, Spool};
use super::stamp::Stamp;
use super::{PlanError, Problem, Tally};
use crate::address::LONGEST_KEY;

/// A file that is to be uploaded, or at least to be compared with its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
    /// What is there by its name.
    pub(crate) remote: Option<Known>,
}

/// What a listing says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) size: u64,
    /// Seconds since 1970, by the clock of the server.
    pub(crate) modified: i64,
    pub(crate) etag: String,
}

impl Task {
    /// The object that may have the same content.
    pub(crate) fn alike(&self) -> Option<&Known> {
        self.remote.as_ref().filter(|remote| remote.size == self.stamp.size)
    }
}

/// An object without a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extra {
    pub(crate) name: String,
    pub(crate) object: Known,
}

/// What is to be done, in the order of names.
pub(crate) struct Plan {
    pub(crate) tasks: Spool<Task>,
    /// What the tasks come to, if all are needed.
    pub(crate) work: Tally,
    pub(crate) extra: Spool<Extra>,
    pub(crate) changes: Changes,
    pub(crate) facts: Facts,
    pub(crate) unchanged: Tally,
    /// What cannot be uploaded.
    pub(crate) problems: Vec<Problem>,
}

/// What is read in step.
pub(crate) struct Sides<L, R, M> {
    /// In the order of names, as the others.
    pub(crate) local: L,
    pub(crate) remote: R,
    pub(crate) remembered: M,
}

/// Compares the sides. With `reread`, what is remembered of a file does not count.
pub(crate) fn plan<L, R, M>(
    sides: Sides<L, R, M>,
    filter: &Filter,
    prefix: usize,
    reread: bool,
) -> Result<Plan, PlanError>
where
    L: Iterator<Item = io::Result<Local>>,
    R: Iterator<Item = Result<Remote, PlanError>>,
    M: Iterator<Item = io::Result<Remembered>>,
{
    let Sides { local, remote, remembered } = sides;
    let mut plan = Plan {
        tasks: Spool::new(),
        work: Tally::default(),
        extra: Spool::new(),
        changes: Changes::new(),
        facts: Facts::default(),
        unchanged: Tally::default(),
        problems: Vec::new(),
    };
    let mut local = local.map(|local| local.map_err(PlanError::Source)).peekable();
    let mut remote = remote.peekable();
    let mut remembered = remembered.map(|one| one.map_err(PlanError::State)).peekable();
    // Everything below this name is unknown.
    let mut hidden: Option<Vec<u8>> = None;
    loop {
        let here = name(&mut local, Local::name)?;
        let there = name(&mut remote, |remote| remote.name.as_bytes())?;
        let then = name(&mut remembered, |one| one.name.as_bytes())?;
        let Some(current) = [here, there, then].into_iter().flatten().reduce(min) else { break };
        let local = take(&mut local, Local::name, &current)?;
        let remote = take(&mut remote, |remote| remote.name.as_bytes(), &current)?;
        let remembered = take(&mut remembered, |one| one.name.as_bytes(), &current)?;
        plan.facts.remote += u64::from(remote.is_some());
        let is_hidden = hidden.as_ref().is_some_and(|hidden| current.starts_with(hidden));
        match local {
            Some(Local::File { name, stamp }) => {
                plan.facts.local += 1;
                if prefix + name.len() > LONGEST_KEY {
                    let text = format!("its key would be longer than {LONGEST_KEY} bytes");
                    plan.problems.push(Problem::skipped(name.as_bytes(), text));
                } else {
                    plan.file(name, stamp, remote, remembered.as_ref(), reread)?;
                }
            }
            Some(Local::Unknown { name, reason }) => {
                if let Some(reason) = reason {
                    plan.unknown(&name, reason);
                }
                if name.ends_with(b"/") {
                    hidden = Some(name);
                }
            }
            None if is_hidden => {}
            None => {
                if let Some(Remembered { name, .. }) = remembered {
                    plan.changes.forgotten.push(&Name(name)).map_err(PlanError::Scratch)?;
                }
                match remote {
                    Some(remote) if filter.takes(&remote.name) => {
                        plan.facts.doomed += 1;
                        let name = remote.name.clone();
                        plan.extra
                            .push(&Extra { name, object: remote.into() })
                            .map_err(PlanError::Scratch)?;
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(plan)
}

impl Plan {
    fn file(
        &mut self,
        name: String,
        stamp: Stamp,
        remote: Option<Remote>,
        remembered: Option<&Remembered>,
        reread: bool,
    ) -> Result<(), PlanError> {
        let is_same = match (&remote, remembered) {
            (Some(remote), Some(then)) => {
                !reread && then.stamp == stamp && (remote.size, &remote.etag) == (stamp.size, &then.etag)
            }
            _ => false,
        };
        if is_same {
            self.unchanged.add(stamp.size);
            return Ok(());
        }
        if remembered.is_some() {
            self.changes.forgotten.push(&Name(name.clone())).map_err(PlanError::Scratch)?;
        }
        self.work.add(stamp.size);
        let remote = remote.map(Known::from);
        self.tasks.push(&Task { name, stamp, remote }).map_err(PlanError::Scratch)
    }

    fn unknown(&mut self, name: &[u8], Reason { text, is_failure }: Reason) {
        self.facts.unreadable += u64::from(is_failure);
        self.problems.push(if is_failure {
            Problem::failed(name, text)
        } else {
            Problem::skipped(name, text)
        });
    }
}

fn name<T, I>(items: &mut Peekable<I>, name: impl Fn(&T) -> &[u8]) -> Result<Option<Vec<u8>>, PlanError>
where
    I: Iterator<Item = Result<T, PlanError>>,
{
    match items.peek() {
        Some(Ok(item)) => Ok(Some(name(item).to_vec())),
        None => Ok(None),
        Some(Err(_)) => items.next().transpose().map(|_| None),
    }
}

fn take<T, I>(
    items: &mut Peekable<I>,
    name: impl Fn(&T) -> &[u8],
    current: &[u8],
) -> Result<Option<T>, PlanError>
where
    I: Iterator<Item = Result<T, PlanError>>,
{
    items.next_if(|item| item.as_ref().is_ok_and(|item| name(item) == current)).transpose()
}

impl From<Remote> for Known {
    fn from(Remote { size, modified, etag, .. }: Remote) -> Self {
        Self { size, modified, etag }
    }
}

impl Known {
    fn to_text(&self) -> String {
        format!("{} {} {}", self.size, self.modified, self.etag)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut fields = text.splitn(3, ' ');
        let (size, modified) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self { size, modified, etag: fields.next()?.to_owned() })
    }
}

impl Record for Task {
    fn write(&self, bytes: &mut Vec<u8>) {
        let etag = self.remote.as_ref().map(Known::to_text).unwrap_or_default();
        Remembered { name: self.name.clone(), stamp: self.stamp, etag }.write(bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let Remembered { name, stamp, etag } = Remembered::read(bytes)?;
        let remote = if etag.is_empty() { None } else { Some(Known::from_text(&etag)?) };
        Some(Self { name, stamp, remote })
    }
}

impl Record for Extra {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.object.to_text().as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(self.name.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (object, name) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        Some(Self { name: name.to_owned(), object: Known::from_text(object)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(size: u64) -> Stamp {
        Stamp { size, inode: 1, ..Stamp::default() }
    }

    fn file(name: &str, size: u64) -> Local {
        Local::File { name: name.to_owned(), stamp: stamp(size) }
    }

    fn unknown(name: &str, is_failure: bool) -> Local {
        let reason = Some(Reason { text: "odd".to_owned(), is_failure });
        Local::Unknown { name: name.as_bytes().to_vec(), reason }
    }

    fn object(name: &str, size: u64, etag: &str) -> Remote {
        Remote { name: name.to_owned(), size, etag: etag.to_owned(), modified: 0 }
    }

    fn memory(name: &str, size: u64, etag: &str) -> Remembered {
        Remembered { name: name.to_owned(), stamp: stamp(size), etag: etag.to_owned() }
    }

    fn make(local: Vec<Local>, remote: Vec<Remote>, remembered: Vec<Remembered>, reread: bool) -> Plan {
        let sides = Sides {
            local: local.into_iter().map(Ok),
            remote: remote.into_iter().map(Ok),
            remembered: remembered.into_iter().map(Ok),
        };
        let filter = Filter::new(&[], &["*.kept".to_owned()]).unwrap();
        plan(sides, &filter, 0, reread).unwrap()
    }

    fn tasks(plan: Plan) -> Vec<String> {
        let show = |task: Task| {
            let alike = if task.alike().is_some() { "=" } else { "" };
            format!("{}{alike}", task.name)
        };
        plan.tasks.items().unwrap().map(|task| show(task.unwrap())).collect()
    }

    fn extra(plan: Plan) -> Vec<String> {
        plan.extra.items().unwrap().map(|extra| extra.unwrap().name).collect()
    }

    #[test]
    fn only_what_looks_as_it_did_when_its_object_was_made_is_left_alone() {
        let local =
            || vec![file("a", 1), file("b", 1), file("c", 1), file("d", 1), file("e", 1), file("f", 2)];
        let remote = || {
            vec![
                object("a", 1, "1"),
                object("b", 1, "2"),
                object("c", 1, "1"),
                object("d", 2, "1"),
                object("f", 2, "1"),
            ]
        };
        let remembered = || {
            vec![
                memory("a", 1, "1"),
                memory("b", 1, "1"),
                memory("d", 1, "1"),
                memory("e", 1, "1"),
                memory("f", 1, "1"),
            ]
        };
        let made = make(local(), remote(), remembered(), false);
        assert_eq!((made.unchanged.files, made.work.files, made.facts.doomed), (1, 5, 0));
        assert_eq!(made.changes.forgotten.count(), 4);
        assert_eq!(tasks(made), ["b=", "c=", "d", "e", "f="]);
        assert_eq!(tasks(make(local(), remote(), remembered(), true)).len(), 6);
    }

    #[test]
    fn an_object_without_a_file_is_extra_unless_its_name_is_excluded() {
        let remote =
            vec![object("a", 1, ""), object("b", 1, ""), object("c.kept", 1, ""), object("d", 1, "")];
        let made = make(vec![file("b", 1)], remote, vec![memory("a", 1, "")], false);
        assert_eq!(made.facts, Facts { local: 1, unreadable: 0, remote: 4, doomed: 2 });
        assert_eq!(made.changes.forgotten.count(), 1);
        assert_eq!(extra(made), ["a", "d"]);
    }

    #[test]
    fn what_is_unknown_protects_its_object_and_what_is_below_it() {
        let remote = ["a", "dir-x", "dir/x", "dir/y/z", "dir0", "fifo"].map(|name| object(name, 1, ""));
        let local = vec![unknown("dir/", true), unknown("fifo", false)];
        let made = make(local, remote.into(), vec![memory("dir/x", 1, "")], false);
        assert_eq!((made.facts.unreadable, made.problems.len()), (1, 2));
        assert_eq!(made.changes.forgotten.count(), 0);
        assert_eq!(extra(made), ["a", "dir-x", "dir0"]);
    }

    #[test]
    fn an_error_of_any_side_ends_the_plan() {
        let failing = || Sides {
            local: vec![Ok(file("a", 1)), Ok(file("z", 1))].into_iter(),
            remote: vec![Ok(object("b", 1, "")), Err(PlanError::Disorder)].into_iter(),
            remembered: std::iter::empty(),
        };
        assert!(matches!(plan(failing(), &Filter::default(), 0, false), Err(PlanError::Disorder)));
    }

    #[test]
    fn a_name_that_no_key_has_room_for_is_a_problem() {
        let sides = Sides {
            local: vec![Ok(file(&"n".repeat(1000), 1))].into_iter(),
            remote: std::iter::empty(),
            remembered: std::iter::empty(),
        };
        let made = plan(sides, &Filter::default(), 25, false).unwrap();
        assert_eq!((made.problems.len(), made.work.files), (1, 0));
    }
}
