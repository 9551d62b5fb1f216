//! Databases of other managers than dpkg, as fixtures.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_system::command::{Finished, OsRunner};
use redcedar_system::fake;
use redcedar_system::monitor::Silent;
use redcedar_system::{Environment, Interrupt, System};
use redcedar_testing::program;

use super::*;
use crate::select;

struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let fixture = Self(redcedar_testing::trusted::directory());
        for (path, content) in files {
            fixture.write(path, content.as_bytes());
        }
        fixture
    }

    fn place(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, content: &[u8]) {
        fs_err::create_dir_all(self.place(path).parent().unwrap()).unwrap();
        fs_err::write(self.place(path), content).unwrap();
    }

    /// Writes a tar archive compressed by gzip.
    fn archive(&self, path: &str, members: &[(&str, &str)]) {
        let tree = Self::new(members);
        self.write(path, b"");
        let names = members.iter().map(|(name, _)| *name);
        let mut tar = program::command("tar");
        tar.arg("-czf").arg(self.place(path)).arg("-C").arg(tree.0.path()).args(names);
        program::succeed(&mut tar);
    }

    fn read(&self) -> Inventory {
        self.read_with(&fake::system("2026-11-24T02:00").0, &[])
    }

    fn read_with(&self, system: &System, programs: &[PathBuf]) -> Inventory {
        Inventory::read(self.0.path(), programs, system).unwrap()
    }

    fn owned(&self, inventory: &Inventory, path: &str) -> Option<Owned> {
        inventory.owners(&self.place(path)).next()
    }

    /// Claim and permissions of a path that is owned.
    fn assert_claims(&self, inventory: &Inventory, cases: &[(&str, Claim, Permissions)]) {
        for (path, claim, permissions) in cases {
            let owned = self.owned(inventory, path).unwrap_or_else(|| panic!("nobody owns {path}"));
            assert_eq!((&owned.claim, owned.permissions), (claim, *permissions), "{path}");
        }
    }
}

fn recorded(mode: u16, uid: u32, gid: u32) -> Permissions {
    Permissions::Recorded { mode, owner: Owner { uid, gid } }
}

fn file(digest: &str, size: Option<u64>) -> Claim {
    Claim::File { digest: Digest::from_hex(digest.as_bytes()).unwrap(), size }
}

fn link(target: &str) -> Claim {
    Claim::Symlink(Target::Path(target.into()))
}

/// Name, version and availability of all packages.
fn packages(inventory: &Inventory) -> Vec<(&str, &str, Availability)> {
    inventory.packages().iter().map(|p| (p.name.as_str(), p.version.as_str(), p.availability)).collect()
}

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn a_root_without_packages_has_an_empty_inventory_and_nothing_to_say() {
    let inventory = Fixture::new(&[("/etc/passwd", "")]).read();
    assert!(inventory.packages().is_empty());
    assert_eq!(inventory.remarks(), [""; 0]);
    assert!(inventory.dpkg().is_none());
}

