//! The commands that need no backup: `init`, `link`, `man`, `completions`, `diagnostics`.

use super::Sandbox;

#[test]
fn link_makes_the_compatible_names_once_and_replaces_nothing() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("/sbin")).unwrap();
    let first = sandbox.talk("link /sbin");
    let again = sandbox.talk("link /sbin");
    fs_err::remove_file(sandbox.path("/sbin/cback")).unwrap();
    sandbox.write("/sbin/cback", "somebody else's");
    let refused = sandbox.talk("link /sbin");
    assert_eq!(sandbox.read("/sbin/cback"), "somebody else's");
    insta::assert_snapshot!([first, again, refused].join("\n"));
}

#[test]
fn link_says_what_it_would_do() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("/sbin")).unwrap();
    let answer = sandbox.run("link /sbin --dry-run --json");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(json["links"][0]["state"], "missing");
    assert_eq!(fs_err::read_dir(sandbox.path("/sbin")).unwrap().count(), 0);
}

#[test]
fn init_writes_a_configuration_once() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("/etc")).unwrap();
    let first = sandbox.talk("init /etc --base /backup");
    let again = sandbox.talk("init /etc --base /backup");
    insta::assert_snapshot!([first, again].join("\n"));
}

#[test]
fn man_writes_a_page_for_the_program_and_each_command() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("/man1")).unwrap();
    insta::assert_snapshot!(sandbox.talk("man /man1"));
    let page = sandbox.read("/man1/redcedar-restore.1");
    assert!(page.contains(".TH REDCEDAR-RESTORE 1"), "{page}");
    assert!(page.contains("Examples"), "{page}");
}

#[test]
fn completions_are_scripts_of_each_shell() {
    let sandbox = Sandbox::new();
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef redcedar"), ("fish", "complete -c redcedar")]
    {
        let answer = sandbox.run(&format!("completions {shell}"));
        assert!(answer.stdout.contains(sign), "{shell}: {}", answer.stdout);
    }
    assert_eq!(sandbox.run("completions bash --json").code, 2);
}

#[test]
fn diagnostics_describe_the_machine_in_text_and_in_json() {
    let sandbox = Sandbox::new();
    let answer = sandbox.run("diagnostics");
    assert_eq!(answer.code, 0);
    let names: Vec<_> = answer.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Version",
            "Build",
            "Program",
            "Platform",
            "Host",
            "Root",
            "Processors",
            "Time",
            "Locale",
            "Configuration"
        ]
    );
    let json: serde_json::Value = serde_json::from_str(&sandbox.run("diagnostics --json").stdout).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["command"], "diagnostics");
    assert!(json["time"].as_str().unwrap().starts_with("2026-11-23T02:00:00"), "{json}");
}
