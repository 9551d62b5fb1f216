//! Days of mail, backed up and brought back by us.

use assert_cmd::cargo::cargo_bin;
use redcedar_testing::faults::SmallFileSystem;
use redcedar_testing::pool::Program;
use redcedar_testing::program::describe;
use redcedar_testing::rng::Rng;

use crate::machine::Machine;
use crate::post::{Letter, Post, SUNDAY, mailbox};

const NIGHTS: [(&str, &str); 4] = [
    ("2026-11-22", "2026-11-22 02:00:00"),
    ("2026-11-23", "2026-11-23 02:00:00"),
    ("2026-11-24", "2026-11-24 02:00:00"),
    ("2026-11-25", "2026-11-25 02:00:00"),
];

/// Letters in any order.
fn sorted(mut letters: Vec<String>) -> Vec<String> {
    letters.sort();
    letters
}

fn split(text: &str, letters: &[Letter]) -> Vec<String> {
    let known = letters.iter().filter(|letter| text.contains(letter.0.as_str()));
    let found: Vec<String> = known.map(|letter| letter.0.clone()).collect();
    assert_eq!(found.iter().map(String::len).sum::<usize>(), text.len(), "nothing but letters, each once");
    found
}

mod slow {
    #[test]
    fn slow_mail_of_any_age_is_brought_back_with_many_seeds() {
        (1..12).for_each(super::bring_back);
    }
}

#[test]
fn mail_of_any_age_is_brought_back_as_of_each_day_wherever_it_was_put() {
    bring_back(0);
}

fn bring_back(seed: u64) {
    let mut post = Post::new(seed);
    let machine = Machine::new("gzip");
    let (mut inbox, mut all): (Vec<Letter>, Vec<Letter>) = (Vec::new(), Vec::new());
    let mut days = Vec::new();
    for (night, (_, now)) in NIGHTS.iter().enumerate() {
        let arrive = SUNDAY + 7200 + 86_400 * i64::try_from(night).unwrap();
        for letter in post.letters(12, arrive) {
            // Some are moved in from elsewhere, into the middle.
            let place = if post.rng.one_in(2) { inbox.len() } else { post.rng.index(inbox.len() + 1) };
            inbox.insert(place, letter.clone());
            all.push(letter);
        }
        machine.write("inbox", &mailbox(&inbox));
        machine.write("mail/one", &mailbox(&inbox));
        machine.write("mail/empty", "");
        machine.night(None, now);
        days.push(all.clone());
    }
    for ((day, _), letters) in NIGHTS.iter().zip(&days) {
        let expected = sorted(letters.iter().map(|letter| letter.0.clone()).collect());
        for what in ["inbox", "mail/one"] {
            let restored = split(&machine.restored(what, day), &all);
            assert_eq!(sorted(restored), expected, "seed {seed}, {what} of {day}");
        }
    }
    let to = machine.path("all");
    let output = machine.restore(&machine.path("mail"), &to, &[]);
    assert!(output.status.success(), "{}", describe(&output));
    assert_eq!(fs_err::read_dir(&to).unwrap().count(), 2);
    let again = machine.restore(&machine.path("mail"), &to, &[]);
    assert_eq!(again.status.code(), Some(6), "{}", describe(&again));
    let replaced = machine.restore(&machine.path("mail"), &to, &["--overwrite", "always"]);
    assert!(replaced.status.success(), "{}", describe(&replaced));
}

#[test]
fn damaged_messages_are_kept_as_they_are() {
    let machine = Machine::new("gzip");
    let from = "From a@b Sun Nov 22 00:00:00 2026\n";
    let damaged = [
        format!("{from}Message-Id: <1@x>\nDate: \u{0}\u{1}\u{7f}no date\n\n\u{0}binary\u{0}\r\n\n"),
        format!("{from}no header at all, and no end of it\n\n"),
        format!("{from}Message-Id: <unclosed\nReceived: ; ; ;\n continued\n\nbody\n\n"),
        format!("{from}\n\n"),
        format!(
            "{from}Subject: =?utf-8?B?broken\nContent-Type: multipart/mixed; boundary=\"x\n\n--x\nFrom nowhere\n\n"
        ),
        format!("{from}Message-Id: <6@x>\n\n{}\n\n", "x".repeat(100_000)),
        // Cut off in the middle of its header.
        format!("{from}Message-Id: <7@x>\nSubj"),
    ];
    let mut days = Vec::new();
    for ((_, now), count) in NIGHTS.iter().zip([2, 4, 6, 7]) {
        let mailbox = damaged[..count].concat();
        machine.write("inbox", &mailbox);
        machine.write("mail/one", &mailbox);
        machine.night(None, now);
        days.push(mailbox);
    }
    for ((day, _), mailbox) in NIGHTS.iter().zip(&days) {
        for what in ["inbox", "mail/one"] {
            assert!(
                machine.restored(what, day) == *mailbox,
                "{what} of {day}: {:?}",
                machine.restored(what, day)
            );
        }
    }
}

#[test]
fn a_full_disk_leaves_no_half_mailbox_and_the_next_run_makes_up_for_it() {
    let Some(small) = SmallFileSystem::mount(256) else { return };
    let machine = Machine::new("none");
    // Nothing of this can be made smaller.
    let body = redcedar_archive::digest::to_hex(&Rng::new(5).bytes(600_000));
    machine.write("inbox", &format!("From a@b Tue Nov 24 10:00:00 2026\nMessage-Id: <1>\n\n{body}\n\n"));
    machine.write("mail/small", "From a@b Tue Nov 24 10:00:00 2026\nMessage-Id: <2>\n\nx\n\n");
    fs_err::remove_dir(machine.pool.collect_dir()).unwrap();
    fs_err::os::unix::fs::symlink(small.path(), machine.pool.collect_dir()).unwrap();
    let ours = cargo_bin!("redcedar");
    let output = machine.run(Program::Ours(ours), "2026-11-24 12:00:00", &["mbox"]);
    assert!(!output.status.success(), "{}", describe(&output));
    let log = fs_err::read_to_string(machine.pool.log()).unwrap();
    let told = log.lines().any(|line| line.contains("ERROR") && line.contains("No space left on device"));
    assert!(told, "{log}");
    let left: Vec<_> =
        fs_err::read_dir(small.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("inbox")), "{left:?}");

    fs_err::remove_file(machine.pool.collect_dir()).unwrap();
    fs_err::create_dir(machine.pool.collect_dir()).unwrap();
    let output = machine.run(Program::Ours(ours), "2026-11-24 13:00:00", &["mbox", "collect", "stage"]);
    assert!(output.status.success(), "{}", describe(&output));
    assert!(machine.restored("inbox", "2026-11-24").contains(&body));
}
