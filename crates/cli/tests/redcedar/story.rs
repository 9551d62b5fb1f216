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
