//! Snapshots: many small files, the first generation and one in which nothing changed.

use super::Common;
use super::case::{Side, compare};
use super::report::{Quantity, Row, Target};
use super::setting::{Setting, empty, words};
use super::tree;
use anyhow::{Context, Result, ensure};
use nix::dir::{Dir, Type};
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat, mkdirat};
use nix::unistd::linkat;
use redcedar_testing::program;
use redcedar_testing::sshd::{Access, Host, Network};
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many files there are
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    files: usize,
    /// How large they are together, in MB
    #[arg(long, value_name = "MB", default_value_t = 1_100)]
    size: u64,
    #[command(flatten)]
    common: Common,
}

type Case = fn(&str, &Setting, &Options) -> Result<Vec<Row>>;

/// All cases by name.
const CASES: &[(&str, Case)] = &[
    ("first-rsync", first),
    ("unchanged-rsync", unchanged),
    ("unchanged-links", floor),
    ("unchanged-ssh", over_ssh),
];

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    let cases = options.common.choose(CASES)?;
    ensure!(program::find("rsync").is_some(), "this needs rsync; install the package of that name");
    let setting = Setting::make(&options.common)?;
    let tree = setting.path("tree");
    if !tree.exists() {
        tree::mixed(&tree, options.files, options.size * 1_000_000)?;
        // What changed just before a generation is read again by the next.
        std::thread::sleep(Duration::from_secs(3));
    }
    let mut rows = Vec::new();
    for (name, case) in cases {
        rows.extend(case(name, &setting, options)?);
    }
    for target in ["first-store", "first-rsync"].map(|name| setting.path(name)) {
        for number in 0..=options.common.runs {
            let aside = aside(&target, number);
            if aside.exists() {
                fs_err::remove_dir_all(aside)?;
            }
        }
    }
    Ok(rows)
}

/// Moves away what the run before left. To remove it would be paid by the next run: for minutes ext4 passes over inodes that were
/// in use, one by one.
fn put_aside(target: &Path) -> Result<()> {
    if !target.exists() {
        return Ok(());
    }
    let free = (0..1_000).map(|number| aside(target, number)).find(|aside| !aside.exists());
    Ok(fs_err::rename(target, free.context("a free name")?)?)
}

fn aside(target: &Path, number: usize) -> PathBuf {
    target.with_extension(format!("{number}"))
}

fn first(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let (store, target) = (setting.path("first-store"), setting.path("first-rsync"));
    let ours = Side::prepared(create(setting, &store)?, || put_aside(&store));
    let theirs = Side::prepared(rsync(setting, &target, None), || put_aside(&target));
    let targets = [(Quantity::Cpu, Target::AtMost(0.85)), (Quantity::Wall, Target::AtMost(0.8))];
    compare(name, &ours, &theirs, options.common.runs, &targets)
}

fn unchanged(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let target = setting.path("next-rsync");
    let base = base(setting)?;
    let ours = Side::new(create(setting, &setting.path("store"))?);
    let theirs = Side::prepared(rsync(setting, &target, Some(&base)), || empty(&target));
    let targets = [(Quantity::Cpu, Target::AtMost(0.3))];
    compare(name, &ours, &theirs, options.common.runs, &targets)
}

fn floor(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let target = setting.path("next-links");
    let base = base(setting)?;
    let ours = Side::new(create(setting, &setting.path("store"))?);
    let itself = std::env::current_exe()?;
    let tree = setting.path("tree");
    let links = [itself.as_os_str(), "link".as_ref(), tree.as_ref(), base.as_ref(), target.as_ref()];
    let theirs = Side::prepared(words(&links), || empty(&target));
    compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Cpu, Target::AtMost(1.4))])
}

/// The far side is this machine; what it uses is not counted.
fn over_ssh(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let Some(network) = Network::required(None) else { return Ok(Vec::new()) };
    let host = network.host("far", &Access::Free);
    let ours = Side::new(backup(setting, &network, &host)?);
    let target = setting.path("ssh-rsync");
    let far = format!("far:{}/", target.display());
    let mut words = rsync(setting, Path::new(&far), Some(&base(setting)?));
    words.splice(1..1, ["-HAX".into(), format!("--rsh={}", network.ssh()).into()]);
    let theirs = Side::prepared(words, || empty(&target));
    compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Wall, Target::AtMost(1.0))])
}

