//! The same configurations are accepted and refused as by the original itself.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cases;
use redcedar_config::{Config, Source};
use redcedar_testing::oracle::Oracle;
use redcedar_testing::program;
use redcedar_testing::rng::Rng;

/// The original's exit code for a configuration that it refuses.
const REFUSED: i32 = 4;

fn accepted_by_original(oracle: &Oracle, directory: &Path, text: &str) -> bool {
    let file = directory.join("case.conf");
    fs_err::write(&file, text).unwrap();
    let mut command = program::command(oracle.cback3());
    command.arg("--config").arg(&file).arg("--logfile").arg(directory.join("log")).arg("validate");
    let status = program::run(&mut command).status;
    status.code() != Some(REFUSED)
}

fn accepted_by_us(text: &str) -> bool {
    Config::parse(Source::new("case.conf", text)).is_ok()
}

/// Puts all texts to the original, on all cores, and returns complaints.
fn disagreements(oracle: &Oracle, texts: &[(String, bool)]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let directory = tempfile::tempdir().unwrap();
                    let mut wrong = Vec::new();
                    while let Some((text, ours)) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let theirs = accepted_by_original(oracle, directory.path(), text);
                        if theirs != *ours {
                            wrong.push(format!("original: {theirs}, ours: {ours}\n{text}"));
                        }
                    }
                    wrong
                })
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    })
}

/// Starting the original takes a fifth of a second, so only some of the table is put to it here.
#[test]
fn the_original_accepts_and_refuses_some_of_what_is_listed() {
    let Some(oracle) = Oracle::required() else { return };
    let some: Vec<_> = cases::cases().into_iter().step_by(4).collect();
    let wrong = disagreements(&oracle, &some);
    assert!(wrong.is_empty(), "{}", wrong.join("\n=====\n"));
}

#[test]
fn mutated_files_are_accepted_and_refused_alike() {
    let Some(oracle) = Oracle::required() else { return };
    compare_mutations(&oracle, 1, 40);
}

mod slow {
    use super::*;

    #[test]
    fn the_original_accepts_and_refuses_all_that_is_listed() {
        let Some(oracle) = Oracle::required() else { return };
        let departures = cases::DEPARTURES.iter().map(|(text, accepted)| ((*text).to_owned(), *accepted));
        let all: Vec<_> = cases::cases().into_iter().chain(departures).collect();
        let wrong = disagreements(&oracle, &all);
        assert!(wrong.is_empty(), "{}", wrong.join("\n=====\n"));
    }

    #[test]
    fn many_mutated_files_are_accepted_and_refused_alike() {
        let Some(oracle) = Oracle::required() else { return };
        compare_mutations(&oracle, 1000, 2000);
    }
}

fn compare_mutations(oracle: &Oracle, first_seed: u64, count: u64) {
    let texts: Vec<(String, bool)> = (first_seed..first_seed + count)
        .map(|seed| {
            let text = mutated(seed);
            let ours = accepted_by_us(&text);
            (text, ours)
        })
        .collect();
    let accepted = texts.iter().filter(|(_, accepted)| *accepted).count();
    assert!(accepted > 0 && accepted < texts.len(), "the mutations are too tame or too wild: {accepted}");
    let wrong = disagreements(oracle, &texts);
    assert!(wrong.is_empty(), "{}", wrong.join("\n=====\n"));
}

/// The complete file with one or two changes.
fn mutated(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let mut lines: Vec<String> = one_tag_per_line(cases::BASE);
    for _ in 0..=rng.below(2) {
        mutate(&mut lines, &mut rng);
    }
    lines.join("\n")
}

/// Each element with a value, and each other tag, on a line of its own. What the original would look up after reading
/// (modules, functions) is kept out of reach of mutations by staying together with its name.
fn one_tag_per_line(text: &str) -> Vec<String> {
    text.replace("><", ">\n<")
        .replace("</module>\n<function>", "</module><function>")
        .lines()
        .map(|line| line.trim().to_owned())
        .collect()
}

fn mutate(lines: &mut Vec<String>, rng: &mut Rng) {
    let at = 2 + rng.index(lines.len() - 2);
    let line = lines[at].clone();
    let Some((name, value)) = simple_element(&line) else {
        match rng.below(3) {
            0 => lines.insert(at, element(rng.pick(NAMES), rng.pick(VALUES))),
            1 => lines.insert(at, format!("<{}/>", rng.pick(SECTIONS))),
            _ => lines.insert(at, "<!-- comment -->".to_owned()),
        }
        return;
    };
    lines[at] = match rng.below(10) {
        0 => String::new(),
        1 => format!("<{name}/>"),
        2 => format!("{line}{}", element(name, rng.pick(VALUES))),
        3 => element(rng.pick(NAMES), value),
        4 => format!("<{name}><!-- c -->{value}<b/>x</{name}>"),
        5 => format!("<{name}><![CDATA[{value}]]></{name}>"),
        6 => element(name, &format!("{value}{}", rng.pick(&[" ", "\n", ",", "x", "&#9;", "/"]))),
        _ => element(name, rng.pick(VALUES)),
    };
}

fn element(name: &str, value: &str) -> String {
    format!("<{name}>{value}</{name}>")
}

/// The name and value of an element on a line of its own.
fn simple_element(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix('<')?.split_once('>')?;
    let (value, end) = rest.split_once("</")?;
    (end.strip_suffix('>')? == name).then_some((name, value))
}

const VALUES: &[&str] = &[
    "Y",
    "n",
    "N ",
    "0",
    "1",
    "-1",
    " 3 ",
    "1_0",
    "1.5",
    "-0",
    "+7",
    "nan",
    "1e400",
    "daily",
    "weekly",
    "incr",
    "all",
    "none",
    "tar",
    "targz",
    "index",
    "dependency",
    "local",
    "remote",
    "/",
    "/x",
    "//x/../y",
    "x",
    "a,b",
    ",",
    "a b",
    " collect ,purge",
    "collect",
    "stage",
    "Collect",
    "dvd+rw",
    "cdr-74",
    "cdwriter",
    "dvdwriter",
    "1,2,3",
    "x:1,2,3",
    "(",
    "a|b",
    "[a-",
    "(?i)x",
    "x*+",
    "\\d",
    "\\q",
    "é",
    "&amp;",
    "&#10;",
    " ",
    "monday",
    "here",
    "there",
];

const NAMES: &[&str] = &[
    "abs_path",
    "rel_path",
    "pattern",
    "mode",
    "collect_mode",
    "archive_mode",
    "ignore_file",
    "type",
    "name",
    "managed",
    "managed_actions",
    "collect_dir",
    "link_depth",
    "dereference",
    "recursion_level",
    "factor",
    "retain_days",
    "command",
    "action",
    "ignore_failures",
    "order_mode",
    "media_type",
    "device_type",
    "unknown",
];

const SECTIONS: &[&str] = &[
    "peer",
    "dir",
    "file",
    "exclude",
    "options",
    "collect",
    "stage",
    "store",
    "purge",
    "peers",
    "blank_behavior",
    "override",
    "pre_action_hook",
    "depends",
    "reference",
    "extensions",
];
