//! `capacity`: warns when the disc in the drive is nearly full.

mod config;

use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind};
use redcedar_engine::{Outcome, StoreError, store};
use redcedar_media::{Capacity, Size};

use self::config::Limit;
use crate::staged::usable;

const NAME: &str = "capacity";

/// See the module.
pub(crate) struct CapacityLimit;

impl Extension for CapacityLimit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Watch
    }

    fn check(&self, document: &Document, _config: &Config) -> Vec<Diagnostic> {
        config::read(document).1
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        let settings = usable(config::read(call.document))?;
        let capacity = store::capacity(call.config, call.system).map_err(|error| match error {
            StoreError::NotConfigured => ExtensionError::NotConfigured("Store"),
            StoreError::Interrupted(interrupted) => interrupted.into(),
            error => ExtensionError::Failed(error.to_string()),
        })?;
        call.system.monitor.info(format!("The disc: {capacity}."));
        let mut outcome = Outcome::default();
        if let Some(message) = settings.limit.exceeded_by(&capacity) {
            // An error, so that whoever reads only the mails of cron hears of it.
            call.system.monitor.error(&message);
            if settings.fail {
                outcome.failures.push(message);
            }
        }
        Ok(outcome)
    }
}

impl Limit {
    /// What to say if the limit is passed. One that is just reached is not.
    fn exceeded_by(&self, capacity: &Capacity) -> Option<String> {
        match *self {
            Self::Percentage(most) if capacity.utilized() > most => Some(format!(
                "Media has reached capacity limit of {most:.2}%: {:.2}% utilized",
                capacity.utilized()
            )),
            Self::Bytes(least) if capacity.available < least => Some(format!(
                "Media has reached capacity limit of {}: only {} available",
                Size(least),
                Size(capacity.available)
            )),
            Self::Percentage(_) | Self::Bytes(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_passed_by_more_and_not_by_as_much() {
        let capacity = Capacity { used: 90.0, available: 10.0 };
        let is_passed = |limit: Limit| limit.exceeded_by(&capacity).is_some();
        assert!(is_passed(Limit::Percentage(89.9)) && !is_passed(Limit::Percentage(90.0)));
        assert!(is_passed(Limit::Bytes(11.0)) && !is_passed(Limit::Bytes(10.0)));
    }
}
