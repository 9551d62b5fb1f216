//! Small Debian systems in a directory, made by dpkg itself.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::program::{command, succeed};

/// A package to be built.
#[derive(Debug, Clone)]
pub struct Deb {
    name: String,
    version: String,
    fields: String,
    files: Vec<(String, Vec<u8>, u32)>,
    links: Vec<(String, String)>,
    conffiles: Vec<String>,
}

impl Deb {
    /// An empty package.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            fields: "Architecture: all\n".to_owned(),
            files: Vec::new(),
            links: Vec::new(),
            conffiles: Vec::new(),
        }
    }

    /// The same as it was built for `amd64`, to be installed beside its counterparts for other architectures.
    #[must_use]
    pub fn multi_arch(mut self) -> Self {
        "Architecture: amd64\nMulti-Arch: same\n".clone_into(&mut self.fields);
        self
    }

    /// Adds a line to its control file.
    #[must_use]
    pub fn field(mut self, line: &str) -> Self {
        self.fields.push_str(line);
        self.fields.push('\n');
        self
    }

    /// Adds a file; the path is absolute.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        self.files.push((path.to_owned(), content.as_ref().to_vec(), mode));
        self
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.links.push((path.to_owned(), target.to_owned()));
        self
    }

    /// Adds a configuration file.
    #[must_use]
    pub fn conffile(mut self, path: &str, content: &str) -> Self {
        self.conffiles.push(path.to_owned());
        self.file(path, content, 0o644)
    }

    fn control(&self) -> String {
        format!(
            "Package: {}\nVersion: {}\nMaintainer: Nobody <nobody@example.org>\nInstalled-Size: 1\n{}\
             Description: made for a test\n",
            self.name, self.version, self.fields
        )
    }

    /// Builds it in `directory`.
    pub fn build(&self, directory: &Path) -> PathBuf {
        let tree = tempfile::tempdir_in(directory).expect("a directory");
        let below = |path: &str| tree.path().join(path.trim_start_matches('/'));
        let prepare = |path: &Path| {
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("create a directory");
        };
        fs_err::set_permissions(tree.path(), PermissionsExt::from_mode(0o755)).expect("set a mode");
        for (path, content, mode) in &self.files {
            prepare(&below(path));
            fs_err::write(below(path), content).expect("write a file");
            fs_err::set_permissions(below(path), PermissionsExt::from_mode(*mode)).expect("set a mode");
        }
        for (path, target) in &self.links {
            prepare(&below(path));
            symlink(target, below(path)).expect("create a link");
        }
        let control = tree.path().join("DEBIAN");
        fs_err::create_dir_all(&control).expect("create a directory");
        fs_err::write(control.join("control"), self.control()).expect("write a control file");
        // dpkg-deb does not make them; debhelper does.
        let mut sums = Vec::new();
        for (path, ..) in self.files.iter().filter(|(path, ..)| !self.conffiles.contains(path)) {
            let sum = succeed(command("md5sum").arg(below(path)));
            sums.extend_from_slice(&sum[..32]);
            sums.extend_from_slice(format!("  {}\n", path.trim_start_matches('/')).as_bytes());
        }
        fs_err::write(control.join("md5sums"), sums).expect("write the digests");
        if !self.conffiles.is_empty() {
            fs_err::write(control.join("conffiles"), self.conffiles.join("\n") + "\n").expect("write a list");
        }
        let built = directory.join(format!("{}_{}.deb", self.name, self.version));
        succeed(command("dpkg-deb").args(["--root-owner-group", "--build"]).arg(tree.path()).arg(&built));
        built
    }
}

/// A system in a temporary directory: `/bin` is a link into `/usr`, there is a `passwd`, and dpkg knows no package yet. Only
/// root can install something there.
#[derive(Debug)]
pub struct DebianRoot {
    directory: tempfile::TempDir,
    packages: tempfile::TempDir,
}

impl DebianRoot {
    /// A system without packages.
    #[expect(clippy::new_without_default, reason = "it creates directories")]
    pub fn new() -> Self {
        let root = Self {
            directory: tempfile::tempdir().expect("a directory"),
            packages: tempfile::tempdir().expect("a directory"),
        };
        fs_err::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).expect("set a mode");
        let database = ["info", "updates", "triggers", "alternatives", "parts"];
        let directories = ["usr/bin", "etc/alternatives", "var/lib/apt/lists", "var/log"].map(str::to_owned);
        for name in database.map(|name| format!("var/lib/dpkg/{name}")).iter().chain(&directories) {
            fs_err::create_dir_all(root.path().join(name)).expect("create a directory");
        }
        symlink("usr/bin", root.path().join("bin")).expect("create a link");
        for name in ["status", "available"] {
            root.write(&format!("var/lib/dpkg/{name}"), "");
        }
        root.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ngames:x:5:60:games:/usr/games:/bin/false\n");
        root.write("etc/group", "root:x:0:\ngames:x:60:\n");
        root
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where a path of the system is.
    pub fn place(&self, path: &str) -> PathBuf {
        self.path().join(path.trim_start_matches('/'))
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs_err::write(self.place(path), content).expect("write a file");
    }

    /// Installs a package.
    pub fn install(&self, deb: &Deb) {
        self.dpkg(&["--install".as_ref(), deb.build(self.packages.path()).as_os_str()]);
    }

    /// Runs dpkg on this system.
    pub fn dpkg(&self, arguments: &[&std::ffi::OsStr]) {
        let root = format!("--root={}", self.path().display());
        succeed(command("dpkg").args(["--force-bad-path", "--force-depends"]).arg(root).args(arguments));
    }

    /// Runs one of dpkg's tools (`dpkg-divert`, `dpkg-statoverride`, `update-alternatives`) on this system.
    pub fn tool(&self, tool: &str, arguments: &[&str]) {
        succeed(command(tool).arg("--root").arg(self.path()).args(arguments));
    }

    /// Writes the index of a repository that has these packages, as apt would have fetched it.
    pub fn index(&self, name: &str, debs: &[Deb]) {
        self.write(&format!("var/lib/apt/lists/{name}_Packages"), Self::index_of(debs));
    }

    /// What an index of these packages says.
    pub fn index_of(debs: &[Deb]) -> String {
        let stanza = |deb: &Deb| deb.control() + "Filename: pool/x.deb\nSize: 1\n\n";
        debs.iter().map(stanza).collect()
    }
}
