//! Steps that are programs of somebody else's.

use redcedar_system::System;

use super::{RunError, RunRequest};
use crate::plan::{Place, Step};
use crate::program::{Facts, Program};

/// The program of a step. One that cannot be run is an error in what names it.
pub(super) fn find<'a>(step: &Step, request: &RunRequest<'a>) -> Result<Program<'a>, RunError> {
    let name = &step.action.name;
    let mut configured = request.config.extensions.iter().flat_map(|extensions| &extensions.actions);
    let action = configured.find(|action| *action.name == *name);
    let action = action.ok_or_else(|| RunError::Unavailable(name.clone()))?;
    Program::find(action, request.document).map_err(|finding| RunError::Section {
        action: name.clone(),
        diagnostics: request.document.diagnostics(vec![finding]),
    })
}

pub(super) fn run(step: &Step, request: &RunRequest<'_>, system: &System) -> Result<(), RunError> {
    let RunRequest { plan, config, document, .. } = *request;
    let here = plan.steps.iter().filter(|step| step.place == Place::Here);
    let actions: Vec<_> = here.map(|step| step.action.name.as_str()).collect();
    let facts = Facts { config, document, full: plan.full, actions: &actions };
    Ok(find(step, request)?.run(&facts, system)?)
}
