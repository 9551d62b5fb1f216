//! Getting back: everything and one file, against programs that restore the same tree; finding a file in a large pool.

use super::Common;
use super::case::{Side, compare};
use super::report::{Quantity, Row, Target};
use super::setting::{Setting, empty, words};
use anyhow::{Context, Result, ensure};
use jiff::civil::Date;
use redcedar_archive::manifest::{Entry, Header, Line, ManifestWriter, Mode, SUFFIX, Trailer};
use redcedar_archive::{Kind, Timestamp};
use redcedar_testing::program;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many files the tree has
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    files: usize,
    /// How large the tree is, in MB
    #[arg(long, value_name = "MB", default_value_t = 1_000)]
    size: u64,
    /// How many days the pool has in which a file is looked for
    #[arg(long, value_name = "N", default_value_t = 365)]
    days: u32,
    #[command(flatten)]
    common: Common,
}

type Case = fn(&str, &Setting, &Options) -> Result<Vec<Row>>;

/// All cases by name.
const CASES: &[(&str, Case)] = &[
    ("one-file", one_file),
    ("everything-tar", everything_tar),
    ("everything-restic", everything_restic),
    ("everything-borg", everything_borg),
    ("find-pool", find_in_a_pool),
];

/// Machines of the pool, and items of each.
const PEERS: usize = 20;
const ITEMS: usize = 10;

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    let cases = options.common.choose(CASES)?;
    let setting = Setting::make(&options.common)?;
    let mut rows = Vec::new();
    for (name, case) in cases {
        rows.extend(case(name, &setting, options)?);
    }
    Ok(rows)
}

/// One file of the tree, out of an archive of all of it: less than 0.1 s of CPU.
fn one_file(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let (tree, store) = backed_up(setting, options)?;
    let target = setting.path("restored-ours");
    let file = first(program::command("find").arg(&tree).args(["-type", "f", "-name", "*7*"]))?;
    let restore = [
        setting.redcedar().as_os_str(),
        "restore".as_ref(),
        file.as_ref(),
        "--from".as_ref(),
        store.as_ref(),
        "--to".as_ref(),
        target.as_ref(),
    ];
    let ours = Side::prepared(words(&restore), || empty(&target));
    let usages = (0..=options.common.runs).map(|_| ours.run()).collect::<Result<Vec<_>>>()?;
    let cpu = Quantity::Cpu.median(&usages[1..]);
    let shown = |seconds: f64| (seconds, format!("{seconds:.3} s"));
    Ok(vec![Row::of_values(name, "CPU", shown(cpu), shown(0.1), Target::AtMost(1.0))])
}

fn everything_tar(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let (_, store) = backed_up(setting, options)?;
    let target = setting.path("restored-theirs");
    let archive = first(program::command("find").arg(&store).args(["-name", "*.tar.gz"]))?;
    let tar = ["tar".as_ref(), "-xzf".as_ref(), archive.as_os_str(), "-C".as_ref(), target.as_ref()];
    against(name, setting, options, &store, words(&tar), &target)
}

fn everything_restic(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let (tree, store) = backed_up(setting, options)?;
    let (repository, target) = (setting.path("restic"), setting.path("restored-theirs"));
    ensure!(program::find("restic").is_some(), "this needs restic; install the package of that name");
    let restic = |arguments: &[&OsStr]| {
        let mut all =
            words(&["env".as_ref(), "RESTIC_PASSWORD=x".as_ref(), "restic".as_ref(), "-q".as_ref()]);
        all.extend(words(&["--no-cache".as_ref(), "-r".as_ref(), repository.as_ref()]));
        all.extend(words(arguments));
        all
    };
    if !repository.exists() {
        super::measure::measure(&restic(&["init".as_ref()]))?;
        super::measure::measure(&restic(&["backup".as_ref(), tree.as_ref()]))?;
    }
    let theirs = restic(&["restore".as_ref(), "latest".as_ref(), "--target".as_ref(), target.as_ref()]);
    against(name, setting, options, &store, theirs, &target)
}

fn everything_borg(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let (tree, store) = backed_up(setting, options)?;
    let (repository, target) = (setting.path("borg"), setting.path("restored-theirs"));
    ensure!(program::find("borg").is_some(), "this needs borg; install the package borgbackup");
    let archive = format!("{}::one", repository.display());
    if !repository.exists() {
        let init = ["borg".as_ref(), "init".as_ref(), "-e".as_ref(), "none".as_ref(), repository.as_ref()];
        super::measure::measure(&words(&init))?;
        super::measure::measure(&words(&[
            "borg".as_ref(),
            "create".as_ref(),
            archive.as_ref(),
            tree.as_ref(),
        ]))?;
    }
    // It extracts into the directory it is run in.
    let extract = [
        "env".as_ref(),
        "-C".as_ref(),
        target.as_os_str(),
        "borg".as_ref(),
        "extract".as_ref(),
        archive.as_ref(),
    ];
    against(name, setting, options, &store, words(&extract), &target)
}

