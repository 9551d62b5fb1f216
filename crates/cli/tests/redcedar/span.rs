//! Staged days on several discs.

use super::Sandbox;

/// Three staged days of two machines, for images of 5 MB.
fn staged() -> Sandbox {
    let sandbox = Sandbox::new();
    let root = sandbox.root().display();
    sandbox.write(
        "/etc/redcedar.conf",
        format!(
            "<cb_config><options><starting_day>monday</starting_day><working_dir>{root}/work</working_dir>\
            <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command></options>\
            <store><source_dir>{root}/staging</source_dir><media_type>cdrw-74</media_type>\
            <target_device>{root}/disc.iso</target_device><media_size>5 MB</media_size></store></cb_config>"
        ),
    );
    fs_err::create_dir(sandbox.path("/work")).unwrap();
    for (day, size) in [(21, 1_000_000), (22, 900_000), (23, 800_000)] {
        for machine in ["mail", "web"] {
            let content: Vec<u8> = (0..size).map(|n: u32| (n * 7 / 13 + day).to_be_bytes()[3]).collect();
            sandbox.write(&format!("/staging/2026/11/{day}/{machine}/etc.tar"), content);
        }
        sandbox.write(&format!("/staging/2026/11/{day}/cback.stage"), "");
    }
    sandbox
}

fn is_stored(sandbox: &Sandbox, day: u32) -> bool {
    sandbox.path(&format!("/staging/2026/11/{day}/cback.store")).exists()
}

#[test]
fn days_are_planned_written_to_labelled_discs_compared_and_read_back() {
    let sandbox = staged();
    let plan = sandbox.run("span --plan");
    assert_eq!((plan.code, plan.stderr.as_str()), (0, ""), "{}", plan.stdout);
    assert!(plan.stdout.starts_with("CEDAR BACKUP 23-NOV-2026 1/2: "), "{}", plan.stdout);
    assert_eq!(plan.stdout.lines().count(), 2);
    let json = sandbox.run("span --plan --json").stdout;
    for key in
        ["\"discs\": [", "\"label\": \"CEDAR BACKUP 23-NOV-2026 2/2\"", "\"written\": false", "\"files\": ["]
    {
        assert!(json.contains(key), "{key}: {json}");
    }
    assert!(!sandbox.path("/disc-1-of-2.iso").exists());
    let span = sandbox.run("span --yes");
    assert_eq!((span.code, span.stdout.as_str()), (0, "2 discs written\n"), "{}", span.stderr);
    assert!([21, 22, 23].into_iter().all(|day| is_stored(&sandbox, day)));
    let images = "--from /disc-2-of-2.iso --from /disc-1-of-2.iso";
    let (discs, staging) =
        (sandbox.run(&format!("list {images} --json")), sandbox.run("list --from /staging --json"));
    assert_eq!(discs.code, 0, "{}", discs.stderr);
    let entries = |json: &str| json[json.find("\"entries\"").unwrap()..].to_owned();
    assert_eq!(entries(&discs.stdout), entries(&staging.stdout));
    let again = sandbox.run("span --yes");
    assert!(
        again.code == 0 && again.stderr.contains("every staged day is on a disc already"),
        "{}",
        again.stderr
    );
}

#[test]
fn after_a_failure_the_same_command_goes_on_and_a_change_in_between_is_noticed() {
    let sandbox = staged();
    // Not an image of ours: nothing is written over it.
    sandbox.write("/disc-2-of-2.iso", "precious");
    let failed = sandbox.run("span --yes");
    assert_eq!(failed.code, 6);
    assert!(failed.stderr.contains("CEDAR BACKUP 23-NOV-2026 2/2 was not written"), "{}", failed.stderr);
    assert!(failed.stderr.contains("is no image that we wrote"), "{}", failed.stderr);
    assert_eq!(sandbox.read("/disc-2-of-2.iso"), "precious");
    assert!(![21, 22, 23].into_iter().any(|day| is_stored(&sandbox, day)));
    let first = fs_err::metadata(sandbox.path("/disc-1-of-2.iso")).unwrap().modified().unwrap();
    assert!(sandbox.run("span --plan").stdout.contains(", written\n"));
    sandbox.write("/staging/2026/11/22/web/late.tar", "x");
    let changed = sandbox.run("span --yes");
    assert!(
        changed.code == 6 && changed.stderr.contains("2026/11/22/web/late.tar has changed"),
        "{}",
        changed.stderr
    );
    fs_err::remove_file(sandbox.path("/staging/2026/11/22/web/late.tar")).unwrap();
    fs_err::remove_file(sandbox.path("/disc-2-of-2.iso")).unwrap();
    let span = sandbox.run("span --yes");
    assert_eq!((span.code, span.stdout.as_str()), (0, "2 discs written\n"), "{}", span.stderr);
    assert_eq!(fs_err::metadata(sandbox.path("/disc-1-of-2.iso")).unwrap().modified().unwrap(), first);
    assert!([21, 22, 23].into_iter().all(|day| is_stored(&sandbox, day)));
}

#[test]
fn a_day_without_the_recovery_data_that_is_wanted_is_written_and_fails_the_run() {
    let sandbox = staged();
    let config = sandbox.path("/etc/redcedar.conf");
    let text = fs_err::read_to_string(&config).unwrap();
    fs_err::write(&config, text.replace("</store>", "<redundancy>5</redundancy></store>")).unwrap();
    // Nothing can be put in its place.
    fs_err::create_dir(sandbox.path("/staging/2026/11/22/cback.recovery.par2")).unwrap();
    let span = sandbox.run("span --yes");
    assert_eq!(span.code, 7, "{}", span.stderr);
    assert!(span.stderr.contains("1 day without recovery data"), "{}", span.stderr);
    assert!([21, 22, 23].into_iter().all(|day| is_stored(&sandbox, day)));
    assert!(sandbox.path("/staging/2026/11/23/cback.recovery.par2").is_file());
    assert_eq!(sandbox.run("span --yes").code, 0);
}

#[test]
fn what_cannot_be_is_refused() {
    let sandbox = staged();
    for (line, code, expected) in [
        ("span", 2, "there is no terminal on which to ask for discs"),
        ("span --yes --cushion 100", 6, "a cushion of 100 %"),
        ("span --yes --cushion 99", 6, "and a disc has room for"),
        ("span --yes --algorithm fair", 2, "expected first, best, worst or alternate"),
    ] {
        let answer = sandbox.run(line);
        assert!(answer.code == code && answer.stderr.contains(expected), "{line}: {}", answer.stderr);
    }
}
