//! The master of the pool: what it does with each day, where the days go, and what comes back from there.

use super::super::world::{Day, ours};
use super::machine::{Machine, States};
use age::secrecy::ExposeSecret;
use redcedar_testing::pool::Pool;
use redcedar_testing::program::{self, describe};
use redcedar_testing::rng::Rng;
use redcedar_testing::s3::Server;
use redcedar_testing::trees;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::FileTimes;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// What is done with staged days.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each may or may not be done")]
pub(super) struct Treatment {
    pub(super) encrypt: bool,
    pub(super) split: bool,
    pub(super) discs: bool,
    pub(super) bucket: bool,
    pub(super) purge: bool,
}

impl Treatment {
    /// Each combination has a number.
    pub(super) fn from_number(number: u64) -> Self {
        let bit = |place: u32| number >> place & 1 == 1;
        Self { encrypt: bit(0), split: bit(1), discs: bit(2), bucket: bit(3), purge: bit(4) }
    }
}

/// What each machine was on each day.
pub(super) type Days = BTreeMap<Day, Vec<States>>;

pub(super) struct Master {
    seed: u64,
    pub(super) pool: Pool,
    treatment: Treatment,
    pub(super) server: Option<Server>,
    identity: PathBuf,
    /// What was staged, of days that are still there.
    pub(super) staged: Days,
    /// What is on discs.
    pub(super) on_discs: Days,
    /// What is in the bucket.
    pub(super) in_bucket: Days,
    /// Discs that are full or of another week.
    pub(super) shelf: Vec<PathBuf>,
    /// The days on the disc in the drive.
    in_drive: Vec<Day>,
}

impl Master {
    /// The master of `machines`; none after having said aloud what is missing.
    pub(super) fn new(seed: u64, treatment: Treatment, machines: &[Machine]) -> Option<Self> {
        let mut needed = vec!["git", "sqlite3"];
        needed.extend(treatment.discs.then_some("xorriso"));
        for name in needed {
            if program::find(name).is_none() {
                program::cannot_test("histories of pools", &format!("{name} is not installed"));
                return None;
            }
        }
        let server = if treatment.bucket { Some(Server::required()?) } else { None };
        let pool = Pool::new().unwrap();
        let identity = pool.path().join("identity");
        let master = Self {
            seed,
            pool,
            treatment,
            server,
            identity,
            staged: Days::new(),
            on_discs: Days::new(),
            in_bucket: Days::new(),
            shelf: Vec::new(),
            in_drive: Vec::new(),
        };
        master.configure(machines);
        Some(master)
    }

    fn configure(&self, machines: &[Machine]) {
        let script = self.pool.path().join("rcp");
        fs_err::write(&script, "#!/bin/sh\nexec cp ${1#*@*:} ${2#*@*:}\n").unwrap();
        let options = format!(
            "<backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>/bin/sh {}</rcp_command>",
            script.display()
        );
        let peer = |(number, machine): (usize, &Machine)| {
            let kind = if number % 2 == 0 { "local" } else { "remote" };
            format!(
                "<peer><name>{}</name><type>{kind}</type><collect_dir>{}</collect_dir></peer>",
                machine.name,
                machine.pool.collect_dir().display()
            )
        };
        let peers: String = machines.iter().enumerate().map(peer).collect();
        self.pool.configure_master(&options, &peers, "").unwrap();

        let key = age::x25519::Identity::generate();
        fs_err::write(&self.identity, key.to_string().expose_secret()).unwrap();
        let (staging, disc) = (self.pool.staging_dir(), self.disc());
        let (staging, disc) = (staging.display(), disc.display());
        let sections = format!(
            "<extensions>{}</extensions>
            <store><source_dir>{staging}</source_dir><target_device>{disc}</target_device>
            <media_type>dvd+rw</media_type><device_type>dvdwriter</device_type><check_data>Y</check_data></store>
            <purge><dir><abs_path>{staging}</abs_path><retain_days>8</retain_days></dir></purge>
            {}{}{}",
            self.extensions(),
            self.section("encrypt", &format!("<age_recipient>{}</age_recipient>", key.to_public())),
            self.section("split", "<size_limit>20 KB</size_limit><split_size>9 KB</split_size>"),
            self.section("amazons3", "<s3_bucket>bucket/pool</s3_bucket><catch_up>Y</catch_up>"),
        );
        self.pool.add_sections(&sections).unwrap();
    }

