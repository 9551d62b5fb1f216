//! A master and its clients, each a machine of its own: what goes between them goes over the real ssh.

mod chain;
mod faults;
mod hostile;
mod identity;
mod killed;
mod managed;
mod original;
mod validated;

use super::world::{Day, World, below, ours, redcedar, run_original};
use redcedar_testing::compare::Snapshot;
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::program::{self, describe};
use redcedar_testing::sshd::{Access, Host, Network};
use redcedar_testing::trees::Growth;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A machine that collects, and waits for its master.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) world: World,
    pub(crate) host: Host,
    /// What stands in the peer's element besides the usual.
    pub(crate) extra: String,
}

/// A machine that stages, and the way to its clients.
pub(crate) struct Master {
    pub(crate) pool: Pool,
    pub(crate) network: Network,
    /// The local backup user.
    user: &'static str,
    /// What stands in the stage section besides the directory.
    pub(crate) stage: String,
    /// Peers that are none of the clients.
    strangers: String,
}

impl Master {
    /// A master whose backup user is root, or whoever tests; none after having said aloud that there is no sshd.
    pub(crate) fn new() -> Option<Self> {
        Self::with_user(None)
    }

    /// A master of which some user of this machine, other than root, is the backup user.
    pub(crate) fn with_user(user: Option<&'static str>) -> Option<Self> {
        let network = Network::required(user)?;
        let pool = Pool::new().unwrap();
        Some(Self {
            network,
            pool,
            user: user.unwrap_or("root"),
            stage: String::new(),
            strangers: String::new(),
        })
    }

    /// A client whose key may do what `access` says of its collect directory and its program.
    pub(crate) fn client(
        &self,
        name: &'static str,
        seed: u64,
        access: impl FnOnce(&World) -> Access,
    ) -> Client {
        self.client_at(Pool::new().unwrap(), name, seed, access)
    }

    /// The same with everything of the client in a given place.
    pub(crate) fn client_at(
        &self,
        pool: Pool,
        name: &'static str,
        seed: u64,
        access: impl FnOnce(&World) -> Access,
    ) -> Client {
        // The original knows no names with backslashes.
        let growth = Growth { objects: 20, largest: 100_000, backslashes: false, ..Growth::everything() };
        let world = World::at(pool, seed, growth).grow();
        let host = self.network.host(name, &access(&world));
        Client { name, world, host, extra: String::new() }
    }

    /// Adds a peer that is none of the clients.
    pub(crate) fn stranger(&mut self, name: &str, collect_dir: &Path, extra: &str) {
        self.strangers.push_str(&peer(name, collect_dir, &self.network.login(), extra));
    }

    /// Writes the configuration: files are copied by `rcp`, unless a client says otherwise.
    pub(crate) fn configure(&self, rcp: &str, clients: &[&Client]) {
        let (user, login, rsh) = (self.user, self.network.login(), self.network.ssh());
        let mut peers = self.strangers.clone();
        for Client { name, world, extra, .. } in clients {
            let program = format!("<cback_command>{}</cback_command>{extra}", cback(world).display());
            peers.push_str(&peer(name, &world.pool.collect_dir(), &login, &program));
        }
        let options = format!(
            "<backup_user>{user}</backup_user><backup_group>{user}</backup_group>
            <rcp_command>{rcp}</rcp_command><rsh_command>{rsh}</rsh_command>
            <managed_actions>collect, purge</managed_actions>"
        );
        self.pool.configure_master(&options, &peers, &self.stage).unwrap();
    }

    /// Runs `program` as the master.
    pub(crate) fn run(&self, program: Program<'_>, day: Day, arguments: &[&str]) -> Output {
        self.pool.run(program, &day.time(), arguments)
    }

    /// Stages with `redcedar`, which must end with `status`; what it says.
    #[track_caller]
    pub(crate) fn stage(&self, day: Day, status: i32) -> String {
        let config = self.pool.config();
        let output =
            redcedar(day, &["--config".as_ref(), config.as_path(), "run".as_ref(), "stage".as_ref()]);
        let said = describe(&output);
        assert_eq!(output.status.code(), Some(status), "{said}");
        said
    }

    /// Runs `program` as the master, which must succeed and have nothing to complain about.
    #[track_caller]
    pub(crate) fn run_well(&self, program: Program<'_>, day: Day, arguments: &[&str]) {
        let output = self.run(program, day, arguments);
        let log = self.log();
        assert!(output.status.success() && !log.contains("ERROR"), "{}\n{log}", describe(&output));
    }

