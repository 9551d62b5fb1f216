//! Files: restored as always, then compared once more, with what is on the disk.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use redcedar_system::clock::Stopwatch;
use redcedar_system::{Interrupted, escape};

use super::compare::Comparison;
use super::{Attempt, Drill, Tried};
use crate::chain::Caveat;
use crate::extract::{Settings, extract};
use crate::object::Overwrite;
use crate::plan::{plan, unknown};
use crate::restore::RestoreError;
use crate::surplus::Search;
use crate::target::Target;
use crate::wanted::{checked, choose_items, read_items};

impl Drill<'_> {
    pub(super) fn files(&self, item: Option<&OsStr>, paths: &[PathBuf]) -> Result<Attempt, Interrupted> {
        match self.restore_files(item, paths) {
            Ok(attempt) => Ok(attempt),
            Err(RestoreError::Interrupted(interrupted)) => Err(interrupted),
            Err(error) => Ok(Attempt::NotDrilled(error.to_string())),
        }
    }

    fn restore_files(&self, item: Option<&OsStr>, paths: &[PathBuf]) -> Result<Attempt, RestoreError> {
        let (request, monitor, interrupt) =
            (self.request, self.system.monitor.as_ref(), &self.system.interrupt);
        let watch = Stopwatch::start();
        let paths = paths.iter().map(|path| checked(path)).collect::<Result<Vec<_>, _>>()?;
        let items = choose_items(self.source, self.peer, item, request.as_of, &paths)?;
        let when = (request.as_of, request.starting_day);
        let (tree, _) = read_items(self.source, self.peer, &items, &paths, when, interrupt)?;
        if let Some(path) = unknown(&tree, &paths).first() {
            return Err(RestoreError::NoPath { path: (*path).clone(), as_of: request.as_of });
        }
        let plan = plan(&tree, &paths, 0);
        let unusable = |source| RestoreError::Target { target: self.scratch.path().to_owned(), source };
        let free = self.scratch.free().map_err(unusable)?;
        if plan.bytes > free {
            let reason = format!("it has {} bytes, and only {free} are free for it", plan.bytes);
            return Ok(Attempt::NotDrilled(reason));
        }
        let directory = self.scratch.directory("files", None).map_err(unusable)?;
        let target = Target::open(&directory).map_err(unusable)?;
        let settings =
            Settings { overwrite: Overwrite::Never, numeric_owner: true, owners: &[], surplus: None };
        let report = extract(&tree, &plan, &target, settings, monitor, interrupt)?;
        let took = watch.elapsed();

        let mut tried = Tried {
            day: tree.layers.iter().map(|layer| layer.date).max(),
            content: format!("{} objects", report.restored),
            bytes: report.bytes,
            took,
            ..Tried::default()
        };
        tried.differences.extend(report.failures.iter().map(ToString::to_string));
        tried.differences.extend(tree.failures.iter().map(ToString::to_string));
        for caveat in &tree.caveats {
            let to = match caveat {
                Caveat::MissingBaseline { .. } => &mut tried.differences,
                _ => &mut tried.remarks,
            };
            to.push(caveat.to_string());
        }
        tried.remarks.extend(plan.missing.iter().map(ToString::to_string));
        tried.remarks.extend(report.warnings.iter().chain(&tree.warnings).cloned());

        monitor.task("Comparing");
        let known: HashSet<&Path> = report.failures.iter().map(|failure| failure.path.as_path()).collect();
        let mut comparison = Comparison::new(&target, &known, interrupt);
        comparison.plan(&plan)?;
        tried.differences.append(&mut comparison.differences);
        if comparison.without_digest > 0 {
            let count = comparison.without_digest;
            tried.remarks.push(format!("{count} files have no digest to compare them by"));
        }
        let everything = [PathBuf::from("/")];
        let search = Search { target: &target, strip: 0, roots: &everything, others: &[], interrupt };
        let strange = search.run(&tree)?;
        let strange = strange.paths().map(|path| format!("/{}: it was not there", escape::display(path)));
        tried.differences.extend(strange);
        Ok(Attempt::Tried(tried))
    }
}
