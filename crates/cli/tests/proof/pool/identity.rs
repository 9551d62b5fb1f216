//! Who talks to the clients: the backup user, whom root becomes without its login shell; or whoever runs the program.

use super::*;
use redcedar_testing::trees;
use std::os::unix::fs::MetadataExt;

#[test]
fn root_becomes_a_backup_user_who_has_no_login_shell() {
    let Some(master) = Master::with_user(Some("backup")) else { return };
    let shell = fs_err::read_to_string("/etc/passwd").unwrap();
    let shell = shell.lines().find(|line| line.starts_with("backup:")).unwrap();
    assert!(shell.ends_with("nologin"), "this machine is set up in another way: {shell}");
    let mut client = master.client("client", 501, |world| Access::Listed(requests(world).into()));
    master.configure(&master.network.scp_legacy(), &[&client]);
    // The backup user gets to its directories, which are not ready for it in any other way.
    fs_err::set_permissions(master.pool.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut days = Vec::new();
    let mut day = Day::FIRST;
    for _ in 0..2 {
        client.world.change(10);
        client.collect(day);
        master.run_well(ours(), day, &["stage"]);
        master.assert_staged(&client, day);
        assert_belongs_to(&master.pool.staging_dir().join(day.path()), 34);
        days.push((day, client.world.snapshot()));
        day = day.next();
    }
    master.assert_restores(&client, &days);
}

#[test]
fn a_master_without_root_is_itself() {
    let Some(master) = Master::with_user(Some("nobody")) else { return };
    let mut client = master.client("client", 502, |world| Access::Listed(requests(world).into()));
    master.configure(&master.network.scp_legacy(), &[&client]);
    program::succeed(program::command("chown").args(["-R", "nobody:nogroup"]).arg(master.pool.path()));
    // Where the program was built, nobody else may look.
    let copy = master.pool.path().join("redcedar");
    fs_err::copy(env!("CARGO_BIN_EXE_redcedar"), &copy).unwrap();
    let mut days = Vec::new();
    let mut day = Day::FIRST;
    for _ in 0..2 {
        client.world.change(10);
        client.collect(day);
        let mut command = program::command("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(&copy);
        command.env("REDCEDAR_NOW", day.time().replace(' ', "T"));
        let output = program::run(command.arg("--config").arg(master.pool.config()).args(["run", "stage"]));
        assert!(output.status.success(), "{}", describe(&output));
        master.assert_staged(&client, day);
        assert_belongs_to(&master.pool.staging_dir().join(day.path()), 65_534);
        days.push((day, client.world.snapshot()));
        day = day.next();
    }
    master.assert_restores(&client, &days);
}

/// A directory and everything in it has this owner.
#[track_caller]
fn assert_belongs_to(directory: &Path, uid: u32) {
    for path in trees::walk(directory).unwrap() {
        assert_eq!(fs_err::symlink_metadata(&path).unwrap().uid(), uid, "{}", path.display());
    }
}
