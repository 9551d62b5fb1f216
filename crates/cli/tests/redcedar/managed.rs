//! Actions on managed clients, by a master that is not root.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::Sandbox;

/// In the place of a remote shell: writes down with what it was called.
const SHELL: &str = "#!/bin/sh
for argument; do echo \"<$argument>\"; done >> \"$(dirname \"$0\")/asked\"
case $1 in
  *@bad) echo 'connect to host bad: No route to host' >&2; exit 255;;
  *) printf 'caf\\351\\n';;
esac
";

#[test]
fn clients_are_asked_as_whoever_we_are_and_their_failures_are_exit_7() {
    let sandbox = pool();
    let run = |line: &str| {
        let output = sandbox.unprivileged(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, shown, told) = run("run purge --managed-only --full");
    assert_eq!((code, told.as_str()), (0, ""));
    assert!(!shown.contains("managed clients"), "{shown}");
    let (code, shown, told) = run("run collect --managed-only --log-file log -vv");
    assert_eq!(code, 7, "{told}");
    assert!(shown.ends_with("\n1 action failed on managed clients\n"), "{shown}");
    assert!(told.contains("Failed to execute action [collect] on managed client [bad]."), "{told}");
    assert!(told.contains("status 255, tail is: \n   connect to host bad: No route to host"), "{told}");
    assert!(sandbox.read("/log").contains("caf\\xe9"), "bytes that are not UTF-8 are shown escaped");
    let (code, shown, _) = run("run collect --managed-only --json");
    let json: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &json["result"]), (7, &"incomplete".into()));
    assert_eq!(json["clients"][0]["peer"], "bad");
    assert_eq!(json["clients"][0]["action"], "collect");
    assert!(json["clients"][0]["reason"].as_str().unwrap().contains("No route to host"));
    let collect = "<backup@bad>\n<cback3 collect>\n<eve@good>\n<cback3 collect>\n";
    assert_eq!(sandbox.read("/asked"), format!("<eve@good>\n<cback3 --full purge>\n{collect}{collect}"));
}

#[test]
fn a_plan_with_clients_is_shown_and_nobody_is_asked() {
    let sandbox = pool();
    insta::assert_snapshot!(sandbox.talk("run collect purge --managed --dry-run"));
    assert!(!sandbox.path("/asked").exists());
    assert_eq!(sandbox.run("run collect --managed --managed-only").code, 2);
}

/// A pool with two clients that are reached through [`SHELL`]; `bad` cannot be.
fn pool() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("/shell", SHELL);
    sandbox.write("/etc/redcedar.conf", CONFIG.replace("DIR", sandbox.root().to_str().unwrap()));
    fs_err::create_dir(sandbox.path("/work")).unwrap();
    for (path, mode) in [("/shell", 0o755), ("/", 0o777)] {
        fs_err::set_permissions(sandbox.path(path), Permissions::from_mode(mode)).unwrap();
    }
    sandbox
}

const CONFIG: &str = "<?xml version='1.0'?>
<cb_config>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>DIR/work</working_dir>
    <backup_user>backup</backup_user>
    <backup_group>backup</backup_group>
    <rcp_command>scp -B</rcp_command>
    <rsh_command>DIR/shell</rsh_command>
    <cback_command>cback3</cback_command>
    <managed_actions>collect</managed_actions>
  </options>
  <peers>
    <peer><name>bad</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed></peer>
    <peer>
      <name>good</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed>
      <backup_user>eve</backup_user><managed_actions>collect,purge</managed_actions>
    </peer>
  </peers>
  <collect>
    <collect_dir>DIR/collect</collect_dir>
    <collect_mode>daily</collect_mode>
    <archive_mode>targz</archive_mode>
    <ignore_file>.ignore</ignore_file>
    <dir><abs_path>DIR/etc</abs_path></dir>
  </collect>
  <purge><dir><abs_path>DIR/collect</abs_path><retain_days>0</retain_days></dir></purge>
</cb_config>
";
