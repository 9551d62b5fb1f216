//! Increments of a large mailbox against the original with grepmail.

use super::Common;
use super::case::{Side, compare};
use super::report::{Quantity, Row, Target};
use super::setting::{Setting, acknowledge, another_day, empty};
use anyhow::{Context, Result, ensure};
use redcedar_testing::pool::Pool;
use redcedar_testing::program;
use redcedar_testing::rng::Rng;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many messages the mailbox has
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    messages: usize,
    /// How many of them are new in the increment
    #[arg(long, value_name = "N", default_value_t = 100)]
    new: usize,
    /// How long a message is without its header, in bytes, on average
    #[arg(long, value_name = "BYTES", default_value_t = 1_000)]
    size: usize,
    #[command(flatten)]
    common: Common,
}

type Case = fn(&str, &Setting, &Options) -> Result<Vec<Row>>;

/// All cases by name.
const CASES: &[(&str, Case)] = &[("mbox-increment-cback3", increment), ("mbox-unchanged-cback3", unchanged)];

/// A day on which everything is copied, and one on which only what is new is: neither is the starting day of the pools.
const FULL_DAY: &str = "2026-11-25T02:00";
const NEXT_DAY: &str = "2026-11-26T02:00";

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    ensure!(
        program::find("grepmail").is_some(),
        "this benchmark needs grepmail; install the package of that name"
    );
    let cases = options.common.choose(CASES)?;
    let setting = Setting::make(&options.common)?;
    let mut rows = Vec::new();
    for (name, case) in cases {
        rows.extend(case(name, &setting, options)?);
    }
    Ok(rows)
}

fn increment(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    let old = options.messages.saturating_sub(options.new);
    against_original(name, setting, options, old, Target::TimesLess(20.0))
}

fn unchanged(name: &str, setting: &Setting, options: &Options) -> Result<Vec<Row>> {
    against_original(name, setting, options, options.messages, Target::TimesLess(20.0))
}

/// A night after one on which the first `old` messages were copied.
fn against_original(
    name: &str,
    setting: &Setting,
    options: &Options,
    old: usize,
    target: Target,
) -> Result<Vec<Row>> {
    let mailbox = setting.path(&format!("{name}.mbox"));
    let pool = |side: &str| -> Result<Pool> {
        let pool = Pool::at(&setting.path(&format!("{name}-{side}")))?.starting_on(another_day());
        pool.configure_extension(
            "mbox",
            &format!(
                "<collect_mode>incr</collect_mode><compress_mode>gzip</compress_mode>
                <file><abs_path>{}</abs_path></file>",
                mailbox.display()
            ),
        )?;
        Ok(pool)
    };
    let (ours, theirs) = (pool("ours")?, pool("theirs")?);
    fill(&mailbox, 0..old, options)?;
    // What was changed a moment ago is looked at again: it may be changing still.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let original =
        |arguments: &[&str]| setting.theirs(&theirs, arguments).context("this benchmark needs the original");
    Side::new(setting.ours_at(FULL_DAY, &ours, &["--full", "mbox"])).run()?;
    Side::new(original(&["--full", "mbox"])?).run()?;
    acknowledge(&ours)?;
    fill(&mailbox, old..options.messages, options)?;
    let [kept_by_us, kept_by_them] = [&ours, &theirs].map(keep);
    let (kept_by_us, kept_by_them) = (kept_by_us?, kept_by_them?);
    let our_side =
        Side::prepared(setting.ours_at(NEXT_DAY, &ours, &["mbox"]), || bring_back(&ours, &kept_by_us));
    let their_side = Side::prepared(original(&["mbox"])?, || bring_back(&theirs, &kept_by_them));
    compare(name, &our_side, &their_side, options.common.runs, &[(Quantity::Cpu, target)])
}

/// Appends messages. They are younger than any full copy, so that each program's own rules choose them.
fn fill(mailbox: &Path, numbers: std::ops::Range<usize>, options: &Options) -> Result<()> {
    let is_first = numbers.start == 0;
    let file = fs_err::OpenOptions::new()
        .create(true)
        .append(!is_first)
        .truncate(is_first)
        .write(true)
        .open(mailbox)?;
    let mut file = BufWriter::new(file);
    let mut rng = Rng::new(numbers.start as u64);
    for number in numbers {
        let year = if is_first { 2020 } else { 2037 };
        let length = rng.index(2 * options.size);
        write!(
            file,
            "From a{number}@example.com Wed Feb 12 10:00:00 {year}\n\
            Return-Path: <a{number}@example.com>\n\
            Received: from mx1.example.com (mx1.example.com [192.0.2.1])\n\
            \tby mail.example.org (Postfix) with ESMTPS id {number:012X}\n\
            \tfor <anna@example.org>; Wed, 12 Feb {year} 10:00:{:02} +0100 (CET)\n\
            Date: Wed, 12 Feb {year} 09:59:58 +0100\n\
            From: Somebody <a{number}@example.com>\n\
            To: Anna <anna@example.org>\n\
            Message-ID: <{number}.{year}@example.com>\n\
            Subject: number {number}\n\
            MIME-Version: 1.0\n\
            Content-Type: text/plain; charset=utf-8\n\n",
            number % 60
        )?;
        file.write_all(&rng.text(length))?;
        file.write_all(b"\n\n")?;
    }
    file.flush()?;
    Ok(())
}

/// What is in the directories of a pool, by path.
type Kept = Vec<(std::path::PathBuf, Vec<u8>)>;

fn keep(pool: &Pool) -> Result<Kept> {
    let mut kept = Kept::new();
    for directory in [pool.working_dir(), pool.collect_dir()] {
        for entry in fs_err::read_dir(directory)? {
            let path = entry?.path();
            // The full copy is picked up.
            let is_copy = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"mbox-"));
            if !is_copy {
                kept.push((path.clone(), fs_err::read(path)?));
            }
        }
    }
    Ok(kept)
}

/// Brings everything into the state it was in before the increment.
fn bring_back(pool: &Pool, kept: &Kept) -> Result<()> {
    empty(&pool.working_dir())?;
    empty(&pool.collect_dir())?;
    for (path, content) in kept {
        fs_err::write(path, content)?;
    }
    Ok(())
}
