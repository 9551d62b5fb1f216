//! Making a machine anew.

use super::Sandbox;

const CREATE: &str = "snapshot create /home --to /mnt/store --init --system /mnt";

#[test]
fn a_plan_says_what_is_done_and_its_script_does_it() {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    fs_err::create_dir(sandbox.path("/mnt")).unwrap();
    assert_eq!(sandbox.run(CREATE).code, 0);
    let talk = [
        sandbox.talk("snapshot rebuild-plan --from /mnt/store --script /script"),
        sandbox.talk("snapshot rebuild-plan"),
        sandbox.talk("snapshot verify --from /mnt/store --drill /drill"),
    ];
    insta::assert_snapshot!(talk.join("\n"));
    let plan = sandbox.run("snapshot rebuild-plan --from /mnt/store --json").stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["script"], sandbox.read("/script"));
    assert_eq!(plan["steps"][0]["commands"][0], "lay_over --exact");

    let new = sandbox.path("/new");
    let mut script = redcedar_testing::program::command("sh");
    script.arg(sandbox.path("/script")).arg(&new).env("REDCEDAR", assert_cmd::cargo::cargo_bin!("redcedar"));
    fs_err::create_dir(&new).unwrap();
    let said = String::from_utf8(redcedar_testing::program::succeed(&mut script)).unwrap();
    assert!(said.ends_with("Done.\n"), "{said}");
    let report = sandbox.path("/home/anna/report.odt");
    assert_eq!(fs_err::read(new.join(report.strip_prefix("/").unwrap())).unwrap(), b"draft");
}

mod slow;
