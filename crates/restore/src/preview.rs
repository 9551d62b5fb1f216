//! What a restore would do, path by path.

use std::path::{Path, PathBuf};

use redcedar_system::{Interrupt, Interrupted};
use serde::Serialize;

use crate::intent::Intent;
use crate::object::{ObjectError, ObjectWriter};
use crate::plan::{Object, Plan};
use crate::report::{Failure, Report, as_text};

/// What would be done with a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The path below the target.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// What would be done.
    pub deed: Deed,
}

/// What would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It is made where nothing is.
    Create,
    /// It takes the place of what is there.
    Replace,
    /// The directory is there, and gets the mode, owner and times it had.
    Update,
    /// It is there and the same.
    Same,
    /// What is there is left alone.
    Keep,
    /// It was not there on that day, and is removed.
    Delete,
}

impl Deed {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Update => "update",
            Self::Same => "same",
            Self::Keep => "keep",
            Self::Delete => "delete",
        }
    }
}

impl From<Intent> for Deed {
    fn from(intent: Intent) -> Self {
        match intent {
            Intent::Create => Self::Create,
            Intent::Replace => Self::Replace,
            Intent::Update => Self::Update,
            Intent::Same => Self::Same,
            Intent::Keep => Self::Keep,
        }
    }
}

/// Finds out what writing a plan would do below a target, if that is there.
///
/// # Errors
/// When interrupted.
pub(crate) fn preview(
    plan: &Plan<'_>,
    strip: usize,
    writer: Option<ObjectWriter<'_>>,
    interrupt: &Interrupt,
) -> Result<Report, Interrupted> {
    let mut report = Report::default();
    let mut look = Look { report: &mut report, strip, writer };
    for object in &plan.directories {
        interrupt.check()?;
        look.at(object, None);
    }
    let members = plan.members.iter().flatten().map(|member| member.object);
    for object in members.filter(|object| object.node.entry.kind != redcedar_archive::Kind::Directory) {
        interrupt.check()?;
        look.at(&object, None);
    }
    for (object, first) in &plan.links {
        interrupt.check()?;
        look.at(object, Some(first));
    }
    report.actions.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

struct Look<'r, 't> {
    report: &'r mut Report,
    strip: usize,
    writer: Option<ObjectWriter<'t>>,
}

impl Look<'_, '_> {
    fn at(&mut self, object: &Object<'_>, first: Option<&Path>) {
        let deed = match self.deed(object, first) {
            Ok(deed) => deed,
            Err(error) => {
                let failure = Failure { path: object.path.to_owned(), reason: error.to_string() };
                return self.report.failures.push(failure);
            }
        };
        let entry = &object.node.entry;
        match deed {
            Deed::Same => self.report.unchanged += 1,
            Deed::Keep => self.report.skipped += 1,
            _ => {
                self.report.restored += 1;
                self.report.bytes += if first.is_none() { entry.size } else { 0 };
            }
        }
        let path = crate::path::stripped(object.path, self.strip).to_owned();
        self.report.actions.push(Action { path, deed });
    }

    fn deed(&mut self, object: &Object<'_>, first: Option<&Path>) -> Result<Deed, ObjectError> {
        let Some(writer) = &mut self.writer else { return Ok(Deed::Create) };
        match first {
            Some(first) if writer.is_linked(object.path, first)? => Ok(Deed::Same),
            _ => writer.intent(object.path, &object.node.entry).map(Deed::from),
        }
    }
}
