//! What is in a directory, as a table.

use std::io::{self, Write};
use std::path::Path;

use jiff::tz::TimeZone;
use redcedar_archive::{Kind, Timestamp};
use redcedar_restore::browse::{Number, State};
use redcedar_system::escape;

use crate::commands::find::word;
use crate::output::human::Size;
use crate::output::table::{Align, Table};

pub(super) fn write(
    state: &State,
    numbers: &[Number],
    zone: &TimeZone,
    is_marked: impl Fn(&Path) -> bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut table = Table::new([
        ("KIND", Align::Left),
        ("SIZE", Align::Right),
        ("CHANGED", Align::Left),
        ("NAME", Align::Left),
    ]);
    for number in numbers {
        let Some(attributes) = state.attributes(*number) else { continue };
        let path = state.path(*number);
        let mark = if is_marked(&path) { "* " } else { "" };
        let name = path.file_name().map(escape::display).map(|name| name.to_string()).unwrap_or_default();
        let leads = state.link(*number).map(|link| format!(" -> {}", escape::display(link)));
        let is_file = attributes.kind == Kind::File;
        let size = if is_file { Size(attributes.size).to_string() } else { "-".to_owned() };
        let name = format!("{mark}{name}{}", leads.unwrap_or_default());
        table.row([word(attributes.kind).to_owned(), size, time(attributes.modified, zone), name]);
    }
    table.write(out)
}

/// An archive may claim times that no calendar has.
fn time(stamp: Timestamp, zone: &TimeZone) -> String {
    let time = jiff::Timestamp::from_second(stamp.seconds);
    time.map_or_else(
        |_| "-".to_owned(),
        |time| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}
