//! Garage: a store on several machines, of which some may be gone.

use super::daemon::{Daemon, find, wait_until};
use super::{BUCKET, Login, free_port};
use crate::program;
use std::path::{Path, PathBuf};
use std::process::Command;

const ID: &str = "GK0123456789abcdef01234567";
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Three nodes, each of which keeps everything.
#[derive(Debug)]
pub struct Garage {
    program: PathBuf,
    nodes: Vec<Node>,
    #[expect(dead_code, reason = "it is there to be held")]
    root: tempfile::TempDir,
}

/// One of them.
#[derive(Debug)]
struct Node {
    directory: PathBuf,
    s3: u16,
    daemon: Option<Daemon>,
}

impl Garage {
    /// Three nodes with an empty bucket; none after having said aloud that this cannot be tested here.
    ///
    /// # Panics
    /// When they cannot be started, or are missing where everything must be there (`CI` is set).
    pub fn required() -> Option<Self> {
        let program = find("a store on several machines", "garage", "REDCEDAR_GARAGE")?;
        let root = tempfile::tempdir().expect("there is room");
        let nodes = (0..3).map(|number| Node::new(&root.path().join(format!("node{number}")))).collect();
        let mut garage = Self { program, nodes, root };
        for number in 0..3 {
            garage.start(number);
        }
        garage.join();
        Some(garage)
    }

    /// Makes one store of the nodes, with a key and a bucket.
    fn join(&self) {
        let ids: Vec<_> = (0..3).map(|number| self.tell(number, &["node", "id", "-q"])).collect();
        for (number, id) in ids.iter().enumerate() {
            if number > 0 {
                self.tell(0, &["node", "connect", id.trim()]);
            }
            let id = id.split('@').next().unwrap_or_default();
            self.tell(0, &["layout", "assign", "-z", &format!("zone{number}"), "-c", "1G", id]);
        }
        self.tell(0, &["layout", "apply", "--version", "1"]);
        wait_until("joining three nodes", || self.is_healthy());
        self.tell(0, &["key", "import", "--yes", "-n", "tests", ID, SECRET]);
        self.tell(0, &["bucket", "create", BUCKET]);
        self.tell(0, &["bucket", "allow", "--read", "--write", "--owner", BUCKET, "--key", ID]);
    }

    /// The way to one of the nodes.
    pub fn login(&self, node: usize) -> Login {
        Login::new(self.nodes[node].s3, ID, SECRET)
    }

    /// Ends a node, as a machine that loses its power.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].daemon = None;
    }

    /// Starts a node, again with what it had.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn start(&mut self, node: usize) {
        let mut command = self.command(node);
        let log = self.nodes[node].directory.join("log");
        self.nodes[node].daemon = Some(Daemon::start(command.arg("server"), &log));
        wait_until("starting Garage", || program::run(self.command(node).arg("status")).status.success());
    }

    /// Waits until all nodes are there, and know it.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait(&self) {
        wait_until("joining three nodes", || self.is_healthy());
    }

    fn is_healthy(&self) -> bool {
        let health = program::run(self.command(0).args(["json-api", "GetClusterHealth"]));
        String::from_utf8_lossy(&health.stdout).contains("\"healthy\"")
    }

    fn command(&self, node: usize) -> Command {
        let mut command = program::command(&self.program);
        command.arg("-c").arg(self.nodes[node].directory.join("garage.toml"));
        command
    }

    fn tell(&self, node: usize, words: &[&str]) -> String {
        String::from_utf8_lossy(&program::succeed(self.command(node).args(words))).into_owned()
    }
}

impl Node {
    fn new(directory: &Path) -> Self {
        fs_err::create_dir(directory).expect("there is room");
        let (rpc, s3, admin) = (free_port(), free_port(), free_port());
        let place = directory.display();
        let configuration = format!(
            "metadata_dir = \"{place}/meta\"
data_dir = \"{place}/data\"
db_engine = \"sqlite\"
replication_factor = 3
rpc_bind_addr = \"127.0.0.1:{rpc}\"
rpc_public_addr = \"127.0.0.1:{rpc}\"
rpc_secret = \"{SECRET}\"
metadata_fsync = false
data_fsync = false
[s3_api]
s3_region = \"us-east-1\"
api_bind_addr = \"127.0.0.1:{s3}\"
[admin]
api_bind_addr = \"127.0.0.1:{admin}\"
"
        );
        fs_err::write(directory.join("garage.toml"), configuration).expect("there is room");
        Self { directory: directory.to_owned(), s3, daemon: None }
    }
}
