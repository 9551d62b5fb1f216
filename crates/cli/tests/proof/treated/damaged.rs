//! Damaged and missing pieces are found, and the rest comes back.

use super::*;

fn finding(treated: &Treated) -> String {
    let output = treated.verify();
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The parts of the archive, in order.
fn parts(treated: &Treated) -> Vec<PathBuf> {
    let staged = treated.staged(Day::FIRST);
    let names = files(&staged).into_keys().filter(|name| name.to_str().unwrap().contains(".tar.gz"));
    let parts: Vec<_> = names.map(|name| staged.join(name)).collect();
    assert!(parts.len() > 3, "{parts:?}");
    parts
}

#[test]
fn a_changed_byte_in_an_encrypted_archive_is_found() {
    for cipher in [Cipher::Gpg, Cipher::Age] {
        let treated = Treated::new(401, cipher);
        treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
        let part = &parts(&treated)[1];
        let mut content = fs_err::read(part).unwrap();
        content[3000] ^= 1;
        fs_err::write(part, content).unwrap();
        let said = finding(&treated);
        assert!(said.contains("not that of cback.sha256"), "{said}");
        assert!(said.contains(".tar.gz: "), "the archive itself is damaged, too: {said}");
        let target = tempfile::tempdir().unwrap();
        let output = treated.restore(target.path(), Day::FIRST);
        assert!(matches!(output.status.code(), Some(6 | 7)), "{}", describe(&output));
    }
}

#[test]
fn missing_parts_are_named_and_what_is_in_the_others_comes_back() {
    let treated = Treated::ordered(402, Cipher::Gpg, "split", "encrypt");
    treated.run(Day::FIRST, &["collect", "stage", "split"]);
    let parts = parts(&treated);
    let name = |part: &Path| part.file_name().unwrap().to_str().unwrap().to_owned();
    fs_err::remove_file(&parts[2]).unwrap();
    let said = finding(&treated);
    assert!(said.contains(&format!("part {} is missing", name(&parts[2]))), "{said}");
    let target = tempfile::tempdir().unwrap();
    let output = treated.restore(target.path(), Day::FIRST);
    assert_eq!(output.status.code(), Some(7), "{}", describe(&output));
    assert!(fs_err::read_dir(target.path()).unwrap().count() > 0);
    // Without the first part, as who follows the original's manual would have it, nothing can be read from the beginning.
    fs_err::remove_file(&parts[0]).unwrap();
    let listed = treated.with_keys(&[
        "list".as_ref(),
        "--from".as_ref(),
        treated.world.pool.staging_dir().as_os_str(),
    ]);
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(said.contains(&format!("part {} is missing", name(&parts[0]))), "{said}");
}

#[test]
fn the_last_part_is_missed_though_the_others_do_not_tell() {
    let treated = Treated::new(403, Cipher::Gpg);
    treated.run(Day::FIRST, &["collect", "stage", "encrypt", "split"]);
    let parts = parts(&treated);
    fs_err::remove_file(parts.last().unwrap()).unwrap();
    let said = finding(&treated);
    assert!(said.contains("it is in cback.sha256, but not here"), "{said}");
    assert!(said.contains("gpg cannot decrypt it") || said.contains("cannot read"), "{said}");
}

#[test]
fn a_file_that_was_changed_before_it_was_encrypted_is_told_and_found() {
    let treated = Treated::new(404, Cipher::Gpg);
    treated.run(Day::FIRST, &["collect", "stage"]);
    let staged = treated.staged(Day::FIRST);
    let archive = files(&staged).into_keys().find(|name| name.as_bytes().ends_with(b".tar.gz")).unwrap();
    let mut content = fs_err::read(staged.join(&archive)).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs_err::write(staged.join(&archive), content).unwrap();
    treated.run(Day::FIRST, &["encrypt", "split"]);
    assert!(treated.world.log().contains("is not what was staged"), "{}", treated.world.log());
    assert!(finding(&treated).contains("before it was encrypted or split"));
}