    /// The log of all runs.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs_err::read(self.pool.log()).unwrap_or_default()).into_owned()
    }

    /// Where a client is staged on a day.
    pub(crate) fn staged(&self, client: &Client, day: Day) -> PathBuf {
        self.pool.staging_dir().join(day.path()).join(client.name)
    }

    /// Restores the trees of a client as they were on each of `days` and compares.
    #[track_caller]
    pub(crate) fn assert_restores(&self, client: &Client, days: &[(Day, Snapshot)]) {
        for (day, wanted) in days {
            let target = tempfile::tempdir().unwrap();
            let target = target.path().join("restored");
            let (staging, date) = (self.pool.staging_dir(), day.date());
            let arguments: [&Path; 9] = [
                "restore".as_ref(),
                "--from".as_ref(),
                &staging,
                "--peer".as_ref(),
                client.name.as_ref(),
                "--as-of".as_ref(),
                date.as_ref(),
                "--to".as_ref(),
                &target,
            ];
            let output = redcedar(*day, &arguments);
            let context = || format!("{} on {date}: {}\n{}", client.name, describe(&output), self.log());
            assert!(output.status.success(), "{}", context());
            wanted.assert_same(&below(&target, &client.world.tree()), context);
        }
    }

    /// What was collected is staged, file by file, and the client knows.
    #[track_caller]
    pub(crate) fn assert_staged(&self, client: &Client, day: Day) {
        let (collected, staged) = (client.world.pool.collect_dir(), self.staged(client, day));
        let mut files = 0;
        for name in names(&collected) {
            if name != "cback.stage" {
                let same = fs_err::read(staged.join(&name)).ok() == fs_err::read(collected.join(&name)).ok();
                assert!(same, "{name} of {}\n{}", client.name, self.log());
                files += 1;
            }
        }
        assert!(files > 1, "{} has collected nothing", client.name);
        assert!(collected.join("cback.stage").exists(), "{} was not told\n{}", client.name, self.log());
    }
}

impl Client {
    /// Collects with ours.
    #[track_caller]
    pub(crate) fn collect(&self, day: Day) {
        self.world.run(day, &["collect"]);
    }

    /// Lets the master copy with another command than for others.
    pub(crate) fn copied_by(mut self, rcp: &str) -> Self {
        self.extra = format!("<rcp_command>{rcp}</rcp_command>");
        self
    }

    /// Lets the master run actions here, done by a program as it is given. What day it is stands in a file.
    pub(crate) fn managed(mut self, program: Program<'_>) -> Self {
        self.extra.push_str("<managed>Y</managed>");
        let now = self.world.pool.path().join("now");
        let script = match program {
            Program::Original(oracle) => {
                let oracle = oracle.command("$NOW");
                let words = std::iter::once(oracle.get_program()).chain(oracle.get_args());
                let words: Vec<_> = words.map(|word| format!("\"{}\"", word.display())).collect();
                format!("NO_FAKE_STAT=1 exec {}", words.join(" "))
            }
            Program::Ours(path) => {
                let link = self.world.pool.path().join("ours/cback3");
                fs_err::create_dir(link.parent().unwrap()).unwrap();
                fs_err::os::unix::fs::symlink(path, &link).unwrap();
                format!("REDCEDAR_NOW=\"$NOW\" exec {}", link.display())
            }
        };
        let text = format!(
            "#!/bin/sh\nNOW=$(cat {})\n{script} --config {} --logfile {} --owner root:root \"$@\"\n",
            now.display(),
            self.world.pool.config().display(),
            self.world.pool.log().display()
        );
        let path = cback(&self.world);
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        self
    }

    /// Lets it be this day for the managed program.
    pub(crate) fn it_is(&self, day: Day) {
        fs_err::write(self.world.pool.path().join("now"), day.time()).unwrap();
    }
}

/// A remote peer as the configuration has it.
fn peer(name: &str, collect_dir: &Path, login: &str, extra: &str) -> String {
    format!(
        "<peer><name>{name}</name><type>remote</type><collect_dir>{}</collect_dir>
        <backup_user>{login}</backup_user>{extra}</peer>",
        collect_dir.display()
    )
}

/// The program of a managed client.
pub(crate) fn cback(world: &World) -> PathBuf {
    world.pool.path().join("cback3")
}

/// What a master asks for when it stages.
pub(crate) fn requests(world: &World) -> [String; 3] {
    let dir = world.pool.collect_dir();
    let dir = dir.display();
    [format!("scp -f {dir}/cback.collect"), format!("scp -f {dir}/*"), format!("scp -t {dir}/cback.stage")]
}

/// Names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
