use super::*;
use crate::Kind;
use crate::sample::{Actor, Answer, setup};
use jiff::civil::date;
use redcedar_system::Level;

/// A device that can always be opened, and where nothing is.
const DEVICE: &str = "/dev/null";

/// What is run, what becomes of it, and what is warned of, when `act` uses a writer.
fn acted(
    burner: Burner,
    setup: &Setup,
    answer: Answer,
    act: impl Fn(&dyn DiscWriter) -> Result<(), MediaError>,
) -> (Vec<String>, Result<(), String>, Vec<String>) {
    let (system, actor, monitor) = Actor::system(answer);
    let overrides = Overrides::default();
    let result = writer(burner, setup, &overrides, &system).and_then(|writer| act(&*writer));
    let device = setup.device.to_str().unwrap();
    let calls = actor.calls().into_iter().map(|call| call.replace(device, "DEV")).collect();
    (calls, result.map_err(|error| error.to_string()), monitor.at(Level::Warning))
}

fn write(is_new: bool) -> impl Fn(&dyn DiscWriter) -> Result<(), MediaError> {
    move |writer| {
        let work_dir = tempfile::tempdir().unwrap();
        let entries = [Entry::new("/stage/2026/11/23", "2026/11/23")];
        let label = Label::of(date(2026, 11, 23));
        writer.write(&Session { is_new, label: Some(&label), ..Session::of(&entries, work_dir.path()) })
    }
}

/// A device on which something is, as far as its beginning tells.
fn written_device() -> tempfile::NamedTempFile {
    let device = tempfile::NamedTempFile::new().unwrap();
    let mut image = vec![0; 40_000];
    image[32768..32774].copy_from_slice(b"\x01CD001");
    fs_err::write(device.path(), image).unwrap();
    device
}

fn cd() -> Setup {
    Setup { kind: Kind::CdRw74, ..setup(Path::new(DEVICE)) }
}

const ABILITIES: &str =
    "  Does read multi-session CDs\n  Loading mechanism type: tray\n  Does support ejection of CD";

#[test]
fn a_cd_is_blanked_only_after_its_image_was_built_and_a_small_one_not_at_all() {
    let answer: Answer = |call| match call {
        call if call.contains("-prcap") => (ABILITIES, 0),
        call if call.contains("-print-size") => ("1184", 0),
        _ => ("", 0),
    };
    let (calls, result, _) = acted(Burner::Classic, &cd(), answer, write(true));
    assert_eq!(result, Ok(()));
    assert_eq!(
        calls,
        [
            "cdrecord -prcap dev=DEV",
            "mkisofs -V CEDAR BACKUP 23-NOV-2026 -print-size -graft-points -r 2026/11/23/=/stage/2026/11/23",
            "mkisofs -V CEDAR BACKUP 23-NOV-2026 -graft-points -r -o TEMPORARY 2026/11/23/=/stage/2026/11/23",
            "cdrecord -v blank=fast dev=DEV",
            "eject DEV",
            "eject -t DEV",
            "eject -i off DEV",
            "cdrecord -v dev=DEV -multi -data TEMPORARY",
            "eject DEV",
            "eject -t DEV",
            "eject -i off DEV",
        ]
    );
    let (calls, result, _) = acted(Burner::Classic, &Setup { size: Some(1e6), ..cd() }, answer, write(true));
    assert_eq!(result.unwrap_err(), "2.31 MB are to be written, and there is room for 976.56 kB on the disc");
    assert_eq!(calls.len(), 2);
}

#[test]
fn a_cd_is_continued_where_the_drive_says_and_addressed_as_configured() {
    let answer: Answer = |call| match call {
        call if call.contains("-prcap") => (ABILITIES, 0),
        call if call.contains("-msinfo") => ("0,1184", 0),
        call if call.contains("-print-size") => ("1184", 0),
        _ => ("", 0),
    };
    let setup = Setup { scsi_id: Some("ATA:1,0,0".to_owned()), speed: Some(4), ..cd() };
    let (calls, result, _) = acted(Burner::Classic, &setup, answer, write(false));
    assert_eq!(result, Ok(()));
    assert_eq!(calls[1], "cdrecord -msinfo dev=ATA:1,0,0");
    assert!(
        calls[2].ends_with("-graft-points -r -C 0,1184 -M DEV 2026/11/23/=/stage/2026/11/23"),
        "{}",
        calls[2]
    );
    assert_eq!(calls[4], "cdrecord -v speed=4 dev=ATA:1,0,0 -multi -data TEMPORARY");
}

