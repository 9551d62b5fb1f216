//! What a shell on the far side says about the machine.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The first line of the answer. Without it there was no shell.
const SIGN: &str = "redcedar-facts";

/// What there is to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    /// Seconds since 1970.
    pub(super) now: Option<i64>,
    pub(super) directory: bool,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// When the collect indicator was written, in seconds since 1970.
    pub(super) indicator: Option<i64>,
    /// Size and free space of the file system, in KiB.
    pub(super) space: Option<(u64, u64)>,
    /// Size of what was collected, in KiB.
    pub(super) size: Option<u64>,
}

/// What `sh` there reads. It changes nothing.
pub(super) fn script(collect_dir: &Path) -> Vec<u8> {
    let mut script = b"LC_ALL=C; export LC_ALL; d='".to_vec();
    for byte in collect_dir.as_os_str().as_bytes() {
        match byte {
            b'\'' => script.extend_from_slice(br"'\''"),
            byte => script.push(*byte),
        }
    }
    script.extend_from_slice(
        br#"'
echo redcedar-facts
echo "now $(date +%s)"
if [ -d "$d" ]; then echo directory; fi
if [ -r "$d" ] && [ -x "$d" ]; then echo readable; fi
if [ -w "$d" ]; then echo writable; fi
if [ -f "$d/cback.collect" ]; then echo "indicator $(stat -c %Y "$d/cback.collect")"; fi
set -- $(df -Pk "$d" 2>/dev/null | tail -n 1); echo "space $2 $4"
set -- $(du -sk "$d" 2>/dev/null); echo "size $1"
"#,
    );
    script
}

/// Reads the answer; none when it is that of somebody who is no shell. What the login prints by itself is passed over.
pub(super) fn parse(answer: &[u8]) -> Option<Facts> {
    let answer = String::from_utf8_lossy(answer);
    let mut lines = answer.lines().skip_while(|line| *line != SIGN);
    lines.next()?;
    let mut facts = Facts::default();
    for line in lines {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
        let first = numbers.first().copied();
        let time = first.and_then(|seconds| i64::try_from(seconds).ok());
        match name {
            "now" => facts.now = time,
            "directory" => facts.directory = true,
            "readable" => facts.readable = true,
            "writable" => facts.writable = true,
            "indicator" => facts.indicator = time,
            "space" => facts.space = first.zip(numbers.get(1).copied()),
            "size" => facts.size = first,
            _ => {}
        }
    }
    Some(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_the_sign_is_no_answer() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"This account is currently not available.\n"), None);
        let facts = parse(b"Welcome!\nnow 5\nredcedar-facts\nnow 1764000000\ndirectory\nspace 100 7\nsize\n");
        let expected =
            Facts { now: Some(1_764_000_000), directory: true, space: Some((100, 7)), ..Facts::default() };
        assert_eq!(facts, Some(expected));
    }

    #[test]
    fn a_real_shell_gives_the_facts_about_a_directory_of_any_name() {
        use redcedar_testing::program;
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("it's $(a) \"b\"");
        fs_err::create_dir(&directory).unwrap();
        fs_err::write(directory.join("cback.collect"), "").unwrap();
        for (path, is_there) in [(directory.clone(), true), (root.path().join("none"), false)] {
            let file = root.path().join("script");
            fs_err::write(&file, script(&path)).unwrap();
            let facts = parse(&program::succeed(program::command("sh").arg(&file))).unwrap();
            assert!(facts.now.unwrap() > 1_700_000_000);
            let seen = [facts.directory, facts.readable, facts.writable];
            assert_eq!(seen, [is_there; 3]);
            assert_eq!(facts.indicator.is_some(), is_there);
            assert_eq!(facts.space.is_some_and(|(size, free)| size >= free), is_there);
            assert_eq!(facts.size.is_some(), is_there);
        }
    }
}
