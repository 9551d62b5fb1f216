//! Remote peers that are directories, and a copy command that reaches them.

use std::os::unix::fs::PermissionsExt;

use redcedar_system::Environment;
use redcedar_system::command::OsRunner;

use super::*;

/// Copies as `scp` does: `USER@HOST:/PATH` is `HOST/PATH` beside the script. What `HOST/hook` does comes first: it knows `what` is
/// copied (`indicator`, `files` or `told`), `from` where and `to` where.
const RCP: &str = r#"
base=$(dirname "$0")
place() { case $1 in *@*:*) rest=${1#*@}; host=${rest%%:*}; path=$base/$host${rest#*:};; *) path=$1;; esac; }
place "$1"; from=$path
place "$2"; to=$path
case $1 in */cback.collect) what=indicator;; *\*) what=files;; *) what=told;; esac
echo "$what" >>"$base/$host/log"
if [ -e "$base/$host/hook" ]; then . "$base/$host/hook"; fi
status=0
for file in $from; do
    if [ -d "$file" ]; then echo "scp: $file: not a regular file" >&2; status=1
    elif [ -e "$file" ]; then cp "$file" "$to" || status=1
    else echo "scp: $file: No such file or directory" >&2; status=1; fi
done
exit $status
"#;

/// A pool with nothing but remote peers; each collects to `/c`.
pub(super) struct Network {
    pub(super) pool: Pool,
    pub(super) rules: fn(Rules) -> Rules,
    pub(super) now: &'static str,
    pub(super) interrupt: redcedar_system::Interrupt,
}

/// Rules without long pauses, and without retries.
fn hasty(rules: Rules) -> Rules {
    let (first_pause, ask_every) = (Duration::from_millis(10), Duration::from_millis(20));
    let policy = queue::Policy { retries: 0, first_pause, ask_every, ..rules.policy };
    Rules { policy, time_limit: Duration::from_mins(1), ..rules }
}

impl Network {
    pub(super) fn new(peers: &[&str]) -> Self {
        let mut pool = Pool::new();
        // Whoever copies has to get in.
        fs_err::set_permissions(pool.root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let script = pool.root.path().join("rcp");
        fs_err::write(&script, RCP).unwrap();
        pool.config.options.rcp_command.value = format!("/bin/sh {}", script.display());
        let list = pool.config.peers.as_mut().unwrap();
        list.local.clear();
        for name in peers {
            let mut peer = sample::managed_peer(name, None);
            peer.collect_dir = PathBuf::from("/c").into();
            list.remote.push(peer);
            fs_err::create_dir_all(pool.root.path().join(name).join("c")).unwrap();
        }
        let interrupt = redcedar_system::Interrupt::new();
        Self { pool, rules: hasty, now: "2026-11-24T02:30:00[UTC]", interrupt }
    }

    /// The collect directory of a peer.
    pub(super) fn far(&self, peer: &str) -> PathBuf {
        self.pool.root.path().join(peer).join("c")
    }

    /// Puts files there, and an indicator of the original.
    pub(super) fn collect(&self, peer: &str, files: &[(&str, &[u8])]) {
        for (name, content) in files {
            fs_err::write(self.far(peer).join(name), content).unwrap();
        }
        fs_err::write(self.far(peer).join(indicator::COLLECT), "").unwrap();
    }

    /// What happens before a peer is copied from.
    pub(super) fn hook(&self, peer: &str, script: &str) {
        fs_err::write(self.pool.root.path().join(peer).join("hook"), script).unwrap();
    }

    /// What the peer was asked for.
    pub(super) fn log(&self, peer: &str) -> Vec<String> {
        let log = fs_err::read_to_string(self.pool.root.path().join(peer).join("log"));
        log.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The peer's directory of the day.
    pub(super) fn staged(&self, peer: &str) -> PathBuf {
        let day = &self.now[..10].replace('-', "/");
        self.pool.root.path().join("staging").join(day).join(peer)
    }

    pub(super) fn stage(&self) -> (StageReport, Arc<RecordingMonitor>) {
        let (mut system, monitor) = fake::system(self.now);
        let environment = Environment::from_pairs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")]);
        system.interrupt = self.interrupt.clone();
        system.runner = Arc::new(OsRunner::new(&environment, monitor.clone(), system.interrupt.clone()));
        (stage_by(&self.pool.request(), self.rules, &system), monitor)
    }

    /// Stages the only peer, which must succeed in every respect.
    #[track_caller]
    pub(super) fn stage_well(&self) -> PeerResult {
        let (report, monitor) = self.stage();
        assert!(report.result.is_ok() && report.outcome.is_complete(), "{report:?} {:?}", monitor.messages());
        report.outcome.peers[0].clone()
    }

    /// Stages the only peer, which must not succeed: how it ended and why, as it was told.
    #[track_caller]
    pub(super) fn stage_badly(&self) -> (PeerStatus, String) {
        let (report, monitor) = self.stage();
        let peer = report.outcome.peers[0].clone();
        assert!(report.result.is_err() && !peer.is_fine(), "{report:?}");
        let error = peer.error.unwrap();
        let errors = monitor.at(Level::Error).join("\n");
        assert!(errors.contains(&error) || peer.status == PeerStatus::NotReady, "{error} is not in {errors}");
        self.assert_nothing_left();
        (peer.status, error)
    }

    /// Nothing is left in the day but what belongs there.
    #[track_caller]
    pub(super) fn assert_nothing_left(&self) {
        let names = names(self.staged("x").parent().unwrap());
        assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    }
}