#[test]
fn a_tray_that_fails_takes_nothing_from_what_was_written_and_one_that_must_not_move_is_left_alone() {
    let failing: Answer = |call| match call {
        call if call.contains("-prcap") => (ABILITIES, 0),
        call if call.contains("-print-size") => ("1184", 0),
        call if call.starts_with("eject") => ("", 256),
        _ => ("", 0),
    };
    let (_, result, warnings) = acted(Burner::Classic, &cd(), failing, write(false));
    assert_eq!(result, Ok(()));
    assert!(
        warnings.iter().any(|warning| warning.starts_with("The disc is written, but: cannot open the tray"))
    );
    let setup = Setup { no_eject: true, ..cd() };
    let (calls, _, _) = acted(Burner::Classic, &setup, failing, write(true));
    assert!(!calls.iter().any(|call| call.starts_with("eject")), "{calls:?}");
}

#[test]
fn a_virgin_dvd_gets_its_first_session_and_a_written_one_a_further() {
    let answer: Answer = |call| match call {
        call if call.contains("-print-size") => ("1000", 0),
        call if call.contains("-dry-run") => ("Executing 'x | builtin_dd of=/x obs=32k seek=10'", 0),
        _ => ("", 0),
    };
    let (calls, result, _) = acted(Burner::Classic, &setup(Path::new(DEVICE)), answer, write(false));
    assert_eq!(result, Ok(()));
    let new = "growisofs -use-the-force-luke=tty -Z DEV -V CEDAR BACKUP 23-NOV-2026 -r -graft-points 2026/11/23/=/stage/2026/11/23";
    assert_eq!(calls[1], new);
    let device = written_device();
    let (calls, result, _) = acted(Burner::Classic, &setup(device.path()), answer, write(false));
    assert_eq!(result, Ok(()));
    assert_eq!(calls[1], "growisofs -use-the-force-luke=tty -dry-run -M DEV -r -graft-points TEMPORARY");
    assert_eq!(calls[2], new.replace("-Z", "-M"));
}

#[test]
fn a_dvd_that_cannot_be_looked_at_is_not_taken_for_an_empty_one() {
    let device = written_device();
    let act = |answer| acted(Burner::Classic, &setup(device.path()), answer, write(false)).1.unwrap_err();
    let full = act(|call| match call {
        call if call.contains("-dry-run") => {
            ("2>:-( next session would cross 4GB boundary, aborting...", 156)
        }
        _ => ("1000", 0),
    });
    assert!(full.contains("more than 4 GB"), "{full}");
    let unknown = act(|call| if call.contains("-dry-run") { (":-( no", 130) } else { ("1000", 0) });
    assert!(
        unknown.contains("cannot find out how much of the disc is used: growisofs ended with status 130"),
        "{unknown}"
    );
    let small = act(|call| match call {
        call if call.contains("-dry-run") => ("x seek=10'", 0),
        call if call.starts_with("growisofs") => {
            ("2>:-( /dev/x: 894048 blocks are free, 2033746 to be written!", 156)
        }
        _ => ("1000", 0),
    });
    assert_eq!(small, "the disc has 894048 free sectors, and 2033746 were to be written");
}

#[test]
fn a_size_that_is_none_is_an_error_before_anything_is_written() {
    let (calls, result, _) = acted(Burner::Classic, &setup(Path::new(DEVICE)), |_| ("1\n2", 0), write(true));
    assert!(result.unwrap_err().contains("mkisofs said [\"1\", \"2\"]"));
    assert_eq!(calls.len(), 1);
}

