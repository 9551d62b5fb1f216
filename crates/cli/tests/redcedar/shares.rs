//! `verify --share`: everything comes round, a part at a time.

use super::Sandbox;

const PROOFS: &str = "/.local/state/redcedar/proofs.jsonl";

/// A backup of three directories.
fn backed_up() -> Sandbox {
    let sandbox = Sandbox::new();
    for directory in ["a", "b", "c"] {
        sandbox.write(&format!("/{directory}/file"), directory);
    }
    let answer = sandbox.run("backup /a /b /c --to /mnt/backup");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    sandbox
}

fn verify(sandbox: &Sandbox, options: &str, code: i32) -> serde_json::Value {
    let answer = sandbox.run(&format!("verify --from /mnt/backup --json {options}"));
    assert_eq!(answer.code, code, "{}", answer.stderr);
    serde_json::from_str(&answer.stdout).unwrap()
}

#[test]
fn a_share_is_what_was_proven_longest_ago() {
    let mut sandbox = backed_up();
    for (day, never) in [("23", 2), ("24", 1), ("25", 0)] {
        sandbox.at(&format!("2026-11-{day}T02:00:00"));
        let report = verify(&sandbox, "--share 1/3", 0);
        assert_eq!((&report["files"], &report["ages"]["never"]), (&2.into(), &never.into()), "{report}");
        assert_eq!(report["ages"]["oldest"], "2026-11-23T02:00:00Z");
    }
    sandbox.at("2026-11-29T02:00:00");
    let said = sandbox.run("verify --from /mnt/backup --share 1/3").stdout;
    assert!(said.contains("the oldest proof of 3 archives is 5 days old\nall is well"), "{said}");
    // All of it is noted, too, now that there is something to note it in.
    assert_eq!(verify(&sandbox, "", 0)["ages"]["oldest"], "2026-11-29T02:00:00Z");
}

#[test]
fn without_a_share_nothing_is_kept_and_what_is_damaged_is_no_proof() {
    let sandbox = backed_up();
    verify(&sandbox, "", 0);
    verify(&sandbox, "--share 1/3 --dry-run", 0);
    assert!(!sandbox.path(PROOFS).exists());
    sandbox.write(PROOFS, "not what we wrote");
    let answer = sandbox.run("verify --from /mnt/backup --share 1/1");
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("proofs.jsonl is of no use, and made anew"), "{}", answer.stderr);
    assert_eq!(sandbox.read(PROOFS).lines().count(), 3);
}
