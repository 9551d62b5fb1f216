//! A master and its clients, each a machine of its own: what goes between them goes over the real ssh.

mod managed;
mod original;

use super::world::{Day, World, below, ours, redcedar};
use redcedar_testing::compare::Snapshot;
use redcedar_testing::oracle::Oracle;
use redcedar_testing::pool::{Pool, Program};
use redcedar_testing::program::describe;
use redcedar_testing::sshd::{Access, Host, Network};
use redcedar_testing::trees::Growth;
use std::fmt::Write as _;
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
}

impl Master {
    /// A master whose backup user is root, or whoever tests; none after having said aloud that there is no sshd.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { network: Network::required(None)?, pool: Pool::new().unwrap(), user: "root" })
    }

    /// A client whose key may do what `access` says of its collect directory and its program.
    pub(crate) fn client(
        &self,
        name: &'static str,
        seed: u64,
        access: impl FnOnce(&World) -> Access,
    ) -> Client {
        let growth = Growth { objects: 20, largest: 100_000, ..Growth::everything() };
        let world = World::grown(seed, growth);
        let host = self.network.host(name, &access(&world));
        Client { name, world, host, extra: String::new() }
    }

    /// Writes the configuration: files are copied by `rcp`, unless a client says otherwise.
    pub(crate) fn configure(&self, rcp: &str, clients: &[&Client]) {
        let (user, login, rsh) = (self.user, self.network.login(), self.network.ssh());
        let mut peers = String::new();
        for Client { name, world, extra, .. } in clients {
            let collect_dir = world.pool.collect_dir();
            write!(
                peers,
                "<peer><name>{name}</name><type>remote</type><collect_dir>{}</collect_dir>
                <backup_user>{login}</backup_user><cback_command>{}</cback_command>{extra}</peer>",
                collect_dir.display(),
                cback(world).display()
            )
            .unwrap();
        }
        self.pool
            .configure_master(
                &format!(
                    "<backup_user>{user}</backup_user><backup_group>{user}</backup_group>
                    <rcp_command>{rcp}</rcp_command><rsh_command>{rsh}</rsh_command>
                    <managed_actions>collect, purge</managed_actions>"
                ),
                &peers,
            )
            .unwrap();
    }

    /// Runs `program` as the master.
    pub(crate) fn run(&self, program: Program<'_>, day: Day, arguments: &[&str]) -> Output {
        self.pool.run(program, &day.time(), arguments)
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
