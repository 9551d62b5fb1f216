//! `redcedar restore --interactive`: a little shell. Look around, mark, restore.

mod listing;
mod marks;
mod words;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use redcedar_archive::Kind;
use redcedar_archive::select::Globs;
use redcedar_restore::RestoreRequest;
use redcedar_restore::browse::{BrowseError, Browser, Number, State};
use redcedar_system::terminal::Lines;
use redcedar_system::{escape, quote};

use self::marks::Marks;
use super::{Args, as_of, bring_back, request};
use crate::commands::{CommandError, CommandResult, Context, Out, paths};
use crate::day::Day;
use crate::exit::Exit;
use crate::output::human::Counted;

const HELP: &str = "\
ls [DIR]          list a directory; what is marked has a * before its name
cd [DIR]          go to a directory
machines          list the machines
machine NAME      look at another machine
days              list the days of the machine
day DAY           look at another day: YYYY-MM-DD, yesterday, 3 days ago
mark PATH...      mark files, or directories with all that is in them, as they were on the day
unmark [PATH...]  take marks of the day away; without PATH, all marks
marks             list what is marked
restore DIR       restore what is marked below DIR
quit              end
Names are quoted as for a shell; the last name of a path may be a pattern: mark *.odt
";

pub(super) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let browser = args.source.browse(as_of(args, context)?, args.numeric_owner, context)?;
    let mut lines = Lines::of_stdin(context.system.interrupt.clone());
    let mut shell = Shell::new(browser, args, context);
    shell.greet(out)?;
    let is_terminal = io::stdin().is_terminal();
    let mut worst = Exit::Done;
    loop {
        write!(out, "{}", shell.prompt())?;
        out.flush()?;
        let line = lines.next_line();
        if context.system.interrupt.is_raised() {
            writeln!(out)?;
            return Ok(Exit::Interrupted);
        }
        let Some(line) = line? else {
            writeln!(out)?;
            return Ok(worst);
        };
        if !is_terminal {
            // Whoever reads along sees what was asked.
            writeln!(out, "{}", escape::display_bytes(&line))?;
        }
        match shell.obey(&line, out) {
            Ok(Some(exit)) => worst = if exit == Exit::Done { worst } else { exit },
            Ok(None) => return Ok(worst),
            Err(error) if error.exit == Exit::Interrupted => return Err(error),
            Err(error) => {
                writeln!(out, "{}", error.render(context.colored))?;
                // Somebody who sits there sees it and says it anew.
                worst = if is_terminal && error.exit == Exit::Usage { worst } else { error.exit };
            }
        }
    }
}

struct Shell<'a> {
    browser: Browser,
    args: &'a Args,
    context: &'a Context,
    machine: OsString,
    day: Date,
    directory: PathBuf,
    marks: Marks,
}

/// What can be said wrong.
fn wrong(text: impl Into<String>) -> CommandError {
    CommandError::message(Exit::Usage, text)
}

impl<'a> Shell<'a> {
    /// Begins at the newest day of the first machine.
    fn new(browser: Browser, args: &'a Args, context: &'a Context) -> Self {
        let first = browser.machines().iter().next();
        let (machine, day) =
            first.and_then(|(name, days)| Some((name.clone(), *days.last()?))).unwrap_or_default();
        let directory = PathBuf::from("/");
        Self { browser, args, context, machine, day, directory, marks: Marks::default() }
    }

    fn greet(&self, out: &mut Out) -> io::Result<()> {
        let machines = self.browser.machines();
        let days = machines.values().flatten();
        if let (Some(first), Some(last)) = (days.clone().min(), days.max()) {
            let count = Counted(machines.len() as u64, "machine");
            writeln!(out, "{count}, {first} to {last}; `help` lists the commands")?;
        }
        Ok(())
    }

    fn prompt(&self) -> String {
        let (machine, directory) = (escape::display(&self.machine), escape::display(&self.directory));
        format!("{machine} {} {directory}> ", self.day)
    }

