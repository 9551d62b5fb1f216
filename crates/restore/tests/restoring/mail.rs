//! Mailboxes put together from their pieces.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday, date};
use redcedar_restore::mailbox::{MailError, Report, Request, restore};
use redcedar_restore::{Proofs, Severity, Source, VerifyRequest, verify};
use redcedar_system::Interrupt;
use redcedar_system::monitor::Silent;

struct World(tempfile::TempDir);

fn message(id: &str, body: &str) -> String {
    format!("From a@b Tue Nov 24 10:00:00 2026\nFrom: a\nMessage-Id: <{id}>\n\n{body}\n\n")
}

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Stages a piece on a day of November 2026.
    fn stage(&self, day: u8, name: &str, content: impl AsRef<[u8]>) {
        let directory = self.0.path().join(format!("staging/2026/11/{day:02}/oak"));
        fs_err::create_dir_all(&directory).unwrap();
        fs_err::write(directory.join(name), content).unwrap();
    }

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            // The crate refuses what an attacker would write.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, content.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn source(&self) -> Source {
        Source::open(&self.0.path().join("staging")).unwrap()
    }

    fn run(&self, request: &Request) -> Report {
        restore(&self.source(), request, &Silent, &Interrupt::new()).unwrap()
    }

    fn target(&self) -> PathBuf {
        self.0.path().join("target")
    }

    fn request(&self, wanted: &str) -> Request {
        Request {
            peer: None,
            wanted: OsString::from(wanted),
            as_of: None,
            target: self.target(),
            overwrite: false,
            starting_day: None,
            dry_run: false,
        }
    }

    fn restored(&self, request: &Request) -> String {
        let report = self.run(&Request { overwrite: true, ..request.clone() });
        assert_eq!(report.failures, Vec::<String>::new());
        fs_err::read_to_string(self.target()).unwrap()
    }
}

#[test]
fn pieces_are_joined_by_their_own_days_each_message_once() {
    let world = World::new();
    let (one, two, three) = (message("1", "x"), message("2", "y"), message("3", "z"));
    world.stage(22, "mbox-20261122-var-mail-anna", one.trim_end());
    world.stage(23, "mbox-20261123-var-mail-anna", two.clone() + &one);
    // Of a piece that was staged twice, the last state counts.
    world.stage(24, "mbox-20261123-var-mail-anna", two.clone() + &one + &three);
    world.stage(25, "mbox-20261124-var-mail-anna", "");
    world.stage(25, "mbox-20261124-var-mail-bert", "");
    for wanted in ["/var/mail/anna", "/var/mail/anna/", "var-mail-anna"] {
        assert_eq!(world.restored(&world.request(wanted)), one.clone() + &two + &three, "{wanted}");
    }
    let as_of = |as_of: Date| Request { as_of: Some(as_of), ..world.request("/var/mail/anna") };
    assert_eq!(world.restored(&as_of(date(2026, 11, 22))), one.trim_end());
    let early = restore(&world.source(), &as_of(date(2026, 11, 21)), &Silent, &Interrupt::new()).unwrap_err();
    assert!(early.to_string().contains("no mail of /var/mail/anna up to 2026-11-21"), "{early}");
    let unknown =
        restore(&world.source(), &world.request("/nowhere"), &Silent, &Interrupt::new()).unwrap_err();
    assert!(unknown.to_string().contains("there is mail of var-mail-anna, var-mail-bert"), "{unknown}");
}

#[test]
fn a_week_begins_with_the_starting_day_where_it_is_known() {
    let world = World::new();
    world.stage(21, "mbox-20261121-m", message("deleted", "x"));
    world.stage(22, "mbox-20261122-m", message("1", "x"));
    world.stage(23, "mbox-20261123-m", message("2", "x"));
    let request = Request { starting_day: Some(Weekday::Sunday), ..world.request("m") };
    assert_eq!(world.restored(&request), message("1", "x") + &message("2", "x"));
    let known = world.run(&Request { dry_run: true, ..request });
    assert_eq!(known.days, [date(2026, 11, 22), date(2026, 11, 23)]);
    assert_eq!(known.warnings, ["messages that were deleted since 2026-11-22 are there again"]);
    let unknown = world.run(&Request { dry_run: true, ..world.request("m") });
    assert!(
        unknown.days.len() == 3 && unknown.warnings[0].starts_with("nothing says which copy is complete")
    );
}