    /// The actions between stage and store that are wanted, in their order.
    fn actions(&self) -> Vec<&'static str> {
        let Treatment { encrypt, split, bucket, .. } = self.treatment;
        // Splitting before encrypting works as well.
        let mut names =
            if self.seed.is_multiple_of(3) { ["split", "encrypt"] } else { ["encrypt", "split"] }.to_vec();
        names.push("amazons3");
        let is_wanted = |name: &&str| match *name {
            "encrypt" => encrypt,
            "split" => split,
            _ => bucket,
        };
        names.into_iter().filter(is_wanted).collect()
    }

    fn extensions(&self) -> String {
        let action = |(place, name): (usize, &str)| {
            format!(
                "<action><name>{name}</name><module>CedarBackup3.extend.{name}</module>\
                 <function>executeAction</function><index>{}</index></action>",
                210 + place
            )
        };
        self.actions().into_iter().enumerate().map(action).collect()
    }

    /// A section, if its action is wanted.
    fn section(&self, name: &str, content: &str) -> String {
        if self.actions().contains(&name) { format!("<{name}>{content}</{name}>") } else { String::new() }
    }

    pub(super) fn disc(&self) -> PathBuf {
        self.pool.path().join("disc.iso")
    }

    fn complete(&self, command: &mut Command) {
        if let Some(server) = &self.server {
            server.environment(command);
        }
        command.env("REDCEDAR_IDENTITY", &self.identity);
    }

    fn act(&self, day: Day, actions: &[&str]) -> Output {
        let mut command = self.pool.command(ours(), &day.time(), actions);
        self.complete(&mut command);
        program::run(&mut command)
    }

    #[track_caller]
    fn run(&self, day: Day, actions: &[&str]) {
        let output = self.act(day, actions);
        assert!(output.status.success(), "{}: {}", self.context(day), describe(&output));
    }

    pub(super) fn redcedar<S: AsRef<OsStr>>(&self, words: &[S]) -> Output {
        program::run(&mut self.command(words))
    }

    /// `redcedar` after everything, with the key.
    pub(super) fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
        self.complete(command.env("REDCEDAR_NOW", "2031-03-31T12:00:00").args(words));
        command
    }

    pub(super) fn context(&self, day: Day) -> String {
        let log = fs_err::read(self.pool.log()).unwrap_or_default();
        format!("seed {}, {}\n{}", self.seed, day.date(), String::from_utf8_lossy(&log))
    }

    /// Stages what machines have collected since they were staged last. Returns whether there is anything.
    #[track_caller]
    pub(super) fn stage(&mut self, day: Day, machines: &mut [Machine]) -> bool {
        let is_any_ready = machines.iter().any(Machine::is_ready);
        let output = self.act(day, &["stage"]);
        let status = if is_any_ready { 0 } else { 6 };
        assert_eq!(output.status.code(), Some(status), "{}: {}", self.context(day), describe(&output));
        if !is_any_ready {
            return false;
        }
        let is_first = !self.staged.contains_key(&day);
        for machine in machines.iter_mut().filter(|machine| machine.is_ready()) {
            machine.note_staged(&self.pool.staging_dir().join(day.path()).join(machine.name), is_first);
        }
        self.staged.insert(day, machines.iter().map(|machine| machine.staged.clone()).collect());
        true
    }

    /// Does with the day what is done with days.
    #[track_caller]
    pub(super) fn treat(&mut self, day: Day, machines: &[Machine], rng: &mut Rng) {
        let actions = self.actions();
        if !actions.is_empty() {
            self.run(day, &actions);
        }
        if self.treatment.bucket {
            self.in_bucket.insert(day, self.staged[&day].clone());
        }
        // Now and then nobody has put a disc into the drive.
        if self.treatment.discs && !rng.one_in(4) {
            self.store(day);
        }
        if self.treatment.purge && rng.one_in(3) {
            self.purge(day, machines);
        }
    }

    /// Writes a disc. When that begins a new one, the old one goes to the shelf.
    #[track_caller]
    fn store(&mut self, day: Day) {
        let before = self.pool.path().join(format!("disc-{}.iso", self.shelf.len()));
        if self.disc().exists() {
            fs_err::copy(self.disc(), &before).unwrap();
        }
        self.run(day, &["store"]);
        let now = self.days_on(&self.disc());
        assert!(now.contains(&day), "{now:?} on the disc: {}", self.context(day));
        if self.in_drive.iter().any(|day| !now.contains(day)) {
            self.shelf.push(before);
        }
        for day in &now {
            if !self.on_discs.contains_key(day) {
                self.on_discs.insert(*day, self.staged[day].clone());
            }
        }
        self.in_drive = now;
    }

    /// The days that `list` sees.
    fn days_on(&self, source: &Path) -> Vec<Day> {
        let output =
            self.redcedar(&["list".as_ref(), "--json".as_ref(), "--from".as_ref(), source.as_os_str()]);
        let listing: Value = serde_json::from_slice(&output.stdout).unwrap();
        let listed = ["entries", "others"].into_iter().flat_map(|kind| listing[kind].as_array().unwrap());
        let dates: Vec<_> = listed.map(|listed| listed["day"].as_str().unwrap()).collect();
        let days = self.staged.keys().chain(self.on_discs.keys()).copied();
        let days: BTreeSet<Day> = days.filter(|day| dates.contains(&day.date().as_str())).collect();
        days.into_iter().collect()
    }

    /// Makes everything as old as it would be, and purges.
    #[track_caller]
    fn purge(&mut self, today: Day, machines: &[Machine]) {
        let staging = self.pool.staging_dir();
        for day in self.staged.keys() {
            age(&staging.join(day.path()), *day);
        }
        self.run(today, &["purge"]);
        self.staged.retain(|day, _| staging.join(day.path()).exists());
        // What a day does not hold itself may have gone with an earlier one.
        for (day, states) in &mut self.staged {
            for (machine, states) in machines.iter().zip(states) {
                let directory = staging.join(day.path()).join(machine.name);
                let names: Vec<_> = fs_err::read_dir(&directory).into_iter().flatten().collect();
                let names: Vec<_> = names.into_iter().map(|entry| entry.unwrap().file_name()).collect();
                states.retain(|thing, _| {
                    let name = machine.things[*thing].normalised();
                    names.iter().any(|file| file.to_str().unwrap().contains(&name))
                });
            }
        }
    }
}

/// Makes all files of a day as old as they would be.
fn age(directory: &Path, day: Day) {
    let then: jiff::Timestamp = format!("{}T02:00:00Z", day.date()).parse().unwrap();
    let then = SystemTime::from(then);
    for path in trees::walk(directory).unwrap() {
        if path.is_file() {
            let file = fs_err::File::options().write(true).open(&path).unwrap().into_parts().0;
            file.set_times(FileTimes::new().set_accessed(then).set_modified(then)).unwrap();
        }
    }
}
