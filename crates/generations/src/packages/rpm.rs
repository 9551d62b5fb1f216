//! rpm's database, by way of `rpm` itself: it comes in three formats, and only the program knows all of them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use redcedar_archive::Kind;
use redcedar_system::command::Command;
use redcedar_system::{Owner, System};

use super::inventory::Builder;
use super::root::{Names, Root};
use super::{
    Availability, Claim, Database, Owned, Package, PackageRef, PackagesError, Permissions, State, Target,
};
use crate::Digest;

/// Where databases may be, and the files by which they are known.
const PLACES: [&str; 6] = [
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
];

/// A line per package, followed by a line per file. The name of a file comes last, as it may hold anything.
const FORMAT: &str = r"P\t%{NAME}\t%{EPOCH}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{VENDOR}\n[F\t%{FILEDIGESTS}\t%{FILEMODES:octal}\t%{FILEUSERNAME}\t%{FILEGROUPNAME}\t%{LONGFILESIZES}\t%{FILEFLAGS}\t%{FILESTATES}\t%{FILELINKTOS}\t%{FILENAMES}\n]";

/// A file that belongs to a package but does not come with it, such as a log.
const GHOST: u32 = 64;

pub(super) struct Rpm;

impl Database for Rpm {
    fn name(&self) -> &'static str {
        "rpm"
    }

    fn places(&self, _: &Root) -> Result<Vec<PathBuf>, PackagesError> {
        Ok(PLACES.map(PathBuf::from).to_vec())
    }

    fn read(&self, root: &Root, system: &System, builder: &mut Builder) -> Result<(), PackagesError> {
        let names = Names::read(root)?;
        let listing = run(system, &query(root))?;
        let available = Available::ask(root, system, builder)?;
        let mut package = None;
        for line in listing.lines() {
            match (line.split_at_checked(2), package) {
                (Some((b"P\t", rest)), _) => {
                    package = read_package(rest, &available).map(|found| builder.package(found));
                }
                (Some((b"F\t", rest)), Some(package)) => {
                    if let Some((path, owned)) = read_file(rest, package, &names) {
                        builder.owned(path, owned);
                    }
                }
                // The rest of a name with a line break in it: such a file is saved as one that nobody owns.
                _ => {}
            }
        }
        Ok(())
    }
}

fn query(root: &Root) -> Command {
    let mut command = Command::new("rpm");
    if !root.is_running() {
        let place = PLACES.iter().map(Path::new).find(|place| root.path(place).exists());
        let directory = place.and_then(Path::parent).unwrap_or(Path::new("var/lib/rpm"));
        command = command.arg("--dbpath").arg(root.path(directory));
    }
    command.args(["-qa", "--qf", FORMAT])
}

/// What a program prints; it must succeed.
fn run(system: &System, command: &Command) -> Result<Vec<u8>, PackagesError> {
    let mut output = Vec::new();
    let finished = system.runner.stream(command, &mut output)?;
    if finished.success() {
        return Ok(output);
    }
    let program = command.program.to_string_lossy();
    let (status, said) = (finished.status, finished.tail.join("; "));
    Err(PackagesError::Command(format!("{program} ended with {status}: {said}")))
}

fn read_package(line: &[u8], available: &Available) -> Option<Package> {
    let mut fields = line.split_str("\t").map(|field| field.to_str_lossy().into_owned());
    let mut field = || fields.next();
    let (name, epoch, version, architecture, vendor) = (field()?, field()?, field()?, field()?, field()?);
    let version =
        if matches!(epoch.as_str(), "(none)" | "0") { version } else { format!("{epoch}:{version}") };
    Some(Package {
        database: "rpm",
        availability: available.of(&name, &version, &architecture),
        name,
        version,
        architecture,
        origin: (vendor != "(none)").then_some(vendor),
        is_auto: false,
        is_held: false,
        state: State::Installed,
    })
}

fn read_file<'a>(line: &'a [u8], package: PackageRef, names: &Names) -> Option<(&'a [u8], Owned)> {
    let mut fields = line.splitn_str(9, "\t");
    let mut field = || fields.next();
    let (digest, mode, user, group) = (field()?, field()?, field()?, field()?);
    let (size, flags, state, target, path) = (field()?, field()?, field()?, field()?, field()?);
    // Any other state: the file is not there, or is another package's.
    if state != b"0" {
        return None;
    }
    let mode = u32::from_str_radix(mode.to_str().ok()?, 8).ok()?;
    let is_ghost = flags.to_str().ok()?.parse::<u32>().ok()? & GHOST != 0;
    let claim = match (Kind::from_mode(mode), Digest::from_hex(digest)) {
        _ if is_ghost => Claim::Obsolete,
        (Some(Kind::Directory), _) => Claim::Directory,
        (Some(Kind::Symlink), _) => Claim::Symlink(Target::Path(OsString::from_vec(target.to_vec()))),
        (Some(Kind::File), Some(digest)) => Claim::File { digest, size: size.to_str().ok()?.parse().ok() },
        _ => Claim::Unspecified,
    };
    let permissions = match (names.user(user), names.group(group), u16::try_from(mode & 0o7777)) {
        (Some(uid), Some(gid), Ok(mode)) => Permissions::Recorded { mode, owner: Owner { uid, gid } },
        _ => Permissions::Unknown,
    };
    path.starts_with(b"/").then_some((path, Owned { package, claim, permissions }))
}

/// Versions that repositories have, by name and architecture.
struct Available(HashMap<(String, String), Vec<String>>);

impl Available {
    /// Asks dnf for what it has fetched about repositories, without the network.
    fn ask(root: &Root, system: &System, builder: &mut Builder) -> Result<Self, PackagesError> {
        let mut command = Command::new("dnf").args(["--quiet", "--cacheonly"]);
        if !root.is_running() {
            command = command.arg("--installroot").arg(root.path(""));
        }
        let command =
            command.args(["repoquery", "--available", "--queryformat", "%{name}\t%{evr}\t%{arch}\n"]);
        let listing = match run(system, &command) {
            Ok(listing) => listing,
            Err(PackagesError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(error) => {
                builder.remark(format!(
                    "the packages of rpm are saved whole, because dnf does not show what can be had again; \
                     `dnf makecache` fetches that: {error}"
                ));
                Vec::new()
            }
        };
        let mut versions: HashMap<_, Vec<_>> = HashMap::new();
        for line in listing.lines() {
            let line = line.to_str_lossy();
            if let [name, version, architecture] = line.split('\t').collect::<Vec<_>>()[..] {
                let key = (name.to_owned(), architecture.to_owned());
                versions
                    .entry(key)
                    .or_default()
                    .push(version.strip_prefix("0:").unwrap_or(version).to_owned());
            }
        }
        Ok(Self(versions))
    }

    fn of(&self, name: &str, version: &str, architecture: &str) -> Availability {
        match self.0.get(&(name.to_owned(), architecture.to_owned())) {
            Some(versions) if versions.iter().any(|found| found == version) => Availability::SameVersion,
            Some(_) => Availability::OtherVersion,
            None => Availability::Nowhere,
        }
    }
}