/// The first line that a program prints, as a path.
fn first(command: &mut std::process::Command) -> Result<PathBuf> {
    let printed = String::from_utf8(program::succeed(command))?;
    printed.lines().next().map(PathBuf::from).context("nothing was found")
}

/// Restores everything by us and by `theirs`, which writes below `target`.
fn against(
    name: &str,
    setting: &Setting,
    options: &Options,
    store: &Path,
    theirs: Vec<OsString>,
    target: &Path,
) -> Result<Vec<Row>> {
    let our_target = setting.path("restored-ours");
    let restore = [
        setting.redcedar().as_os_str(),
        "restore".as_ref(),
        "--from".as_ref(),
        store.as_ref(),
        "--to".as_ref(),
        our_target.as_ref(),
    ];
    let ours = Side::prepared(words(&restore), || empty(&our_target));
    let theirs = Side::prepared(theirs, || empty(target));
    let rows = compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Wall, Target::AtMost(1.0))])?;
    empty(&our_target)?;
    empty(target)?;
    Ok(rows)
}

/// The tree, and a full backup of it.
fn backed_up(setting: &Setting, options: &Options) -> Result<(PathBuf, PathBuf)> {
    let tree = setting.mixed_tree(options.files, options.size)?;
    let store = setting.path("store");
    if !store.exists() {
        let backup = ["backup".as_ref(), tree.as_os_str(), "--to".as_ref(), store.as_os_str()];
        let mut all = words(&[setting.redcedar().as_os_str()]);
        all.extend(words(&backup));
        super::measure::measure(&all)?;
    }
    Ok((tree, store))
}

/// All versions of one file in a pool of many days: less than a minute without any index, less than a second with one.
fn find_in_a_pool(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let pool = setting.path(&format!("pool-{}", options.days));
    if !pool.exists() {
        write_pool(&pool, options.days)?;
    }
    let mut cache = OsString::from("XDG_CACHE_HOME=");
    cache.push(setting.path("cache"));
    let find = ["find".as_ref(), "file-3".as_ref(), "--from".as_ref(), pool.as_os_str(), "--json".as_ref()];
    let mut rows = Vec::new();
    for (quantity, switch, limit) in [("wall", Some("--no-cache"), 60.0), ("wall, index", None, 1.0)] {
        let mut all = words(&["env".as_ref(), &cache, setting.redcedar().as_os_str()]);
        all.extend(words(&find));
        all.extend(switch.map(OsString::from));
        let ours = Side::new(all);
        let usages = (0..=options.common.runs).map(|_| ours.run()).collect::<Result<Vec<_>>>()?;
        let wall = Quantity::Wall.median(&usages[1..]);
        let shown = |seconds: f64| (seconds, format!("{seconds:.3} s"));
        rows.push(Row::of_values(name, quantity, shown(wall), shown(limit), Target::AtMost(1.0)));
    }
    Ok(rows)
}

/// Manifests of a pool in which every item has a full backup of 200 paths a week and increments of 5.
fn write_pool(root: &Path, days: u32) -> Result<()> {
    let begin = Date::constant(2026, 1, 1);
    for number in 0..days {
        let date = begin.checked_add(jiff::Span::new().days(number))?;
        let day = root.join(date.strftime("%Y/%m/%d").to_string());
        for peer in 0..PEERS {
            let directory = day.join(format!("peer-{peer}"));
            fs_err::create_dir_all(&directory)?;
            for item in 0..ITEMS {
                let manifest = manifest(number, item)?;
                fs_err::write(directory.join(format!("item-{item}{SUFFIX}")), manifest)?;
            }
        }
    }
    Ok(())
}

fn manifest(day: u32, item: usize) -> Result<Vec<u8>> {
    let is_full = day.is_multiple_of(7);
    let header = Header {
        item: PathBuf::from(format!("/item/{item}")),
        collect_mode: "incr".into(),
        mode: if is_full { Mode::Full } else { Mode::Incremental },
        run: format!("run-{day}"),
        baseline: (!is_full).then(|| format!("run-{}", day - 1)),
        sequence: u64::from(day % 7),
        host: "peer".into(),
        time: "2026-01-01T02:00:00Z".into(),
        program: "benchmark".into(),
        archive: None,
    };
    let mut manifest = ManifestWriter::create(Vec::new(), &header)?;
    for number in 0..if is_full { 200 } else { 5 } {
        manifest.line(&Line::Present(Entry {
            path: PathBuf::from(format!("/item/{item}/directory-{}/file-{number}", number / 10)),
            kind: Kind::File,
            size: u64::from(day),
            mode: 0o644,
            uid: 0,
            gid: 0,
            user: Some("root".into()),
            group: Some("root".into()),
            modified: Timestamp { seconds: i64::from(day) * 86_400, nanoseconds: 0 },
            link: None,
            hard_link: None,
            rdev: None,
            sha256: None,
            offset: None,
            flaw: None,
        }))?;
    }
    Ok(manifest.finish(Trailer::default())?)
}
