//! What `xorriso` prints, taken apart.

use std::path::PathBuf;

use crate::writer::{Medium, State};

/// What it says of the disc: the output of `-toc -pvd_info -find / -maxdepth 3 -type d --`.
pub(super) fn medium(lines: &[String]) -> Option<Medium> {
    let field = |name: &str| {
        lines.iter().find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim()))
    };
    let status = field("Media status")?;
    let has_image = lines.iter().any(|line| line.starts_with("ISO session"));
    let state = if status.contains("is blank") {
        State::Blank
    } else if !has_image {
        State::Foreign
    } else if status.contains("is appendable") {
        State::Appendable
    } else {
        State::Closed
    };
    if !has_image {
        return Some(Medium::of(state));
    }
    let text = |name: &str| field(name).map(str::to_owned).filter(|text| !text.is_empty());
    let directories = lines.iter().filter_map(|line| line.strip_prefix("'/")?.strip_suffix('\''));
    Some(Medium {
        state,
        label: Some(field("Volume Id").unwrap_or_default().to_owned()),
        serial: text("App Id").and_then(|id| Some(id.strip_prefix(super::SERIAL)?.trim().to_owned())),
        directories: Some(directories.filter(|path| !path.is_empty()).map(PathBuf::from).collect()),
    })
}

/// The sectors of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Blocks {
    /// Those that are written.
    pub(super) readable: f64,
    /// All.
    pub(super) overall: f64,
    /// Those that can still be written.
    pub(super) space: f64,
}

/// The output of `-toc -tell_media_space`.
pub(super) fn blocks(lines: &[String]) -> Option<Blocks> {
    let blocks = lines.iter().find_map(|line| line.strip_prefix("Media blocks :"))?;
    let mut numbers = blocks.split(',').map(|part| part.split_whitespace().next()?.parse::<f64>().ok());
    let (readable, _, overall) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(Blocks { readable, overall, space: sectors(lines, "Media space  :")? })
}

/// The output of `-print_size`, in sectors.
pub(super) fn size(lines: &[String]) -> Option<f64> {
    sectors(lines, "Image size   :")
}

fn sectors(lines: &[String], name: &str) -> Option<f64> {
    lines.iter().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix('s')?.parse().ok())
}

/// How far writing has come, in sectors and percent: `xorriso : UPDATE : Writing:      43661s   70.8%   fifo  11% …`
pub(super) fn progress(line: &str) -> Option<(f64, f64)> {
    let mut words = line.split_once("UPDATE : Writing:")?.1.split_whitespace();
    let sectors = words.next()?.strip_suffix('s')?.parse().ok()?;
    let percent = words.next()?.strip_suffix('%')?.parse().ok()?;
    Some((sectors, percent))
}

/// The line that only a session that is wholly written ends with.
pub(super) fn says_written(lines: &[String]) -> bool {
    lines.iter().any(|line| line.starts_with("Writing to ") && line.ends_with(" completed successfully."))
}

/// What of an output of `-check_md5_r` and `-compare_r`, for so many entries, tells of content that is not the same.
pub(super) fn differences(lines: &[String], entries: usize) -> Vec<String> {
    let mut compared = 0;
    let mut found = Vec::new();
    for line in lines.iter().map(|line| line.trim()) {
        match line {
            "Both file objects match as far as expectable." | "Differences detected." => compared += 1,
            "" => {}
            line if is_summary(line) || is_about_attributes(line) => {}
            line => found.push(line.to_owned()),
        }
    }
    if compared != entries {
        found.push(format!("{compared} of {entries} directories could be compared"));
    }
    found
}

fn is_summary(line: &str) -> bool {
    [
        "File contents and their MD5 checksums match.",
        "Mismatch detected between file contents and MD5 checksums.",
        "Not a single file with MD5 checksum was found.",
        "There were data files which have no MD5",
    ]
    .iter()
    .any(|summary| line.starts_with(summary))
}

