use super::*;
use jiff::civil::date;

/// Days of November 2026. The 23rd is a Monday.
fn november(day: i8) -> Date {
    date(2026, 11, day)
}

fn days(staged: &[i8], stored: &[i8]) -> Vec<Day> {
    staged.iter().map(|day| Day { date: november(*day), is_stored: stored.contains(day) }).collect()
}

fn due_on(today: i8, staged: &[i8], stored: &[i8]) -> Vec<i8> {
    due(&days(staged, stored), november(today), false).iter().map(|date| date.day()).collect()
}

#[test]
fn in_a_healthy_week_it_is_today_alone() {
    assert_eq!(due_on(24, &[22, 23, 24], &[22, 23]), [24]);
    assert_eq!(due_on(24, &[22, 23, 24], &[22, 23, 24]), [0; 0]);
}

#[test]
fn days_that_were_missed_come_along_and_midnight_changes_nothing() {
    assert_eq!(due_on(24, &[20, 21, 22, 23, 24], &[20, 22]), [21, 23, 24]);
    assert_eq!(due_on(24, &[23], &[]), [23], "staged before midnight");
    assert_eq!(due_on(24, &[23, 25], &[23]), [25], "staged after midnight, by another clock");
    assert_eq!(due_on(24, &[17, 26], &[]), [0; 0], "too old, and too far off");
    assert_eq!(due_on(24, &[18], &[]), [18]);
}

#[test]
fn a_full_run_stores_today_whatever_has_been_stored() {
    let all = days(&[23, 24], &[24]);
    assert_eq!(due(&all, november(24), true), [november(24)]);
    assert_eq!(due(&all, november(25), true), [] as [Date; 0]);
}

#[test]
fn the_days_since_the_starting_day_are_rebuilt_the_latest_first() {
    let all = days(&[17, 22, 23, 24, 25], &[23]);
    let week = |today, start| -> Vec<i8> {
        of_this_week(&all, november(today), start).iter().map(|date| date.day()).collect()
    };
    assert_eq!(week(24, Weekday::Monday), [24, 23]);
    assert_eq!(week(23, Weekday::Monday), [23]);
    assert_eq!(week(22, Weekday::Monday), [22, 17]);
    assert_eq!(week(24, Weekday::Wednesday), [24, 23, 22]);
}

fn facts<'a>(due: &'a [Date], staged: &'a [Day]) -> Facts<'a> {
    Facts {
        full: false,
        starting_day: Weekday::Monday,
        due,
        staged,
        begun: None,
        label: None,
        blanking: None,
    }
}

#[test]
fn a_disc_begins_with_the_first_day_of_a_week_that_is_stored() {
    let choose = |due: &[i8], stored: &[i8]| {
        let (due, staged): (Vec<_>, _) = (due.iter().copied().map(november).collect(), days(stored, stored));
        choose(&facts(&due, &staged))
    };
    let new = Choice::New(Why::FirstOfWeek);
    assert_eq!(choose(&[23], &[21, 22]), new, "Monday");
    assert_eq!(choose(&[24], &[21, 22, 23]), Choice::Append, "Tuesday");
    assert_eq!(choose(&[24], &[21, 22]), new, "Tuesday, the machine was off on Monday");
    assert_eq!(choose(&[22], &[20, 21]), Choice::Append, "Sunday, stored on Monday");
    assert_eq!(choose(&[22, 23], &[20, 21]), new, "Sunday and Monday together");
    assert_eq!(choose(&[28], &[20, 21]), new, "Saturday, after a week off");
}

#[test]
fn what_we_wrote_down_and_what_the_disc_is_called_count_before_indicators() {
    let (due, staged) = ([november(24)], days(&[21, 23], &[21, 23]));
    let facts = facts(&due, &staged);
    let with = |begun, label| choose(&Facts { begun, label, ..facts });
    assert_eq!(with(Some(november(23)), None), Choice::Append);
    assert_eq!(with(Some(november(16)), None), Choice::New(Why::FirstOfWeek), "span has stored Monday");
    assert_eq!(
        with(Some(november(16)), Some("CEDAR BACKUP 23-NOV-2026")),
        Choice::Append,
        "the original was here"
    );
    assert_eq!(with(Some(november(16)), Some("CEDAR BACKUP 22-NOV-2026")), Choice::New(Why::FirstOfWeek));
    assert_eq!(choose(&Facts { full: true, begun: Some(november(24)), ..facts }), Choice::New(Why::Asked));
}

#[test]
fn optimised_blanking_asks_for_the_room_on_its_days() {
    let blanking = |mode| Some(Blanking { mode: Some(mode), factor: 1.0 });
    let choose = |mode, stored: &[i8]| {
        let staged = days(stored, stored);
        choose(&Facts { blanking: blanking(mode), ..facts(&[november(24)], &staged) })
    };
    assert!(matches!(choose(BlankMode::Daily, &[23]), Choice::NewIfTight(_)));
    assert!(matches!(choose(BlankMode::Weekly, &[22]), Choice::NewIfTight(_)));
    assert_eq!(choose(BlankMode::Weekly, &[23]), Choice::Append);
    let blanking = Blanking { mode: None, factor: 1.0 };
    let staged = days(&[22], &[22]);
    assert_eq!(
        super::choose(&Facts { blanking: Some(blanking), ..facts(&[november(24)], &staged) }),
        Choice::Append
    );
    assert!(!blanking.is_tight(4_720_000_000.0, 5_483_518.0));
    assert!(blanking.is_tight(100.0, 99.0) && blanking.is_tight(-1.0, 99.0));
    assert!(!Blanking { factor: f64::NAN, ..blanking }.is_tight(0.0, 1.0));
}

#[test]
fn what_is_in_the_drive_decides_what_can_be_done() {
    let begins = |is_new, state, is_rewritable| {
        let medium = Medium { state, label: None, serial: None, directories: None };
        begins(is_new, &medium, is_rewritable)
    };
    for is_rewritable in [true, false] {
        assert_eq!(begins(false, State::Blank, is_rewritable), Ok(true));
        assert_eq!(begins(true, State::Blank, is_rewritable), Ok(true));
        assert_eq!(begins(false, State::Appendable, is_rewritable), Ok(false));
        assert!(begins(false, State::Closed, is_rewritable).is_err());
        assert!(begins(false, State::Foreign, is_rewritable).is_err());
        assert_eq!(begins(true, State::Unreadable(String::new()), is_rewritable), Ok(true));
        assert_eq!(begins(false, State::Unreadable(String::new()), is_rewritable), Ok(false));
    }
    for written in [State::Appendable, State::Closed, State::Foreign] {
        assert_eq!(begins(true, written.clone(), true), Ok(true));
        assert!(begins(true, written, false).unwrap_err().contains("empty disc"));
    }
}

#[test]
fn labels_are_judged_as_by_the_original() {
    for is_rewritable in [true, false] {
        assert!(check_media(Some("CEDAR BACKUP 23-NOV-2026"), is_rewritable).is_ok());
        assert!(check_media(Some("CDROM"), is_rewritable).unwrap_err().contains("CDROM"));
        assert_eq!(check_media(None, is_rewritable).is_err(), is_rewritable);
    }
}