#[test]
fn a_directory_comes_back_as_one_and_each_of_its_mailboxes_alone() {
    let world = World::new();
    let (one, two) = (message("1", "x"), message("2", "y"));
    let pieces = [
        World::archive(&[("inbox", &one), ("notes", "old\n")]),
        World::archive(&[("inbox", &two), ("notes", "new\n")]),
    ];
    world.stage(22, "mbox-20261122-home-anna-mail.tar", &pieces[0]);
    world.stage(23, "mbox-20261123-home-anna-mail.tar", &pieces[1]);
    let report = world.run(&world.request("/home/anna/mail"));
    assert_eq!((report.mailboxes.len(), report.failures.len()), (2, 0));
    let read = |name: &str| fs_err::read_to_string(world.target().join(name)).unwrap();
    assert_eq!((read("inbox"), read("notes")), (one.clone() + &two, "new\n".to_owned()));
    let again =
        restore(&world.source(), &world.request("/home/anna/mail"), &Silent, &Interrupt::new()).unwrap_err();
    assert!(matches!(again, MailError::Exists { .. }), "{again}");
    let only = Request { target: world.0.path().join("only"), ..world.request("/home/anna/mail/inbox") };
    world.run(&only);
    assert_eq!(fs_err::read_to_string(&only.target).unwrap(), one + &two);
    let missing =
        restore(&world.source(), &world.request("/home/anna/mail/spam"), &Silent, &Interrupt::new());
    assert!(matches!(missing.unwrap_err(), MailError::Exists { .. }));
    let missing = Request { target: world.0.path().join("x"), ..world.request("/home/anna/mail/spam") };
    let missing = restore(&world.source(), &missing, &Silent, &Interrupt::new()).unwrap_err();
    assert!(matches!(missing, MailError::NoMailbox { .. }), "{missing}");
}

#[test]
fn a_mailbox_whose_name_ends_like_an_archive_is_a_mailbox() {
    let world = World::new();
    world.stage(22, "mbox-20261122-m.tar", message("1", "x"));
    assert_eq!(world.restored(&world.request("m.tar")), message("1", "x"));
}

#[test]
fn names_in_an_archive_lead_nowhere_and_what_is_damaged_is_told() {
    let world = World::new();
    for hostile in ["../escaped", "/tmp/escaped", "..", "a/b"] {
        world.stage(22, "mbox-20261122-m.tar", World::archive(&[(hostile, "x\n")]));
        let report = world.run(&Request { overwrite: true, ..world.request("m") });
        assert!(report.failures[0].contains("is no name of a mailbox"), "{hostile}: {report:?}");
        assert!(!world.0.path().join("escaped").exists() && !Path::new("/tmp/escaped").exists());
    }
    let archive = World::archive(&[("inbox", &message("1", &"x".repeat(2000)))]);
    world.stage(22, "mbox-20261122-m.tar", &archive[..1500]);
    world.stage(23, "mbox-20261123-m.tar", World::archive(&[("inbox", &message("2", "y"))]));
    let report = world.run(&Request { overwrite: true, ..world.request("m") });
    assert!(report.failures[0].starts_with("mbox-20261122-m.tar: "), "{report:?}");
    let inbox = fs_err::read_to_string(world.target().join("inbox")).unwrap();
    assert!(inbox.contains("Message-Id: <2>"), "{inbox}");
    let request = VerifyRequest::default();
    let report =
        verify(&world.source(), &request, &mut Proofs::default(), &Silent, &Interrupt::new()).unwrap();
    let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
    assert_eq!((finding.file.as_str(), finding.severity), ("mbox-20261122-m.tar", Severity::Damage));
}
