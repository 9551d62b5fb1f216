//! Ceph as Debian 12 has it: an old server, which knows nothing of newer checksums.

use super::daemon::{Daemon, wait_until};
use super::{BUCKET, Login, aws, connect, free_port};
use crate::program;
use std::path::{Path, PathBuf};
use std::process::Command;

const ID: &str = "testing";
const SECRET: &str = "testing-of-ceph";
/// Who may do what: everybody everything but what the names stand for.
const KEYS: [(&str, &[&str]); 4] = [
    ("mon.", &["--cap", "mon", "allow *"]),
    ("client.admin", &["--cap", "mon", "allow *", "--cap", "osd", "allow *"]),
    ("osd.0", &["--cap", "mon", "allow profile osd", "--cap", "osd", "allow *"]),
    ("client.rgw", &["--cap", "mon", "allow rw", "--cap", "osd", "allow rwx"]),
];

/// A store of one machine, in memory, and its gateway.
#[derive(Debug)]
pub struct Ceph {
    /// Where it is, and its key.
    pub login: Login,
    /// The last to be started comes first, and ends first.
    daemons: Vec<Daemon>,
    root: tempfile::TempDir,
}

impl Ceph {
    /// A store with an empty bucket; none after having said aloud that this cannot be tested here.
    ///
    /// # Panics
    /// When it cannot be started, or is missing where everything must be there (`CI` is set).
    pub fn required() -> Option<Self> {
        let programs = ["ceph-mon", "ceph-osd", "radosgw", "ceph"];
        let missing = programs.into_iter().find(|name| program::find(name).is_none());
        let aws = match (missing, aws()) {
            (None, Some(aws)) => aws,
            (missing, _) => {
                let name = missing.unwrap_or("the AWS CLI");
                let why = format!("{name} is not installed; ./check --slow installs it");
                program::cannot_test("an old server of S3", &why);
                return None;
            }
        };
        let root = tempfile::tempdir().expect("there is room");
        let port = free_port();
        let mut ceph = Self { login: Login::new(port, ID, SECRET), daemons: Vec::new(), root };
        ceph.configure(port);
        ceph.start_store();
        ceph.start_gateway(port);
        ceph.make_bucket(&aws);
        Some(ceph)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn configure(&self, port: u16) {
        for name in ["mon", "osd", "run", "log"] {
            fs_err::create_dir(self.path(name)).expect("there is room");
        }
        let (fsid, monitors, place) = (uuid(), monitors(), self.root.path().display());
        let configuration = format!(
            "[global]
fsid = {fsid}
mon host = {monitors}
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
run dir = {place}/run
admin socket = {place}/run/$name.asok
keyring = {place}/keyring
log file = {place}/log/$name
mon data = {place}/mon
osd data = {place}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {place}/rgw
"
        );
        fs_err::write(self.path("ceph.conf"), configuration).expect("there is room");
        let mut map = program::command("monmaptool");
        map.args(["--create", "--addv", "a", &monitors, "--fsid", &fsid]);
        program::succeed(map.arg(self.path("monmap")));
        let mut keyring = program::command("ceph-authtool");
        program::succeed(keyring.arg("--create-keyring").arg(self.path("keyring")));
        for (name, caps) in KEYS {
            let mut key = program::command("ceph-authtool");
            program::succeed(key.arg(self.path("keyring")).args(["--gen-key", "-n", name]).args(caps));
        }
    }

    fn start_store(&mut self) {
        let mut make = self.command("ceph-mon", &["--mkfs", "-i", "a", "--monmap"]);
        program::succeed(make.arg(self.path("monmap")).arg("--keyring").arg(self.path("keyring")));
        self.start("ceph-mon", &["-f", "-i", "a"]);
        program::succeed(self.command("ceph", &["auth", "import", "-i"]).arg(self.path("keyring")));
        let uuid = uuid();
        program::succeed(&mut self.command("ceph", &["osd", "new", &uuid]));
        program::succeed(&mut self.command("ceph-osd", &["-i", "0", "--mkfs", "--osd-uuid", &uuid]));
        self.start("ceph-osd", &["-f", "-i", "0"]);
    }

    fn start_gateway(&mut self, port: u16) {
        let mut user = self.command("radosgw-admin", &["-n", "client.rgw", "user", "create"]);
        user.args(["--uid=tests", "--display-name=tests"]);
        program::succeed(user.arg(format!("--access-key={ID}")).arg(format!("--secret-key={SECRET}")));
        self.start("radosgw", &["-f", "-n", "client.rgw"]);
        wait_until("starting the gateway of Ceph", || connect(port).is_some());
    }

    fn make_bucket(&self, aws: &Path) {
        let mut make = program::command(aws);
        self.login.environment(&mut make);
        program::succeed(make.args(["s3api", "create-bucket", "--bucket", BUCKET]));
    }

    fn command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = program::command(name);
        command.arg("-c").arg(self.path("ceph.conf")).args(words);
        command
    }

    fn start(&mut self, name: &str, words: &[&str]) {
        let daemon = Daemon::start(&mut self.command(name, words), &self.path("output"));
        self.daemons.insert(0, daemon);
    }
}

/// Addresses of the two protocols of a monitor.
fn monitors() -> String {
    format!("[v2:127.0.0.1:{},v1:127.0.0.1:{}]", free_port(), free_port())
}

fn uuid() -> String {
    let uuid = fs_err::read_to_string("/proc/sys/kernel/random/uuid").expect("the kernel makes them");
    uuid.trim().to_owned()
}
