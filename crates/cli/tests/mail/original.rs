//! Against the original with grepmail.

use redcedar_testing::oracle::Oracle;
use redcedar_testing::program::{self, describe};

use crate::machine::{Machine, original};
use crate::post::{Letter, Post, SUNDAY, found, mailbox};

const NIGHTS: [(&str, &str); 3] = [
    ("20261122", "2026-11-22 02:00:00"),
    ("20261123", "2026-11-23 02:00:00"),
    ("20261124", "2026-11-24 02:00:00"),
];

/// What grepmail makes of the pieces of all days, as the original's manual says it.
fn by_hand(machine: &Machine, what: &str) -> String {
    let all: String = NIGHTS.iter().map(|(day, _)| machine.piece(day, what)).collect();
    let path = machine.path("all.mbox");
    fs_err::write(&path, all).unwrap();
    let mut command = program::command("grepmail");
    let command = command.env("HOME", machine.pool.path()).args(["-a", "-u"]).arg(path);
    String::from_utf8(program::succeed(command)).unwrap()
}

/// Both programs back up the same mail for three nights, each in a machine of its own, and then the other takes over.
fn compare(seed: u64, oracle: &Oracle) {
    let mut post = Post::new(seed);
    let (ours, theirs) = (Machine::new("gzip"), Machine::new("gzip"));
    let mut letters: Vec<Letter> = Vec::new();
    for (night, (day, now)) in NIGHTS.iter().enumerate() {
        let arrive = SUNDAY + 7200 + 86_400 * i64::try_from(night).unwrap();
        letters.extend(post.letters(25, arrive));
        let duplicate = post.rng.pick(&letters);
        let text = mailbox(&letters) + &duplicate.0;
        let text = if seed.is_multiple_of(4) { text.replace('\n', "\r\n") } else { text };
        for machine in [&ours, &theirs] {
            machine.write("inbox", &text);
            machine.write("mail/one", &text);
            machine.write("mail/two", &mailbox(letters.iter().rev()));
            machine.write("mail/empty", "");
        }
        ours.night(None, now);
        theirs.night(Some(oracle), now);
        for what in ["inbox", "mail.tar"] {
            let [ours, theirs] = [&ours, &theirs].map(|machine| machine.piece(day, what).replace('\r', ""));
            let (chosen, wanted) = (found(&letters, &ours), found(&letters, &theirs));
            for letter in &wanted {
                assert!(chosen.contains(letter), "seed {seed}, {what} of {day} lacks {}", letter.0);
            }
            if night == 0 {
                assert_eq!((chosen.len(), ours == theirs), (letters.len(), true), "seed {seed}, {what}");
            } else {
                // What it has beyond that is undated or came too late for the original's clock, not the whole mailbox.
                assert!(
                    chosen.len() < letters.len() / 2 + 10,
                    "seed {seed}, {what} of {day}: {}",
                    chosen.len()
                );
            }
        }
    }
    let restored = ours.restored("inbox", "2026-11-24").replace('\r', "");
    assert_eq!(found(&letters, &restored).len(), letters.len(), "seed {seed}");
    assert_eq!(
        found(&letters, &by_hand(&ours, "inbox").replace('\r', "")).len(),
        letters.len(),
        "seed {seed}"
    );
    // Theirs, restored by us and by hand: the same messages in the same order.
    assert_eq!(theirs.restored("inbox", "2026-11-24"), by_hand(&theirs, "inbox"), "seed {seed}");
}

#[test]
fn whatever_the_original_chooses_we_choose_and_both_restore_alike() {
    let Some(oracle) = original() else { return };
    compare(1, &oracle);
}

mod slow {
    use super::*;

    #[test]
    fn slow_whatever_the_original_chooses_we_choose_with_many_seeds() {
        let Some(oracle) = original() else { return };
        for seed in 10..30 {
            compare(seed, &oracle);
        }
    }
}

#[test]
fn either_program_goes_on_where_the_other_stopped() {
    let Some(oracle) = original() else { return };
    for ours_first in [true, false] {
        let mut post = Post::new(7);
        let machine = Machine::new("gzip");
        let mut letters: Vec<Letter> = Vec::new();
        let mut copied_by_us = None;
        for (night, (day, now)) in NIGHTS.iter().enumerate() {
            let arrive = SUNDAY + 7200 + 86_400 * i64::try_from(night).unwrap();
            let before = letters.len();
            letters.extend((0..20).map(|number| plain(&mut post, arrive - 3600 - number)));
            machine.write("inbox", &mailbox(&letters));
            machine.write("mail/one", &mailbox(&letters));
            let is_ours = (night % 2 == 0) == ours_first;
            machine.night((!is_ours).then_some(&oracle), now);
            // Ours remembers what it has copied itself; of what the original chose, it knows nothing.
            let first = if is_ours { copied_by_us.unwrap_or(before) } else { before };
            for what in ["inbox", "mail.tar"] {
                let chosen = found(&letters, &machine.piece(day, what));
                let wanted: Vec<&Letter> = letters[first..].iter().collect();
                assert!(chosen == wanted, "{what} of {day}, by us: {is_ours}: {}", chosen.len());
            }
            copied_by_us = if is_ours { Some(letters.len()) } else { copied_by_us };
        }
        assert_eq!(machine.restored("inbox", "2026-11-24"), mailbox(&letters));
        assert_eq!(machine.restored("mail/one", "2026-11-23"), mailbox(&letters[..40]));
    }
}

/// A letter that arrives at `second` and says so.
fn plain(post: &mut Post, second: i64) -> Letter {
    let number = post.rng.number();
    let date = jiff::Timestamp::from_second(second).unwrap().strftime("%a, %d %b %Y %H:%M:%S +0000");
    Letter(format!(
        "From a@b Sun Nov 22 00:00:00 1998\nFrom: a\nTo: b\nMessage-Id: <{number}>\nDate: {date}\nSubject: x\n\n{number}\n\n"
    ))
}

#[test]
fn what_the_original_loses_silently_is_an_error_or_stored() {
    let Some(oracle) = original() else { return };
    let machine = Machine::new("gzip");
    machine.write("mail/notes", "no mail, but somebody's\n");
    // It has no inbox at all.
    let theirs =
        machine.run(redcedar_testing::pool::Program::Original(&oracle), "2026-11-22 02:00:00", &["mbox"]);
    assert!(theirs.status.success(), "{}", describe(&theirs));
    let ours = machine.run(
        redcedar_testing::pool::Program::Ours(assert_cmd::cargo::cargo_bin!("redcedar")),
        "2026-11-23 02:00:00",
        &["--full", "mbox"],
    );
    assert_eq!(ours.status.code(), Some(6), "{}", describe(&ours));
    let log = fs_err::read_to_string(machine.pool.log()).unwrap();
    assert!(log.contains("/inbox]: ") && log.contains("No such file"), "{log}");
    let root = machine.pool.path().to_str().unwrap()[1..].replace('/', "-");
    let stored = |day: &str| {
        let path = machine.pool.collect_dir().join(format!("mbox-{day}-{root}-mail.tar.gz"));
        let mut command = program::command("tar");
        String::from_utf8(program::succeed(command.arg("-xzOf").arg(path))).unwrap()
    };
    assert_eq!((&*stored("20261122"), &*stored("20261123")), ("", "no mail, but somebody's\n"));
}
