//! The whole proof: a Debian system is changed in every way, saved, made anew of a fresh one, and compared.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::compare::{Kind, Snapshot};
use redcedar_testing::debian::Deb;
use redcedar_testing::program::{self, command, succeed};

const MIRROR: &str = "http://deb.debian.org/debian";
const SUITE: &str = "bookworm";
/// What snapshots save empty unless told otherwise.
const NOT_SAVED: [&str; 9] = ["proc", "sys", "dev", "run", "tmp", "var/tmp", "mnt", "media", "lost+found"];

/// A Debian system in a directory.
struct Machine(PathBuf);

impl Machine {
    /// None after having said aloud why there is none.
    fn install(directory: &Path) -> Option<Self> {
        let what = "whether a Debian system can be made anew";
        if !program::is_root() {
            program::cannot_test(what, "only root can install one");
            return None;
        }
        if program::find("debootstrap").is_none() {
            program::cannot_test(what, "debootstrap is not installed");
            return None;
        }
        let machine = Self(directory.join("machine"));
        let output = program::run(
            command("debootstrap").args(["--variant=minbase", SUITE]).arg(&machine.0).arg(MIRROR),
        );
        if !output.status.success() {
            program::cannot_test(what, &program::describe(&output));
            return None;
        }
        Some(machine)
    }

    fn place(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs_err::create_dir_all(self.place(path).parent().unwrap()).unwrap();
        fs_err::write(self.place(path), content).unwrap();
    }

    fn inside(&self, line: &str) -> Command {
        let mut inside = command("chroot");
        inside.arg(&self.0).args(line.split(' ')).env("DEBIAN_FRONTEND", "noninteractive");
        inside
    }

    fn run(&self, line: &str) {
        succeed(&mut self.inside(line));
    }

    /// Everything that an administrator does to a system in ten years.
    fn live_through_a_lot(&self) {
        self.run("apt-get update");
        self.run("apt-get --yes --no-install-recommends install nano less bc file");
        self.run("apt-get --yes purge bc");
        self.run("apt-get --yes remove file");
        self.run("apt-get --yes purge tzdata");
        self.run("apt-mark hold less");
        self.run("useradd --create-home anna");
        // A conffile, a program, the content of a file whose size and time stay.
        self.write("/etc/bash.bashrc", "# mine\n");
        self.write("/usr/bin/yes", "#!/bin/sh\necho no\n");
        let data = self.place("/usr/share/common-licenses/BSD");
        let (time, mut bytes) =
            (fs_err::metadata(&data).unwrap().modified().unwrap(), fs_err::read(&data).unwrap());
        bytes[0] ^= 1;
        fs_err::write(&data, bytes).unwrap();
        std::fs::OpenOptions::new().write(true).open(&data).unwrap().set_modified(time).unwrap();
        // New files where packages have theirs, and what nobody would expect there.
        self.write("/usr/bin/own", "own");
        self.write("/usr/share/doc/bash/own notes", "own");
        self.write("/opt/own/file", vec![7; 100_000]);
        fs_err::hard_link(self.place("/opt/own/file"), self.place("/opt/own/second name")).unwrap();
        std::os::unix::fs::symlink("file", self.place("/opt/own/link")).unwrap();
        // Removed, in part what many have.
        fs_err::remove_file(self.place("/usr/bin/factor")).unwrap();
        fs_err::remove_file(self.place("/etc/deluser.conf")).unwrap();
        fs_err::remove_dir_all(self.place("/usr/share/doc/apt")).unwrap();
        // Modes, owners, times, attributes.
        let set = |path: &str, mode| {
            fs_err::set_permissions(self.place(path), PermissionsExt::from_mode(mode)).unwrap();
        };
        set("/usr/bin/tac", 0o4711);
        set("/usr/share/common-licenses/GPL-2", 0o755);
        set("/usr/share/perl5", 0o750);
        std::os::unix::fs::chown(self.place("/usr/bin/cut"), Some(5), Some(60)).unwrap();
        self.run("touch -d 2001-02-03 /usr/bin/paste");
        succeed(command("setfattr").args(["-n", "user.own", "-v", "x"]).arg(self.place("/usr/bin/comm")));
        // What dpkg was told.
        self.run("dpkg-divert --local --rename --add /usr/bin/sort");
        self.write("/usr/bin/sort", "#!/bin/sh\nexec /usr/bin/sort.distrib \"$@\"\n");
        self.run("dpkg-statoverride --update --add root games 2755 /usr/bin/wc");
        self.write("/usr/local/bin/own-editor", "own");
        self.run("update-alternatives --install /usr/bin/editor editor /usr/local/bin/own-editor 1");
        self.run("update-alternatives --set editor /usr/local/bin/own-editor");
        // A package of nobody else.
        let deb = Deb::new("local-tool", "1.0")
            .file("/usr/bin/local-tool", "local", 0o755)
            .conffile("/etc/local-tool.conf", "setting\n");
        let built = deb.build(&self.place("/tmp"));
        self.run(&format!("dpkg --install /tmp/{}", built.file_name().unwrap().to_str().unwrap()));
        self.write("/etc/local-tool.conf", "another setting\n");
    }

