//! The main job: collect and restore.

use super::Common;
use super::case::{Side, compare, compare_bytes, compare_sizes};
use super::report::{Quantity, Row, Target};
use super::setting::{Setting, acknowledge, archive, empty, shell, words};
use anyhow::{Context, Result};
use redcedar_testing::pool::Pool;
use std::ffi::OsStr;
use std::path::Path;

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many files the tree has
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    files: usize,
    /// How large the tree is, in MB
    #[arg(long, value_name = "MB", default_value_t = 1_000)]
    size: u64,
    /// How many files the larger of the two trees of tiny files has; the other has a tenth
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    tiny: usize,
    #[command(flatten)]
    common: Common,
}

type Case = fn(&str, &Setting, &Options) -> Result<Vec<Row>>;

/// A day on which everything is collected, and one on which only changes are: neither is the starting day of the pools.
const FULL_DAY: &str = "2026-11-25T02:00";
const NEXT_DAY: &str = "2026-11-26T02:00";

/// All cases by name.
const CASES: &[(&str, Case)] = &[
    ("full-targz-cback3", |name, setting, options| full_against_original(name, setting, options, "incr")),
    ("full-targz-daily-cback3", |name, setting, options| {
        full_against_original(name, setting, options, "daily")
    }),
    ("full-targz-pigz", full_against_pigz),
    ("full-tarzst-zstd", |name, setting, options| full_against_zstd(name, setting, options, "incr")),
    ("full-tarzst-daily-zstd", |name, setting, options| full_against_zstd(name, setting, options, "daily")),
    ("unchanged-cback3", unchanged_against_original),
    ("unchanged-find", unchanged_against_find),
    ("restore-all-tar", restore_everything),
    ("restore-one-tar", restore_one_file),
    ("tiny-unchanged", tiny_files),
];

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    let cases = options.common.choose(CASES)?;
    let setting = Setting::make(&options.common)?;
    let mut rows = Vec::new();
    for (name, case) in cases {
        rows.extend(case(name, &setting, options)?);
    }
    Ok(rows)
}

fn full_against_original(name: &str, setting: &Setting, options: &Options, mode: &str) -> Result<Vec<Row>> {
    let tree = setting.mixed_tree(options.files, options.size)?;
    let our_pool = setting.pool(&format!("ours-{mode}"), &tree, mode, "targz")?;
    let their_pool = setting.pool(&format!("theirs-{mode}"), &tree, mode, "targz")?;
    let ours = Side::new(setting.ours(&our_pool, &["--full", "collect"]));
    let theirs = Side::new(
        setting.theirs(&their_pool, &["--full", "collect"]).context("this case needs the original")?,
    );
    let mut rows =
        compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Cpu, Target::TimesLess(10.0))])?;
    rows.push(compare_sizes(name, &archive(&our_pool)?, &archive(&their_pool)?, Target::AtMost(1.03))?);
    Ok(rows)
}

fn full_against_pigz(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let tree = setting.mixed_tree(options.files, options.size)?;
    let pool = setting.pool("ours-incr", &tree, "incr", "targz")?;
    let cores = std::thread::available_parallelism()?.to_string();
    let output = setting.path("pigz.tar.gz");
    let ours = Side::new(setting.ours(&pool, &["--full", "collect"]));
    let theirs = Side::new(shell(
        "tar -c -C / \"${1#/}\" | pigz -p \"$2\" -6 >\"$3\"",
        &[tree.as_os_str(), cores.as_ref(), output.as_os_str()],
    ));
    let targets = [(Quantity::Wall, Target::AtMost(0.7)), (Quantity::Cpu, Target::AtMost(0.7))];
    let mut rows = compare(name, &ours, &theirs, options.common.runs, &targets)?;
    rows.push(compare_sizes(name, &archive(&pool)?, &output, Target::Shown)?);
    Ok(rows)
}

fn full_against_zstd(name: &str, setting: &Setting, options: &Options, mode: &str) -> Result<Vec<Row>> {
    let tree = setting.mixed_tree(options.files, options.size)?;
    let pool = setting.pool(&format!("ours-zstd-{mode}"), &tree, mode, "tarzst")?;
    let output = setting.path("zstd.tar.zst");
    let ours = Side::new(setting.ours(&pool, &["--full", "collect"]));
    let theirs = Side::new(shell(
        "tar -c -C / \"${1#/}\" | zstd -q -f -T0 -3 -o \"$2\"",
        &[tree.as_os_str(), output.as_os_str()],
    ));
    let targets = [(Quantity::Wall, Target::AtMost(1.0)), (Quantity::Cpu, Target::AtMost(1.0))];
    let mut rows = compare(name, &ours, &theirs, options.common.runs, &targets)?;
    rows.push(compare_sizes(name, &archive(&pool)?, &output, Target::Shown)?);
    Ok(rows)
}

fn unchanged_against_original(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let tree = setting.mixed_tree(options.files, options.size)?;
    let our_pool = setting.pool("ours-incr", &tree, "incr", "targz")?;
    let their_pool = setting.pool("theirs-incr", &tree, "incr", "targz")?;
    Side::new(setting.ours_at(FULL_DAY, &our_pool, &["--full", "collect"])).run()?;
    Side::new(setting.theirs(&their_pool, &["--full", "collect"]).context("this case needs the original")?)
        .run()?;
    let ours = Side::prepared(setting.ours_at(NEXT_DAY, &our_pool, &["collect"]), || acknowledge(&our_pool));
    let theirs =
        Side::new(setting.theirs(&their_pool, &["collect"]).context("this case needs the original")?);
    compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Cpu, Target::TimesLess(15.0))])
}

