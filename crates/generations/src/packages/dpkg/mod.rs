//! dpkg's database, read as it lies under `/var/lib/dpkg`.

mod files;
mod index;
mod settings;
mod status;
#[cfg(test)]
mod tests;

pub use settings::{Alternative, Choice, Diversion, Settings, StatOverride};

use std::path::{Path, PathBuf};

use redcedar_system::System;

use super::inventory::Builder;
use super::root::{Names, Root};
use super::{Database, PackagesError};
use files::Files;
use index::Index;

pub(super) struct Dpkg;

impl Database for Dpkg {
    fn name(&self) -> &'static str {
        "dpkg"
    }

    fn places(&self, _: &Root) -> Result<Vec<PathBuf>, PackagesError> {
        let names = ["status", "updates", "info", "diversions", "statoverride"];
        Ok(names.map(|name| Path::new("var/lib/dpkg").join(name)).to_vec())
    }

    fn read(&self, root: &Root, system: &System, builder: &mut Builder) -> Result<(), PackagesError> {
        let mut installed = status::read(root)?;
        let settings = Settings::read(root)?;
        let index = Index::read(root, &installed, builder)?;
        if index.is_empty() {
            builder.remark(
                "the packages of dpkg are saved whole, because there is no index of any repository in \
                 /var/lib/apt/lists that would show what can be had again; `apt-get update` fetches them"
                    .to_owned(),
            );
        }
        index.mark(&mut installed);
        index::mark_automatic(root, &mut installed)?;
        let files = Files::new(root, &settings, &Names::read(root)?);
        for installed in installed {
            system.interrupt.check()?;
            let package = builder.package(installed.package.clone());
            files.read(&installed, package, builder)?;
        }
        builder.dpkg(settings);
        Ok(())
    }
}
