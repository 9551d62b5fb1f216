//! Weeks in which everything goes wrong at times: days missed, wrong discs, burners that fail, runs that are killed. Whatever
//! was reported as stored is on a disc, and is what was staged.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use jiff::Span;
use jiff::civil::{Date, date};
use redcedar_testing::program::{self, describe};
use redcedar_testing::rng::Rng;

use super::machine::{Machine, SMALL, can_write};

/// What happens while a day is stored.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Good,
    /// The machine is off: nothing is staged or stored.
    Off,
    /// The drive is not there: nothing is stored.
    NoDrive,
    /// The run is killed at a checkpoint.
    Killed(&'static str),
    /// Another file is in the place of the disc.
    Foreign,
    /// An older disc of ours is in the drive from now on.
    OldDisc,
    /// The burner runs so.
    Burner(&'static str),
}

const FATES: [Fate; 14] = [
    Fate::Good,
    Fate::Good,
    Fate::Good,
    Fate::Good,
    Fate::Good,
    Fate::Off,
    Fate::NoDrive,
    Fate::Killed("store-written"),
    Fate::Killed("store-before-indicator"),
    Fate::Foreign,
    Fate::OldDisc,
    Fate::Burner(NO_SPACE),
    Fate::Burner(KILLED),
    Fate::Burner(DAMAGED),
];

/// The file must not grow so far: writing fails in the middle.
const NO_SPACE: &str = r#"case " $* " in *" -commit "*) ulimit -f 300;; esac; exec REAL "$@""#;
/// The burner is killed while it writes.
const KILLED: &str = r#"case " $* " in *" -commit "*) REAL "$@" & sleep 0.05; kill -9 $!; wait $!; exit 137;; esac; exec REAL "$@""#;
/// What was just written is damaged.
const DAMAGED: &str = r#"REAL "$@"; status=$?
case " $* " in *" -commit "*) for disc in ROOT/disc.iso ROOT/.disc.iso.redcedar-new; do [ -e $disc ] || continue
size=$(stat -c %s $disc); last=$disc; done
printf XXXX | dd of=$last bs=1 seek=$((size - 400000)) conv=notrunc 2>/dev/null;; esac
exit $status"#;

struct Quarter {
    machine: Machine,
    rng: Rng,
    staged: BTreeSet<Date>,
    stored: BTreeSet<Date>,
}

impl Quarter {
    fn new(seed: u64) -> Self {
        let machine = Machine::new(SMALL);
        fs_err::create_dir(machine.path("kept")).unwrap();
        Self { machine, rng: Rng::new(seed), staged: BTreeSet::new(), stored: BTreeSet::new() }
    }

    fn run(&mut self, days: i32) {
        for number in 0..days {
            let today = date(2026, 9, 1).saturating_add(Span::new().days(number));
            // Every other day, the run begins after midnight.
            let is_late = self.rng.one_in(2);
            let fate = self.rng.pick(&FATES);
            self.day(today, is_late, fate);
        }
        for day in &self.stored {
            let is_kept = self.discs().iter().any(|disc| self.is_on(disc, *day));
            assert!(is_kept, "{day} was reported as stored and is on no disc\n{}", self.machine.log());
        }
        assert!(
            self.stored.len() * 10 > self.staged.len() * 8,
            "{} of {}",
            self.stored.len(),
            self.staged.len()
        );
    }

    fn day(&mut self, today: Date, is_late: bool, fate: Fate) {
        if matches!(fate, Fate::Off) {
            return;
        }
        let size = 150_000 + self.rng.index(250_000);
        self.machine.stage(&path(today), size);
        self.staged.insert(today);
        if matches!(fate, Fate::NoDrive) {
            return;
        }
        let (today, hour) =
            if is_late { (today.saturating_add(Span::new().days(1)), "00:30") } else { (today, "23:00") };
        let now = format!("{today} {hour}");
        let mut command = self.machine.command(&now, &["store"]);
        let set_aside = self.machine.path("set-aside");
        match fate {
            Fate::Killed(checkpoint) => drop(command.env("REDCEDAR_CHECKPOINT", checkpoint)),
            Fate::Foreign if self.machine.disc().exists() => {
                fs_err::rename(self.machine.disc(), &set_aside).unwrap();
                fs_err::write(self.machine.disc(), "a novel").unwrap();
            }
            Fate::OldDisc => self.insert_an_old_disc(),
            Fate::Burner(script) => {
                let burner = self.machine.stand_in("xorriso", script);
                self.machine.configure(&burner, SMALL, "");
            }
            _ => {}
        }
        let output = program::run(&mut command);
        if set_aside.exists() {
            assert_eq!(fs_err::read(self.machine.disc()).unwrap(), b"a novel");
            fs_err::rename(&set_aside, self.machine.disc()).unwrap();
        }
        self.machine.configure("", SMALL, "");
        self.keep_disc();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 6) | None), "{fate:?} on {today}: {}", describe(&output));
        self.check(today, code == Some(0), fate);
    }

    /// What is marked is on the disc in the drive, and after a good run everything is marked.
    fn check(&mut self, today: Date, is_good: bool, fate: Fate) {
        for day in self.staged.clone() {
            if self.machine.is_stored(&path(day)) {
                if self.stored.insert(day) {
                    self.machine.assert_on_disc(&path(day));
                }
            } else if is_good {
                let age = (today - day).get_days();
                assert!(age > 6, "{day} is not stored on {today}, {fate:?}\n{}", self.machine.log());
            }
        }
    }

    /// Whatever becomes of the disc in the drive, a further name keeps it. A disc that begins is another file.
    fn keep_disc(&self) {
        let Ok(metadata) = fs_err::metadata(self.machine.disc()) else { return };
        let kept = self.machine.path("kept").join(format!("{}.iso", metadata.ino()));
        if !kept.exists() {
            fs_err::hard_link(self.machine.disc(), kept).unwrap();
        }
    }

    fn discs(&self) -> Vec<PathBuf> {
        let entries = fs_err::read_dir(self.machine.path("kept")).unwrap();
        let mut discs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        discs.sort();
        discs
    }

    fn insert_an_old_disc(&mut self) {
        let discs = self.discs();
        if !discs.is_empty() {
            let disc = self.rng.pick(&discs);
            fs_err::remove_file(self.machine.disc()).unwrap();
            fs_err::hard_link(disc, self.machine.disc()).unwrap();
        }
    }

    fn is_on(&self, disc: &std::path::Path, day: Date) -> bool {
        let staged = self.machine.path("staging").join(path(day)).join("me/etc.tar.gz");
        let staged = redcedar_testing::compare::Snapshot::take(staged.parent().unwrap()).unwrap();
        self.machine.on(disc, &path(day)).is_some_and(|found| {
            let kinds = |snapshot: redcedar_testing::compare::Snapshot| {
                snapshot.objects.into_iter().map(|(path, object)| (path, object.kind)).collect::<Vec<_>>()
            };
            kinds(found) == kinds(staged)
        })
    }
}

fn path(day: Date) -> String {
    day.strftime("%Y/%m/%d").to_string()
}

#[test]
fn what_is_reported_as_stored_in_three_bad_weeks_is_on_a_disc() {
    if can_write() {
        Quarter::new(1).run(21);
    }
}

mod slow {
    use super::*;

    #[test]
    fn what_is_reported_as_stored_in_bad_quarters_is_on_a_disc() {
        if can_write() {
            for seed in 2..6 {
                Quarter::new(seed).run(91);
            }
        }
    }
}
