//! Random mail with everything that is awkward about it.

use redcedar_testing::rng::Rng;

/// 22 November 2026, midnight in Greenwich.
pub(crate) const SUNDAY: i64 = 1_795_305_600;

/// A message. Its text is found in a mailbox exactly where the message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter(pub(crate) String);

/// Writes letters, each with a number of its own.
pub(crate) struct Post {
    pub(crate) rng: Rng,
    next: u64,
}

impl Post {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed), next: 0 }
    }

    /// A letter that arrives in the days before `now` (seconds since 1970).
    pub(crate) fn letter(&mut self, now: i64) -> Letter {
        self.next += 1;
        let number = self.next;
        let rng = &mut self.rng;
        let before = i64::try_from(rng.below(4 * 86_400)).unwrap();
        let sent = if rng.one_in(20) { now + 86_400 } else { now - before };
        let received = sent + i64::try_from(rng.below(60)).unwrap();
        let mut header = vec![format!("From a{number}@b {}\n", stamp(received, "%a %b %e %H:%M:%S %Y"))];
        if !rng.one_in(4) {
            let zone = rng.pick(&[0, 60, -330, 840]);
            header.push(format!("Received: from x by y with z;\n\t{}\n", rfc(received, zone)));
            header.push(format!("Received: from w by x; {}\n", rfc(sent - 86_400 * 3, 0)));
        }
        header.push(match rng.below(12) {
            0 => String::new(),
            1 => "Date: gestern\n".to_owned(),
            2 => format!("Date: {}\n", stamp(sent, "%e %b %y %H:%M GMT")),
            3 => format!("DATE: {} (CET)\n", rfc(sent, 60)),
            4 => format!("Date: {}\n", stamp(sent, "%A, %d-%b-%Y %H:%M:%S PST")),
            _ => format!("Date: {}\n", rfc(sent, 60)),
        });
        header.push(format!("From: a{number}\nTo: b\nSubject: letter {number}\n"));
        if !rng.one_in(8) {
            let folded = rng.pick(&[" ", "\n ", ""]);
            header.push(format!("Message-Id:{folded}<{number}@x>\n"));
        }
        let body = match rng.below(10) {
            0 => String::new(),
            1 => format!("From here on\n\nFrom {number} on\n\n>From a@b 10:00 2026\n"),
            2 => format!("text\nFrom a@b Tue Nov 24 10:00:00 2026\n{number}\n"),
            3 => format!("{number}\n\n\n\n"),
            4 => format!("\u{e4}{}\n", "x".repeat(70_000)),
            _ => {
                let length = rng.index(2_000);
                let text = String::from_utf8(rng.text(length)).unwrap();
                format!("{text} {number}\n")
            }
        };
        Letter(format!("{}\n{body}\n", header.concat()))
    }

    pub(crate) fn letters(&mut self, count: usize, now: i64) -> Vec<Letter> {
        (0..count).map(|_| self.letter(now)).collect()
    }
}

/// A mailbox of letters.
pub(crate) fn mailbox<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> String {
    letters.into_iter().map(|letter| letter.0.as_str()).collect()
}

/// Which of `letters` are in a mailbox.
pub(crate) fn found<'a>(letters: &'a [Letter], text: &str) -> Vec<&'a Letter> {
    letters.iter().filter(|letter| text.contains(letter.0.trim_end())).collect()
}

fn stamp(second: i64, format: &str) -> String {
    jiff::Timestamp::from_second(second).unwrap().strftime(format).to_string()
}

fn rfc(second: i64, minutes_east: i64) -> String {
    let sign = if minutes_east < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes_east.abs() / 60, minutes_east.abs() % 60);
    let local = stamp(second + minutes_east * 60, "%a, %d %b %Y %H:%M:%S");
    format!("{local} {sign}{hours:02}{minutes:02}")
}
