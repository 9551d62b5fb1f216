//! Staging: many peers, each behind an `sshd` of its own on this machine.
//!
//! What the peers' side uses is in the wall time of both programs, and in the other quantities of neither.

use super::Common;
use super::case::{Side, compare};
use super::report::{Quantity, Row, Target};
use super::setting::{Setting, empty, shell};
use super::tree;
use anyhow::{Context, Result, ensure};
use redcedar_testing::pool::Pool;
use redcedar_testing::program;
use redcedar_testing::sshd::{Access, Host, Network};
use redcedar_testing::trees;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many peers there are
    #[arg(long, value_name = "N", default_value_t = 20)]
    peers: usize,
    /// How many files each has collected
    #[arg(long, value_name = "N", default_value_t = 100)]
    files: usize,
    /// How large each file is, in kB
    #[arg(long, value_name = "KB", default_value_t = 1_000)]
    size: usize,
    #[command(flatten)]
    common: Common,
}

type Case = fn(&str, &Peers, &Setting, &Options) -> Result<Vec<Row>>;

/// All cases by name.
const CASES: &[(&str, Case)] = &[("stage-cback3", against_original), ("stage-rsync", against_rsync)];

/// How many peers are staged at once, by default.
const JOBS: usize = 4;

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    let cases = options.common.choose(CASES)?;
    let setting = Setting::make(&options.common)?;
    let peers = Peers::start(&setting, options)?;
    let mut rows = Vec::new();
    for (name, case) in cases {
        rows.extend(case(name, &peers, &setting, options)?);
    }
    Ok(rows)
}

fn against_original(name: &str, peers: &Peers, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let pool = peers.master(setting, "theirs")?;
    let words = setting.theirs(&pool, &["stage"]).context("this case needs the original")?;
    let theirs = Side::prepared(words, || empty(&pool.staging_dir()));
    let rows = against(name, peers, setting, options, &theirs, Target::AtMost(0.5))?;
    peers.check(&pool, options)?;
    Ok(rows)
}

fn against_rsync(name: &str, peers: &Peers, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    ensure!(program::find("rsync").is_some(), "this case needs rsync; install the package of that name");
    let target = setting.path("rsync");
    let words = shell(
        r#"printf '%s\n' "${@:4}" | xargs -P "$1" -I {} rsync -a -e "$2" {} "$3""#,
        &peers.rsync_arguments(&target).iter().map(OsString::as_os_str).collect::<Vec<&OsStr>>(),
    );
    let theirs = Side::prepared(words, || empty(&target));
    against(name, peers, setting, options, &theirs, Target::AtMost(1.2))
}

fn against(
    name: &str,
    peers: &Peers,
    setting: &Setting,
    options: &Options,
    theirs: &Side<'_>,
    wall: Target,
) -> Result<Vec<Row>> {
    let pool = peers.master(setting, "ours")?;
    let ours = Side::prepared(setting.ours(&pool, &["stage"]), || empty(&pool.staging_dir()));
    let rows = compare(name, &ours, theirs, options.common.runs, &[(Quantity::Wall, wall)])?;
    peers.check(&pool, options)?;
    Ok(rows)
}

/// All peers, and how they are reached.
struct Peers {
    network: Network,
    peers: Vec<Peer>,
}

struct Peer {
    name: String,
    collect_dir: PathBuf,
    #[expect(dead_code, reason = "it answers until it is dropped")]
    host: Host,
}

impl Peers {
    /// Starts them all. They have collected the same files, so that these are read from memory, whoever reads them.
    fn start(setting: &Setting, options: &Options) -> Result<Self> {
        let network = Network::required(None).context("this benchmark needs sshd")?;
        let files = setting.noise(options.files, options.size)?;
        let mut peers = Vec::new();
        for number in 1..=options.peers {
            let name = format!("peer{number:02}");
            let collect_dir = setting.path(&format!("collect-{name}"));
            empty(&collect_dir)?;
            for entry in fs_err::read_dir(&files)? {
                let entry = entry?;
                fs_err::hard_link(entry.path(), collect_dir.join(entry.file_name()))?;
            }
            fs_err::write(collect_dir.join("cback.collect"), "")?;
            let host = network.host(&name, &Access::Free);
            peers.push(Peer { name, collect_dir, host });
        }
        Ok(Self { network, peers })
    }

    /// A master of all of them.
    fn master(&self, setting: &Setting, name: &str) -> Result<Pool> {
        let pool = Pool::at(&setting.path(name))?;
        let login = self.network.login();
        let options = format!(
            "<backup_user>{login}</backup_user><backup_group>{login}</backup_group>
            <rcp_command>{}</rcp_command>",
            self.network.scp()
        );
        let mut peers = String::new();
        for Peer { name, collect_dir, .. } in &self.peers {
            write!(
                peers,
                "<peer><name>{name}</name><type>remote</type><collect_dir>{}</collect_dir></peer>",
                collect_dir.display()
            )?;
        }
        pool.configure_master(&options, &peers, "")?;
        Ok(pool)
    }

    /// How many at once, the remote shell, the target, and all sources.
    fn rsync_arguments(&self, target: &Path) -> Vec<OsString> {
        let login = self.network.login();
        let mut arguments = vec![JOBS.to_string().into(), self.network.ssh().into(), target.into()];
        for Peer { name, collect_dir, .. } in &self.peers {
            // Without a slash behind it, the directory itself is copied: each peer gets one of its own.
            arguments.push(format!("{login}@{name}:{}", collect_dir.display()).into());
        }
        arguments
    }

    /// Everything is staged: an ERROR line does not change the original's status.
    fn check(&self, pool: &Pool, options: &Options) -> Result<()> {
        let staging_dir = pool.staging_dir();
        let staged = trees::walk(&staging_dir)?.iter().filter(|path| is_data(path)).count();
        ensure!(
            staged == options.files * self.peers.len(),
            "{} holds {staged} files; see {}",
            staging_dir.display(),
            pool.log().display()
        );
        Ok(())
    }
}

fn is_data(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == tree::NOISE)
}
