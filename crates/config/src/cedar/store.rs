//! `store`: discs.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Located;
use crate::diagnostic::Diagnostic;
use crate::section::{Field, Section};
use crate::value::{self, BlankMode, BurnerProgram, ByteQuantity, DeviceType, MediaType};
use crate::xml::Writer;

/// The `store` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// Where staged days lie.
    pub source_dir: Located<PathBuf>,
    /// Kind of disc.
    pub media_type: MediaType,
    /// Kind of drive; absent means a CD writer.
    pub device_type: Option<DeviceType>,
    /// The drive, or an image file.
    pub target_device: Located<PathBuf>,
    /// Its SCSI id, verbatim.
    pub target_scsi_id: Option<Located<String>>,
    /// Speed factor.
    pub drive_speed: Option<u64>,
    /// Whether the disc is compared with its source after writing.
    pub check_data: Option<bool>,
    /// Whether the disc in the drive must be ours.
    pub check_media: Option<bool>,
    /// Whether a run that crossed midnight is reported.
    pub warn_midnite: Option<bool>,
    /// Whether the tray stays closed.
    pub no_eject: Option<bool>,
    /// Seconds to wait after the tray has moved.
    pub refresh_media_delay: Option<u64>,
    /// Seconds to wait after ejecting.
    pub eject_delay: Option<u64>,
    /// When a disc is blanked early.
    pub blank_behavior: Option<Located<BlankBehavior>>,
    /// Which programs write. Ours.
    pub burner: Option<BurnerProgram>,
    /// How much of a disc, or an image, is used. Ours.
    pub media_size: Option<Located<ByteQuantity>>,
    /// How much recovery data is made for each day, in percent of the day. Ours.
    pub redundancy: Option<u64>,
    /// For how many days after it was written to a disc is not blanked. Ours.
    pub min_disc_age: Option<u64>,
    /// A program that is put on every disc. Ours.
    pub disc_program: Option<Located<PathBuf>>,
}

/// The `blank_behavior` element; at least one of the two is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BlankBehavior {
    /// On which days.
    pub mode: Option<BlankMode>,
    /// How much room a day may need, as written.
    pub factor: Option<String>,
}

impl Store {
    /// The kind of drive: a CD writer unless something else is said.
    pub fn drive(&self) -> DeviceType {
        self.device_type.unwrap_or(DeviceType::CdWriter)
    }

    pub(super) fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let source_dir = read_path(section, "source_dir", findings);
        let media_type = section.read("media_type", MediaType::from_str, findings).required(
            section,
            "media_type",
            findings,
        );
        let device_type = section.read("device_type", DeviceType::from_str, findings);
        if let (Some(media), Field::Absent | Field::Valid(_)) = (&media_type, &device_type) {
            check_media(media, device_type.clone().value(), findings);
        }
        let target_device = read_path(section, "target_device", findings);
        let target_scsi_id = section.read("target_scsi_id", value::scsi_id, findings).optional();
        let drive_speed = section.read("drive_speed", value::positive, findings).value();
        let mut boolean = |name| section.read(name, value::boolean, findings).value();
        let check_data = boolean("check_data");
        let check_media = boolean("check_media");
        let warn_midnite = boolean("warn_midnite");
        let no_eject = boolean("no_eject");
        let blank_behavior = section.section("blank_behavior").map(|element| Located {
            value: BlankBehavior::read(element, findings),
            span: element.name_span(),
        });
        // Zero is the same as nothing.
        let mut delay =
            |name| section.read(name, value::non_negative, findings).value().filter(|delay| *delay > 0);
        let refresh_media_delay = delay("refresh_media_delay");
        let eject_delay = delay("eject_delay");
        let burner = section.read("burner", BurnerProgram::from_str, findings).value();
        let media_size = section.read("media_size", ByteQuantity::from_str, findings).optional();
        let redundancy = section.read("redundancy", value::positive, findings).value();
        let min_disc_age = section.read("min_disc_age", value::positive, findings).value();
        let disc_program = section.read("disc_program", value::absolute_path, findings).optional();
        Some(Self {
            source_dir: source_dir?,
            media_type: media_type?.value,
            device_type: device_type.value(),
            target_device: target_device?,
            target_scsi_id,
            drive_speed,
            check_data,
            check_media,
            warn_midnite,
            no_eject,
            refresh_media_delay,
            eject_delay,
            blank_behavior,
            burner,
            media_size,
            redundancy,
            min_disc_age,
            disc_program,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.path("source_dir", Some(&self.source_dir));
        writer.scalar("media_type", Some(self.media_type));
        writer.scalar("device_type", self.device_type);
        writer.path("target_device", Some(&self.target_device));
        writer.scalar("target_scsi_id", self.target_scsi_id.as_ref());
        writer.scalar("drive_speed", self.drive_speed);
        writer.boolean("check_data", self.check_data);
        writer.boolean("check_media", self.check_media);
        writer.boolean("warn_midnite", self.warn_midnite);
        writer.boolean("no_eject", self.no_eject);
        writer.scalar("refresh_media_delay", self.refresh_media_delay);
        writer.scalar("eject_delay", self.eject_delay);
        if let Some(blank) = &self.blank_behavior {
            writer.section("blank_behavior", |writer| {
                writer.scalar("mode", blank.mode);
                writer.scalar("factor", blank.factor.as_ref());
            });
        }
        // What the originals do not know is written only where it is used.
        if self.burner.is_some() {
            writer.scalar("burner", self.burner);
        }
        if self.media_size.is_some() {
            writer.scalar("media_size", self.media_size.as_ref());
        }
        if self.redundancy.is_some() {
            writer.scalar("redundancy", self.redundancy);
        }
        if self.min_disc_age.is_some() {
            writer.scalar("min_disc_age", self.min_disc_age);
        }
        if self.disc_program.is_some() {
            writer.path("disc_program", self.disc_program.as_ref().map(|path| path.as_path()));
        }
    }
}

fn read_path(section: Section<'_>, name: &str, findings: &mut Vec<Diagnostic>) -> Option<Located<PathBuf>> {
    section.read(name, value::absolute_path, findings).required(section, name, findings)
}

fn check_media(media: &Located<MediaType>, device: Option<DeviceType>, findings: &mut Vec<Diagnostic>) {
    use MediaType::{CdR74, CdR80, CdRw74, CdRw80};
    let is_dvd = !matches!(media.value, CdR74 | CdRw74 | CdR80 | CdRw80);
    let device_type = device.unwrap_or(DeviceType::CdWriter);
    if is_dvd != (device_type == DeviceType::DvdWriter) {
        let mut finding =
            Diagnostic::error(media.span, format!("a `{device_type}` does not write `{}`", media.value));
        if device.is_none() {
            finding.hint =
                Some("set `device_type` to `dvdwriter`; without it, `cdwriter` is meant".to_owned());
        }
        findings.push(finding);
    }
}

impl BlankBehavior {
    fn read(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Self {
        let mode = section.read("mode", BlankMode::from_str, findings);
        let factor = section.read("factor", value::non_negative_float, findings);
        if mode.is_absent() && factor.is_absent() {
            findings.push(section.missing("mode` and `factor"));
        }
        Self { mode: mode.value(), factor: factor.value().map(|factor| factor.text) }
    }
}
