//! What the collect directory announces, around a run that puts something there.

use std::io;

use redcedar_config::Config;
use redcedar_system::fs::Directory;
use redcedar_system::{System, escape};

use crate::collect::outputs;
use crate::indicator::{self, Indicator};
use crate::item::ownership::Ownership;
use crate::item::{new_run_id, rfc3339};

/// Remembers what was announced before the first step of a run that collects something, because it withdraws that.
#[derive(Default)]
pub(crate) struct Announced(Option<Before>);

#[derive(Clone, Copy)]
struct Before {
    was_announced: bool,
    is_picked_up: bool,
}

impl Announced {
    /// Withdraws what earlier runs announced, once, and says whether that had been picked up.
    pub(crate) fn withdraw(&mut self, config: &Config, system: &System) -> io::Result<bool> {
        if let Some(before) = self.0 {
            return Ok(before.is_picked_up);
        }
        let Some(collect) = &config.collect else { return Ok(true) };
        let directory = Directory::open(&collect.collect_dir)?;
        let was_announced = directory.status(indicator::COLLECT.as_ref())?.is_some();
        let is_picked_up = outputs::withdraw(&directory, &config.options.working_dir, system)?;
        self.0 = Some(Before { was_announced, is_picked_up });
        Ok(is_picked_up)
    }

    /// Announces anew what had been announced, after a run that did not come to `collect`: with the originals, a dump that
    /// is made by itself does not keep what was collected before from being staged.
    pub(crate) fn renew(&self, config: &Config, ownership: &Ownership, system: &System) -> io::Result<()> {
        let (Some(Before { was_announced: true, .. }), Some(collect)) = (self.0, &config.collect) else {
            return Ok(());
        };
        let directory = Directory::open(&collect.collect_dir)?;
        let now = system.clock.now();
        let indicator =
            Indicator { run: new_run_id(&now), time: rfc3339(&now), program: crate::PROGRAM.to_owned() };
        let path = directory.path().join(indicator::COLLECT);
        system.monitor.debug(format!("Writing indicator file [{}].", escape::display(&path)));
        indicator.write_owned(&directory, indicator::COLLECT, ownership, &*system.monitor)
    }
}
