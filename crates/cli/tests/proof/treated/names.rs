//! Names that are not made for this.

use super::*;

const NAMES: [&[u8]; 12] = [
    b"c++.tar",
    b"a+b(1).tar",
    b"a[b.tar",
    b"it's",
    "caf\u{e9}.tar".as_bytes(),
    b"byte \xff.tar",
    b"-x",
    b"new\nline",
    b"back\\slash",
    b"cback.conf.tar",
    b"cback.d",
    b" ",
];

/// A name that is too long with `.gpg`, though not with a few bytes less.
const LONG: usize = 253;

#[test]
fn whatever_a_file_is_called_it_is_encrypted_and_split() {
    let treated = Treated::new(501, Cipher::Gpg);
    let day = Day::FIRST;
    treated.run(day, &["collect", "stage"]);
    let staged = treated.staged(day);
    let content = |number: usize| vec![u8::try_from(number).unwrap(); 25_000 + number];
    for (number, name) in NAMES.iter().enumerate() {
        fs_err::write(staged.join(OsStr::from_bytes(name)), content(number)).unwrap();
    }
    // Without compression by gpg they are all still too large.
    fs_err::write(treated.public.home().join("gpg.conf"), "compress-algo none\narmor\n").unwrap();
    treated.run(day, &["encrypt", "split"]);
    let sums = program::command("sha256sum")
        .args(["--quiet", "-c", "cback.sha256"])
        .current_dir(&staged)
        .output()
        .unwrap();
    assert!(sums.status.success(), "{}", describe(&sums));
    for (number, name) in NAMES.iter().enumerate() {
        let part = |number: u32| {
            staged.join(OsStr::from_bytes(&[name, format!(".gpg_{number:05}").as_bytes()].concat()))
        };
        let joined = tempfile::NamedTempFile::new().unwrap();
        let parts: Vec<u8> = (0..100)
            .map(part)
            .take_while(|part| part.exists())
            .flat_map(|part| fs_err::read(part).unwrap())
            .collect();
        fs_err::write(joined.path(), parts).unwrap();
        let clear = program::succeed(treated.secret.gpg().arg("-d").arg(joined.path()));
        assert!(clear == content(number), "{}", String::from_utf8_lossy(name));
        assert!(!staged.join(OsStr::from_bytes(name)).exists());
    }
}

#[test]
fn a_name_that_would_be_too_long_stays_and_is_told() {
    let treated = Treated::new(502, Cipher::Gpg);
    let day = Day::FIRST;
    treated.run(day, &["collect", "stage"]);
    let long = treated.staged(day).join("n".repeat(LONG));
    fs_err::write(&long, "x").unwrap();
    let output = treated.try_run(day, &["encrypt"]);
    assert_eq!(output.status.code(), Some(6), "{}", describe(&output));
    assert!(treated.world.log().contains("would be too long"), "{}", treated.world.log());
    assert!(long.exists());
    let others = files(&treated.staged(day)).into_keys().filter(|name| name.as_bytes().ends_with(b".gpg"));
    assert_eq!(others.count(), 2, "the archive and its manifest");
}

#[test]
fn a_file_of_its_own_is_not_replaced_by_the_form_of_another() {
    let treated = Treated::new(503, Cipher::Gpg);
    let day = Day::FIRST;
    let collect = treated.world.pool.collect_dir();
    treated.run(day, &["collect"]);
    let other = Keyring::new();
    fs_err::write(collect.join("notes"), "about something").unwrap();
    let mut command = other.gpg();
    command.args(["-e", "-r", NAME, "-o"]).arg(collect.join("notes.gpg")).arg(collect.join("notes"));
    program::succeed(&mut command);
    fs_err::write(collect.join("data"), vec![1; 30_000]).unwrap();
    fs_err::write(collect.join("data_00001"), "other data").unwrap();
    let of_their_own = [fs_err::read(collect.join("notes.gpg")).unwrap(), b"other data".to_vec()];
    treated.run(day, &["stage"]);
    let staged = treated.staged(day);
    assert_eq!(treated.try_run(day, &["split"]).status.code(), Some(6));
    assert_eq!(treated.try_run(day, &["encrypt"]).status.code(), Some(6));
    let log = treated.world.log();
    assert!(log.contains("notes.gpg was staged as a file of its own"), "{log}");
    assert!(log.contains("data_00001 was staged as a file of its own"), "{log}");
    assert_eq!(fs_err::read(staged.join("notes")).unwrap(), b"about something");
    assert_eq!(fs_err::read(staged.join("notes.gpg")).unwrap(), of_their_own[0]);
    let sealed = program::succeed(treated.secret.gpg().arg("-d").arg(staged.join("data_00001.gpg")));
    assert_eq!(sealed, of_their_own[1]);
}
