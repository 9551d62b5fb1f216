//! The programs of the original, called as it calls them: the same days by it and by us, on the same stand-ins.

use redcedar_testing::oracle::Oracle;
use redcedar_testing::program::{self, describe};

use super::machine::{Machine, can_write};

/// Stand-ins that note how they are called and do what is asked of them, to a file.
fn stand_ins(machine: &Machine) -> String {
    let note = r#"printf '%s' "$(basename "$0")" >>ROOT/calls; printf ' %s' "$@" >>ROOT/calls; echo >>ROOT/calls
"#;
    let scripts = [
        ("volname", r#"dd if="$1" bs=1 skip=32808 count=32 2>/dev/null | tr -d '\0' | grep ."#),
        ("eject", "exit 0"),
        ("mount", r#"exec fuseiso "$3" "$4""#),
        ("umount", r#"exec fusermount -u "$1""#),
        ("mkisofs", r#"exec genisoimage "$@""#),
        (
            "cdrecord",
            r#"a=(); for x; do case $x in dev=*) a+=("dev=stdio:${x#dev=}");; *) a+=("$x");; esac; done
case " $* " in *" -prcap "*) printf '%s\n' "Device type    : Removable CD-ROM" "Vendor_info    : 'EMULATED'" \
  "  Does read multi-session CDs" "  Loading mechanism type: tray" "  Does support ejection of CD";;
*) exec xorriso -as cdrecord --grow_overwriteable_iso "${a[@]}";; esac"#,
        ),
        (
            "growisofs",
            r#"dry=; new=; label=
while [ $# -gt 0 ]; do case $1 in
  -use-the-force-luke=tty|-speed=*) shift;; -dry-run) dry=1; shift;; -Z) new=1; dev=$2; shift 2;; -M) dev=$2; shift 2;;
  -V) label=$2; shift 2;; -r|-graft-points) shift;; *) break;; esac; done
if [ -n "$dry" ]; then echo "Executing 'builtin_dd of=$dev obs=32k seek=$(( ($(stat -c %s $dev) + 32767) / 32768 ))'"; exit 0; fi
a=(); for x; do a+=(-map "${x#*/=}" "/${x%%/=*}"); done
if [ -n "$new" ]; then : >$dev; fi
exec xorriso -no_rc -dev stdio:$dev -volid "$label" "${a[@]}" -commit -end"#,
        ),
    ];
    let mut overrides = String::new();
    for (name, script) in scripts {
        overrides += &machine.stand_in(name, &format!("{note}{script}"));
    }
    overrides
}

/// The calls so far, with what is different each time taken out, and without the reading of labels: we need no program for that.
fn calls(machine: &Machine) -> Vec<String> {
    let text = fs_err::read_to_string(machine.path("calls")).unwrap();
    let root = machine.root().to_str().unwrap().to_owned();
    let temporary = regex::Regex::new(r"(ROOT/work|/tmp)/(tmp|redcedar-)[A-Za-z0-9_.]+").unwrap();
    let lines = text.replace(&root, "ROOT");
    let lines = lines.lines().filter(|line| !line.starts_with("volname "));
    lines.map(|line| temporary.replace_all(line, "TEMPORARY").into_owned()).collect()
}

enum Step {
    Stage(&'static str),
    Run(&'static str, &'static [&'static str]),
}
use Step::{Run, Stage};

const WEEK: [Step; 11] = [
    Run("2026-11-22 03:00:00", &["initialize"]),
    Stage("2026/11/23"),
    Run("2026-11-23 03:00:00", &["store"]),
    Stage("2026/11/24"),
    Run("2026-11-24 03:00:00", &["store"]),
    Stage("2026/11/25"),
    Run("2026-11-26 00:30:00", &["store"]),
    Run("2026-11-26 01:00:00", &["rebuild"]),
    Run("2026-11-26 02:00:00", &["store"]),
    Stage("2026/11/26"),
    Run("2026-11-26 03:00:00", &["--full", "store"]),
];

/// Runs the week by either program. Returns the calls, how each run ended, and which days are marked at the end.
fn week(store: &str, oracle: Option<&Oracle>) -> (Vec<String>, Vec<Option<i32>>, Vec<bool>) {
    let machine = Machine::new(store);
    machine.configure(&stand_ins(&machine), store, "");
    fs_err::write(machine.disc(), "").unwrap();
    let mut endings = Vec::new();
    for step in &WEEK {
        match step {
            Stage(day) => machine.stage(day, 100_000),
            Run(now, arguments) => {
                let mut command = match oracle {
                    None => machine.command(now, arguments),
                    Some(oracle) => {
                        let mut command = oracle.command(now);
                        command.arg("--config").arg(machine.path("cback3.conf"));
                        command.arg("--logfile").arg(machine.path("log"));
                        command.args(["--owner", "root:root", "--debug", "--output"]).args(*arguments);
                        command
                    }
                };
                let path = format!("{}:{}", machine.path("bin").display(), path());
                let output = program::run(command.env("PATH", path));
                let is_expected = matches!(output.status.code(), Some(0 | 6));
                assert!(is_expected, "{arguments:?} at {now}: {}\n{}", describe(&output), machine.log());
                endings.push(output.status.code());
            }
        }
    }
    let marks = (23..=26).map(|day| machine.is_stored(&format!("2026/11/{day}"))).collect();
    (calls(&machine), endings, marks)
}

fn path() -> String {
    program::variable("PATH").unwrap_or_default().to_string_lossy().into_owned()
}

fn compare(store: &str) {
    if !can_write() {
        return;
    }
    for tool in ["fuseiso", "fusermount", "genisoimage"] {
        if program::find(tool).is_none() {
            return program::cannot_test("the classic programs", &format!("{tool} is not installed"));
        }
    }
    let Some(oracle) = Oracle::required() else { return };
    let (theirs, ours) = (week(store, Some(&oracle)), week(store, None));
    assert_eq!(theirs.0.join("\n"), ours.0.join("\n"));
    assert_eq!((theirs.1, theirs.2), (ours.1, ours.2));
}

const CD: &str = "<media_type>cdrw-74</media_type><drive_speed>4</drive_speed>";
const DVD: &str =
    "<media_type>dvd+rw</media_type><device_type>dvdwriter</device_type><drive_speed>2</drive_speed>";
const CHECKS: &str = "<check_data>Y</check_data><check_media>Y</check_media>";

#[test]
fn a_week_of_cds_is_written_by_the_commands_of_the_original() {
    compare(&format!("{CD}{CHECKS}"));
}

#[test]
fn a_week_of_dvds_is_written_by_the_commands_of_the_original() {
    compare(&format!("{DVD}{CHECKS}"));
}

#[test]
fn optimised_blanking_asks_by_the_commands_of_the_original() {
    for (store, mode) in [(DVD, "daily"), (CD, "weekly")] {
        let blanking = format!("<blank_behavior><mode>{mode}</mode><factor>100000</factor></blank_behavior>");
        compare(&format!("{store}{blanking}"));
    }
}