    /// Does what a line says. Returns how a restore ended, or that all went well; nothing at the end.
    fn obey(&mut self, line: &[u8], out: &mut Out) -> Result<Option<Exit>, CommandError> {
        let words = words::split(line).map_err(wrong)?;
        let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
        let Some((command, rest)) = words.split_first() else { return Ok(Some(Exit::Done)) };
        match (command.to_str().unwrap_or_default(), rest) {
            ("help" | "?", []) => write!(out, "{HELP}")?,
            ("quit" | "exit", []) => return Ok(None),
            ("ls", []) => self.list(OsStr::new("."), out)?,
            ("ls", [directory]) => self.list(directory, out)?,
            ("cd", []) => self.directory = PathBuf::from("/"),
            ("cd", [directory]) => self.go(directory)?,
            ("machines", []) => self.list_machines(out)?,
            ("machine", [name]) => self.look_at_machine(name)?,
            ("days", []) => self.list_days(out)?,
            ("day", [_, ..]) => self.look_at_day(rest, out)?,
            ("mark", [_, ..]) => self.mark(rest, out)?,
            ("unmark", []) => self.marks.clear(),
            ("unmark", paths) => self.unmark(paths)?,
            ("marks", []) => self.marks.write(out)?,
            ("restore", [directory]) => return self.restore(Path::new(directory), out).map(Some),
            _ => return Err(wrong(format!("not understood: {}", escape::display(command))).hint("help")),
        }
        Ok(Some(Exit::Done))
    }

    fn state(&self) -> Result<Arc<State>, CommandError> {
        self.browser.state(&self.machine, self.day).map_err(|error| {
            let is_interrupted = matches!(error, BrowseError::Interrupted(_));
            CommandError::new(if is_interrupted { Exit::Interrupted } else { Exit::Failed }, error)
        })
    }

    /// The path that a word means.
    fn path(&self, word: &OsStr) -> Result<PathBuf, CommandError> {
        paths::absolute(&self.directory.join(word)).map_err(CommandError::from)
    }

    fn is_not_there(&self, path: &Path) -> CommandError {
        wrong(format!("{} was not there on {}", escape::display(path), self.day))
    }

    /// A path with what it is.
    fn find(&self, state: &State, word: &OsStr) -> Result<(PathBuf, Number, Kind), CommandError> {
        let path = self.path(word)?;
        let found = state.find(&path).and_then(|number| Some((number, state.attributes(number)?.kind)));
        let (number, kind) = found.ok_or_else(|| self.is_not_there(&path))?;
        Ok((path, number, kind))
    }

    fn list(&self, word: &OsStr, out: &mut Out) -> Result<(), CommandError> {
        let state = self.state()?;
        let (path, number, kind) = self.find(&state, word)?;
        let zone = self.context.system.clock.now().time_zone().clone();
        let is_marked = |path: &Path| self.marks.has(&self.machine, self.day, path);
        let listed = match kind {
            Kind::Directory => state.children(number).map(|(_, child)| child).collect(),
            _ => vec![number],
        };
        if listed.is_empty() {
            return Ok(writeln!(out, "{} is empty", escape::display(&path))?);
        }
        Ok(listing::write(&state, &listed, &zone, is_marked, out)?)
    }

    fn go(&mut self, word: &OsStr) -> Result<(), CommandError> {
        let state = self.state()?;
        let (path, number, kind) = self.find(&state, word)?;
        if kind != Kind::Directory {
            let leads = state.link(number).map(|link| format!("; it is a link to {}", escape::display(link)));
            let path = escape::display(&path);
            return Err(wrong(format!("{path} is no directory{}", leads.unwrap_or_default())));
        }
        self.directory = path;
        Ok(())
    }

    fn list_machines(&self, out: &mut Out) -> io::Result<()> {
        for (name, days) in self.browser.machines() {
            let shown = if *name == self.machine { '>' } else { ' ' };
            writeln!(out, "{shown} {} ({})", escape::display(name), Counted(days.len() as u64, "day"))?;
        }
        Ok(())
    }

    /// Looks at the newest day that a machine has.
    fn look_at_machine(&mut self, name: &OsStr) -> Result<(), CommandError> {
        let newest = self.browser.machines().get(name).and_then(|days| days.last().copied());
        let message = || wrong(format!("there are no directories of {}", escape::display(name)));
        self.day = newest.ok_or_else(|| message().hint("machines"))?;
        name.clone_into(&mut self.machine);
        self.directory = PathBuf::from("/");
        Ok(())
    }

    fn days(&self) -> &[Date] {
        self.browser.machines().get(&self.machine).map(Vec::as_slice).unwrap_or_default()
    }

