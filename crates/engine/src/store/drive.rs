//! The drive of a configuration, and what writes to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use redcedar_config::Config;
use redcedar_config::cedar::Store;
use redcedar_config::value::{BurnerProgram, MediaType};
use redcedar_media::kind::Family;
use redcedar_media::setup::{Place, Setup};
use redcedar_media::writer::{self, Burner, DiscWriter};
use redcedar_media::{Kind, MediaError, Overrides};
use redcedar_system::System;

/// A drive, how it is to be used, and by which programs.
#[derive(Debug, Clone)]
pub struct Drive {
    setup: Setup,
    overrides: Overrides,
    burner: Burner,
}

impl Drive {
    /// The drive of a configuration; none without a `store` section.
    pub fn configured(config: &Config) -> Option<Self> {
        let store = config.store.as_ref()?;
        let overrides = overrides(config);
        let setup = setup(store);
        let burner = burner(store, &setup, &overrides);
        Some(Self { setup, overrides, burner })
    }

    /// Whether it is no drive, but a file that becomes an image.
    pub fn makes_images(&self) -> bool {
        self.burner == Burner::Xorriso && self.setup.place().is_ok_and(|place| place == Place::File)
    }

    /// The same with another device.
    #[must_use]
    pub fn with_device(mut self, device: PathBuf) -> Self {
        self.setup.device = device;
        self
    }

    /// What writes to it. That may ask the drive what it can do.
    ///
    /// # Errors
    /// When the drive cannot be used.
    pub fn writer<'a>(&'a self, system: &'a System) -> Result<Box<dyn DiscWriter + 'a>, MediaError> {
        writer::writer(self.burner, &self.setup, &self.overrides, system)
    }

    /// How it is used.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }
}

/// The last one for a program counts, as with the originals.
fn overrides(config: &Config) -> Overrides {
    let entries = config.options.overrides.iter();
    let pairs = entries.filter_map(|entry| Some((entry.command.as_ref()?, entry.abs_path.as_ref()?)));
    pairs.map(|(command, path)| (command.value.clone(), path.value.clone())).collect::<BTreeMap<_, _>>()
}

fn setup(store: &Store) -> Setup {
    let seconds = |delay: Option<u64>| delay.map(Duration::from_secs);
    Setup {
        device: store.target_device.value.clone(),
        scsi_id: store.target_scsi_id.as_ref().map(|id| id.value.clone()),
        kind: kind(store.media_type),
        speed: store.drive_speed,
        size: store.media_size.as_ref().map(|size| size.bytes()),
        no_eject: store.no_eject == Some(true),
        eject_delay: seconds(store.eject_delay),
        refresh_delay: seconds(store.refresh_media_delay),
    }
}

/// What a configuration wants; else the programs of the originals where it says where these are, else xorriso.
fn burner(store: &Store, setup: &Setup, overrides: &Overrides) -> Burner {
    let classic: &[&str] = match setup.kind.family() {
        Family::Cd => &["cdrecord", "mkisofs"],
        Family::Dvd | Family::Bd => &["growisofs", "mkisofs"],
    };
    match store.burner {
        Some(BurnerProgram::Classic) => Burner::Classic,
        None if classic.iter().any(|name| overrides.contains_key(*name)) => Burner::Classic,
        Some(BurnerProgram::Xorriso) | None => Burner::Xorriso,
    }
}

fn kind(media: MediaType) -> Kind {
    match media {
        MediaType::CdR74 => Kind::CdR74,
        MediaType::CdRw74 => Kind::CdRw74,
        MediaType::CdR80 => Kind::CdR80,
        MediaType::CdRw80 => Kind::CdRw80,
        MediaType::DvdPlusR => Kind::DvdPlusR,
        MediaType::DvdPlusRw => Kind::DvdPlusRw,
        MediaType::DvdMinusR => Kind::DvdMinusR,
        MediaType::DvdMinusRw => Kind::DvdMinusRw,
        MediaType::DvdPlusRDl => Kind::DvdPlusRDl,
        MediaType::DvdMinusRDl => Kind::DvdMinusRDl,
        MediaType::DvdRam => Kind::DvdRam,
        MediaType::BdR => Kind::BdR,
        MediaType::BdRe => Kind::BdRe,
        MediaType::BdRDl => Kind::BdRDl,
        MediaType::BdReDl => Kind::BdReDl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::Source;

    fn drive(options: &str, store: &str) -> Drive {
        let text = format!(
            "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>\
            <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command>{options}\
            </options><store><source_dir>/s</source_dir><target_device>/d</target_device>{store}</store></cb_config>"
        );
        let source = Source::decode("c", text.as_bytes()).unwrap();
        Drive::configured(&Config::parse(source).unwrap().config).unwrap()
    }

    const CD: &str = "<media_type>cdrw-74</media_type>";

    #[test]
    fn whoever_says_where_the_programs_of_the_originals_are_wants_them() {
        let of =
            |name: &str| format!("<override><command>{name}</command><abs_path>/x</abs_path></override>");
        let dvd = "<media_type>dvd+rw</media_type><device_type>dvdwriter</device_type>";
        for (options, store, expected) in [
            ("", CD, Burner::Xorriso),
            (&*of("eject"), CD, Burner::Xorriso),
            (&*of("xorriso"), CD, Burner::Xorriso),
            (&*of("cdrecord"), CD, Burner::Classic),
            (&*of("mkisofs"), CD, Burner::Classic),
            (&*of("growisofs"), CD, Burner::Xorriso),
            (&*of("growisofs"), dvd, Burner::Classic),
            ("", &*format!("{CD}<burner>classic</burner>"), Burner::Classic),
            (&*of("cdrecord"), &*format!("{CD}<burner>xorriso</burner>"), Burner::Xorriso),
        ] {
            assert_eq!(drive(options, store).burner, expected, "{options} {store}");
        }
    }

    #[test]
    fn every_kind_of_disc_is_called_the_same_in_configurations_and_here() {
        for name in MediaType::LITERALS {
            assert_eq!(kind(name.parse().unwrap()).name(), *name);
        }
        assert_eq!(MediaType::LITERALS.len(), Kind::ALL.len());
    }

    #[test]
    fn delays_and_sizes_reach_the_drive() {
        let setup =
            drive("", &format!("{CD}<eject_delay>3</eject_delay><media_size>10 MB</media_size>")).setup;
        assert_eq!(
            (setup.eject_delay, setup.size),
            (Some(Duration::from_secs(3)), Some(10.0 * 1024.0 * 1024.0))
        );
        assert!(!setup.no_eject && setup.refresh_delay.is_none());
    }
}