/// Times and permissions change when indicators are written, and are no content.
fn is_about_attributes(line: &str) -> bool {
    let Some((_, about)) = line.split_once(" (DISK) : ") else { return false };
    [
        "st_mode", "st_mtime", "st_ctime", "st_atime", "st_uid", "st_gid", "st_nlink", "st_dev", "st_ino",
        "ACL", "xattr",
    ]
    .iter()
    .any(|attribute| about.starts_with(attribute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    const TWO_SESSIONS: &str = "\
Drive current: -indev 'stdio:/x/disc.img'
Media current: stdio file, overwriteable
Media status : is written , is appendable
Media blocks : 384 readable , 31920410 writable , 31920794 overall
TOC layout   : Idx ,  sbsector ,       Size , Volume Id
ISO session  :   1 ,        32 ,       179s , CEDAR BACKUP 27-JUL-2026
ISO session  :   2 ,       224 ,       132s , CEDAR BACKUP 28-JUL-2026
Media nwa    : 384s
PVD address  : 16s
Volume Id    : CEDAR BACKUP 28-JUL-2026
App Id       : REDCEDAR 20260727T030000Z-1F
'/'
'/2026'
'/2026/07'
'/2026/07/27'
'/2026/07/28'";

    #[test]
    fn a_disc_of_ours_is_described() {
        let directories = ["2026", "2026/07", "2026/07/27", "2026/07/28"].map(PathBuf::from);
        let expected = Medium {
            state: State::Appendable,
            label: Some("CEDAR BACKUP 28-JUL-2026".to_owned()),
            serial: Some("20260727T030000Z-1F".to_owned()),
            directories: Some(directories.to_vec()),
        };
        assert_eq!(medium(&lines(TWO_SESSIONS)), Some(expected));
    }

    #[test]
    fn blank_foreign_and_closed_discs_are_told_apart() {
        let with = |status: &str, more: &str| {
            medium(&lines(&format!("Media status : {status}\n{more}Volume Id    : ISOIMAGE\n'/'")))
                .map(|medium| (medium.state, medium.label))
        };
        assert_eq!(with("is blank", ""), Some((State::Blank, None)));
        assert_eq!(
            with("is written , is closed", "Other session:   1 ,  147 , 147s , \n"),
            Some((State::Foreign, None))
        );
        let session = "ISO session  :   1 ,         0 ,       326s , ISOIMAGE\n";
        assert_eq!(
            with("is written , is closed", session),
            Some((State::Closed, Some("ISOIMAGE".to_owned())))
        );
        assert_eq!(medium(&lines("Drive current: none")), None);
    }

    #[test]
    fn room_and_size_are_numbers_of_sectors() {
        let text = format!("{TWO_SESSIONS}\nMedia space  : 31882176s\nAfter commit : 31882176s");
        let expected = Blocks { readable: 384.0, overall: 31_920_794.0, space: 31_882_176.0 };
        assert_eq!(blocks(&lines(&text)), Some(expected));
        assert_eq!(blocks(&lines(TWO_SESSIONS)), None);
        assert_eq!(blocks(&lines("Media blocks : x readable\nMedia space  : 1s")), None);
        assert_eq!(size(&lines("Image size   : 283s")), Some(283.0));
        assert_eq!(size(&lines("Image size   : many")), None);
    }

    #[test]
    fn progress_and_success_are_recognised() {
        let line = "xorriso : UPDATE : Writing:      43661s   70.8%   fifo  11%  buf  50%  108.5xD ";
        assert_eq!(progress(line), Some((43_661.0, 70.8)));
        assert_eq!(progress("xorriso : UPDATE :       5 files added in 1 seconds"), None);
        assert!(says_written(&lines("x\nWriting to 'stdio:/x' completed successfully.")));
        assert!(!says_written(&lines("Writing to 'stdio:/x' failed")));
    }

    #[test]
    fn content_counts_and_attributes_do_not() {
        let good =
            "File contents and their MD5 checksums match.\nBoth file objects match as far as expectable.\n";
        assert_eq!(differences(&lines(good), 1), [""; 0]);
        let touched = "\
Not a single file with MD5 checksum was found.
There were data files which have no MD5 and thus could not be checked.
d '/s/28' (DISK) : st_mtime :  Nov 24 14:58  <>  Nov 24 14:58      diff= 16 s
- '/s/28/x' (DISK) : st_mode  :  0000644  <>  0000444
Differences detected.";
        assert_eq!(differences(&lines(touched), 1), [""; 0]);
        let bad = "\
MD5 MISMATCH: '/28/a'
Mismatch detected between file contents and MD5 checksums.
- '/s/28/x' (DISK) : content  :  differs by MD5 sums.
? '/s/28/y' (DISK) : cannot lstat() : No such file or directory
? '/28/new
line'  (ISO) : cannot find this file in ISO image
Differences detected.";
        assert_eq!(differences(&lines(bad), 1).len(), 5);
        assert_eq!(differences(&lines("Comparison failed due to error."), 1).len(), 2);
        assert_eq!(differences(&lines(good), 2), ["1 of 2 directories could be compared"]);
    }
}
