//! What a disc says of itself, to people and without any program: how to get everything back, and what is where.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use jiff::Zoned;
use jiff::civil::Date;
use redcedar_media::{Label, Size};
use redcedar_system::escape;
use redcedar_system::fs::Scratch;

use super::catalogue::{Catalogue, Disc};
use super::days::Content;

/// So many earlier discs are listed.
const EARLIER: usize = 100;

/// What is to be written in the index.
pub(super) struct Index<'a> {
    pub(super) label: &'a Label,
    pub(super) serial: &'a str,
    pub(super) now: &'a Zoned,
    /// The days that are written now, with their backups.
    pub(super) days: &'a [Content],
    /// The same disc as it was before, unless it begins now.
    pub(super) before: Option<&'a Disc>,
    /// Days on the disc that we did not write, or of which we know no more.
    pub(super) unknown: &'a [Date],
    pub(super) catalogue: &'a Catalogue,
}

/// Writes the files into a directory; where they are.
pub(super) fn write(index: &Index<'_>, scratch: &Scratch) -> io::Result<Vec<PathBuf>> {
    Ok(vec![
        scratch.file("README.txt", README.as_bytes())?,
        scratch.file("INDEX.txt", index.render().as_bytes())?,
    ])
}

impl Index<'_> {
    fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _: std::fmt::Result = self.render_to(&mut text);
        text
    }

    fn render_to(&self, text: &mut String) -> std::fmt::Result {
        let now = self.now.strftime("%Y-%m-%d %H:%M %Z");
        writeln!(text, "Disc     {}\nSerial   {}\nWritten  {now}", self.label, self.serial)?;
        writeln!(text, "\nDays on this disc, each in a directory of its own:")?;
        for date in self.unknown {
            writeln!(text, "\n{}", shown(*date))?;
        }
        let earlier = self.before.into_iter().flat_map(|disc| &disc.days);
        let is_renewed = |day: Date| self.days.iter().any(|content| content.date == day);
        for stored in earlier.filter(|stored| !is_renewed(stored.day)) {
            let (size, files) = (Size::of_bytes(stored.bytes), stored.files);
            writeln!(text, "\n{}  {files} files, {size}, written {}", shown(stored.day), stored.written)?;
        }
        for content in self.days {
            let (day, files, size) =
                (shown(content.date), content.files.len(), Size::of_bytes(content.bytes()));
            writeln!(text, "\n{day}  {files} files, {size}, written now")?;
            for (path, size) in &content.files {
                writeln!(text, "  {size:>14}  {}", escape::display(path))?;
            }
        }
        self.render_earlier(text)
    }

    fn render_earlier(&self, text: &mut String) -> std::fmt::Result {
        let is_this = |disc: &&Disc| self.before.is_some_and(|before| before == *disc);
        let earlier: Vec<_> = self.catalogue.discs.iter().rev().filter(|disc| !is_this(disc)).collect();
        if earlier.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nEarlier discs, the latest first. Those that were blanked since hold something else:\n"
        )?;
        for disc in earlier.iter().take(EARLIER) {
            let days: Vec<_> = disc.days.iter().map(|stored| shown(stored.day)).collect();
            let serial = disc.serial.as_deref().unwrap_or("-");
            writeln!(text, "{}  {serial}  {}", disc.label, days.join(" "))?;
        }
        Ok(())
    }
}

fn shown(date: Date) -> String {
    date.strftime("%Y/%m/%d").to_string()
}

const README: &str = "\
This disc holds backups. INDEX.txt says which days are on it.

Each day is a directory YEAR/MONTH/DAY with a directory for each machine in it. What
is in there are ordinary files that need no special program:

  NAME.tar  NAME.tar.gz  NAME.tar.bz2  NAME.tar.zst
      archives; the name is the path that was backed up, with - in place of /
          tar -xpf etc.tar.gz -C /somewhere
      A full archive holds everything. Of an increment, which follows a full one,
      restore the full archive first and then each later day, in their order.
  mysqldump-*.txt.*  postgresqldump-*.txt.*
      dumps of databases, for the programs mysql and psql
          zcat postgresqldump-web.txt.gz | psql web
  svndump-*   mbox-*
      dumps of Subversion for svnadmin load; mailboxes
  NAME_00000  NAME_00001  ...
      parts of a large file
          cat NAME_0* >NAME
  NAME.gpg  NAME.age
      encrypted files, for the programs gpg and age and your secret key
          gpg --decrypt NAME.gpg >NAME
  cback.sha256
      the digests of the files beside it
          sha256sum -c cback.sha256
  NAME.manifest.jsonl.zst
      what is in an archive and what has been deleted since the one before; one line
      of JSON for each file
          zstdcat NAME.manifest.jsonl.zst | less

Redcedar, which wrote this disc, does all that by itself:

  redcedar list    --from DISC
  redcedar restore --from DISC --to /somewhere PATH
  redcedar verify  --from DISC

Older states of the disc are still there, as long as it was not blanked. The program
xorriso shows and restores them: xorriso -indev DISC -toc
";

#[cfg(test)]
mod tests {
    use super::super::catalogue::Stored;
    use super::*;
    use jiff::civil::date;

    #[test]
    fn an_index_names_the_days_their_backups_and_the_discs_before() {
        let stored = |day| Stored {
            day,
            written: "2026-11-23T03:00:00+00:00".to_owned(),
            files: 2,
            bytes: 3000,
            done: true,
        };
        let disc = |label: &str, days: &[Date]| Disc {
            serial: Some("s".to_owned()),
            label: label.to_owned(),
            begun: None,
            days: days.iter().copied().map(stored).collect(),
        };
        let (monday, tuesday) = (date(2026, 11, 23), date(2026, 11, 24));
        let before = disc("CEDAR BACKUP 23-NOV-2026", &[monday]);
        let old = disc("CEDAR BACKUP 17-NOV-2026", &[date(2026, 11, 16), date(2026, 11, 17)]);
        let catalogue = Catalogue { discs: vec![old, before.clone()] };
        let index = Index {
            label: &Label::of(tuesday),
            serial: "s",
            now: &"2026-11-24T03:00:00[UTC]".parse().unwrap(),
            days: &[Content { date: tuesday, files: vec![("me/etc.tar.gz".into(), 12)] }],
            before: Some(&before),
            unknown: &[],
            catalogue: &catalogue,
        };
        let expected = "\
Disc     CEDAR BACKUP 24-NOV-2026
Serial   s
Written  2026-11-24 03:00 UTC

Days on this disc, each in a directory of its own:

2026/11/23  2 files, 2.93 kB, written 2026-11-23T03:00:00+00:00

2026/11/24  1 files, 12 bytes, written now
              12  me/etc.tar.gz

Earlier discs, the latest first. Those that were blanked since hold something else:

CEDAR BACKUP 17-NOV-2026  s  2026/11/16 2026/11/17
";
        assert_eq!(index.render(), expected);
    }
}
