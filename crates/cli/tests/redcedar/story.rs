//! Days in the life of a backup.

use super::Sandbox;

#[test]
fn a_file_that_changed_and_one_that_went_come_back_as_of_each_day() {
    let mut sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    sandbox.write("/home/anna/notes.txt", "buy milk");
    fs_err::create_dir(sandbox.path("/mnt")).unwrap();
    let mut talk = vec![sandbox.talk("backup /home/anna --to /mnt/backup")];

    sandbox.at("2026-11-24T02:00:00");
    sandbox.write("/home/anna/report.odt", "final version");
    sandbox.write("/home/anna/photo.jpg", "a photo");
    fs_err::remove_file(sandbox.path("/home/anna/notes.txt")).unwrap();
    talk.push(sandbox.talk("backup /home/anna --to /mnt/backup"));
    talk.push(sandbox.talk("list --from /mnt/backup"));
    talk.push(sandbox.talk("verify --from /mnt/backup"));
    talk.push(sandbox.talk("restore --from /mnt/backup --to /new"));
    talk.push(sandbox.talk("restore --from /mnt/backup --to /old --as-of yesterday"));

    let restored = |target: &str, file: &str| {
        let path =
            sandbox.path(target).join(sandbox.path("/home/anna").strip_prefix("/").unwrap()).join(file);
        fs_err::read_to_string(path).ok()
    };
    assert_eq!(restored("/new", "report.odt").as_deref(), Some("final version"));
    assert_eq!(restored("/new", "photo.jpg").as_deref(), Some("a photo"));
    assert_eq!(restored("/new", "notes.txt"), None);
    assert_eq!(restored("/old", "report.odt").as_deref(), Some("draft"));
    assert_eq!(restored("/old", "photo.jpg"), None);
    assert_eq!(restored("/old", "notes.txt").as_deref(), Some("buy milk"));
    insta::assert_snapshot!(talk.join("\n"));
}

#[test]
fn a_pool_of_one_is_collected_staged_and_restored_from_its_configuration() {
    let mut sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    for directory in ["/etc", "/base/collect", "/base/stage", "/base/work"] {
        fs_err::create_dir_all(sandbox.path(directory)).unwrap();
    }
    assert_eq!(sandbox.run("init /home/anna --base /base").code, 0);
    let mut talk = vec![sandbox.talk("validate"), sandbox.talk("run all")];

    sandbox.at("2026-11-24T02:00:00");
    sandbox.write("/home/anna/report.odt", "final");
    talk.push(sandbox.talk("run all -q"));
    talk.push(sandbox.talk("list"));
    talk.push(sandbox.talk("verify"));
    talk.push(sandbox.talk("restore /home/anna --to /old --as-of 2026-11-23"));
    let restored =
        sandbox.path("/old").join(sandbox.path("/home/anna/report.odt").strip_prefix("/").unwrap());
    assert_eq!(fs_err::read_to_string(restored).unwrap(), "draft");
    insta::assert_snapshot!(talk.join("\n"));
}

#[test]
fn a_directory_that_is_not_there_fails_and_the_others_are_backed_up() {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    fs_err::create_dir(sandbox.path("/mnt")).unwrap();
    let talk = [
        sandbox.talk("backup /nowhere /home/anna --to /mnt/backup"),
        sandbox.talk("list --from /mnt/backup"),
    ];
    insta::assert_snapshot!(talk.join("\n"));
}

#[test]
fn what_is_there_is_replaced_only_when_that_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    fs_err::create_dir(sandbox.path("/mnt")).unwrap();
    assert_eq!(sandbox.run("backup /home/anna --to /mnt/backup").code, 0);
    sandbox.write("/home/anna/report.odt", "overwritten by mistake");
    let restore = "restore /home/anna/report.odt --from /mnt/backup --in-place";
    let mut talk = vec![sandbox.talk("restore --from /mnt/backup --to /home"), sandbox.talk(restore)];
    assert_eq!(sandbox.read("/home/anna/report.odt"), "overwritten by mistake");
    talk.push(sandbox.talk(&format!("{restore} --overwrite if-different --dry-run")));
    assert_eq!(sandbox.read("/home/anna/report.odt"), "overwritten by mistake");
    talk.push(sandbox.talk(&format!("{restore} --overwrite if-different")));
    assert_eq!(sandbox.read("/home/anna/report.odt"), "draft");
    insta::assert_snapshot!(talk.join("\n"));
}