/// The program of jw.backup, with everything that it needs.
fn backup(setting: &Setting, network: &Network, host: &Host) -> Result<Vec<OsString>> {
    let program = setting.path("backup");
    if !program.exists() {
        fs_err::os::unix::fs::symlink(setting.redcedar(), &program)?;
    }
    fs_err::create_dir_all(setting.path("no-system"))?;
    let config = setting.path("backup.yaml");
    let place = |name: &str| setting.path(name).display().to_string();
    let lines = [
        format!("roots: [{}]", place("tree")),
        "prune:".to_owned(),
        format!("system_root: {}", place("no-system")),
        format!("lock_directory: {}", place("lock")),
        format!("cache_directory: {}", place("cache")),
        "destination:".to_owned(),
        "  host: far".to_owned(),
        format!("  port: {}", host.port()),
        format!("  user: {}", network.login()),
        format!("  ssh: {}", network.ssh()),
        format!("  directory: {}", place("ssh-store")),
        "  generations: 2".to_owned(),
    ];
    fs_err::write(&config, lines.join("\n"))?;
    let log = setting.path("backup.log");
    Ok(words(&[program.as_os_str(), "-c".as_ref(), config.as_ref(), "-l".as_ref(), log.as_ref()]))
}

/// A new generation of everything, whatever packages say.
fn create(setting: &Setting, store: &Path) -> Result<Vec<OsString>> {
    let no_system = setting.path("no-system");
    fs_err::create_dir_all(&no_system)?;
    Ok(words(&[
        setting.redcedar().as_os_str(),
        "snapshot".as_ref(),
        "create".as_ref(),
        setting.path("tree").as_ref(),
        "--to".as_ref(),
        store.as_ref(),
        "--init".as_ref(),
        "--trust".as_ref(),
        "nothing".as_ref(),
        "--system".as_ref(),
        no_system.as_ref(),
    ]))
}

fn rsync(setting: &Setting, target: &Path, base: Option<&Path>) -> Vec<OsString> {
    let mut source = setting.path("tree").into_os_string();
    source.push("/");
    let mut all = words(&["rsync".as_ref(), "-a".as_ref(), "--numeric-ids".as_ref()]);
    if let Some(base) = base {
        let mut option = OsString::from("--link-dest=");
        option.push(base);
        all.push(option);
    }
    all.extend([source, target.as_os_str().to_owned()]);
    all
}

/// A copy by rsync that its next ones are linked from.
fn base(setting: &Setting) -> Result<PathBuf> {
    let base = setting.path("base-rsync");
    if !base.exists() {
        super::measure::measure(&rsync(setting, &base, None))?;
    }
    Ok(base)
}

/// The least that any program has to do: looks at every file of a tree, and links its copy.
#[derive(Debug, clap::Args)]
pub(crate) struct Links {
    tree: PathBuf,
    previous: PathBuf,
    new: PathBuf,
}

pub(crate) fn link(links: &Links) -> Result<()> {
    let open = |path: &Path| Dir::open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty());
    link_all(&mut open(&links.tree)?, &open(&links.previous)?, &open(&links.new)?)
}

fn link_all(tree: &mut Dir, previous: &Dir, new: &Dir) -> Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    let mut directories = Vec::new();
    let handle = tree.as_fd().try_clone_to_owned()?;
    for entry in tree.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        fstatat(&handle, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if entry.file_type() == Some(Type::Directory) {
            directories.push(name.to_owned());
        } else {
            linkat(previous, name, new, name, AtFlags::empty())?;
        }
    }
    for name in directories {
        mkdirat(new, &*name, Mode::S_IRWXU)?;
        let open = |directory: &Dir| Dir::openat(directory, &*name, flags, Mode::empty());
        link_all(&mut open(tree)?, &open(previous)?, &open(new)?)?;
    }
    Ok(())
}
