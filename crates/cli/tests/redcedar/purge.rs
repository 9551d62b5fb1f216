//! What becomes of staged days, on real ones.

use std::collections::BTreeMap;
use std::fs::FileTimes;
use std::path::Path;
use std::time::SystemTime;

use redcedar_testing::compare::Snapshot;
use redcedar_testing::trees;
use serde_json::Value;

use super::Sandbox;

#[test]
fn after_a_purge_each_day_that_is_left_is_restored_as_it_was() {
    let mut sandbox = pool();
    let mut were = BTreeMap::new();
    // Everything is stored on Thursday the 12th, when there is nothing yet, and on Sunday the 15th.
    for day in 12..=20 {
        change(&sandbox, day);
        sandbox.at(&format!("2026-11-{day}T02:00:00"));
        assert_eq!(sandbox.run("run collect stage").code, 0);
        if day == 13 {
            sandbox.write("/base/stage/2026/11/13/redcedar.keep", "");
        }
        age(&sandbox.path(&format!("/base/stage/2026/11/{day}")), day);
        were.insert(day, Snapshot::take(&sandbox.path("/home/anna")).unwrap());
    }
    sandbox.at("2026-11-20T03:00:00");
    let would = sandbox.talk("run purge --dry-run");
    let json: Value = serde_json::from_str(&sandbox.run("run purge --dry-run --json").stdout).unwrap();
    let days = json["purge"]["directories"][0]["days"].as_array().unwrap();
    let kept: Vec<u32> =
        (12..=20).zip(days).filter(|(_, day)| day["kept"] == true).map(|(day, _)| day).collect();
    assert_eq!(sandbox.run("run purge").code, 0);
    let is_left = |day: &u32| sandbox.path(&format!("/base/stage/2026/11/{day}")).exists();
    assert_eq!((12..=20).filter(is_left).collect::<Vec<_>>(), kept);
    insta::assert_snapshot!(would);
    for day in kept {
        let target = format!("/back/{day}");
        let answer = sandbox.run(&format!("restore -q --as-of 2026-11-{day} --to {target}"));
        assert_eq!((answer.code, &*answer.stderr), (0, ""), "{day}");
        let restored = sandbox.path(&target).join(sandbox.path("/home/anna").strip_prefix("/").unwrap());
        were[&day].assert_same(&Snapshot::take(&restored).unwrap(), || format!("of {day}"));
    }
}

/// A machine that stages itself and keeps what is younger than three days.
fn pool() -> Sandbox {
    let sandbox = Sandbox::new();
    for directory in ["/etc", "/home/anna", "/base/collect", "/base/stage", "/base/work"] {
        fs_err::create_dir_all(sandbox.path(directory)).unwrap();
    }
    assert_eq!(sandbox.run("init /home/anna --base /base").code, 0);
    let host = format!("<name>{}</name>", redcedar_system::account::host_name());
    let config = sandbox.read("/etc/redcedar.conf").replace(&host, "<name>me</name>");
    let retention = "<retain_days>3</retain_days><keep_weekly>2</keep_weekly>";
    sandbox.write("/etc/redcedar.conf", config.replace("<retain_days>35</retain_days>", retention));
    sandbox
}

/// A new file each day, one that changes each day, and one that goes.
fn change(sandbox: &Sandbox, day: u32) {
    sandbox.write(&format!("/home/anna/new-{day}"), format!("of {day}"));
    sandbox.write("/home/anna/diary", format!("it is the {day}th"));
    if day > 13 {
        fs_err::remove_file(sandbox.path(&format!("/home/anna/new-{}", day - 2))).unwrap();
    }
}

/// Makes everything as old as it would be.
fn age(directory: &Path, day: u32) {
    let then: jiff::Timestamp = format!("2026-11-{day}T02:00:00Z").parse().unwrap();
    let then = SystemTime::from(then);
    for path in trees::walk(directory).unwrap() {
        if path.is_file() {
            let file = fs_err::File::options().write(true).open(&path).unwrap().into_parts().0;
            file.set_times(FileTimes::new().set_accessed(then).set_modified(then)).unwrap();
        }
    }
}