#[test]
fn portage_packages_are_known_by_contents_and_can_be_built_again_from_their_repository() {
    let contents = format!(
        "dir /usr/bin\nobj /usr/bin/a b {MD5} 1700000000\nsym /usr/bin/l -> a b 1700000000\nfif /run/f\n\nobj broken\n"
    );
    let fixture = Fixture::new(&[
        ("/var/db/pkg/app-misc/tool-1.2-r3/CONTENTS", contents.as_str()),
        ("/var/db/pkg/app-misc/tool-1.2-r3/repository", "gentoo\n"),
        ("/var/db/pkg/app-misc/mine-2/CONTENTS", ""),
        ("/var/db/pkg/app-misc/mine-2/repository", "local\n"),
        ("/var/db/pkg/app-misc/live-9999/CONTENTS", ""),
        ("/var/db/pkg/app-misc/lost-1/CONTENTS", ""),
        ("/var/db/pkg/app-misc/-MERGING-half-1/environment", ""),
        ("/etc/portage/repos.conf/local.conf", "[local]\nlocation = /srv/local\n"),
        ("/var/db/repos/gentoo/app-misc/tool/tool-1.2-r3.ebuild", ""),
        ("/var/db/repos/gentoo/app-misc/mine/mine-2.ebuild", ""),
        ("/srv/local/app-misc/mine/mine-3.ebuild", ""),
        ("/var/db/repos/gentoo/app-misc/live/live-9999.ebuild", ""),
        ("/var/lib/portage/world", "app-misc/tool:0\n"),
    ]);
    let inventory = fixture.read();
    let expected = [
        ("app-misc/live", "9999", Availability::OtherVersion),
        ("app-misc/lost", "1", Availability::Nowhere),
        ("app-misc/mine", "2", Availability::OtherVersion),
        ("app-misc/tool", "1.2-r3", Availability::SameVersion),
    ];
    assert_eq!(packages(&inventory), expected);
    assert_eq!(inventory.packages().iter().map(|p| p.is_auto).collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(inventory.packages()[3].origin.as_deref(), Some("gentoo"));
    fixture.assert_claims(
        &inventory,
        &[
            ("/usr/bin", Claim::Directory, Permissions::Usual),
            ("/usr/bin/a b", file(MD5, None), Permissions::Usual),
            ("/usr/bin/l", link("a b"), Permissions::Usual),
            ("/run/f", Claim::Unspecified, Permissions::Usual),
        ],
    );
    fs_err::remove_dir_all(fixture.place("/var/db/repos")).unwrap();
    fs_err::remove_dir_all(fixture.place("/srv")).unwrap();
    assert!(fixture.read().remarks()[0].contains("ebuilds"));
}

#[test]
fn pacman_packages_are_known_by_mtree_and_can_be_had_from_configured_repositories() {
    let description = |name: &str, version: &str, built: u32| {
        format!("%NAME%\n{name}\n\n%VERSION%\n{version}\n\n%ARCH%\nany\n\n%BUILDDATE%\n{built}\n\n")
    };
    let tool = description("tool", "1:2-3", 7) + "%REASON%\n1\n\n";
    let fixture = Fixture::new(&[
        ("/var/lib/pacman/local/ALPM_DB_VERSION", "9\n"),
        ("/var/lib/pacman/local/tool-1:2-3/desc", &tool),
        (
            "/var/lib/pacman/local/tool-1:2-3/files",
            "%FILES%\nusr/\nusr/bin/\nusr/bin/a b\nusr/bin/l\nusr/bin/odd\n\n%BACKUP%\netc/x\tabc\n",
        ),
        ("/var/lib/pacman/local/near-1-1/desc", &description("near", "1-1", 7)),
        ("/var/lib/pacman/local/aur-1-1/desc", &description("aur", "1-1", 7)),
        ("/var/lib/pacman/local/rebuilt-1-1/desc", &description("rebuilt", "1-1", 7)),
        ("/etc/pacman.conf", "[options]\nX = y\n[core]\nInclude = /etc/z\n"),
    ]);
    let tree = format!(
        "#mtree\n/set type=file uid=0 gid=0 mode=644\n./.PKGINFO time=1.0 size=1 sha256digest={SHA256}\n\
         ./usr time=1.0 mode=755 type=dir\n./usr/bin time=1.0 mode=755 type=dir\n\
         ./usr/bin/a\\040b time=1.0 mode=4755 gid=7 size=0 md5digest={MD5} sha256digest={SHA256}\n\
         ./usr/bin/l time=1.0 mode=777 type=link link=a\\040b\n"
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(tree.as_bytes()).unwrap();
    fixture.write("/var/lib/pacman/local/tool-1:2-3/mtree", &gzip.finish().unwrap());
    assert!(fixture.read().remarks()[0].contains("pacman -Sy"), "{:?}", fixture.read().remarks());
    fixture.archive(
        "/var/lib/pacman/sync/core.db",
        &[
            ("tool-1:2-3/desc", &tool),
            ("near-1-2/desc", &description("near", "1-2", 8)),
            ("rebuilt-1-1/desc", &description("rebuilt", "1-1", 8)),
        ],
    );
    fixture.archive("/var/lib/pacman/sync/gone.db", &[("aur-1-1/desc", &description("aur", "1-1", 7))]);
    let inventory = fixture.read();
    let expected = [
        ("aur", "1-1", Availability::Nowhere),
        ("near", "1-1", Availability::OtherVersion),
        ("rebuilt", "1-1", Availability::OtherVersion),
        ("tool", "1:2-3", Availability::SameVersion),
    ];
    assert_eq!(packages(&inventory), expected);
    assert!(inventory.packages()[3].is_auto && !inventory.packages()[0].is_auto);
    assert_eq!(inventory.packages()[3].origin.as_deref(), Some("core"));
    fixture.assert_claims(
        &inventory,
        &[
            ("/usr/bin", Claim::Directory, recorded(0o755, 0, 0)),
            ("/usr/bin/a b", file(SHA256, Some(0)), recorded(0o4755, 0, 7)),
            ("/usr/bin/l", link("a b"), recorded(0o777, 0, 0)),
            ("/usr/bin/odd", Claim::Unspecified, Permissions::Unknown),
        ],
    );
    assert!(fixture.owned(&inventory, "/.PKGINFO").is_none());
}

#[test]
fn what_pacman_itself_installed_is_left_out_until_it_is_changed() {
    if !program::is_root() {
        return program::cannot_test("a root that pacman made", "only root can give files to others");
    }
    let root = redcedar_testing::trusted::directory();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/packages/fixtures/pacman.tar.gz");
    program::succeed(program::command("tar").arg("-xpf").arg(archive).arg("-C").arg(root.path()));
    let left_out = || {
        let options = select::Options {
            system_root: root.path(),
            roots: &[root.path().to_owned()],
            prune: &[],
            always_save: &[],
            never_enter: &[],
            one_file_system: false,
            trust: select::Trust::SameVersion,
            programs: &[],
            cache: None,
        };
        let choice = select::choose(&options, &fake::system("2026-11-24T02:00").0).unwrap();
        let is_left_out = |entry: &select::Entry<'_>| matches!(entry.fate, select::Fate::LeaveOut { .. });
        let names = choice
            .iter()
            .filter(is_left_out)
            .map(|entry| entry.path.strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let all = ["etc/fixture.conf", "usr/bin/alias", "usr/bin/fixture", "usr/share/doc/fixture one/caf\u{e9}"];
    assert_eq!(left_out(), all);
    fs_err::write(root.path().join("etc/fixture.conf"), "setting=2\n").unwrap();
    fs_err::set_permissions(root.path().join("usr/bin/fixture"), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(left_out(), [all[1], all[3]]);
}

#[test]
fn apk_packages_are_known_by_installed_and_can_be_had_if_an_index_has_the_same_build() {
    // SHA-1 of nothing, in base 64.
    let digest = "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=";
    let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    let installed = format!(
        "C:Q1aaa=\nP:tool\nV:1-r0\nA:x86_64\nF:\nR:top\nZ:{digest}\nF:usr/bin\nM:0:7:750\nR:plain\nZ:{digest}\n\
         R:special\na:0:42:4755\nZ:{digest}\nR:link\na:0:0:777\nZ:{digest}\nR:bare\n\n\
         C:Q1bbb=\nP:cut\nV:1-r0\nA:x86_64\nf:S\nF:usr/lib\nR:x\nZ:{digest}\n\nC:Q1ccc=\nP:none\nV:1-r0\nA:x86_64\n\n"
    );
    let fixture = Fixture::new(&[("/lib/apk/db/installed", &installed), ("/etc/apk/world", "tool=1-r0\n")]);
    assert!(fixture.read().remarks()[0].contains("apk update"), "{:?}", fixture.read().remarks());
    fixture.archive(
        "/var/cache/apk/APKINDEX.0123abcd.tar.gz",
        &[("DESCRIPTION", "x"), ("APKINDEX", "C:Q1aaa=\nP:tool\nV:1-r0\n\nC:Q1xxx=\nP:cut\nV:1-r0\n\n")],
    );
    let inventory = fixture.read();
    let expected = [
        ("tool", "1-r0", Availability::SameVersion),
        ("cut", "1-r0", Availability::OtherVersion),
        ("none", "1-r0", Availability::Nowhere),
    ];
    assert_eq!(packages(&inventory), expected);
    assert_eq!(inventory.packages().iter().map(|p| p.is_auto).collect::<Vec<_>>(), [false, true, true]);
    let target = Claim::Symlink(Target::Digest(Digest::from_hex(sha1.as_bytes()).unwrap()));
    fixture.assert_claims(
        &inventory,
        &[
            ("/top", file(sha1, None), recorded(0o644, 0, 0)),
            ("/usr/bin", Claim::Directory, recorded(0o750, 0, 7)),
            ("/usr/bin/plain", file(sha1, None), recorded(0o644, 0, 0)),
            ("/usr/bin/special", file(sha1, None), recorded(0o4755, 0, 42)),
            ("/usr/bin/link", target, recorded(0o777, 0, 0)),
            ("/usr/bin/bare", Claim::Unspecified, recorded(0o644, 0, 0)),
            ("/usr/lib/x", Claim::Unspecified, recorded(0o644, 0, 0)),
        ],
    );
}

/// A system with real programs, and with `dnf` from a fixture, if that has one.
fn real_system(programs: &Fixture) -> System {
    let path = program::variable("PATH").unwrap().into_string().unwrap();
    let path = format!("{}:{path}", programs.place("").display());
    let runner =
        OsRunner::new(&Environment::from_pairs([("PATH", path)]), Arc::new(Silent), Interrupt::new());
    System { runner: Arc::new(runner), ..fake::system("2026-11-24T02:00").0 }
}

/// A `dnf` that checks what it is asked, and prints a line.
fn dnf(root: &Fixture, line: Option<&str>) -> Fixture {
    let expected = format!(
        "--quiet --cacheonly --installroot {}/ repoquery --available --queryformat",
        root.0.path().display()
    );
    let answer = match line {
        Some(line) => format!("printf '{line}\\n\\n'"),
        None => "echo no cache >&2; exit 1".to_owned(),
    };
    let script = format!("#!/bin/sh\n[ \"$1 $2 $3 $4 $5 $6 $7\" = '{expected}' ] || exit 9\n{answer}\n");
    let programs = Fixture::new(&[("/dnf", &script)]);
    fs_err::set_permissions(programs.place("/dnf"), PermissionsExt::from_mode(0o755)).unwrap();
    programs
}

/// Builds a package of `sample` and installs it in a root.
fn installed_by_rpm(fixture: &Fixture) {
    let spec = "Name: sample\nVersion: 1\nRelease: 2\nEpoch: 3\nSummary: x\nLicense: MIT\nBuildArch: noarch\n\
        %description\nx\n%install\nmkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/var\n\
        printf x > %{buildroot}/usr/bin/sample\nprintf x > '%{buildroot}/usr/bin/a b'\n\
        ln -s sample %{buildroot}/usr/bin/link\nprintf c > %{buildroot}/etc/conf\ntouch %{buildroot}/var/ghost\n\
        %files\n%attr(4755, root, root) /usr/bin/sample\n\"/usr/bin/a b\"\n/usr/bin/link\n\
        %config(noreplace) /etc/conf\n%ghost /var/ghost\n%dir /var\n";
    let work = Fixture::new(&[("/sample.spec", spec)]);
    let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
    let mut build = program::command("rpmbuild");
    build.env("HOME", work.0.path()).args(define("_topdir", work.0.path().to_str().unwrap()));
    build.args(define("_build_id_links", "none")).arg("-bb").arg(work.place("sample.spec"));
    program::succeed(&mut build);
    fs_err::create_dir_all(fixture.place("/var/lib/rpm")).unwrap();
    let mut install = program::command("rpm");
    install.arg("--root").arg(fixture.0.path()).args(["--dbpath", "/var/lib/rpm", "-i", "--nodeps"]);
    program::succeed(install.arg(work.place("RPMS/noarch/sample-1-2.noarch.rpm")));
}

#[test]
fn rpm_is_asked_for_packages_and_dnf_for_what_can_be_had_again() {
    if program::find("rpmbuild").is_none() || !program::is_root() {
        return program::cannot_test("rpm's database", "it takes root and rpmbuild");
    }
    let fixture = Fixture::new(&[]);
    installed_by_rpm(&fixture);
    let x = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let c = "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6";
    let ask = |line| fixture.read_with(&real_system(&dnf(&fixture, line)), &[]);
    let inventory = ask(Some(r"sample\t3:1-2\tnoarch"));
    assert_eq!(packages(&inventory), [("sample", "3:1-2", Availability::SameVersion)]);
    fixture.assert_claims(
        &inventory,
        &[
            ("/usr/bin/sample", file(x, Some(1)), recorded(0o4755, 0, 0)),
            ("/usr/bin/a b", file(x, Some(1)), recorded(0o644, 0, 0)),
            ("/usr/bin/link", link("sample"), recorded(0o777, 0, 0)),
            ("/etc/conf", file(c, Some(1)), recorded(0o644, 0, 0)),
            ("/var/ghost", Claim::Obsolete, recorded(0o644, 0, 0)),
            ("/var", Claim::Directory, recorded(0o755, 0, 0)),
        ],
    );
    let inventory = ask(Some(r"sample\t3:1-1\tnoarch"));
    assert_eq!(packages(&inventory), [("sample", "3:1-2", Availability::OtherVersion)]);
    assert_eq!(inventory.remarks(), [""; 0]);
    let inventory = ask(None);
    assert_eq!(packages(&inventory), [("sample", "3:1-2", Availability::Nowhere)]);
    assert!(inventory.remarks()[0].contains("no cache"), "{:?}", inventory.remarks());
}

#[test]
fn an_rpm_database_that_cannot_be_asked_for_is_said_aloud() {
    let fixture = Fixture::new(&[("/var/lib/rpm/Packages.db", "nonsense")]);
    let finished = Finished { status: 256, tail: vec!["rpm: not found".to_owned()] };
    let runner = Arc::new(fake::ScriptedRunner::new([finished]));
    let system = System { runner: runner.clone(), ..fake::system("2026-11-24T02:00").0 };
    let inventory = fixture.read_with(&system, &[]);
    assert!(inventory.packages().is_empty());
    assert!(inventory.remarks()[0].contains("rpm: not found"), "{:?}", inventory.remarks());
    let words: Vec<_> =
        runner.commands()[0].words().map(|word| word.to_string_lossy().into_owned()).collect();
    assert_eq!(words[1], "--dbpath");
    assert_eq!(Path::new(&words[2]), fixture.place("/var/lib/rpm"));
}

/// A program that prints these records.
fn prints(fixture: &Fixture, records: &[&[&str]]) -> PathBuf {
    let output: Vec<String> = records.iter().map(|fields| fields.join("\\0") + "\\0\\0").collect();
    let output = output.concat();
    let path = fixture.place("/program");
    fixture.write("/program", format!("#!/bin/sh\n[ \"$*\" = list ] && printf '{output}'\n").as_bytes());
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_program_tells_about_packages_that_are_not_known_here() {
    let fixture = Fixture::new(&[]);
    let sha256 = format!("sha256={SHA256}");
    let records: &[&[&str]] = &[
        &["protocol=1"],
        &["package=p", "version=1", "architecture=any", "origin=o", "auto=yes", "availability=same"],
        &["path=/opt/a\n=b", "kind=file", &sha256, "size=0", "mode=4755", "uid=1", "gid=2"],
        &["path=/opt/l", "kind=link", "target=a"],
        &["path=/opt", "kind=directory"],
        &["package=q"],
        &["path=/opt/q", "kind=file"],
    ];
    let path = prints(&fixture, records);
    let inventory = fixture.read_with(&real_system(&fixture), &[path]);
    assert_eq!(inventory.remarks(), [""; 0]);
    let expected = [("p", "1", Availability::SameVersion), ("q", "", Availability::Nowhere)];
    assert_eq!(packages(&inventory), expected);
    assert!(inventory.packages()[0].is_auto && !inventory.packages()[1].is_auto);
    fixture.assert_claims(
        &inventory,
        &[
            ("/opt/a\n=b", file(SHA256, Some(0)), recorded(0o4755, 1, 2)),
            ("/opt/l", link("a"), Permissions::Usual),
            ("/opt", Claim::Directory, Permissions::Usual),
            ("/opt/q", Claim::Unspecified, Permissions::Usual),
        ],
    );
}

#[test]
fn on_the_word_of_a_program_that_says_something_else_nothing_is_left_out() {
    let package: &[&str] = &["package=p", "availability=same"];
    let cases: &[(&[&[&str]], &str)] = &[
        (&[], "protocol"),
        (&[&["protocol=2"]], "protocol"),
        (&[&["protocol=1"], &["path=/x", "kind=file"]], "before any package"),
        (&[&["protocol=1"], package, &["path=x", "kind=file"]], "not absolute"),
        (&[&["protocol=1"], package, &["path=/x", "kind=file", "md5=00"]], "digest"),
        (&[&["protocol=1"], package, &["path=/x", "kind=file", "mode=755"]], "not all"),
        (&[&["protocol=1"], package, &["path=/x", "kind=pipe"]], "kind"),
        (&[&["protocol=1"], package, &["path=/x", "path=/y", "kind=file"]], "twice"),
        (&[&["protocol=1"], package, &["path=/x", "kind=file", "caps=x"]], "not known"),
        (&[&["protocol=1"], &["package=p", "availability=maybe"]], "availability"),
        (&[&["protocol=1"], &["nonsense"]], "equals sign"),
    ];
    for (records, expected) in cases {
        let fixture = Fixture::new(&[]);
        let path = prints(&fixture, records);
        let inventory = fixture.read_with(&real_system(&fixture), &[path]);
        assert!(inventory.packages().is_empty() && inventory.owned().count() == 0);
        assert!(inventory.remarks()[0].contains(expected), "{:?}", inventory.remarks());
    }
}

#[test]
fn a_program_that_fails_or_that_others_can_change_is_not_believed() {
    let fixture = Fixture::new(&[]);
    let path = prints(&fixture, &[&["protocol=1"]]);
    let remark = |path: &Path| {
        let inventory = fixture.read_with(&real_system(&fixture), &[path.to_owned()]);
        inventory.remarks().first().cloned().unwrap_or_default()
    };
    assert_eq!(remark(&path), "");
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o775)).unwrap();
    assert!(remark(&path).contains("can be written by others"), "{}", remark(&path));
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    fs_err::set_permissions(fixture.0.path(), PermissionsExt::from_mode(0o777)).unwrap();
    assert!(remark(&path).contains("can be written by others"), "{}", remark(&path));
    fs_err::set_permissions(fixture.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert!(remark(Path::new("program")).contains("must be an absolute path"));
    assert!(remark(&fixture.place("/absent")).contains("absent"));
    fixture.write("/program", b"#!/bin/sh\necho broken >&2\nexit 3\n");
    assert!(remark(&path).contains("it ended with 3: broken"), "{}", remark(&path));
}
