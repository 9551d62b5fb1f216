//! `cback3-span`, beside the original: the same answers lead to the same questions, discs, commands and indicators.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;

use super::sandbox::{NOW, Sandbox};

const GIB: u64 = 1 << 30;

/// In the place of every program that has to do with discs: notes how it was called.
const TOOL: &str = "#!/bin/sh
echo \"$(basename \"$0\") $*\" >>DIR/commands
case \"$(basename \"$0\") $*\" in
mkisofs*-print-size*) echo 1646 ;;
growisofs*) test ! -e DIR/broken || { rm DIR/broken; echo 'drive on fire'; exit 5; } ;;
esac
";

/// The questions whose wording programs may rely on.
const PROMPTS: [&str; 11] = [
    "Continue? [Y/n]: ",
    "Is this OK? [Y/n]: ",
    "What cushion percentage? [4.50]: ",
    "Which algorithm? [worst]: ",
    "Accept this solution? [Y/n]: ",
    "Press return when ready.",
    "Retry this step? [Y/n]: ",
    "Retry initialization step? [Y/n]: ",
    "Retry the consistency check? [Y/n]: ",
    "Rewrite the disc first? [y/N]: ",
    "===\n",
];

/// Staged days of a few machines; the large files are holes.
fn world() -> Sandbox {
    let sandbox = Sandbox::new(|config| {
        let tool = |name: &str| {
            format!("<override><command>{name}</command><abs_path>DIR/bin/{name}</abs_path></override>")
        };
        let tools = ["mkisofs", "growisofs", "eject", "mount", "umount", "volname"].map(tool).concat();
        let store = "<store><source_dir>DIR/staging</source_dir><media_type>dvd+rw</media_type>\
            <device_type>dvdwriter</device_type><target_device>DIR/device</target_device></store>";
        config
            .replace("</options>", &(tools + "</options>"))
            .replace("<purge>", &(store.to_owned() + "<purge>"))
    });
    let root = sandbox.root();
    fs_err::create_dir(root.join("bin")).unwrap();
    for name in ["mkisofs", "growisofs", "eject", "mount", "umount", "volname"] {
        let path = root.join("bin").join(name);
        fs_err::write(&path, TOOL.replace("DIR", root.to_str().unwrap())).unwrap();
        fs_err::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    fs_err::write(root.join("device"), "").unwrap();
    for (path, size) in [
        ("2026/11/22/web/etc.tar.gz", 3 * GIB),
        ("2026/11/22/web/home.tar.gz", 5),
        ("2026/11/23/web/etc.tar.gz", 2 * GIB),
        ("2026/11/23/mail/sub/mbox.tar", GIB + 77),
        ("2026/11/24/web/etc.tar.gz", 4 * GIB),
        ("2026/11/24/mail/empty.tar", 0),
        ("2026/11/21/web/stored.tar", 7),
    ] {
        let path = root.join("staging").join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::File::create(&path).unwrap().set_len(size).unwrap();
    }
    // No two files have one size: the original takes them in the order of the disk.
    for (size, day) in [(11, "21"), (12, "22"), (13, "23"), (14, "24")] {
        let indicator = root.join("staging/2026/11").join(day).join("cback.stage");
        fs_err::write(indicator, vec![0; size]).unwrap();
    }
    fs_err::write(root.join("staging/2026/11/21/cback.store"), "").unwrap();
    sandbox
}

/// What came of a conversation.
#[derive(Debug, PartialEq)]
struct Talk {
    code: i32,
    /// The questions, and the lines about discs.
    asked: Vec<String>,
    commands: Vec<String>,
    stored: Vec<String>,
}

fn talk(sandbox: &Sandbox, command: &mut Command, typed: &str) -> (Talk, String) {
    command.args(["-c", "config.xml", "-l", "log"]).current_dir(sandbox.root());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let talk = Talk {
        code: output.status.code().unwrap(),
        asked: asked(&said),
        commands: commands(sandbox.root()),
        stored: stored(&sandbox.root().join("staging")),
    };
    (talk, said + &String::from_utf8_lossy(&output.stderr))
}

fn asked(mut said: &str) -> Vec<String> {
    let mut asked = Vec::new();
    while !said.is_empty() {
        if let Some(prompt) = PROMPTS.iter().find(|prompt| said.starts_with(**prompt)) {
            asked.push((*prompt).to_owned());
            said = &said[prompt.len()..];
        } else {
            let line = said.lines().next().unwrap();
            if line.starts_with("Disc ") || line.starts_with("   ") && line.contains("/staging") {
                asked.push(line.to_owned());
            }
            said = said.find('\n').map_or("", |end| &said[end + 1..]);
        }
    }
    // We list days in order, the original in that of the disk.
    let is_day = |line: &String| line.contains("/staging/");
    let first = asked.iter().position(is_day).unwrap_or_default();
    let count = asked.iter().filter(|line| is_day(line)).count();
    asked[first..first + count].sort();
    asked
}

/// Without the label, which the original does not give.
fn commands(root: &Path) -> Vec<String> {
    let text = fs_err::read_to_string(root.join("commands"))
        .unwrap_or_default()
        .replace(root.to_str().unwrap(), "DIR");
    let label = regex::Regex::new(r" -V CEDAR BACKUP 24-NOV-2026 \d/\d").unwrap();
    label.replace_all(&text, "").lines().map(str::to_owned).collect()
}

fn stored(staging: &Path) -> Vec<String> {
    let days = ["21", "22", "23", "24"].map(str::to_owned).into_iter();
    days.filter(|day| staging.join("2026/11").join(day).join("cback.store").exists()).collect()
}

/// Lets both answer, and returns what we said.
fn compare(typed: &str, prepare: impl Fn(&Path)) -> Option<(Talk, String)> {
    let oracle = Oracle::required()?;
    let (here, there) = (world(), world());
    prepare(here.root());
    prepare(there.root());
    let (ours, said) = talk(&here, &mut here.ours("cback3-span", &[]), typed);
    let mut original = program::command("faketime");
    original.env("NO_FAKE_STAT", "1").arg(NOW).arg(oracle.cback3().with_file_name("cback3-span"));
    let (mut theirs, heard) = talk(&there, &mut original, typed);
    let (from, to) = (there.root().to_str().unwrap(), here.root().to_str().unwrap());
    theirs.asked = theirs.asked.iter().map(|line| line.replace(from, to)).collect();
    assert_eq!(ours, theirs, "ours:\n{said}\ntheirs:\n{heard}");
    Some((ours, said))
}

#[test]
fn algorithms_lead_to_the_discs_of_the_original() {
    // What `first` makes of them depends on the order of the disk.
    for algorithm in ["best", "worst", "alternate"] {
        let typed = format!("y\nYes\n\n5\ny\n{algorithm}\nn\n{algorithm}\n\n\n\n\n\n");
        let Some((talk, said)) = compare(&typed, |_| {}) else { return };
        assert_eq!(
            (talk.code, talk.stored.as_slice()),
            (0, &["21", "22", "23", "24"].map(str::to_owned)[..]),
            "{said}"
        );
        assert!(talk.asked.iter().filter(|line| line.starts_with("Disc ")).count() >= 6, "{said}");
        assert!(talk.commands.iter().any(|line| line.starts_with("growisofs ")), "{said}");
    }
}

#[test]
fn whoever_says_no_is_done_and_nothing_is_written() {
    for typed in ["n\n", "y\nn\n", "y\ny\nno\n", "y\ny\ny\n\nn\n"] {
        let Some((talk, said)) = compare(typed, |_| {}) else { return };
        assert_eq!((talk.code, talk.stored.len(), talk.commands.len()), (0, 1, 0), "{said}");
    }
}

#[test]
fn wrong_answers_are_asked_for_again_and_the_end_of_answers_is_the_end() {
    let Some((talk, said)) = compare("y\ny\n\nx\n\n\nbad\n\nworst\nn\n", |_| {}) else { return };
    assert_eq!((talk.code, talk.stored.len()), (6, 1), "{said}");
}

#[test]
fn a_failed_disc_is_tried_again_or_ends_it_without_indicators() {
    let breaks = |root: &Path| fs_err::write(root.join("broken"), "").unwrap();
    let Some((talk, said)) = compare("y\ny\n\n\n\nbest\n\n\ny\n\n\n\n\n\n", breaks) else { return };
    assert_eq!((talk.code, talk.stored.len()), (0, 4), "{said}");
    let Some((talk, said)) = compare("y\ny\n\n\n\nbest\n\n\nn\n", breaks) else { return };
    assert_eq!((talk.code, talk.stored.len()), (6, 1), "{said}");
}

#[test]
fn a_file_that_is_too_large_is_an_error() {
    let large = |root: &Path| {
        fs_err::File::create(root.join("staging/2026/11/24/web/large")).unwrap().set_len(5 * GIB).unwrap();
    };
    let Some((talk, said)) = compare("y\ny\ny\n\ny\n\n", large) else { return };
    assert_eq!(talk.code, 6);
    assert!(said.contains("2026/11/24/web/large has 5.00 GB, and a disc has room for 4.20 GB"), "{said}");
}

#[test]
fn discs_are_labelled_links_and_days_being_staged_are_left_out_and_a_cushion_leaves_room() {
    let sandbox = world();
    let staging = sandbox.root().join("staging/2026/11");
    std::os::unix::fs::symlink("etc.tar.gz", staging.join("22/web/link")).unwrap();
    fs_err::remove_file(staging.join("24/cback.stage")).unwrap();
    let (talk, said) =
        talk(&sandbox, &mut sandbox.ours("cback3-span", &[]), "y\ny\n\n100\n-5\n5\n\n\n\n\n\n\n");
    assert_eq!(
        (talk.code, talk.stored.as_slice()),
        (0, &["21", "22", "23"].map(str::to_owned)[..]),
        "{said}"
    );
    assert_eq!(said.matches("It has to be 0 or more, and less than 100.").count(), 2, "{said}");
    assert!(said.contains("[2026/11/24] is still being staged, and left out."), "{said}");
    assert!(said.contains("[2026/11/22/web/link] is no file, and left out."), "{said}");
    let commands = fs_err::read_to_string(sandbox.root().join("commands")).unwrap();
    for label in ["-V CEDAR BACKUP 24-NOV-2026 1/2 ", "-V CEDAR BACKUP 24-NOV-2026 2/2 "] {
        assert!(commands.contains(label), "{commands}");
    }
}