fn unchanged_against_find(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let tree = setting.mixed_tree(options.files, options.size)?;
    let pool = setting.pool("ours-incr", &tree, "incr", "targz")?;
    Side::new(setting.ours_at(FULL_DAY, &pool, &["--full", "collect"])).run()?;
    let ours = Side::prepared(setting.ours_at(NEXT_DAY, &pool, &["collect"]), || acknowledge(&pool));
    let output = setting.path("find.txt");
    let theirs = Side::new(shell(
        r#"find "$1" -printf '%s %T@ %C@ %i %p\n' >"$2""#,
        &[tree.as_os_str(), output.as_os_str()],
    ));
    let targets = [(Quantity::Wall, Target::AtMost(2.0)), (Quantity::Cpu, Target::AtMost(2.0))];
    compare(name, &ours, &theirs, options.common.runs, &targets)
}

fn restore_everything(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let (pool, _) = collected(setting, options)?;
    let (our_target, their_target) = (setting.path("restored-ours"), setting.path("restored-theirs"));
    let ours = Side::prepared(restore(setting, &pool, &our_target, None), || empty(&our_target));
    let theirs = Side::prepared(
        words(&[
            "tar".as_ref(),
            "-xzf".as_ref(),
            archive(&pool)?.as_os_str(),
            "-C".as_ref(),
            their_target.as_os_str(),
        ]),
        || empty(&their_target),
    );
    let rows = compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Wall, Target::AtMost(1.0))])?;
    empty(&our_target)?;
    empty(&their_target)?;
    Ok(rows)
}

fn restore_one_file(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let (pool, tree) = collected(setting, options)?;
    let file = first_file(&tree.join("project-20"))?;
    let member = file.strip_prefix("/").context("the tree has an absolute path")?;
    let (our_target, their_target) = (setting.path("restored-ours"), setting.path("restored-theirs"));
    let ours = Side::prepared(restore(setting, &pool, &our_target, Some(&file)), || empty(&our_target));
    let theirs = Side::prepared(
        words(&[
            "tar".as_ref(),
            "-xzf".as_ref(),
            archive(&pool)?.as_os_str(),
            "-C".as_ref(),
            their_target.as_os_str(),
            member.as_os_str(),
        ]),
        || empty(&their_target),
    );
    let rows =
        compare(name, &ours, &theirs, options.common.runs, &[(Quantity::Wall, Target::TimesLess(20.0))])?;
    anyhow::ensure!(
        fs_err::read(our_target.join(member))? == fs_err::read(&file)?,
        "the restored file is not the one that was collected"
    );
    Ok(rows)
}

/// Ours with many tiny files against ours with a tenth of them.
fn tiny_files(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let pools = [("many", options.tiny), ("few", options.tiny / 10)].map(|(label, files)| {
        let tree = setting.tiny_tree(files)?;
        setting.pool(&format!("ours-{label}"), &tree, "incr", "targz")
    });
    let pools = pools.into_iter().collect::<Result<Vec<Pool>>>()?;
    let mut sides = Vec::new();
    for pool in &pools {
        Side::new(setting.ours_at(FULL_DAY, pool, &["--full", "collect"])).run()?;
        sides.push(Side::prepared(setting.ours_at(NEXT_DAY, pool, &["collect"]), || acknowledge(pool)));
    }
    let linear = [(Quantity::Wall, Target::AtMost(10.0)), (Quantity::Cpu, Target::AtMost(10.0))];
    let mut rows = compare(name, &sides[0], &sides[1], options.common.runs, &linear)?;
    let peak = sides[0].run()?.memory;
    let limit = 64_000_000 + 200 * options.tiny as u64;
    rows.push(compare_bytes(name, "peak", peak, limit, Target::AtMost(1.0)));
    Ok(rows)
}

/// A pool of ours with a full archive of the mixed tree in it.
fn collected(setting: &Setting, options: &Options) -> Result<(Pool, std::path::PathBuf)> {
    let tree = setting.mixed_tree(options.files, options.size)?;
    let pool = setting.pool("ours-incr", &tree, "incr", "targz")?;
    Side::new(setting.ours_at(FULL_DAY, &pool, &["--full", "collect"])).run()?;
    Ok((pool, tree))
}

fn restore(setting: &Setting, pool: &Pool, target: &Path, path: Option<&Path>) -> Vec<std::ffi::OsString> {
    let collect_dir = pool.collect_dir();
    let mut all: Vec<&OsStr> = vec![setting.redcedar().as_os_str(), "restore".as_ref()];
    all.extend(path.map(Path::as_os_str));
    all.extend([OsStr::new("--from"), collect_dir.as_os_str(), OsStr::new("--to"), target.as_os_str()]);
    words(&all)
}

fn first_file(directory: &Path) -> Result<std::path::PathBuf> {
    let mut paths = fs_err::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    match paths.into_iter().next().context("the tree has no empty directories")? {
        path if path.is_dir() => first_file(&path),
        path => Ok(path),
    }
}