    fn list_days(&self, out: &mut Out) -> io::Result<()> {
        for day in self.days() {
            writeln!(out, "{} {day}", if *day == self.day { '>' } else { ' ' })?;
        }
        Ok(())
    }

    /// Looks at a day, or the last one before it. The directory stays, or the nearest above it that was there.
    fn look_at_day(&mut self, words: &[&OsStr], out: &mut Out) -> Result<(), CommandError> {
        let text = words.join(OsStr::new(" "));
        let day: Day =
            text.to_string_lossy().parse().map_err(|error| CommandError::new(Exit::Usage, error))?;
        let today = self.context.system.clock.now().date();
        let day = day.resolve(today).map_err(|error| CommandError::new(Exit::Usage, error))?;
        let found = self.days().iter().rev().find(|known| **known <= day).copied();
        let found =
            found.ok_or_else(|| wrong(format!("there is nothing of {day} or before")).hint("days"))?;
        if found != day {
            writeln!(out, "there is nothing of {day}; this is {found}")?;
        }
        self.day = found;
        let state = self.state()?;
        let is_directory = |path: &Path| {
            let attributes = state.find(path).and_then(|number| state.attributes(number));
            attributes.is_some_and(|attributes| attributes.kind == Kind::Directory)
        };
        while !is_directory(&self.directory) && self.directory.pop() {}
        Ok(())
    }

    fn mark(&mut self, words: &[&OsStr], out: &mut Out) -> Result<(), CommandError> {
        let state = self.state()?;
        let mut found = Vec::new();
        for word in words {
            found.extend(self.matching(&state, word)?);
        }
        for path in found {
            writeln!(out, "marked {}", quote::word(path.as_os_str()))?;
            self.marks.add(&self.machine, self.day, path);
        }
        Ok(())
    }

    /// The paths that a word means: one, or what matches the pattern that its last name is.
    fn matching(&self, state: &State, word: &OsStr) -> Result<Vec<PathBuf>, CommandError> {
        let path = self.path(word)?;
        if state.find(&path).is_some() {
            return Ok(vec![path]);
        }
        let is_pattern = word.as_bytes().iter().any(|byte| b"*?[".contains(byte));
        let (directory, name) = (path.parent(), path.file_name().and_then(OsStr::to_str));
        let (true, Some(directory), Some(name)) = (is_pattern, directory, name) else {
            return Err(self.is_not_there(&path));
        };
        let globs = Globs::new(&[name]).map_err(|error| CommandError::new(Exit::Usage, error))?;
        let children = state.find(directory).map(|number| state.children(number)).into_iter().flatten();
        let paths = children.map(|(name, _)| directory.join(name));
        let found: Vec<_> = paths.filter(|path| globs.match_path(path)).collect();
        if found.is_empty() { Err(self.is_not_there(&path)) } else { Ok(found) }
    }

    fn unmark(&mut self, words: &[&OsStr]) -> Result<(), CommandError> {
        for word in words {
            let path = self.path(word)?;
            if !self.marks.remove(&self.machine, self.day, &path) {
                let message = format!("{} of {} is not marked", escape::display(&path), self.day);
                return Err(wrong(message).hint("marks"));
            }
        }
        Ok(())
    }

    /// Brings back what is marked: below `directory`, or, if it is of several days or machines, below a directory for each in there.
    /// The marks stay unless all went well.
    fn restore(&mut self, directory: &Path, out: &mut Out) -> CommandResult {
        let groups = self.marks.groups();
        if groups.is_empty() {
            return Err(wrong("nothing is marked").hint("mark PATH"));
        }
        let common = request(self.args, self.browser.starting_day(), self.context)?;
        let mut worst = Exit::Done;
        let are_several = groups.len() > 1;
        for ((machine, day), paths) in groups {
            let target = if are_several {
                directory.join(machine).join(day.to_string())
            } else {
                directory.to_owned()
            };
            let (peer, as_of) = (Some(machine.to_owned()), Some(*day));
            let request = RestoreRequest { peer, as_of, paths, target, ..common.clone() };
            let exit = bring_back(self.browser.source(), &request, self.context, out)?;
            worst = if exit == Exit::Done { worst } else { exit };
        }
        if worst == Exit::Done && !self.context.global.dry_run {
            self.marks.clear();
        }
        Ok(worst)
    }
}