#[test]
fn a_drive_is_asked_for_its_room_and_written_by_one_xorriso() {
    let answer: Answer = |call| match call {
        call if call.contains("-print_size") => ("Image size   : 1000s", 0),
        call if call.contains("-toc") => {
            ("Media blocks : 0 readable , 2000 writable , 2000 overall\nMedia space  : 1500s", 0)
        }
        call if call.contains("-commit") => ("2>Writing to '/dev/sr0' completed successfully.", 0),
        _ => ("", 0),
    };
    let setup = Setup { speed: Some(8), ..setup(Path::new(DEVICE)) };
    let (calls, result, _) = acted(Burner::Xorriso, &setup, answer, write(true));
    assert_eq!(result, Ok(()));
    let common = "xorriso -no_rc -for_backup -iso_rr_pattern off -disk_pattern off";
    let content = "-volid CEDAR BACKUP 23-NOV-2026 -map /stage/2026/11/23 /2026/11/23";
    assert_eq!(
        calls[..3],
        [
            format!("{common} -outdev stdio:DEV {content} -print_size -rollback_end"),
            format!("{common} -outdev DEV -toc -tell_media_space -rollback_end"),
            format!("{common} -outdev DEV -blank as_needed -speed 8d {content} -commit -end"),
        ]
    );
    let small = Setup { size: Some(1e6), ..setup.clone() };
    assert!(acted(Burner::Xorriso, &small, answer, write(true)).1.unwrap_err().contains("there is room for"));
    let quiet: Answer = |call| match call {
        call if call.contains("-print_size") => ("Image size   : 1000s", 0),
        call if call.contains("-toc") => {
            ("Media blocks : 0 readable , 2000 writable , 2000 overall\nMedia space  : 1500s", 0)
        }
        _ => ("", 0),
    };
    assert!(acted(Burner::Xorriso, &setup, quiet, write(true)).1.is_err(), "nobody said that it was written");
}

#[test]
fn the_slowest_drive_has_the_time_it_needs() {
    let full_cd_at_single_speed = Duration::from_mins(74);
    assert!(patience(Family::Cd, 681_574_400.0) > 2 * full_cd_at_single_speed);
    assert!(patience(Family::Dvd, f64::INFINITY) > Duration::from_hours(1 << 20));
    assert_eq!(patience(Family::Bd, -1.0), Duration::from_mins(30));
}

#[test]
fn more_files_than_a_program_can_be_called_with_are_written_and_compared() {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("source");
    fs_err::create_dir(&source).unwrap();
    let odd = ["it's", "a \"b\"", "back\\slash", "line\nbreak", "*[x]", "#1", "--"];
    let names = odd.iter().map(ToString::to_string).chain((0..700).map(|number| format!("{number:0100}")));
    let entries: Vec<_> = names
        .map(|name| {
            fs_err::write(source.join(&name), &name).unwrap();
            Entry::new(source.join(&name), "2026/11/24/me")
        })
        .collect();
    let environment = redcedar_system::Environment::from_pairs([(
        "PATH",
        redcedar_testing::program::variable("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
    )]);
    let (system, monitor) = redcedar_system::fake::system("2026-11-24T02:00");
    let runner =
        redcedar_system::command::OsRunner::new(&environment, monitor, redcedar_system::Interrupt::new());
    let system = redcedar_system::System { runner: std::sync::Arc::new(runner), ..system };
    let (setup, overrides) = (setup(&root.path().join("disc.iso")), Overrides::default());
    let writer = writer(Burner::Xorriso, &setup, &overrides, &system).unwrap();
    writer.write(&Session { is_new: true, ..Session::of(&entries, root.path()) }).unwrap();
    writer.compare(&entries, root.path()).unwrap();
    writer.settle().unwrap();
    fs_err::write(source.join("it's"), "other").unwrap();
    let MediaError::Differs(differences) = writer.compare(&entries, root.path()).unwrap_err() else {
        panic!("it differs")
    };
    assert!(differences.iter().any(|line| line.contains("differs by MD5")), "{differences:?}");
}