    /// Saves everything, from inside, where paths are what they are on a machine.
    fn save(&self) {
        fs_err::copy(cargo_bin!("redcedar"), self.place("/mnt/redcedar")).unwrap();
        self.run("/mnt/redcedar snapshot create / --to /mnt/store --init");
    }

    fn look(root: &Path) -> Snapshot {
        let is_saved = |path: &[u8]| {
            !NOT_SAVED
                .iter()
                .any(|place| path.strip_prefix(place.as_bytes()).is_some_and(|rest| rest.starts_with(b"/")))
        };
        Snapshot::take(root).unwrap().filtered(|path, object| is_saved(path) && object.kind != Kind::Socket)
    }
}

#[test]
fn a_debian_system_is_made_anew_and_like_it_was() {
    let directory = tempfile::Builder::new().prefix("redcedar-rebuild-").tempdir_in("/var/tmp").unwrap();
    fs_err::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let Some(machine) = Machine::install(directory.path()) else { return };
    machine.live_through_a_lot();
    machine.save();
    let store = machine.place("/mnt/store");
    let redcedar = |line: &str| {
        let mut redcedar = command(cargo_bin!("redcedar"));
        redcedar.args(line.split(' ')).arg("--from").arg(&store);
        redcedar
    };

    let plan = String::from_utf8(succeed(&mut redcedar("snapshot rebuild-plan"))).unwrap();
    assert!(
        plan.contains("local-tool 1.0: no repository had it; its files come from the snapshot"),
        "{plan}"
    );
    assert!(plan.contains(SUITE) && plan.contains(MIRROR), "{plan}");

    let scratch = directory.path().join("drill");
    let mut drill = redcedar("snapshot verify -v");
    drill.arg("--live").arg(&machine.0).arg("--drill").arg(&scratch);
    let output = program::run(&mut drill);
    assert!(output.status.success(), "{}", program::describe(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("0 differences that nothing explains"), "{said}");
    assert!(said.contains("0 paths not the same, as announced; 0 paths changed since"), "{said}");

    // The same by eyes that are not ours.
    let root = scratch.join("root");
    Machine::look(&machine.0).assert_same(&Machine::look(&root), || said);
    let made = Machine(root);
    succeed(&mut made.inside("dpkg --audit"));
    assert!(succeed(&mut made.inside("apt-mark showhold")).starts_with(b"less"));
    assert_eq!(fs_err::metadata(made.place("/usr/bin/wc")).unwrap().mode() & 0o7777, 0o2755);
    for line in [
        "dpkg-divert --list",
        "dpkg-statoverride --list",
        "update-alternatives --query editor",
        "dpkg-query --show",
        "apt-mark showauto",
        "dpkg --verify",
    ] {
        let said = |machine: &Machine| program::run(&mut machine.inside(line)).stdout;
        let (wanted, found) = (said(&machine), said(&made));
        assert_eq!(String::from_utf8(wanted).unwrap(), String::from_utf8(found).unwrap(), "{line}");
    }
}
