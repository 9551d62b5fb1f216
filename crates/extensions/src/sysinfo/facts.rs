//! What is reported for whoever builds the machine anew. The originals do not have it; to them these files are files like any
//! other.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_engine::extension::{Call, program};
use redcedar_system::command::{Command, CommandError};
use redcedar_system::{Interrupted, Level, escape};

use super::secrets::without_secrets;
use super::{Report, ReportError, print};
use crate::output::Output;

/// Whoever runs us by cron has a shorter one, and most of what is asked is in the directories for root.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The disks, as the kernel knows them.
const DISKS: &str = "/sys/block";

/// A file, and what is in it.
pub(super) struct Fact {
    file: &'static str,
    parts: &'static [Part],
}

/// A part of a file. What is not there is left out.
enum Part {
    /// What a program prints.
    Program(&'static [&'static str]),
    /// What a program prints about each disk. Not every disk has what is asked for.
    EachDisk(&'static [&'static str]),
    /// A file without its secrets.
    File(&'static str),
    /// All files of a directory, without their secrets.
    Files(&'static str),
    /// The names in a directory whose files are secrets.
    Names(&'static str),
}

use Part::{EachDisk, File, Files, Names, Program};

pub(super) const ALL: &[Fact] = &[
    Fact {
        file: "sysinfo-packages.txt.bz2",
        parts: &[
            Program(&[
                "dpkg-query",
                "--show",
                "--showformat=${binary:Package}\\t${Version}\\t${Architecture}\\t${db:Status-Abbrev}\\n",
            ]),
            Program(&["apt-mark", "showmanual"]),
            Program(&["apt", "list", "--installed"]),
            Program(&["apt-cache", "policy"]),
            Program(&[
                "rpm",
                "--query",
                "--all",
                "--queryformat=%{NAME}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{VENDOR}\\n",
            ]),
        ],
    },
    Fact {
        file: "sysinfo-disks.txt.bz2",
        parts: &[
            Program(&[
                "lsblk",
                "--json",
                "--bytes",
                "--output=NAME,TYPE,SIZE,FSTYPE,LABEL,UUID,PARTUUID,PARTLABEL,MOUNTPOINT,MODEL,SERIAL,RO",
            ]),
            EachDisk(&["sfdisk", "--dump"]),
            File("/proc/mdstat"),
            Program(&["mdadm", "--detail", "--scan"]),
            File("/etc/mdadm/mdadm.conf"),
            File("/etc/mdadm.conf"),
            Program(&["pvs", "--units=b", "--options=+pv_uuid"]),
            Program(&["vgs", "--units=b", "--options=+vg_uuid"]),
            Program(&["lvs", "--all", "--units=b", "--options=+lv_uuid,devices"]),
            Files("/etc/lvm/backup"),
            Program(&["btrfs", "filesystem", "show"]),
            File("/etc/fstab"),
            File("/etc/crypttab"),
            File("/proc/self/mountinfo"),
        ],
    },
    Fact {
        file: "sysinfo-network.txt.bz2",
        parts: &[
            File("/etc/hostname"),
            File("/etc/hosts"),
            File("/etc/resolv.conf"),
            Program(&["ip", "-json", "address"]),
            Program(&["ip", "-json", "route"]),
            Program(&["ip", "-json", "-6", "route"]),
            File("/etc/network/interfaces"),
            Files("/etc/network/interfaces.d"),
            Names("/etc/netplan"),
            Names("/etc/systemd/network"),
            Names("/etc/NetworkManager/system-connections"),
        ],
    },
    Fact {
        file: "sysinfo-services.txt.bz2",
        parts: &[
            Program(&["systemctl", "list-unit-files", "--no-pager", "--no-legend"]),
            Names("/etc/rcS.d"),
            Names("/etc/rc2.d"),
            Names("/etc/cron.d"),
        ],
    },
    Fact {
        file: "sysinfo-kernel.txt.bz2",
        parts: &[
            Program(&["uname", "--all"]),
            File("/etc/os-release"),
            File("/proc/cmdline"),
            File("/proc/modules"),
            Program(&["lscpu"]),
            File("/proc/meminfo"),
        ],
    },
];

impl Fact {
    pub(super) fn report(&self, report: &mut Report<'_>) -> Result<(), Interrupted> {
        let limit = report.limit;
        report.file(self.file, |output, call| {
            let mut page = Page { output, call, limit };
            self.parts.iter().try_for_each(|part| page.part(part))
        })
    }
}

/// A file being written.
struct Page<'a, 'o> {
    output: &'a mut Output<'o>,
    call: &'a Call<'a>,
    limit: Option<std::time::Duration>,
}

impl Page<'_, '_> {
    fn part(&mut self, part: &Part) -> Result<(), ReportError> {
        match part {
            Program(words) => self.program(words, None),
            EachDisk(words) => {
                disks(Path::new(DISKS)).iter().try_for_each(|disk| self.program(words, Some(disk)))
            }
            File(path) => self.file(Path::new(path)),
            Files(path) => {
                let mut files = entries(Path::new(path)).into_iter().filter(|path| path.is_file());
                files.try_for_each(|path| self.file(&path))
            }
            Names(path) => self.names(Path::new(path)),
        }
    }

    fn program(&mut self, words: &[&str], disk: Option<&Path>) -> Result<(), ReportError> {
        let monitor = &self.call.system.monitor;
        let name = words[0];
        let shown = words.iter().map(|word| (*word).to_owned());
        let shown: Vec<_> = shown.chain(disk.map(|disk| escape::display(disk).to_string())).collect();
        let mut command = Command::new(program(name, &self.call.config.options))
            .args(&words[1..])
            .variable("PATH", PATH)
            .variable("LC_ALL", "C")
            .time_limit(self.limit);
        if let Some(disk) = disk {
            command = command.arg(disk);
        }
        self.heading(shown.join(" ").as_bytes())?;
        let remark = match print(&command, self.output, self.call) {
            Ok(finished) if finished.success() => None,
            Ok(finished) if finished.is_missing() => {
                monitor.info(format!("[{name}] is not here: what it knows is not reported."));
                Some(format!("{name} is not here"))
            }
            Ok(finished) => {
                let remark = finished.explain(name);
                // A disk need not have partitions.
                let told = format!("What {name} knows is not, or not wholly, reported: {remark}");
                let level = if disk.is_some() { Level::Info } else { Level::Warning };
                monitor.log(level, &told);
                Some(remark)
            }
            Err(error @ CommandError::TimedOut { .. }) => {
                monitor.warning(error.to_string());
                Some(error.to_string())
            }
            Err(error) => return Err(error.into()),
        };
        match remark {
            Some(remark) => Ok(writeln!(self.output, "({remark})")?),
            None => Ok(()),
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), ReportError> {
        match fs_err::read(path) {
            Ok(content) => {
                self.heading(path.as_os_str().as_bytes())?;
                Ok(self.output.write_all(&without_secrets(&content))?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                self.call.system.monitor.warning(error.to_string());
                self.heading(path.as_os_str().as_bytes())?;
                Ok(writeln!(self.output, "({error})")?)
            }
        }
    }

    fn names(&mut self, directory: &Path) -> Result<(), ReportError> {
        let paths = entries(directory);
        if paths.is_empty() {
            return Ok(());
        }
        self.heading(&[b"names in ", directory.as_os_str().as_bytes()].concat())?;
        for path in paths {
            self.output.write_all(path.file_name().unwrap_or_default().as_bytes())?;
            self.output.write_all(b"\n")?;
        }
        Ok(())
    }

    fn heading(&mut self, title: &[u8]) -> Result<(), ReportError> {
        Ok(self.output.write_all(&[b"\n### ", title, b"\n"].concat())?)
    }
}

/// What is in a directory, by name; nothing if there is none.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The devices of the disks that are hardware, real or not; the others are made of these.
fn disks(directory: &Path) -> Vec<PathBuf> {
    let hardware = entries(directory).into_iter().filter(|path| path.join("device").exists());
    // The kernel writes `!` for a slash in the name of a device.
    hardware
        .filter_map(|path| Some(format!("/dev/{}", path.file_name()?.to_str()?.replace('!', "/")).into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hardware_is_a_disk() {
        let root = tempfile::tempdir().unwrap();
        for name in ["vda/device", "cciss!c0d0/device", "loop0", "dm-0"] {
            fs_err::create_dir_all(root.path().join(name)).unwrap();
        }
        assert_eq!(disks(root.path()), ["/dev/cciss/c0d0", "/dev/vda"].map(PathBuf::from));
        assert_eq!(disks(Path::new("/nonexistent")), Vec::<PathBuf>::new());
    }
}
